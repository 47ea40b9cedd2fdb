"""resize_masks against OpenCV; soften against SciPy; least and hold against NumPy."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage
from support import tolerance
from support.targets import CudaTarget, HostTarget, Target

from trtswap import ops
from trtswap.types import Array


def random_masks(rng: np.random.Generator, count: int, width: int, height: int) -> Array:
    return rng.uniform(0, 1, (count, height, width)).astype(np.float32)


def random_shape(rng: np.random.Generator) -> tuple[int, int, int]:
    return int(rng.integers(1, 20)), int(rng.integers(1, 200)), int(rng.integers(1, 200))


def test_another_size_is_opencvs(target: Target) -> None:
    rng = np.random.default_rng()
    for _ in range(8):
        masks = random_masks(rng, *random_shape(rng)) * 2 - 0.5
        size = (int(rng.integers(1, 300)), int(rng.integers(1, 300)))
        found = target.get(ops.resize_masks(target.put(masks), size))
        assert found.shape == (len(masks), size[1], size[0])
        for mask, got in zip(masks, found, strict=True):
            wanted = cv2.resize(np.clip(mask, 0, 1), size, interpolation=cv2.INTER_LINEAR)
            np.testing.assert_allclose(got, wanted.reshape(got.shape), atol=tolerance.MASKS_RESIZED)


def test_the_same_size_changes_nothing_but_what_lies_beyond(target: Target) -> None:
    masks = random_masks(np.random.default_rng(), 3, 65, 33) * 2 - 0.5
    np.testing.assert_array_equal(
        target.get(ops.resize_masks(target.put(masks), (65, 33))), np.clip(masks, 0, 1)
    )


@pytest.mark.parametrize("sigma_px", [0.0, 0.7, 5.0, 30.0])
def test_softened_is_scipys_gaussian(target: Target, sigma_px: float) -> None:
    rng = np.random.default_rng()
    masks = random_masks(rng, *random_shape(rng))
    masks[0] = rng.random() > 0.5
    for mask, got in zip(masks, target.get(ops.soften(target.put(masks), sigma_px)), strict=True):
        reach = int(np.ceil(4 * sigma_px))
        blurred = (
            ndimage.gaussian_filter(mask.astype(np.float64), sigma_px, mode="mirror", radius=reach)
            if sigma_px
            else mask
        )
        np.testing.assert_allclose(got, np.clip(2 * blurred - 1, 0, 1), atol=tolerance.MASKS)


@pytest.mark.parametrize("sets", [1, 2, 8])
def test_the_least_of_all_counts(target: Target, sets: int) -> None:
    rng = np.random.default_rng()
    count, width, height = random_shape(rng)
    masks = [random_masks(rng, 1 if rng.random() < 0.5 else count, width, height) for _ in range(sets)]
    masks[int(rng.integers(sets))] = random_masks(rng, count, width, height)
    found = target.get(ops.least([target.put(mask) for mask in masks], scale=0.7))
    wanted = np.stack(np.broadcast_arrays(*masks)).min(axis=0) * np.float32(0.7)
    np.testing.assert_array_equal(found, wanted)


def held(own: Array, others: list[Array], alike: float) -> Array:
    total, weights = own.astype(np.float64), np.ones(own.shape)
    for other in others:
        weight = 1 / (1 + ((other.astype(np.float64) - own) / alike) ** 2)
        total, weights = total + weight * other, weights + weight
    return np.asarray(total / weights)


def test_held_masks_lean_towards_what_is_alike(target: Target) -> None:
    rng = np.random.default_rng()
    _, width, height = random_shape(rng)
    arrays = [
        random_masks(rng, int(rng.integers(1, 9)), width, height) for _ in range(int(rng.integers(1, 5)))
    ]
    count, others = int(rng.integers(1, 40)), int(rng.integers(0, 6))
    table = np.full((count, others + 1, 2), -1)
    for row in range(count):
        for column in range(others + 1):
            array = int(rng.integers(len(arrays)))
            if column == 0 or rng.random() < 0.8:
                table[row, column] = array, rng.integers(len(arrays[array]))
    alike = float(rng.uniform(0.05, 0.5))
    found = target.get(ops.hold([target.put(array) for array in arrays], table, alike))
    for got, entries in zip(found, table, strict=True):
        own, *rest = [arrays[array][row] for array, row in entries if array >= 0]
        np.testing.assert_allclose(got, held(own, rest, alike), atol=tolerance.MASKS)


def test_nothing_gives_nothing(target: Target) -> None:
    none, some = target.put(np.zeros((0, 5, 7), np.float32)), target.put(np.zeros((1, 5, 7), np.float32))
    assert target.get(ops.resize_masks(none, (3, 4))).shape == (0, 4, 3)
    assert target.get(ops.soften(none, 5)).shape == (0, 5, 7)
    assert target.get(ops.least([none, some])).shape == (0, 5, 7)
    assert target.get(ops.hold([some], np.zeros((0, 5, 2), int), 0.1)).shape == (0, 5, 7)


def test_what_does_not_fit_is_refused(target: Target) -> None:
    one, two = (target.put(np.zeros((count, 5, 7), np.float32)) for count in (2, 3))
    other = target.put(np.zeros((2, 7, 5), np.float32))
    for wrong in ([one, two], [one, other], [one] * 9):
        with pytest.raises(ValueError, match="masks"):
            ops.least(wrong)
    for table in ([[(1, 0)]], [[(0, 2)]], [[(-1, 0)]], [[(0, 0), (0, -1)]], [[0, 0]]):
        with pytest.raises(ValueError, match="table"):
            ops.hold([one], np.array(table), 0.1)
    with pytest.raises(ValueError, match="sigma"):
        ops.soften(one, 97)


@pytest.mark.gpu
def test_both_builds_agree() -> None:
    rng = np.random.default_rng()
    masks = random_masks(rng, 32, 250, 131)
    table = rng.integers(0, 32, (32, 5, 2))
    table[:, :, 0] = 0

    def run(target: Target) -> list[Array]:
        put = target.put(masks)
        found = (
            ops.resize_masks(put, (128, 97)),
            ops.least([put, put[:1]], scale=0.3),
            ops.hold([put], table, 0.15),
        )
        return [target.get(array) for array in (*found, ops.soften(put, 5))]

    *exact, soft = zip(run(HostTarget()), run(CudaTarget()), strict=True)
    for host, cuda in exact:
        np.testing.assert_array_equal(host, cuda)
    np.testing.assert_allclose(*soft, atol=tolerance.MASKS)
