"""Writes a text into the finished frames that tells viewers that they were altered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from trtswap import device, ops
from trtswap.options import DiscloseOptions
from trtswap.stages.batch import Batch
from trtswap.stages.lettering import lettering
from trtswap.types import Array, VideoInfo

SAFE = 0.9
"""Of width and height, centred: the title-safe area of SMPTE ST 2046-1."""
_PLATE = 0.7
"""How dark the plate behind the letters is: white on it is at least 7 to 1 on any picture."""
_WHITE = {16: 0.581, 18: 0.75}
"""The code of a white surface by transfer: of PQ and HLG that of 203 cd/m2 (ITU-R BT.2408), of others 1."""
_ROUND = 0.22
_RIM = 2
"""Pixels around that stay as they are: as far as a chroma sample sees."""


@dataclass(frozen=True)
class Disclosure:
    """A text as it is put on every frame, turned and stretched as frames are stored.

    patch: float32 [1, 3, H, W] and mask: float32 [1, H, W], as `ops.composite` takes them. corner: x, y of the patch in
    the frame. All four are even, and the mask has a rim of zeros, so that no sample outside changes.
    """

    patch: Array
    mask: Array
    corner: tuple[int, int]

    @property
    def placement(self) -> Array:
        """float64 [1, 2, 3], from frame to patch pixels."""
        x, y = self.corner
        return np.array([[[1.0, 0.0, -x], [0.0, 1.0, -y]]])


def disclosure(options: DiscloseOptions, info: VideoInfo) -> Disclosure | None:
    """The text for frames of `info`, or None where none is asked for. Raises OptionError when it cannot be written
    legibly, or the font does not do."""
    if options.text is None:
        return None
    width, height = round(info.width_px * (info.sample_aspect_ratio or 1)), info.height_px
    if info.rotation_deg in (90, 270):
        width, height = height, width
    box = (int(width * SAFE) - 8, int(height * SAFE) - 8)  # less what even corners may take
    vertical, _, horizontal = options.place.partition("-")
    side = horizontal or "centre"
    ink = lettering(options.text, options.font, round(height * options.size / 100), box, side)
    plate = _plate(ink.shape[0], ink.shape[1])
    shares = {"left": 0.0, "top": 0.0, "centre": 0.5, "right": 1.0, "bottom": 1.0}
    free = (SAFE * width - ink.shape[1], SAFE * height - ink.shape[0])
    corner = [(1 - SAFE) / 2 * whole + shares[word] * spare
              for whole, spare, word in zip((width, height), free, (side, vertical), strict=True)]  # fmt: skip
    return _stored(ink, plate, (corner[0], corner[1]), (width, height), info)


def disclose(batches: Iterable[Batch], disclosed: Disclosure | None) -> Iterator[Batch]:
    """Writes the text into the frames of each batch, in place."""
    if disclosed is None:
        yield from batches
        return
    index, placement = np.zeros(1, np.int32), disclosed.placement
    patch, mask = device.Constant(disclosed.patch), device.Constant(disclosed.mask)
    for batch in batches:
        for frame in () if batch.passed_over else batch.frames:
            plane = frame.surface.planes[0]
            ops.composite([frame.surface], index, placement, patch.beside(plane), mask.beside(plane))
        yield batch


def cover(alpha: Array, disclosed: Disclosure) -> None:
    """Makes a picture's transparency, uint8 [H, W], as opaque as the text is, in place."""
    height, width = disclosed.mask.shape[1:]
    x, y = disclosed.corner
    part = alpha[y : y + height, x : x + width]
    clear = (255.0 - part) * (1 - disclosed.mask[0, : part.shape[0], : part.shape[1]])
    part[...] = np.rint(255 - clear).astype(np.uint8)


def _plate(height: int, width: int) -> Array:
    """A rectangle with rounded, soft corners, float32 [height, width], 0..1."""
    radius = _ROUND * min(height, width)
    x, y = (np.abs(np.arange(size) - (size - 1) / 2) - (size / 2 - radius) for size in (width, height))
    outside = np.hypot(np.maximum(x, 0)[None], np.maximum(y, 0)[:, None])
    covered: Array = np.clip(radius - outside + 0.5, 0, 1).astype(np.float32)
    return covered


def _stored(
    ink: Array, plate: Array, corner: tuple[float, float], size: tuple[int, int], info: VideoInfo
) -> Disclosure:
    """From the upright picture as it is seen to the frame as it is stored: turned back, stretched, on even pixels."""
    mask = 1 - (1 - _PLATE * plate) * (1 - ink)
    turns = info.rotation_deg // 90
    maps = np.rot90(np.stack([ink, mask], axis=-1), -turns)
    x, y = _turned_back(corner, ink.shape, size, info.rotation_deg)
    aspect = float(info.sample_aspect_ratio or 1)
    shape = (max(1, round(maps.shape[1] / aspect)), maps.shape[0])
    if shape[0] != maps.shape[1]:
        maps = cv2.resize(np.ascontiguousarray(maps), shape, interpolation=cv2.INTER_AREA)
    left, top = round(x / aspect), round(y)
    first = (left - left % 2 - _RIM, top - top % 2 - _RIM)
    padding = [
        (offset, (offset + length) % 2 + _RIM)
        for offset, length in ((top - first[1], maps.shape[0]), (left - first[0], maps.shape[1]))
    ]
    ink, mask = np.moveaxis(np.pad(maps, [*padding, (0, 0)]), -1, 0)
    grey = np.divide(ink, mask, out=np.zeros_like(mask), where=mask > 0) * _WHITE.get(info.transfer, 1.0)
    patch = np.repeat(grey[None, None], 3, axis=1).astype(np.float32)
    return Disclosure(patch, np.ascontiguousarray(mask[None], np.float32), first)


def _turned_back(
    corner: tuple[float, float], shape: tuple[int, ...], size: tuple[int, int], rotation_deg: int
) -> tuple[float, float]:
    """Where the corner of a box lies once the upright picture of `size` is turned clockwise by `rotation_deg`."""
    (x, y), (height, width), (whole_x, whole_y) = corner, shape[:2], size
    return {
        0: (x, y),
        90: (whole_y - y - height, x),
        180: (whole_x - x - width, whole_y - y - height),
        270: (y, whole_x - x - width),
    }[rotation_deg]
