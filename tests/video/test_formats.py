"""Frames to surfaces and back, against planes read with plain loops and documented layouts."""

from __future__ import annotations

import av
import numpy as np
import pytest
from support.clips import frame_from_planes

from trtswap.types import ChromaSiting, Colour, PixelFormat, Surface
from trtswap.video.formats import conversion_note, frame_of, surface_format, surface_of, upsample_chroma

SIZES = [(64, 48), (37, 21), (853, 479), (2, 1)]


def noise(shape: tuple[int, ...], top: int = 256, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(abs(hash(shape)) % 1000 + seed)
    return rng.integers(0, top, shape).astype(np.uint8 if top == 256 else np.uint16)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "nv12", "nv21"])
def test_eight_bit_420_is_only_rearranged(pix_fmt: str, size: tuple[int, int]) -> None:
    width, height = size
    half = ((height + 1) // 2, (width + 1) // 2)
    luma, blue, red = noise((height, width)), noise(half, seed=1), noise(half, seed=2)
    pairs = {"nv12": (blue, red), "nv21": (red, blue)}
    if pix_fmt in pairs:
        planes = [luma, np.stack(pairs[pix_fmt], axis=-1).reshape(half[0], -1)]
    else:
        planes = [luma, blue, red]
    surface = surface_of(frame_from_planes(planes, pix_fmt, size), PixelFormat.NV12, Colour())
    assert surface_format(pix_fmt) is PixelFormat.NV12
    assert conversion_note(pix_fmt) is None
    np.testing.assert_array_equal(surface.planes[0], luma)
    np.testing.assert_array_equal(surface.planes[1], np.stack([blue, red], axis=-1))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "p010le"])
def test_ten_bit_420_is_only_rearranged(pix_fmt: str, size: tuple[int, int]) -> None:
    width, height = size
    half = ((height + 1) // 2, (width + 1) // 2)
    luma, blue, red = (noise(shape, 1024, n) for n, shape in enumerate([(height, width), half, half]))
    pairs = np.stack([blue, red], axis=-1)
    if pix_fmt == "p010le":
        planes = [luma << 6, (pairs << 6).reshape(half[0], -1)]
    else:
        planes = [luma, blue, red]
    surface = surface_of(frame_from_planes(planes, pix_fmt, size), PixelFormat.P010, Colour())
    np.testing.assert_array_equal(surface.planes[0], luma << 6)
    np.testing.assert_array_equal(surface.planes[1], pairs << 6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("order", ["rgb24", "bgr24", "rgb0", "bgr0", "0rgb", "rgba", "bgra", "gbrp"])
def test_eight_bit_rgb_is_only_reordered(order: str, size: tuple[int, int]) -> None:
    width, height = size
    rgb = noise((height, width, 3))
    if order == "gbrp":
        planes = [rgb[..., 1], rgb[..., 2], rgb[..., 0]]
    else:
        names = order.removesuffix("24")
        samples = [rgb[..., "rgb".index(name)] if name in "rgb" else noise((height, width)) for name in names]
        planes = [np.stack(samples, axis=-1).reshape(height, -1)]
    surface = surface_of(frame_from_planes(planes, order, size), PixelFormat.RGB8, Colour())
    np.testing.assert_array_equal(surface.planes[0], rgb)


def test_planes_are_copies() -> None:
    frame = frame_from_planes([noise((4, 6)), noise((2, 3)), noise((2, 3))], "yuv420p", (6, 4))
    surface = surface_of(frame, PixelFormat.NV12, Colour())
    kept = surface.copy()
    for plane in frame.planes:
        np.frombuffer(memoryview(plane), np.uint8)[:] = 7
    for plane, old in zip(surface.planes, kept.planes, strict=True):
        np.testing.assert_array_equal(plane, old)


@pytest.mark.parametrize("value", [0, 1, 16, 100, 235, 254, 255])
@pytest.mark.parametrize(
    "pix_fmt", ["yuv444p", "yuvj444p", "yuv422p", "yuvj422p", "yuyv422", "yuv411p", "yuva420p", "gray", "ya8"]
)
def test_conversion_keeps_code_values(pix_fmt: str, value: int) -> None:
    """Resampling a flat picture changes nothing, whatever its range: no range conversion sneaks in."""
    frame = av.VideoFrame(32, 16, pix_fmt)
    for plane in frame.planes:
        np.frombuffer(memoryview(plane), np.uint8)[:] = value
    surface = surface_of(frame, PixelFormat.NV12, Colour())
    assert set(np.unique(surface.planes[0])) == {value}
    if pix_fmt == "gray":
        assert set(np.unique(surface.planes[1])) == {128}
    elif pix_fmt != "ya8":
        assert set(np.unique(surface.planes[1])) == {value}


def test_notes_name_what_is_lost() -> None:
    assert "chroma is resampled" in (conversion_note("yuv444p") or "")
    assert "12 bits become 10" in (conversion_note("yuv420p12le") or "")
    assert "transparency" in (conversion_note("rgba") or "")
    assert "BT.709" in (conversion_note("gbrp10le") or "")
    assert [conversion_note(name) for name in ("p010le", "gbrp", "gray", "gray10le", "pal8")] == [None] * 5


def test_deep_rgb_becomes_bt709_limited() -> None:
    frame = av.VideoFrame(32, 16, "gbrp10le")
    for plane, code in zip(frame.planes, (0, 0, 1023), strict=True):  # G, B, R: pure red
        np.frombuffer(memoryview(plane), np.uint16)[:] = code
    surface = surface_of(frame, PixelFormat.P010, Colour())
    luma = 64 + 0.2126 * 876
    chroma = (512 - 0.2126 / 1.8556 * 896, 512 + 0.5 * 896)
    np.testing.assert_allclose(surface.planes[0] >> 6, luma, atol=1.5)
    np.testing.assert_allclose((surface.planes[1] >> 6)[4, 4], chroma, atol=1.5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("surface_kind", "pix_fmt"),
    [
        (PixelFormat.NV12, "yuv420p"),
        (PixelFormat.P010, "yuv420p10le"),
        (PixelFormat.RGB8, "rgb24"),
        (PixelFormat.RGB8, "gbrp"),
    ],
)
def test_frame_of_is_the_inverse(surface_kind: PixelFormat, pix_fmt: str, size: tuple[int, int]) -> None:
    shift = 6 if surface_kind is PixelFormat.P010 else 0
    top = 1024 if shift else 256
    planes = tuple(
        (noise(shape, top, n) << shift).astype(surface_kind.dtype)
        for n, shape in enumerate(surface_kind.plane_shapes(*size))
    )
    back = surface_of(frame_of(Surface(surface_kind, planes), pix_fmt), surface_kind, Colour())
    for plane, old in zip(back.planes, planes, strict=True):
        np.testing.assert_array_equal(plane, old)


def test_frame_of_takes_padded_rows() -> None:
    wide = noise((16, 40))
    chroma = noise((8, 20, 2))
    surface = Surface(PixelFormat.NV12, (wide[:, :32], chroma[:, :16]))
    back = surface_of(frame_of(surface, "yuv420p"), PixelFormat.NV12, Colour())
    np.testing.assert_array_equal(back.planes[0], wide[:, :32])
    np.testing.assert_array_equal(back.planes[1], chroma[:, :16])


def test_frame_of_refuses_other_pairs() -> None:
    surface = Surface.allocate(PixelFormat.NV12, 4, 4)
    with pytest.raises(ValueError, match="yuv420p10le"):
        frame_of(surface, "yuv420p10le")


@pytest.mark.parametrize("siting", list(ChromaSiting))
@pytest.mark.parametrize("size", [(7, 5), (8, 6), (1, 1), (2, 3)])
def test_upsampling_interpolates_at_the_siting(siting: ChromaSiting, size: tuple[int, int]) -> None:
    width, height = size
    chroma = noise(((height + 1) // 2, (width + 1) // 2, 2))
    full = upsample_chroma(chroma, width, height, siting)
    assert full.shape == (height, width, 2)
    assert full.dtype == np.uint8
    offset_x, offset_y = siting.offset_px
    for y in range(height):
        for x in range(width):
            along_y = min(max((y - offset_y) / 2, 0), chroma.shape[0] - 1)
            along_x = min(max((x - offset_x) / 2, 0), chroma.shape[1] - 1)
            top, left = int(along_y), int(along_x)
            bottom, right = min(top + 1, chroma.shape[0] - 1), min(left + 1, chroma.shape[1] - 1)
            share_y, share_x = along_y - top, along_x - left
            expected = (
                (1 - share_y) * ((1 - share_x) * chroma[top, left] + share_x * chroma[top, right])
                + share_y * ((1 - share_x) * chroma[bottom, left] + share_x * chroma[bottom, right])
            )  # fmt: skip
            np.testing.assert_allclose(full[y, x], expected, atol=0.501)


def test_halved_chroma_lies_in_the_centre() -> None:
    """The scaler's own siting, which the reader states for 4:4:4 and RGB sources, measured with ramps."""
    ramp = np.arange(32, dtype=np.uint8) * 4
    planes = [np.zeros((32, 32), np.uint8), np.tile(ramp, (32, 1)), np.tile(ramp[:, None], (1, 32))]
    surface = surface_of(frame_from_planes(planes, "yuv444p", (32, 32)), PixelFormat.NV12, Colour())
    x, y = ChromaSiting.CENTER.offset_px
    inner = np.arange(2, 14)
    np.testing.assert_allclose(surface.planes[1][8, 2:14, 0] / 4, 2 * inner + x, atol=0.26)
    np.testing.assert_allclose(surface.planes[1][2:14, 8, 1] / 4, 2 * inner + y, atol=0.26)
