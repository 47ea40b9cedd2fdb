"""pyramid_blend against the same algorithm on two of OpenCV's pyramids, as published; feather by its definition."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from support import tolerance
from support.targets import Target

from trtswap import ops


def gaussian(image: np.ndarray, levels: int) -> list[np.ndarray]:
    pyramid = [image]
    for _ in range(levels - 1):
        pyramid.append(cv2.pyrDown(pyramid[-1]))
    return pyramid


def up(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    return cv2.pyrUp(image, dstsize=(like.shape[1], like.shape[0]))


def opencv_blend(a: np.ndarray, b: np.ndarray, mask: np.ndarray, levels: int) -> np.ndarray:
    """One channel, float32 [H, W]: two Laplacian pyramids joined level by level, then collapsed."""
    pyramids = [gaussian(image, levels) for image in (a, b)]
    masks = gaussian(mask, levels)
    result = None
    for level in reversed(range(levels)):
        bands = [g[level] - up(g[level + 1], g[level]) if level + 1 < levels else g[level] for g in pyramids]
        joined = masks[level] * bands[0] + (1 - masks[level]) * bands[1]
        result = joined if result is None else joined + up(result, joined)
    return result


def pictures(rng: np.random.Generator, width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b = rng.uniform(0, 255, (2, 1, 3, height, width)).astype(np.float32)
    mask = cv2.GaussianBlur(rng.uniform(0, 1, (height, width)).astype(np.float32), (0, 0), 2)
    spread = np.ptp(mask)
    mask = (mask - mask.min()) / spread if spread > 0 else mask
    return a, b, mask[None].astype(np.float32)


SIZES = [
    (8, 8),
    (9, 9),
    (8, 15),
    (31, 8),
    (33, 64),
    (127, 129),
    (200, 63),
    (255, 257),
    (512, 512),
    (1023, 1024),
]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("levels", [1, 2, 3, 5, 8])
def test_pyramid_blend_matches_opencv(target: Target, size: tuple[int, int], levels: int) -> None:
    rng = np.random.default_rng()
    a, b, mask = pictures(rng, *size)
    got = target.get(ops.pyramid_blend(target.put(a), target.put(b), target.put(mask), levels))
    for k in range(3):
        expected = opencv_blend(a[0, k], b[0, k], mask[0], levels)
        assert np.abs(got[0, k] - expected).max() <= tolerance.PYRAMID_CODES


def test_any_size_matches_opencv() -> None:
    rng = np.random.default_rng()
    for _ in range(60):
        size, levels = rng.integers(8, 200, 2), int(rng.integers(1, 9))
        a, b, mask = pictures(rng, *size)
        got = ops.pyramid_blend(a, b, mask, levels)
        expected = np.stack([opencv_blend(a[0, k], b[0, k], mask[0], levels) for k in range(3)])
        assert np.abs(got[0] - expected).max() <= tolerance.PYRAMID_CODES, (size, levels)


@pytest.mark.parametrize("levels", [1, 4, 8])
@pytest.mark.parametrize("size", [(8, 9), (33, 70), (256, 256)])
def test_whole_masks_return_the_input(target: Target, levels: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng()
    a, b, mask = pictures(rng, *size)
    for value, expected in ((0, b), (1, a)):
        mask[:] = value
        got = target.get(ops.pyramid_blend(target.put(a), target.put(b), target.put(mask), levels))
        assert np.array_equal(got, expected)


def test_many_pictures_are_as_each(target: Target) -> None:
    """More pictures than one launch takes, each with its mask, or all with one."""
    rng = np.random.default_rng()
    a, b = rng.uniform(0, 255, (2, 131, 3, 21, 34)).astype(np.float32)
    masks = rng.uniform(0, 1, (131, 21, 34)).astype(np.float32)
    together = target.get(ops.pyramid_blend(target.put(a), target.put(b), target.put(masks), 3))
    shared = target.get(ops.pyramid_blend(target.put(a), target.put(b), target.put(masks[:1]), 3))
    for n in (0, 1, 64, 127, 128, 130):
        each = ops.pyramid_blend(a[n : n + 1], b[n : n + 1], masks[n : n + 1], 3)
        assert np.abs(together[n] - each[0]).max() <= tolerance.PYRAMID_TARGETS
    alone = ops.pyramid_blend(a[130:], b[130:], masks[:1], 3)
    assert np.abs(shared[130] - alone[0]).max() <= tolerance.PYRAMID_TARGETS


def test_blends_are_the_same_in_every_run(target: Target) -> None:
    rng = np.random.default_rng()
    a, b, mask = pictures(rng, 201, 155)
    put = [target.put(array) for array in (a, b, mask)]
    assert len({target.get(ops.pyramid_blend(*put, 5)).tobytes() for _ in range(4)}) == 1


@pytest.mark.parametrize("levels", [0, 9])
def test_bad_levels_are_told(levels: int) -> None:
    a = np.zeros((1, 3, 8, 8), np.float32)
    with pytest.raises(ValueError, match="levels"):
        ops.pyramid_blend(a, a, a[:, 0], levels)


@pytest.mark.parametrize("sigma", [0.0, 0.4, 2.0, 11.0])
def test_feather_follows_its_definition(target: Target, sigma: float) -> None:
    rng = np.random.default_rng()
    masks = (cv2.GaussianBlur(rng.uniform(0, 1, (61, 47)), (0, 0), 4) > 0.5).astype(np.float32)
    masks = np.stack([masks, rng.uniform(0, 1, masks.shape).astype(np.float32)])
    got = target.get(ops.feather(target.put(masks), sigma))
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * np.arange(-reach, reach + 1) ** 2 / max(sigma, 1e-9) ** 2) if reach else np.ones(1)
    kernel /= kernel.sum()
    for mask, result in zip(masks.astype(np.float64), got, strict=True):
        padded = np.pad(mask, reach)
        blurred = np.apply_along_axis(np.convolve, 0, padded, kernel, mode="valid")
        blurred = np.apply_along_axis(np.convolve, 1, blurred, kernel, mode="valid")
        assert np.abs(result - mask * np.clip(2 * blurred - 1, 0, 1)).max() <= 2e-6
        assert (result <= mask).all()


def test_feather_is_0_at_the_edge_of_the_picture(target: Target) -> None:
    soft = target.get(ops.feather(target.put(np.ones((1, 64, 64), np.float32)), 5.0))[0]
    assert soft[0].max() <= 0.1
    assert soft[:, -1].max() <= 0.1
    assert soft[20:-20, 20:-20].min() == 1
