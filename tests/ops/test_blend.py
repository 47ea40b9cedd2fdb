"""The composite with levels: against the contract in NumPy and OpenCV, and what it must leave alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import blending, reference, tolerance
from support.targets import HostTarget, Target

from trtswap import ops
from trtswap.types import PixelFormat, Surface

SEEDS = st.integers(0, 2**32 - 1)


def blended(target: Target, surfaces, indices, placements, patches, masks, **options) -> list[Surface]:
    put = [target.put_surface(surface) for surface in surfaces]
    if options.get("maps") is not None:
        options["maps"] = target.put(options["maps"])
    ops.composite(
        put, np.asarray(indices), np.asarray(placements), target.put(patches), target.put(masks),
        blend="multiband", **options,
    )  # fmt: skip
    return [target.get_surface(surface) for surface in put]


def soft_mask(rng: np.random.Generator, size: int) -> np.ndarray:
    """A blob that is 0 in places and 1 in others."""
    noise = cv2.GaussianBlur(rng.uniform(0, 1, (size, size)), (0, 0), max(1.0, size / 12))
    noise = (noise - noise.mean()) / max(noise.std(), 1e-9)
    return np.clip(noise * 0.8 + 0.5, 0, 1).astype(np.float32)


def smooth_patch(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    noise = rng.uniform(-0.3, 1.3, (count, 3, size, size))
    return np.clip(noise, 0, 1).astype(np.float32)


def check_rounded(surface: Surface, expected: list[np.ndarray], bound: float, note: str) -> None:
    top = 2**surface.format.bit_depth - 1
    for got, want in zip(reference.codes(surface), expected, strict=True):
        assert np.abs(got - np.clip(want, 0, top)).max() <= bound, note


def bound_of(format: PixelFormat, target: Target) -> float:
    """Half a code, and what the workspace rounds: nothing but float32, or float16 for 8 bits on a GPU."""
    half = not isinstance(target, HostTarget) and format is not PixelFormat.P010
    return 0.5 + (tolerance.BLEND_HALF_CODES if half else tolerance.BLEND_CODES)


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    format=st.sampled_from(list(PixelFormat)),
    width=st.integers(8, 150),
    height=st.integers(8, 150),
    size=st.integers(2, 64),
    levels=st.integers(1, 8),
)
def test_blend_matches_the_reference(seed, format, width, height, size, levels) -> None:
    rng = np.random.default_rng(seed)
    surface = reference.random_surface(rng, format, width, height, padded=True)
    placement = reference.random_placement(rng, width, height, size, (0.3, 4.0))
    patch, mask = smooth_patch(rng, 1, size), soft_mask(rng, size)[None]
    after = blended(HostTarget(), [surface], [0], [placement], patch, mask, levels=levels)[0]
    expected = blending.blend(surface, placement, patch[0], mask[0], levels)
    check_rounded(after, expected, bound_of(format, HostTarget()), f"seed {seed}")


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("format", list(PixelFormat))
def test_batches_match_the_reference(target: Target, format: PixelFormat, half: bool) -> None:
    """Many faces of several surfaces in one call, more than one launch holds; sizes up to more than the frame."""
    rng = np.random.default_rng()
    size, faces = 40, 70
    surfaces = [reference.random_surface(rng, format, 121, 87, padded=bool(k % 2)) for k in range(faces)]
    placements = np.stack([reference.random_placement(rng, 121, 87, size, (0.25, 3)) for _ in range(faces)])
    patches = smooth_patch(rng, faces, size).astype(np.float16 if half else np.float32)
    masks = np.stack([soft_mask(rng, size) for _ in range(faces)])
    order = rng.permutation(faces)
    after = blended(target, surfaces, order, placements, patches, masks)
    for n in range(0, faces, 3):
        expected = blending.blend(surfaces[order[n]], placements[n], patches[n], masks[n], 5)
        check_rounded(after[order[n]], expected, bound_of(format, target), f"face {n}")


@pytest.mark.parametrize("format", list(PixelFormat))
def test_host_and_cuda_agree(target: Target, format: PixelFormat) -> None:
    rng = np.random.default_rng()
    size, faces = 64, 12
    surfaces = [reference.random_surface(rng, format, 400, 300) for _ in range(4)]
    placements = np.stack([reference.random_placement(rng, 400, 300, size, (0.3, 1.5)) for _ in range(faces)])
    patches, indices = smooth_patch(rng, faces, size), rng.integers(0, 4, faces)
    masks = np.stack([soft_mask(rng, size) for _ in range(faces)])
    maps = np.tile(np.concatenate([np.eye(3).ravel() * 1.1, (-5, 2, 3)]), (faces, 1)).astype(np.float32)
    arguments = (surfaces, indices, placements, patches, masks)
    expected = blended(HostTarget(), *arguments, maps=maps)
    got = blended(target, *arguments, maps=maps)
    for surface, other in zip(got, expected, strict=True):
        for a, b in zip(reference.codes(surface), reference.codes(other), strict=True):
            assert (np.abs(a - b) > tolerance.TARGETS_CODES).mean() <= tolerance.TARGETS_SHARE


@pytest.mark.parametrize("format", list(PixelFormat))
def test_overlapping_faces_blend_in_order(target: Target, format: PixelFormat) -> None:
    rng = np.random.default_rng()
    size, faces = 32, 9
    surface = reference.random_surface(rng, format, 64, 64)
    placements = np.stack([reference.random_placement(rng, 64, 64, size, (0.5, 1.5)) for _ in range(faces)])
    patches = smooth_patch(rng, faces, size)
    masks = np.stack([soft_mask(rng, size) for _ in range(faces)])
    together = blended(target, [surface], np.zeros(faces, int), placements, patches, masks)[0]
    one_by_one = surface
    for n in range(faces):
        part = slice(n, n + 1)
        one_by_one = blended(target, [one_by_one], [0], placements[part], patches[part], masks[part])[0]
    for got, want in zip(together.planes, one_by_one.planes, strict=True):
        assert np.array_equal(got, want)


@pytest.mark.parametrize("levels", [1, 5, 8])
@pytest.mark.parametrize("format", list(PixelFormat))
def test_nothing_outside_the_mask_changes(target: Target, format: PixelFormat, levels: int) -> None:
    rng = np.random.default_rng()
    size = 48
    surface = reference.random_surface(rng, format, 201, 151, padded=True)
    placement = reference.random_placement(rng, 201, 151, size, (0.3, 3.0))
    mask = np.zeros((1, size, size), np.float32)
    mask[0, 10:-10, 10:-10] = 1
    after = blended(target, [surface], [0], [placement], smooth_patch(rng, 1, size), mask, levels=levels)[0]
    # With what lies beyond the frame: the last chroma sample of an odd width stands half there.
    x, y = np.meshgrid(np.arange(-4.0, 206), np.arange(-4.0, 156))
    u, v = reference.apply(placement, x, y)
    weight = reference.bilinear(mask[0].astype(float), u, v, outside=0.0)
    away = weight == 0
    if reference.taps_for(placement, 8) > 1:  # footprints reach one pixel further
        away = cv2.erode(away.astype(np.uint8), np.ones((3, 3))) > 0
    outside = away[4:155, 4:205]
    assert (after.planes[0][outside] == surface.planes[0][outside]).all()
    if format is not PixelFormat.RGB8:
        blocks = (cv2.erode(away.astype(np.uint8), np.ones((5, 5))) > 0)[4:156, 4:206]
        chroma = blocks.reshape(76, 2, 101, 2).all(axis=(1, 3))
        assert (after.planes[1][chroma] == surface.planes[1][chroma]).all()
    whole = weight[4:155, 4:205] > 0.9
    assert (after.planes[0][whole] != surface.planes[0][whole]).any() or whole.sum() < 16


def test_zero_masks_and_faces_outside_change_nothing(target: Target) -> None:
    rng = np.random.default_rng()
    for format in PixelFormat:
        surface = reference.random_surface(rng, format, 33, 21)
        masks = np.stack([np.zeros((16, 16)), np.ones((16, 16))]).astype(np.float32)
        placements = np.array([[[1.0, 0, 0], [0, 1, 0]], [[1, 0, 5000], [0, 1, 5000]]])
        after = blended(target, [surface], [0, 0], placements, smooth_patch(rng, 2, 16), masks)[0]
        for got, want in zip(after.planes, surface.planes, strict=True):
            assert np.array_equal(got, want)


@pytest.mark.parametrize("format", list(PixelFormat))
def test_deep_inside_the_mask_is_the_patch(target: Target, format: PixelFormat) -> None:
    """A patch of the frame's own resolution under a mask of 1 is the patch to the code, whatever the levels."""
    rng = np.random.default_rng()
    size = 96
    surface = reference.random_surface(rng, format, size, size)
    patch = smooth_patch(rng, 1, size)
    placement = np.array([[[1.0, 0, 0], [0, 1, 0]]])
    mask = np.ones((1, size, size), np.float32)
    after = blended(target, [surface], [0], placement, patch, mask)[0]
    rgb = np.moveaxis(patch[0].astype(np.float64), 0, -1) * 255
    bits = format.bit_depth
    want = rgb if format is PixelFormat.RGB8 else reference.rgb_to_yuv(rgb, surface.colour, bits)[..., 0]
    assert np.abs(reference.codes(after)[0] - want).max() <= bound_of(format, target)


def test_a_step_of_brightness_becomes_a_slope(target: Target) -> None:
    """A flat frame under a brighter flat patch: with levels the change spreads over the mask's slope and beyond."""
    surface = Surface(PixelFormat.RGB8, (np.full((192, 192, 3), 100, np.uint8),))
    slope = np.clip((np.arange(192) - 48) / 32, 0, 1)
    edge = np.minimum(slope, slope[::-1])
    mask = np.minimum(edge[:, None], edge[None]).astype(np.float32)[None]
    patch = np.full((1, 3, 192, 192), 140 / 255, np.float32)
    placement = np.array([[[1.0, 0, 0], [0, 1, 0]]])
    steepest = {}
    for levels in (1, 3, 5):
        after = blended(target, [surface], [0], placement, patch, mask, levels=levels)[0]
        row = after.planes[0][96, :, 0].astype(int)
        assert row[48] == 100
        assert row[96] >= 139
        steepest[levels] = np.diff(row[:96]).max()
    assert steepest[1] >= 5
    assert steepest[3] <= 4
    assert steepest[5] <= 3


def test_what_covers_the_face_does_not_bleed_into_it(target: Target) -> None:
    """A bright bar before a face, left out of the mask by a hard edge: the face beside it is as without it."""
    flat = np.full((128, 128, 3), 100, np.uint8)
    covered = flat.copy()
    covered[:, 60:68] = 250
    patch = np.full((1, 3, 128, 128), 104 / 255, np.float32)
    mask = np.ones((1, 128, 128), np.float32)
    mask[:, :, 60:68] = 0
    placement = np.array([[[1.0, 0, 0], [0, 1, 0]]])
    after = blended(target, [Surface(PixelFormat.RGB8, (covered,))], [0], placement, patch, mask)[0]
    assert (after.planes[0][:, 60:68] == 250).all()
    beside = after.planes[0].astype(int)[:, np.r_[0:60, 68:128]]
    assert beside.min() >= 100
    assert beside.max() <= 105


def test_runs_are_the_same(target: Target) -> None:
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, PixelFormat.NV12, 200, 160)
    placement = reference.random_placement(rng, 200, 160, 64, (0.4, 1.0))
    patch, mask = smooth_patch(rng, 1, 64), soft_mask(rng, 64)[None]
    runs = [blended(target, [surface], [0], [placement], patch, mask)[0].planes for _ in range(4)]
    for run in runs[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(run, runs[0], strict=True))


def test_detail_survives_enlarging() -> None:
    """The patch's gradient energy, enlarged twice: more is kept than bilinear sampling keeps."""
    rng = np.random.default_rng()
    size = 64
    patch = cv2.GaussianBlur(rng.uniform(0, 1, (size, size, 3)), (0, 0), 0.8)
    patch = np.ascontiguousarray(np.moveaxis(0.5 + (patch - 0.5) * 2, -1, 0)[None], np.float32)
    surface = Surface(PixelFormat.RGB8, (np.full((2 * size, 2 * size, 3), 128, np.uint8),))
    placement = np.array([[[0.5, 0, -0.25], [0, 0.5, -0.25]]])
    mask = np.ones((1, size, size), np.float32)

    def energy(image: np.ndarray, step: int) -> float:
        inner = image[8 * step : -8 * step, 8 * step : -8 * step].astype(np.float64)
        return float(((inner[step:] - inner[:-step]) ** 2).mean())

    true = energy(np.clip(np.moveaxis(patch[0], 0, -1), 0, 1) * 255, 1)
    kept = {}
    for way in ("multiband", "alpha"):
        put = surface.copy()
        ops.composite([put], np.array([0]), placement, patch, mask, blend=way)
        kept[way] = energy(put.planes[0], 2) / true
    assert kept["multiband"] > 0.85
    assert kept["multiband"] > kept["alpha"] + 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": 0}, "levels"),
        ({"levels": 9}, "levels"),
        ({"blend": "paste"}, "multiband"),
        ({"maps": np.zeros((2, 12), np.float32)}, "maps"),
        ({"masks": np.zeros((3, 8, 8), np.float32)}, "masks"),
        ({"placements": np.full((1, 2, 3), np.inf)}, "invertible"),
    ],
)
def test_bad_arguments_are_told(change, message) -> None:
    arguments = {
        "surfaces": [reference.random_surface(np.random.default_rng(), PixelFormat.NV12, 16, 16)],
        "indices": np.array([0]),
        "placements": np.array([[[1.0, 0, 0], [0, 1, 0]]]),
        "patches": np.zeros((1, 3, 8, 8), np.float32),
        "masks": np.ones((1, 8, 8), np.float32),
        "blend": "multiband",
    }
    with pytest.raises(ValueError, match=message):
        ops.composite(**(arguments | change))
