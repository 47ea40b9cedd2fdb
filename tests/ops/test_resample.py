"""letterbox and crop against the formulas, against OpenCV, and against themselves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import reference, tolerance
from support.targets import HostTarget, Target

from trtswap import ops
from trtswap.types import ChromaSiting, Colour, Matrix, PixelFormat, Range, Surface

PLAIN = {"channels": "rgb", "mean": (0, 0, 0), "std": (1 / 255, 1 / 255, 1 / 255)}
"""R'G'B' on 0..255, as they are."""
IDENTITY = np.array([[[1.0, 0, 0], [0, 1, 0]]])
SEEDS = st.integers(0, 2**32 - 1)


def crops(target: Target, surfaces: list[Surface], indices, placements, size, **options) -> np.ndarray:
    put = [target.put_surface(surface) for surface in surfaces]
    return target.get(ops.crop(put, np.asarray(indices), np.asarray(placements), size, **(PLAIN | options)))


@pytest.mark.parametrize("matrix", list(Matrix))
@pytest.mark.parametrize("full", list(Range))
@pytest.mark.parametrize("format", [PixelFormat.NV12, PixelFormat.P010])
def test_yuv_to_rgb_follows_the_formulas(
    target: Target, format: PixelFormat, full: Range, matrix: Matrix
) -> None:
    """Every luma code with random chroma, chroma constant over each 2 x 2 block so that siting plays no part."""
    rng = np.random.default_rng()
    bits = format.bit_depth
    top = 1 << bits
    chroma = rng.integers(0, top, (1, 2))
    luma = np.arange(top).reshape(-1, 16)
    shift = 6 if bits == 10 else 0
    planes = (
        (luma << shift).astype(format.dtype),
        np.broadcast_to((chroma << shift).astype(format.dtype), (luma.shape[0] // 2, 8, 2)).copy(),
    )
    surface = Surface(format, planes, Colour(matrix, full))
    got = crops(target, [surface], [0], IDENTITY, (16, luma.shape[0]))[0]
    yuv = np.stack([luma, np.full_like(luma, chroma[0, 0]), np.full_like(luma, chroma[0, 1])], axis=-1)
    expected = np.clip(reference.yuv_to_rgb(yuv, surface.colour, bits), 0, 255)
    assert np.abs(np.moveaxis(got, 0, -1) - expected).max() <= tolerance.COLOUR_ROUNDING


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    format=st.sampled_from(list(PixelFormat)),
    width=st.integers(1, 97),
    height=st.integers(1, 97),
    size=st.integers(1, 48),
    area=st.booleans(),
)
def test_crop_matches_the_reference(seed, format, width, height, size, area) -> None:
    check_crops(HostTarget(), seed, format, width, height, size, area)


@pytest.mark.parametrize("area", [False, True])
@pytest.mark.parametrize("format", list(PixelFormat))
def test_crop_of_batches_matches_the_reference(target: Target, format: PixelFormat, area: bool) -> None:
    seed = int(np.random.default_rng().integers(2**32))
    check_crops(target, seed, format, 211, 137, 64, area, faces=37, surfaces=5)


def check_crops(target, seed, format, width, height, size, area, faces=3, surfaces=2) -> None:
    rng = np.random.default_rng(seed)
    frames = [
        reference.random_surface(rng, format, width, height, padded=bool(k % 2)) for k in range(surfaces)
    ]
    indices = rng.integers(0, surfaces, faces)
    placements = np.stack([reference.random_placement(rng, width, height, size, (0.2, 5.0)) for _ in indices])
    got = crops(target, frames, indices, placements, (size, size), sampling="area" if area else "bilinear")
    for n, index in enumerate(indices):
        expected = reference.crop(frames[index], placements[n], (size, size), area=area)
        error = np.abs(np.moveaxis(got[n], 0, -1) - expected).max()
        assert error <= tolerance.RESAMPLE_CODES, f"seed {seed}, face {n}"


def test_crop_matches_opencv(target: Target) -> None:
    """Each plane by cv2.warpAffine in float32 with its own matrix, then the formulas."""
    rng = np.random.default_rng()
    size = 128
    for format in PixelFormat:
        surface = reference.random_surface(rng, format, 320, 240)
        placement = reference.random_placement(rng, 320, 240, size, (0.5, 3.0))
        got = np.moveaxis(crops(target, [surface], [0], [placement], (size, size))[0], 0, -1)

        def warp(plane: np.ndarray, matrix: np.ndarray) -> np.ndarray:
            return cv2.warpAffine(
                plane.astype(np.float32), matrix, (size, size),
                flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip

        planes = reference.codes(surface)
        expected = warp(planes[0], placement)
        if format is not PixelFormat.RGB8:
            x, y = surface.colour.siting.offset_px
            from_chroma = np.array([[2, 0, x], [0, 2, y], [0, 0, 1]])
            chroma = [warp(planes[1][..., k], placement @ from_chroma) for k in range(2)]
            yuv = np.stack([expected, *chroma], axis=-1)
            expected = np.clip(reference.yuv_to_rgb(yuv, surface.colour, format.bit_depth), 0, 255)
        assert np.abs(got - expected).max() <= 2 * tolerance.RESAMPLE_CODES, format


def test_crop_normalises_and_orders_channels(target: Target) -> None:
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, PixelFormat.RGB8, 40, 30)
    placement = reference.random_placement(rng, 40, 30, 24)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    got = crops(target, [surface], [0], [placement], (24, 24), channels="bgr", mean=mean, std=std)[0]
    rgb = reference.crop(surface, placement, (24, 24)) / 255
    expected = (rgb[..., ::-1] - mean) / std
    assert np.abs(np.moveaxis(got, 0, -1) - expected).max() <= tolerance.RESAMPLE_CODES / 255 / min(std)


def test_half_precision_is_the_rounded_float(target: Target) -> None:
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, PixelFormat.NV12, 64, 48)
    placement = reference.random_placement(rng, 64, 48, 40)
    # a normalisation that reaches subnormals, ordinary values and overflow
    for std in (1 / 255, 1e-6, 3e4, 1e9):
        options = {"mean": (0.5, 0.5, 0.5), "std": (std, std, std)}
        single = crops(target, [surface], [0], [placement], (40, 40), **options)
        half = crops(target, [surface], [0], [placement], (40, 40), dtype="float16", **options)
        with np.errstate(over="ignore"):
            assert np.array_equal(half, single.astype(np.float16))


def test_letterbox_pads_beyond_the_extent(target: Target) -> None:
    rng = np.random.default_rng()
    frames = [reference.random_surface(rng, PixelFormat.NV12, *size) for size in ((90, 50), (33, 77))]
    placements, extents = [], []
    for frame in frames:
        factor = min(48 / frame.width_px, 48 / frame.height_px)
        width, height = int(frame.width_px * factor), int(frame.height_px * factor)
        sx, sy = width / frame.width_px, height / frame.height_px
        placements.append([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5]])
        extents.append((width, height))
    put = [target.put_surface(frame) for frame in frames]
    options = PLAIN | {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    got = target.get(ops.letterbox(put, np.array(placements), np.array(extents), (48, 48), **options))
    for n, (width, height) in enumerate(extents):
        assert (got[n][:, height:] == -2).all()
        assert (got[n][:, :, width:] == -2).all()
        inside = np.moveaxis(got[n][:, :height, :width] * 0.25 + 0.5, 0, -1) * 255
        expected = reference.crop(frames[n], np.array(placements[n]), (width, height))
        assert np.abs(inside - expected).max() <= tolerance.RESAMPLE_CODES


def test_letterbox_resize_matches_opencv(target: Target) -> None:
    """The plain resize of detectors: half-pixel centres, no prefilter."""
    rng = np.random.default_rng()
    frame = reference.random_surface(rng, PixelFormat.RGB8, 300, 200)
    placement = np.array([[[0.5, 0, -0.25], [0, 0.35, 0.5 * 0.35 - 0.5]]])
    put = target.put_surface(frame)
    got = target.get(ops.letterbox([put], placement, np.array([(150, 70)]), (150, 70), **PLAIN))
    expected = cv2.resize(frame.planes[0].astype(np.float32), (150, 70), interpolation=cv2.INTER_LINEAR)
    assert np.abs(np.moveaxis(got[0], 0, -1) - expected).max() <= tolerance.RESAMPLE_CODES


@pytest.mark.parametrize("sampling", ["bilinear", "area"])
@pytest.mark.parametrize("format", list(PixelFormat))
def test_the_short_cut_for_unturned_maps_changes_no_bit(target: Target, format, sampling) -> None:
    """The host separates rows and columns where a map has no turn. One so small that no sum notices it takes the
    general way; sizes, extents and mirrored maps by chance, blocks are 64 x 32 pixels."""
    rng = np.random.default_rng()
    for dtype in ("float32", "float16"):
        frame = reference.random_surface(rng, format, 201, 87, padded=True)
        size = tuple(rng.integers(20, 150, 2).tolist())
        extent = rng.integers(1, np.array(size) + 1)
        scale = np.exp(rng.uniform(np.log(0.15), np.log(1.5), 2)) * rng.choice([-1, 1], 2)
        middle = np.array([100, 43]) * scale
        plain = np.array([[[scale[0], 0, 40 - middle[0]], [0, scale[1], 20 - middle[1]]]])
        turned = plain + np.array([[0, 1e-30, 0], [1e-30, 0, 0]])
        put = target.put_surface(frame)
        fast, slow = (
            target.get(
                ops.letterbox(
                    [put], placement, extent[None], size,
                    channels="bgr", mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.25), sampling=sampling, dtype=dtype,
                )
            )
            for placement in (plain, turned)
        )  # fmt: skip
        assert np.array_equal(fast, slow), (dtype, size, extent, scale)
        assert np.ptp(fast) > 0.5
        fast, slow = (
            target.get(
                ops.crop(
                    [put], np.zeros(1, int), placement, size,
                    channels="rgb", mean=(0, 0, 0), std=(1, 1, 1), sampling=sampling, border="black", dtype=dtype,
                )
            )
            for placement in (plain, turned)
        )  # fmt: skip
        assert np.array_equal(fast, slow), (dtype, size, scale)


def test_siting_moves_chroma(target: Target) -> None:
    """A chroma ramp sampled at luma sites: the six sitings give the six shifts of the ramp."""
    width = height = 32
    luma = np.full((height, width), 128, np.uint8)
    ramp = np.empty((height // 2, width // 2, 2), np.uint8)
    ramp[..., 0] = 60 + 4 * np.arange(width // 2)[None, :]
    ramp[..., 1] = 90 + 3 * np.arange(height // 2)[:, None]
    for siting in ChromaSiting:
        colour = Colour(Matrix.BT709, Range.FULL, siting)
        got = crops(
            target, [Surface(PixelFormat.NV12, (luma, ramp), colour)], [0], IDENTITY, (width, height)
        )[0]
        x, y = siting.offset_px
        u = 60 + 4 * np.clip((np.arange(width) - x) / 2, 0, width // 2 - 1)
        v = 90 + 3 * np.clip((np.arange(height) - y) / 2, 0, height // 2 - 1)
        yuv = np.stack([luma, *np.meshgrid(u, v)], axis=-1)
        expected = np.clip(reference.yuv_to_rgb(yuv, colour, 8), 0, 255)
        assert np.abs(np.moveaxis(got, 0, -1) - expected).max() <= tolerance.COLOUR_ROUNDING, siting


def test_out_is_used_and_fully_written(target: Target) -> None:
    rng = np.random.default_rng()
    surface = target.put_surface(reference.random_surface(rng, PixelFormat.NV12, 64, 48))
    poisoned = target.put(np.full((2, 3, 20, 30), np.nan, np.float32))
    placements = np.stack([reference.random_placement(rng, 64, 48, 20) for _ in range(2)])
    assert ops.crop([surface], np.zeros(2, int), placements, (30, 20), out=poisoned, **PLAIN) is poisoned
    assert np.isfinite(target.get(poisoned)).all()


def test_no_faces_is_an_empty_batch() -> None:
    assert ops.crop([], np.zeros(0, int), np.zeros((0, 2, 3)), (8, 8), **PLAIN).shape == (0, 3, 8, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indices": np.array([1])}, "surface index"),
        ({"placements": np.zeros((1, 2, 3))}, "invertible"),
        ({"placements": np.full((1, 2, 3), np.nan)}, "invertible"),
        ({"placements": np.array([[[1, 0, 1e12], [0, 1, 0]]])}, "too far"),
        ({"placements": np.zeros((1, 3, 3))}, "2x3"),
        ({"channels": "xyz"}, "channels"),
        ({"std": (1, 0, 1)}, "std"),
        ({"dtype": "int8"}, "dtype"),
        ({"out": np.zeros((1, 3, 9, 8), np.float32)}, "out"),
        ({"out": np.zeros((1, 3, 8, 8), np.float64)}, "float64"),
        ({"out": np.zeros((1, 3, 16, 8), np.float32)[:, :, ::2]}, "contiguous"),
        ({"out": [1, 2]}, "shape"),
    ],
)
def test_bad_arguments_are_told(change, message) -> None:
    surface = reference.random_surface(np.random.default_rng(), PixelFormat.NV12, 16, 16)
    arguments = {
        "surfaces": [surface],
        "indices": np.array([0]),
        "placements": IDENTITY,
        "size": (8, 8),
    } | PLAIN
    with pytest.raises((ValueError, AttributeError), match=message):
        ops.crop(**(arguments | change))


@pytest.mark.gpu
def test_host_and_device_arrays_do_not_mix() -> None:
    from trtswap import device

    surface = reference.random_surface(np.random.default_rng(), PixelFormat.NV12, 16, 16)
    with pytest.raises(ValueError, match="same device"):
        ops.crop(
            [device.upload(surface)],
            np.array([0]),
            IDENTITY,
            (8, 8),
            out=np.zeros((1, 3, 8, 8), np.float32),
            **PLAIN,
        )
