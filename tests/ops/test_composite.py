"""composite against the formulas in float64, and what it must leave alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import reference, tolerance
from support.targets import HostTarget, Target

from trtswap import ops
from trtswap.types import Colour, Matrix, PixelFormat, Range, Surface

SEEDS = st.integers(0, 2**32 - 1)


def blended(target: Target, surfaces, indices, placements, patches, masks, **options) -> list[Surface]:
    put = [target.put_surface(surface) for surface in surfaces]
    ops.composite(
        put, np.asarray(indices), np.asarray(placements), target.put(patches), target.put(masks), **options
    )
    return [target.get_surface(surface) for surface in put]


def soft_mask(rng: np.random.Generator, size: int) -> np.ndarray:
    noise = rng.uniform(0, 1, (size, size)).astype(np.float32)
    noise[: size // 8] = 0
    return noise


def check_rounded(surface: Surface, expected: list[np.ndarray], note: str) -> None:
    top = 2**surface.format.bit_depth - 1
    for got, want in zip(reference.codes(surface), expected, strict=True):
        assert np.abs(got - np.clip(want, 0, top)).max() <= tolerance.COMPOSITE_CODES, note


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    format=st.sampled_from(list(PixelFormat)),
    width=st.integers(1, 97),
    height=st.integers(1, 97),
    size=st.integers(1, 48),
)
def test_composite_matches_the_reference(seed, format, width, height, size) -> None:
    rng = np.random.default_rng(seed)
    surface = reference.random_surface(rng, format, width, height, padded=True)
    placement = reference.random_placement(rng, width, height, size, (0.2, 6.0))
    patch = rng.uniform(-0.2, 1.2, (1, 3, size, size)).astype(np.float32)
    mask = soft_mask(rng, size)[None]
    after = blended(HostTarget(), [surface], [0], [placement], patch, mask)[0]
    check_rounded(after, reference.composite(surface, placement, patch[0], mask[0]), f"seed {seed}")


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("format", list(PixelFormat))
def test_composite_of_batches_matches_the_reference(target: Target, format: PixelFormat, half: bool) -> None:
    """Many faces of several surfaces in one call, each surface given once; more faces than one launch holds."""
    rng = np.random.default_rng()
    size, faces = 40, 33
    surfaces = [reference.random_surface(rng, format, 121, 87, padded=bool(k % 2)) for k in range(faces)]
    placements = np.stack([reference.random_placement(rng, 121, 87, size) for _ in range(faces)])
    patches = rng.uniform(0, 1, (faces, 3, size, size)).astype(np.float16 if half else np.float32)
    masks = np.stack([soft_mask(rng, size) for _ in range(faces)])
    order = rng.permutation(faces)
    after = blended(target, surfaces, order, placements, patches, masks)
    for n, index in enumerate(order):
        expected = reference.composite(surfaces[index], placements[n], patches[n], masks[n])
        check_rounded(after[index], expected, f"face {n}")


@pytest.mark.parametrize("format", list(PixelFormat))
def test_overlapping_faces_blend_in_order(target: Target, format: PixelFormat) -> None:
    rng = np.random.default_rng()
    size, faces = 32, 20
    surface = reference.random_surface(rng, format, 64, 64)
    placements = np.stack([reference.random_placement(rng, 64, 64, size, (0.5, 1.5)) for _ in range(faces)])
    patches = rng.uniform(0, 1, (faces, 3, size, size)).astype(np.float32)
    masks = np.stack([soft_mask(rng, size) for _ in range(faces)])
    together = blended(target, [surface], np.zeros(faces, int), placements, patches, masks)[0]
    one_by_one = surface
    for n in range(faces):
        one_by_one = blended(
            HostTarget(), [one_by_one], [0], placements[n : n + 1], patches[n : n + 1], masks[n : n + 1]
        )[0]
    for got, want in zip(together.planes, one_by_one.planes, strict=True):
        assert np.array_equal(got, want)


@pytest.mark.parametrize("format", list(PixelFormat))
@pytest.mark.parametrize("matrix", list(Matrix))
@pytest.mark.parametrize("full", list(Range))
def test_rgb_to_yuv_follows_the_formulas(
    target: Target, format: PixelFormat, matrix: Matrix, full: Range
) -> None:
    """A full mask and an identity placement write flat colours: the stored code is the nearest to the formula."""
    rng = np.random.default_rng()
    colour = Colour(matrix, full)
    rgb = rng.integers(0, 256, 3)
    surface = reference.random_surface(rng, format, 32, 32, colour)
    patch = np.broadcast_to((rgb / 255).astype(np.float32)[None, :, None, None], (1, 3, 64, 64)).copy()
    placement = np.array([[[1.0, 0, 16], [0, 1, 16]]])
    after = blended(target, [surface], [0], placement, patch, np.ones((1, 64, 64), np.float32))[0]
    expected = (
        rgb if format is PixelFormat.RGB8 else reference.rgb_to_yuv(rgb[None], colour, format.bit_depth)[0]
    )
    got = [plane.reshape(-1, plane.shape[-1] if plane.ndim == 3 else 1) for plane in reference.codes(after)]
    error = np.abs(
        np.concatenate([np.concatenate([part.min(0), part.max(0)]) for part in got])
        - np.concatenate([np.tile(part, 2) for part in np.split(expected, [1] if len(got) == 2 else [])])
    )
    assert error.max() <= tolerance.COLOUR_CODES + tolerance.COLOUR_ROUNDING


@pytest.mark.parametrize("format", list(PixelFormat))
def test_nothing_outside_the_mask_changes(target: Target, format: PixelFormat) -> None:
    rng = np.random.default_rng()
    size = 48
    surface = reference.random_surface(rng, format, 201, 151, padded=True)
    placement = reference.random_placement(rng, 201, 151, size, (0.3, 3.0))
    mask = np.zeros((1, size, size), np.float32)
    mask[0, 10:-10, 10:-10] = 1
    patch = rng.uniform(0, 1, (1, 3, size, size)).astype(np.float32)
    after = blended(target, [surface], [0], [placement], patch, mask)[0]
    x, y = np.meshgrid(
        np.arange(-4.0, 206), np.arange(-4.0, 156)
    )  # footprints of edge samples reach beyond the frame
    u, v = reference.apply(placement, x, y)
    beyond = reference.bilinear(mask[0].astype(float), u, v, outside=0.0) == 0
    if reference.taps_for(placement, 8) > 1:  # footprints reach one pixel further
        beyond = cv2.erode(beyond.astype(np.uint8), np.ones((3, 3))) > 0
    outside = beyond[4:155, 4:205]
    assert (after.planes[0][outside] == surface.planes[0][outside]).all()
    if format is not PixelFormat.RGB8:
        blocks = cv2.erode(beyond.astype(np.uint8), np.ones((5, 5)))[4:156, 4:206] > 0
        chroma = blocks.reshape(76, 2, 101, 2).all(axis=(1, 3))
        assert (after.planes[1][chroma] == surface.planes[1][chroma]).all()
    assert (after.planes[0][~outside] != surface.planes[0][~outside]).any() or outside.all()


def test_zero_mask_and_faces_outside_change_nothing(target: Target) -> None:
    rng = np.random.default_rng()
    for format in PixelFormat:
        surface = reference.random_surface(rng, format, 33, 21)
        patches = rng.uniform(0, 1, (2, 3, 16, 16)).astype(np.float32)
        masks = np.stack([np.zeros((16, 16)), np.ones((16, 16))]).astype(np.float32)
        placements = np.array([[[1.0, 0, 0], [0, 1, 0]], [[1, 0, 5000], [0, 1, 5000]]])
        after = blended(target, [surface], [0, 0], placements, patches, masks)[0]
        for got, want in zip(after.planes, surface.planes, strict=True):
            assert np.array_equal(got, want)


def test_scale_and_offset_map_the_patch(target: Target) -> None:
    """A tanh-range patch gives what its 0..1 form gives."""
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, PixelFormat.NV12, 80, 60)
    placement = reference.random_placement(rng, 80, 60, 32)
    patch = rng.uniform(0, 1, (1, 3, 32, 32)).astype(np.float32)
    mask = soft_mask(rng, 32)[None]
    plain = blended(target, [surface], [0], [placement], patch, mask)[0]
    mapped = blended(target, [surface], [0], [placement], patch * 2 - 1, mask, scale=0.5, offset=0.5)[0]
    for got, want in zip(reference.codes(mapped), reference.codes(plain), strict=True):
        assert np.abs(got - want).max() <= 1


def test_one_mask_serves_all(target: Target) -> None:
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, PixelFormat.RGB8, 80, 60)
    placements = np.stack([reference.random_placement(rng, 80, 60, 24) for _ in range(3)])
    patches = rng.uniform(0, 1, (3, 3, 24, 24)).astype(np.float32)
    mask = soft_mask(rng, 24)
    shared = blended(target, [surface], [0, 0, 0], placements, patches, mask[None])[0]
    each = blended(target, [surface], [0, 0, 0], placements, patches, np.stack([mask] * 3))[0]
    assert np.array_equal(shared.planes[0], each.planes[0])


def test_paste_matches_opencv(target: Target) -> None:
    """Where the patch is enlarged: warpAffine of patch and mask, plain alpha, in R'G'B'."""
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, PixelFormat.RGB8, 320, 240)
    placement = reference.random_placement(rng, 320, 240, 64, (0.3, 0.9))
    patch = rng.uniform(0, 1, (3, 64, 64)).astype(np.float32)
    mask = cv2.GaussianBlur(np.pad(np.ones((44, 44), np.float32), 10), (0, 0), 3)
    after = blended(target, [surface], [0], [placement], patch[None], mask[None])[0]
    back = reference.inverse(placement)
    image = np.ascontiguousarray(np.moveaxis(patch, 0, -1))
    warped = cv2.warpAffine(image, back, (320, 240), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(mask, back, (320, 240), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)[
        ..., None
    ]
    expected = surface.planes[0] * (1 - alpha) + 255 * warped * alpha
    assert np.abs(after.planes[0] - expected).max() <= 0.5 + 2 * tolerance.RESAMPLE_CODES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patches": np.zeros((2, 3, 8, 8), np.float32)}, "patches"),
        ({"patches": np.zeros((1, 3, 8, 8), np.float64)}, "float64"),
        ({"masks": np.zeros((1, 9, 8), np.float32)}, "masks"),
        ({"masks": np.zeros((3, 8, 8), np.float32)}, "masks"),
        ({"placements": np.full((1, 2, 3), np.inf)}, "invertible"),
        ({"indices": np.array([-1])}, "surface index"),
    ],
)
def test_bad_arguments_are_told(change, message) -> None:
    arguments = {
        "surfaces": [reference.random_surface(np.random.default_rng(), PixelFormat.NV12, 16, 16)],
        "indices": np.array([0]),
        "placements": np.array([[[1.0, 0, 0], [0, 1, 0]]]),
        "patches": np.zeros((1, 3, 8, 8), np.float32),
        "masks": np.ones((1, 8, 8), np.float32),
    }
    with pytest.raises(ValueError, match=message):
        ops.composite(**(arguments | change))


def test_a_read_only_surface_is_refused() -> None:
    surface = reference.random_surface(np.random.default_rng(), PixelFormat.RGB8, 16, 16)
    surface.planes[0].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        ops.composite(
            [surface], np.array([0]), np.array([[[1.0, 0, 0], [0, 1, 0]]]),
            np.zeros((1, 3, 8, 8), np.float32), np.ones((1, 8, 8), np.float32),
        )  # fmt: skip
