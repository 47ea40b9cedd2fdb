"""The part of a frame that is measured: a face upright in a small square, with what surrounds it, on the host.

Frames may lie on the host or on a GPU; only the squares are fetched. Pixels are R'G'B' codes 0..255, float32 [S, S, 3].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np

from trtswap import device, ops
from trtswap.geometry import TEMPLATES, compose, estimate_similarity, invert, letterbox_placement
from trtswap.types import Array, DeviceArray, Surface

SIZE = 128
"""S, the edge of the square in pixels."""
_REACH = 0.64
_SHIFT = (0.0, -0.085)
POINTS = (0.5 + _REACH * (TEMPLATES["arcface_112_v2"] - 0.5) + _SHIFT) * SIZE
"""The five points in the square, float64 [5, 2]: a fifth of its edge between the eyes."""
POINTS.setflags(write=False)
EYES = float(np.hypot(*(POINTS[1] - POINTS[0])))
CENTRE = POINTS.mean(axis=0)
_ZERO, _CODE = (0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)  # the operations' values on 0..1 as codes
_FINER = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]])
THUMBNAIL = (320, 320)
"""Width and height that a whole frame is shrunk into."""


ValueT = TypeVar("ValueT")


class _Arrival:
    """Pictures on their way to the host, those of several values together; one thread may ask for them."""

    def __init__(self, coming: device.Fetch) -> None:
        self._coming: device.Fetch | None = coming
        self._pictures: list[Array] = []

    def get(self) -> list[Array]:
        if self._coming is not None:
            self._pictures, self._coming = self._coming.lent(), None
        return self._pictures


class Lazy(Generic[ValueT]):
    """A value made of pictures that may still be on their way to the host. Pictures that are there are made into it at
    once; others by whoever asks first, and one thread may ask. Once they have `arrive`d it goes to other processes as
    it is, when `make` can be pickled."""

    def __init__(
        self,
        make: Callable[[list[Array]], ValueT],
        arrival: _Arrival | None = None,
        part: slice = slice(0),
        *,
        waits: bool = False,
    ) -> None:
        self._make: Callable[[list[Array]], ValueT] | None = make
        self._arrival = arrival
        self._part = part
        self._pictures: list[Array] = []
        self._value: ValueT | None = None
        if not waits:
            self.get()

    def arrive(self) -> None:
        """Waits for the pictures. Raises what the work before them failed with."""
        if self._arrival is not None:
            self._pictures, self._arrival = self._arrival.get()[self._part], None

    def get(self) -> ValueT:
        """The value. Raises what making it raises."""
        if self._make is not None:
            self.arrive()
            self._value = self._make(self._pictures)
            self._make, self._pictures = None, []
        return self._value  # type: ignore[return-value]  # made above


@dataclass(frozen=True)
class Taken(Generic[ValueT]):
    """Pictures where the frames are, and what is to be made of them on the host."""

    pictures: Sequence[DeviceArray]
    make: Callable[[list[Array]], ValueT]


def fetched(taken: Sequence[Taken[ValueT]]) -> list[Lazy[ValueT]]:
    """Brings all of them to the host at once. Of frames on a GPU they are on their way when this returns."""
    pictures = [picture for item in taken for picture in item.pictures]
    arrival = _Arrival(device.fetch(pictures)) if pictures else None
    waits = any(map(device.is_on_device, pictures))
    values, start = [], 0
    for item in taken:
        part = slice(start, start + len(item.pictures))
        values.append(Lazy(item.make, arrival, part, waits=waits))
        start = part.stop
    return values


def _ellipse(wide: float, high: float) -> Array:
    """1 inside an ellipse round the face's middle, fading over a pixel. Half axes in distances between the eyes."""
    x, y = np.meshgrid(np.arange(SIZE) - CENTRE[0], np.arange(SIZE) - CENTRE[1])
    radius = np.hypot(x / (wide * EYES), y / (high * EYES))
    weight: Array = np.clip((1 - radius) * min(wide, high) * EYES + 0.5, 0, 1).astype(np.float32)
    weight.setflags(write=False)
    return weight


FACE = _ellipse(1.0, 1.3)
"""Weight of the face, float32 [S, S]: from brows to chin and cheek to cheek."""
CORE = _ellipse(0.75, 0.95)
"""Weight of its inner part, which every swap replaces."""
STEADY = CORE * (np.arange(SIZE)[:, None] < POINTS[3:, 1].mean() - 0.2 * EYES)
"""Weight of the part of it that moves with the head: without the mouth."""
INK = _ellipse(1.15, 1.45)
"""What counts as face even where nothing changed."""


def placements_of(landmarks_px: Array) -> Array:
    """Frame pixels to square pixels for faces [N, 5, 2]: float64 [N, 2, 3]; NaN for faces that cannot be aligned."""
    return estimate_similarity(landmarks_px, POINTS)


def scale_of(placement: Array) -> float:
    """Square pixels to a frame pixel."""
    return float(np.sqrt(abs(np.linalg.det(placement[:, :2]))))


def squares(surfaces: Sequence[Surface], placements: Sequence[Array]) -> list[Taken[list[Array]]]:
    """The squares of several faces of each frame as it is now. placements: of each frame float64 [N, 2, 3]. A pixel is
    the mean of 2 x 2 bilinear samples in the middles of its quarters; edges are replicated."""
    counts = [len(places) for places in placements]
    if not sum(counts):
        return [Taken((), _shrunk) for _ in surfaces]
    finer = compose(_FINER, np.concatenate(placements))
    indices = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    size = (2 * SIZE, 2 * SIZE)
    pictures = ops.crop(
        surfaces, indices, finer, size, channels="rgb", mean=_ZERO, std=_CODE, dtype=_dtype(surfaces[0])
    )
    ends = np.cumsum(counts).tolist()
    return [
        Taken((pictures[end - count : end],) if count else (), _shrunk)
        for count, end in zip(counts, ends, strict=True)
    ]


def patch_square(patch: Array, placement: Array, place: Array) -> Array:
    """The square at `place` (frame to square pixels) as a patch alone would fill it, sampled as `squares` does.

    patch: float32 [3, S, S], R'G'B' on 0..1, clamped here; placement: frame to patch pixels.
    """
    codes = np.ascontiguousarray(np.moveaxis(np.clip(patch, 0, 1) * 255, 0, -1), np.float32)
    matrix = compose(placement, invert(compose(_FINER, place)))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    finer = cv2.warpAffine(codes, matrix, (2 * SIZE, 2 * SIZE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return small(finer, SIZE)


def thumbnails(surfaces: Sequence[Surface]) -> list[Taken[Array]]:
    """Whole frames of one video as they are now, upright, at so many places as fit THUMBNAIL, never more than they
    have: bilinear samples, not means, so that differences between frames keep their size. float32 [h, w, 3] each."""
    first = surfaces[0]
    placement, extent = letterbox_placement(first.width_px, first.height_px, first.rotation_deg, THUMBNAIL)
    placements = np.broadcast_to(placement, (len(surfaces), 2, 3))
    extents = np.full((len(surfaces), 2), extent, np.int32)
    pictures = ops.letterbox(
        surfaces, placements, extents, extent, channels="rgb", mean=_ZERO, std=_CODE, dtype=_dtype(first)
    )
    return [Taken((pictures[row : row + 1],), _whole) for row in range(len(surfaces))]


def between(one: Surface, other: Surface) -> Array:
    """Pixels of a frame to those of another that shows the same upright, in any size and turn: float64 [2, 3]."""
    upright = [_upright(surface) for surface in (one, other)]
    (turn, (width, height)), (turn_other, (width_other, height_other)) = upright
    scale = np.array([width_other / width, height_other / height])
    resize = np.concatenate([np.diag(scale), (0.5 * scale - 0.5)[:, None]], axis=1)
    return compose(invert(turn_other), compose(resize, turn))


def stored(picture: Array) -> Array:
    """As uint8."""
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def small(picture: Array, size: int = 32) -> Array:
    """A square shrunk by the mean: float32 [size, size, ...]."""
    shrunk: Array = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return shrunk


def _upright(surface: Surface) -> tuple[Array, tuple[int, int]]:
    """Stored to upright pixels, and the upright width and height."""
    width, height = surface.width_px, surface.height_px
    return letterbox_placement(width, height, surface.rotation_deg, (width + height, width + height))


def _dtype(surface: Surface) -> str:
    """Halves cross the bus: they hold a code to an eighth."""
    return "float16" if surface.on_device else "float32"


def _shrunk(pictures: list[Array]) -> list[Array]:
    return [small(_interleaved(planes), SIZE) for crops in pictures for planes in crops]


def _whole(pictures: list[Array]) -> Array:
    return _interleaved(pictures[0][0])


def _interleaved(planes: Array) -> Array:
    picture: Array = cv2.merge([*planes.astype(np.float32, copy=False)])
    return picture
