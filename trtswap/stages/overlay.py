"""Draws what was found over a frame, in the frame's own format: for looking at, not for output."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from trtswap.geometry import estimate_similarity, invert, template_points, transform_points
from trtswap.stages.batch import Batch
from trtswap.types import Array, Faces, PixelFormat, Surface

_RAW, _SMOOTHED, _FILLED, _CUT = (255, 70, 70), (70, 255, 110), (255, 210, 60), (255, 60, 255)
_TRACK_COLOURS = (
    (80, 200, 255),
    (255, 160, 60),
    (190, 130, 255),
    (120, 240, 160),
    (255, 120, 180),
    (230, 230, 90),
)


def overlaid(batch: Batch, row: int, *, template: str, crop_px: int, mask: Array) -> Surface:
    """A copy of a frame's surface with what is known about it drawn in.

    Boxes and numbers of all tracks, a colour each; detected points as red dots; the points used as green crosses,
    yellow where a gap is bridged; for the faces that are swapped the outline of the mask where it is a half; a magenta
    frame where a scene begins. row: the frame's place in the batch. mask: float32 [crop_px, crop_px]. template: of the
    swapper's crop. The surface lies on the host.
    """
    canvas = _Canvas(batch.frames[row].surface.copy())
    for points in batch.detected[row].landmarks_px:
        for point in points:
            canvas.disc(point, _RAW)
    tracked = batch.tracked[row]
    for face in range(len(tracked)):
        track = _number(tracked, face)
        colour = _colour(track)
        canvas.box(tracked.boxes_px[face], colour)
        canvas.text(f"{track}  {tracked.scores[face]:.2f}", tracked.boxes_px[face][:2], colour)
        filled = tracked.filled is not None and bool(tracked.filled[face])
        for point in tracked.landmarks_px[face]:
            canvas.cross(point, _FILLED if filled else _SMOOTHED)
    outline = _outline(mask)
    swapped = batch.faces[row]
    if outline is not None:
        for face in range(len(swapped)):
            placed = _placed(outline, swapped.landmarks_px[face], template, crop_px)
            canvas.polygon(placed, _colour(_number(swapped, face)))
    if batch.cuts[row]:
        canvas.frame(_CUT)
    return canvas.surface


def _number(faces: Faces, row: int) -> int:
    return int(faces.track_ids[row]) if faces.track_ids is not None else row


def _colour(track: int) -> tuple[int, int, int]:
    return _TRACK_COLOURS[track % len(_TRACK_COLOURS)]


def _outline(mask: Array) -> Array | None:
    contours, _ = cv2.findContours((mask >= 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return max(contours, key=len)[:, 0].astype(np.float64) if contours else None


def _placed(outline: Array, landmarks: Array, template: str, crop_px: int) -> Array:
    placement = estimate_similarity(landmarks[None], template_points(template, (crop_px, crop_px)))[0]
    return transform_points(invert(placement), outline)


class _Canvas:
    """Draws in R'G'B' colours on a surface's planes: luma at full size, chroma at half."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        height = surface.height_px
        self._line = max(1, round(height / 540))
        self._scale = 10 if surface.format is PixelFormat.P010 else 8

    def box(self, box: Array, colour: tuple[int, int, int]) -> None:
        x1, y1, x2, y2 = box
        self.polygon(np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)]), colour)

    def polygon(self, points: Array, colour: tuple[int, int, int]) -> None:
        def draw(plane: Any, value: Any, factor: float) -> None:
            corners = np.rint(np.asarray(points) * factor).astype(np.int32)
            cv2.polylines(plane, [corners], True, value, self._line)

        self._each(draw, colour)

    def disc(self, point: Array, colour: tuple[int, int, int]) -> None:
        def draw(plane: Any, value: Any, factor: float) -> None:
            cv2.circle(plane, _whole(point, factor), max(1, round(2 * self._line * factor)), value, -1)

        self._each(draw, colour)

    def cross(self, point: Array, colour: tuple[int, int, int]) -> None:
        def draw(plane: Any, value: Any, factor: float) -> None:
            cv2.drawMarker(
                plane, _whole(point, factor), value, cv2.MARKER_CROSS, round(8 * self._line * factor), 1
            )

        self._each(draw, colour)

    def text(self, words: str, point: Array, colour: tuple[int, int, int]) -> None:
        def draw(plane: Any, value: Any, factor: float) -> None:
            size = 0.5 * self._line * factor
            x, y = _whole(point, factor)
            place = (x, max(y - round(4 * factor), round(14 * self._line * factor)))
            stencil = np.zeros(plane.shape[:2], np.uint8)  # OpenCV writes text on 8 bits only
            cv2.putText(stencil, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1)
            plane[stencil > 127] = value

        self._each(draw, colour)

    def frame(self, colour: tuple[int, int, int]) -> None:
        width, height = self.surface.width_px, self.surface.height_px
        inset = 3 * self._line
        self.box(np.array([inset, inset, width - 1 - inset, height - 1 - inset]), colour)

    def _each(self, draw: Any, colour: tuple[int, int, int]) -> None:
        planes = self.surface.planes
        if self.surface.format is PixelFormat.RGB8:
            draw(planes[0], colour, 1.0)
            return
        luma, cb, cr = _codes(colour, self._scale)
        draw(planes[0], luma, 1.0)
        draw(planes[1], (cb, cr), 0.5)


def _whole(point: Array, factor: float) -> tuple[int, int]:
    limit = 1 << 15
    x, y = np.clip(np.rint(np.asarray(point) * factor), -limit, limit).astype(int)
    return int(x), int(y)


def _codes(colour: tuple[int, int, int], bits: int) -> tuple[int, int, int]:
    """Near enough for a drawing: BT.709 limited, whatever the surface says; P010 keeps its codes in the upper bits."""
    r, g, b = (value / 255 for value in colour)
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    codes = (16 + 219 * y, 128 + 224 * (b - y) / 1.8556, 128 + 224 * (r - y) / 1.5748)
    factor = 1 if bits == 8 else 256
    return tuple(round(code) * factor for code in codes)  # type: ignore[return-value]
