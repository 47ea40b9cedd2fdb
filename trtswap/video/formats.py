"""Decoded frames to surfaces and back.

4:2:0 and grey of 8 or 10 bits and 8-bit RGB are only rearranged, code value by code value. Other formats go
through FFmpeg's scaler with equal range and matrix on both sides, so that only sampling and bit depth change.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np

from trtswap.types import Array, ChromaSiting, Colour, Matrix, PixelFormat, Range, Surface

_LOSSLESS = {
    PixelFormat.NV12: ("yuv420p", "yuvj420p", "nv12", "nv21", "gray"),
    PixelFormat.P010: ("yuv420p10le", "p010le", "gray10le"),
}
_INTERMEDIATE = {
    PixelFormat.NV12: "yuv420p",
    PixelFormat.P010: "yuv420p10le",
    PixelFormat.RGB8: "rgb24",
}


def is_rgb(pix_fmt: str) -> bool:
    """True for RGB and palette formats, False for Y'CbCr and grey."""
    layout = av.VideoFormat(pix_fmt)
    return bool(layout.is_rgb or layout.has_palette)


def surface_format(pix_fmt: str) -> PixelFormat:
    """The surface format that frames of FFmpeg's `pix_fmt` are delivered in."""
    if max(component.bits for component in av.VideoFormat(pix_fmt).components) > 8:
        return PixelFormat.P010
    return PixelFormat.RGB8 if is_rgb(pix_fmt) else PixelFormat.NV12


def is_subsampled(pix_fmt: str) -> bool:
    """True when chroma is halved horizontally, so that its horizontal siting is the stream's own."""
    layout = av.VideoFormat(pix_fmt)
    return not is_rgb(pix_fmt) and len(layout.components) >= 3 and layout.chroma_width(64) < 64


def conversion_note(pix_fmt: str) -> str | None:
    """What turning `pix_fmt` into a surface changes, in one sentence, or None when nothing is lost."""
    target = surface_format(pix_fmt)
    layout = av.VideoFormat(pix_fmt)
    losses = []
    if target is not PixelFormat.RGB8 and pix_fmt not in _LOSSLESS[target]:
        if is_rgb(pix_fmt):
            losses.append("RGB becomes 10-bit BT.709 with halved chroma")
        elif len(layout.components) >= 3 and (layout.chroma_width(64), layout.chroma_height(64)) != (32, 32):
            losses.append("chroma is resampled to 4:2:0")
        depth = max(component.bits for component in layout.components)
        if depth > target.bit_depth:
            losses.append(f"{depth} bits become {target.bit_depth}")
    if any(component.is_alpha for component in layout.components):
        losses.append("transparency is dropped")
    if not losses:
        return None
    return f"{pix_fmt} frames are converted to {target.value}: {', '.join(losses)}"


def surface_of(frame: av.VideoFrame, target: PixelFormat, colour: Colour, rotation_deg: int = 0) -> Surface:
    """The frame's pixels in planes of their own (the decoder still refers to its frames)."""
    surface = Surface.allocate(target, frame.width, frame.height, colour, rotation_deg)
    if target is PixelFormat.RGB8:
        _copy_rgb(_converted(frame, target), surface.planes[0])
    elif frame.format.name in _LOSSLESS[target]:
        _copy_420(frame, surface)
    else:
        _copy_420(_converted(frame, target), surface)
    return surface


def frame_of(surface: Surface, pix_fmt: str) -> av.VideoFrame:
    """A frame for an encoder. Rearranges where `pix_fmt` holds the same samples, upsamples chroma for 4:4:4,
    and converts RGB to BT.709 limited range for Y'CbCr formats. Raises ValueError for any other pair."""
    if surface.format is PixelFormat.RGB8:
        return _frame_of_rgb(surface, pix_fmt)
    if pix_fmt == "p010le" and surface.format is PixelFormat.P010:
        return _frame_of_p010(surface)
    depth = surface.format.bit_depth
    suffix = "10le" if depth == 10 else ""
    if pix_fmt not in (f"yuv420p{suffix}", f"yuv444p{suffix}"):
        raise ValueError(f"a {surface.format.value} surface cannot be encoded as {pix_fmt}")
    luma, chroma = surface.planes
    if pix_fmt.startswith("yuv444p"):
        chroma = upsample_chroma(chroma, surface.width_px, surface.height_px, surface.colour.siting)
    frame = av.VideoFrame(surface.width_px, surface.height_px, pix_fmt)
    for index, samples in enumerate((luma, chroma[..., 0], chroma[..., 1])):
        plane = _rows(frame, index, surface.format.dtype)[: samples.shape[0], : samples.shape[1]]
        if depth == 10:
            np.right_shift(samples, 6, out=plane)
        else:
            plane[...] = samples
    return frame


def _frame_of_p010(surface: Surface) -> av.VideoFrame:
    frame = av.VideoFrame(surface.width_px, surface.height_px, "p010le")
    for index, samples in enumerate(surface.planes):
        flat = samples.reshape(samples.shape[0], -1)
        _rows(frame, index, samples.dtype)[: flat.shape[0], : flat.shape[1]] = flat
    return frame


def upsample_chroma(chroma: Array, width_px: int, height_px: int, siting: ChromaSiting) -> Array:
    """4:2:0 chroma [ceil(H/2), ceil(W/2), 2] to 4:4:4 [H, W, 2] of the same type: linear, edges
    replicated."""
    offset_x, offset_y = siting.offset_px
    upper, lower, weight_y = _taps(height_px, chroma.shape[0], offset_y)
    left, right, weight_x = _taps(width_px, chroma.shape[1], offset_x)
    tall = chroma[upper] * (1 - weight_y)[:, None, None] + chroma[lower] * weight_y[:, None, None]
    full = tall[:, left] * (1 - weight_x)[None, :, None] + tall[:, right] * weight_x[None, :, None]
    return np.asarray(np.rint(full), chroma.dtype)


def _taps(length: int, samples: int, offset_px: float) -> tuple[Array, Array, Array]:
    position = np.clip((np.arange(length, dtype=np.float32) - offset_px) / 2, 0, samples - 1)
    low = position.astype(np.intp)
    return low, np.minimum(low + 1, samples - 1), position - low


def _rows(frame: av.VideoFrame, index: int, dtype: np.dtype[Any]) -> Array:
    """A plane as [rows, samples with padding], a view. Some decoders store pictures bottom-up."""
    plane = frame.planes[index]
    stride = abs(plane.line_size)
    rows: Array = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, stride).view(dtype)
    return rows[::-1] if plane.line_size < 0 else rows


def _copy_420(frame: av.VideoFrame, surface: Surface) -> None:
    luma, chroma = surface.planes
    height, width = luma.shape
    half_height, half_width, _ = chroma.shape
    dtype = surface.format.dtype
    name = frame.format.name
    luma[...] = _rows(frame, 0, dtype)[:height, :width]
    if name in ("nv12", "nv21", "p010le"):
        pairs = _rows(frame, 1, dtype)[:half_height, : 2 * half_width].reshape(half_height, half_width, 2)
        chroma[...] = pairs[..., ::-1] if name == "nv21" else pairs
    elif name.startswith("gray"):
        chroma[...] = 1 << (surface.format.bit_depth - 1)
    else:
        for component in (0, 1):
            chroma[..., component] = _rows(frame, component + 1, dtype)[:half_height, :half_width]
    if surface.format is PixelFormat.P010 and name != "p010le":
        for plane in surface.planes:
            np.left_shift(plane, 6, out=plane)


def _copy_rgb(frame: av.VideoFrame, pixels: Array) -> None:
    height, width, _ = pixels.shape
    pixels[...] = _rows(frame, 0, pixels.dtype)[:height, : 3 * width].reshape(height, width, 3)


def _converted(frame: av.VideoFrame, target: PixelFormat) -> av.VideoFrame:
    name = _INTERMEDIATE[target]
    if target is PixelFormat.RGB8:
        return frame.reformat(format=name)
    if is_rgb(frame.format.name):
        return _rgb_to_709(frame, name)
    # The scaler takes grey and yuvj formats as full range whatever is said: full on both sides changes
    # nothing.
    return frame.reformat(
        format=name,
        src_colorspace="ITU709",
        dst_colorspace="ITU709",
        src_color_range="JPEG",
        dst_color_range="JPEG",
    )


def _rgb_to_709(frame: av.VideoFrame, pix_fmt: str) -> av.VideoFrame:
    return frame.reformat(
        format=pix_fmt, dst_colorspace="ITU709", src_color_range="JPEG", dst_color_range="MPEG"
    )


def _frame_of_rgb(surface: Surface, pix_fmt: str) -> av.VideoFrame:
    frame = av.VideoFrame(surface.width_px, surface.height_px, "rgb24")
    pixels = surface.planes[0]
    _rows(frame, 0, pixels.dtype)[: surface.height_px, : 3 * surface.width_px] = pixels.reshape(
        surface.height_px, -1
    )
    if pix_fmt == "rgb24":
        return frame
    if is_rgb(pix_fmt):
        return frame.reformat(format=pix_fmt)
    return _rgb_to_709(frame, pix_fmt)


RGB_ENCODED_COLOUR = Colour(Matrix.BT709, Range.LIMITED, ChromaSiting.CENTER)
"""What `frame_of` makes of RGB in a Y'CbCr format."""
