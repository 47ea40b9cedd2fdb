"""Face detectors: frames to faces. What they share, and YuNet; others are in modules of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

import numpy as np

from trtswap import device, ops
from trtswap.geometry import (
    invert,
    letterbox_placement,
    non_max_suppression,
    transform_boxes,
    transform_points,
)
from trtswap.inference.session import Session
from trtswap.options import DetectOptions
from trtswap.types import Array, Faces, Surface

STRIDES = (8, 16, 32)
_DEFAULTS = DetectOptions()
_SMALLEST_SPREAD_PX = 1e-3
_OVERLAP, _OVERLAP_PER_ANGLE, _OVERLAP_POOLED = 0.4, 0.1, 0.1


@dataclass(frozen=True)
class Candidates:
    """Perhaps faces, where not said otherwise in pixels of the stored frame: scores [M], boxes [M, 4], landmarks
    [M, 5, 2]."""

    scores: Array
    boxes: Array
    landmarks: Array


class Detector(Protocol):
    """Finds faces in whole frames."""

    def search(self, surfaces: Sequence[Surface], options: DetectOptions) -> list[list[Candidates]]:
        """What may be a face on each surface, the same one perhaps several times; in a part for each angle."""

    def detect(self, surfaces: Sequence[Surface], options: DetectOptions = _DEFAULTS) -> list[Faces]:
        """The faces of each surface, best score first, in pixels of the stored frame."""


class GridDetector(ABC):
    """A detector that gives scores, boxes and five points for every cell of its input.

    size: width and height of its input in pixels.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.size = session.spec.picture.size

    def detect(self, surfaces: Sequence[Surface], options: DetectOptions = _DEFAULTS) -> list[Faces]:
        """The faces of each surface, best score first, in pixels of the stored frame. They may lie partly beyond it.

        Raises NetworkError and its kin, DeviceError.
        """
        return faces_of(self.search(surfaces, options), overlap_limit(options))

    def search(self, surfaces: Sequence[Surface], options: DetectOptions) -> list[list[Candidates]]:
        """Candidates of each surface, in a part for each angle, each angle in one run."""
        parts: list[list[Candidates]] = [[] for _ in surfaces]
        for angle_deg in options.angles if surfaces else ():
            tensor, placements = self.inputs(surfaces, options, angle_deg)
            outputs = device.fetch(self.session.run({self.session.spec.picture.input: tensor})).lent()
            for part, found in zip(parts, self._found(outputs, placements, options), strict=True):
                part.append(found)
        return parts

    def inputs(
        self, surfaces: Sequence[Surface], options: DetectOptions = _DEFAULTS, angle_deg: int = 0
    ) -> tuple[Array, Array]:
        """The network's input [N, 3, H, W] for the surfaces, and where each lies in it: float64 [N, 2, 3],
        frame pixels to network pixels. angle_deg: upright pictures are turned counter-clockwise by this."""
        picture = self.session.spec.picture
        boxes = [
            letterbox_placement(
                surface.width_px,
                surface.height_px,
                (surface.rotation_deg + angle_deg) % 360,
                self.size,
                options.margin,
            )
            for surface in surfaces
        ]
        placements = np.stack([placement for placement, _ in boxes])
        tensor = ops.letterbox(
            surfaces,
            placements,
            np.array([extent for _, extent in boxes], np.int32),
            self.size,
            channels=picture.channels,
            mean=picture.mean,
            std=picture.std,
            sampling=picture.sampling,
        )
        return tensor, placements

    def decode(self, outputs: Sequence[Array], placements: Array, options: DetectOptions) -> list[Faces]:
        """The faces in a batch of outputs, in the spec's order.

        placements: [N, 2, 3]. Candidates that are not finite, or whose five points coincide, are dropped.
        """
        parts = [[found] for found in self._found(outputs, placements, options)]
        return faces_of(parts, overlap_limit(options))

    @abstractmethod
    def scores(self, outputs: Sequence[Array]) -> Array:
        """Of all cells: float64 [N, M]."""

    @abstractmethod
    def cells(self, outputs: Sequence[Array], items: Array, rows: Array) -> tuple[Array, Array]:
        """boxes [R, 4] and landmarks [R, 5, 2] of the cells `rows` of the items `items`, both int [R], in network
        pixels."""

    def candidates(self, outputs: Sequence[Array], least: float) -> tuple[Array, Candidates]:
        """What has a score of `least` or more, in network pixels, and in which item, int [M], ascending. The rest,
        nearly all, is not decoded."""
        scores = self.scores(outputs)
        items, rows = np.divmod(np.flatnonzero(scores >= least), scores.shape[1])
        found = scores[items, rows]
        finite = np.isfinite(found)
        items, rows, found = items[finite], rows[finite], found[finite]
        return items, Candidates(found, *self.cells(outputs, items, rows))

    def _found(self, outputs: Sequence[Array], placements: Array, options: DetectOptions) -> list[Candidates]:
        items, found = self.candidates(outputs, options.score)
        items, found = _placed(items, found, placements)
        return [
            Candidates(found.scores[start:end], found.boxes[start:end], found.landmarks[start:end])
            for start, end in _ranges(items, len(placements))
        ]


class Pooled:
    """Several detectors whose findings are put together."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self.detectors = tuple(detectors)

    def search(self, surfaces: Sequence[Surface], options: DetectOptions) -> list[list[Candidates]]:
        """The candidates of all."""
        found = [detector.search(surfaces, options) for detector in self.detectors]
        return [[part for parts in same for part in parts] for same in zip(*found, strict=True)]

    def detect(self, surfaces: Sequence[Surface], options: DetectOptions = _DEFAULTS) -> list[Faces]:
        """The faces of each surface, best score first, whoever found them."""
        return faces_of(self.search(surfaces, options), overlap_limit(options, pooled=True))


class YuNet(GridDetector):
    """YuNet: twelve outputs, class score, objectness, box and five points, each at strides 8, 16 and 32."""

    def scores(self, outputs: Sequence[Array]) -> Array:
        """The product of the first two."""
        classes, objects = outputs[:3], outputs[3:6]
        scores = np.empty((len(classes[0]), sum(part.shape[1] for part in classes)))
        start = 0
        for left, right in zip(classes, objects, strict=True):
            end = start + left.shape[1]
            np.multiply(left[..., 0], right[..., 0], out=scores[:, start:end], dtype=np.float64)
            start = end
        return scores

    def cells(self, outputs: Sequence[Array], items: Array, rows: Array) -> tuple[Array, Array]:
        """Boxes are a centre and the logarithm of a size."""
        corners, strides, (box, points) = of_cells(self.size, items, rows, (outputs[6:9], outputs[9:12]))
        centre = corners + box[:, :2] * strides
        with np.errstate(over="ignore", invalid="ignore"):
            half = np.exp(box[:, 2:]) * (strides / 2)
            boxes = np.concatenate([centre - half, centre + half], axis=-1)
        return boxes, corners[:, None] + points.reshape(-1, 5, 2) * strides[:, None]


def overlap_limit(options: DetectOptions, *, pooled: bool = False) -> float:
    """The overlap above which two boxes are one face: as given, else the less the more ways it was looked for."""
    if options.overlap is not None:
        return options.overlap
    return _OVERLAP_POOLED if pooled else _OVERLAP - _OVERLAP_PER_ANGLE * (len(options.angles) - 1)


def faces_of(found: Sequence[Sequence[Candidates]], overlap: float) -> list[Faces]:
    """The faces among the candidates of each frame, best score first."""
    parts = [part for of_frame in found for part in of_frame]
    if not parts:
        return [Faces.empty() for _ in found]
    lengths = [sum(len(part.scores) for part in of_frame) for of_frame in found]
    items = np.repeat(np.arange(len(found)), lengths)
    scores = np.concatenate([part.scores for part in parts])
    boxes = np.concatenate([part.boxes for part in parts])
    landmarks = np.concatenate([part.landmarks for part in parts])
    rows = non_max_suppression(boxes, scores, overlap, items)
    scores, boxes, landmarks = (kept[rows].astype(np.float32) for kept in (scores, boxes, landmarks))
    return [
        Faces(boxes[start:end], landmarks[start:end], scores[start:end])
        for start, end in _ranges(items[rows], len(found))
    ]


def _ranges(items: Array, count: int) -> Iterable[tuple[int, int]]:
    """Where the rows of each of `count` items begin and end, as `items` [M], ascending, tells them."""
    return pairwise(np.searchsorted(items, np.arange(count + 1)).tolist())


def of_cells(
    size: tuple[int, int], items: Array, rows: Array, outputs: Sequence[Sequence[Array]], anchors: int = 1
) -> tuple[Array, Array, list[Array]]:
    """The corners [R, 2] and strides [R, 1] of some cells, in network pixels, and what some outputs say of them.

    items, rows: int [R]; rows count all cells, level by level. outputs: each in a part for each level, [N, cells, K]
    to float64 [R, K]. anchors: candidates a cell, one after the other.
    """
    corners, strides = np.zeros((len(rows), 2)), np.ones((len(rows), 1))
    found = [np.zeros((len(rows), levels[0].shape[-1])) for levels in outputs]
    start = 0
    for level, stride in enumerate(STRIDES):
        known = cells(size, stride)
        end = start + len(known) * anchors
        here = np.flatnonzero((rows >= start) & (rows < end))
        if here.size:
            own = rows[here] - start
            corners[here], strides[here] = known[own // anchors], stride
            for target, levels in zip(found, outputs, strict=True):
                target[here] = levels[level][items[here], own]
        start = end
    return corners, strides, found


@lru_cache(maxsize=32)
def cells(size: tuple[int, int], stride: int) -> Array:
    """The top left corners of the cells, row by row: float64 [cells, 2] in network pixels, not to be written to."""
    rows, columns = np.mgrid[0 : size[1] // stride, 0 : size[0] // stride]
    corners = np.stack([columns.ravel(), rows.ravel()], axis=1) * float(stride)
    corners.flags.writeable = False
    return corners


def _placed(items: Array, found: Candidates, placements: Array) -> tuple[Array, Candidates]:
    """The sound ones, in frame pixels. placements: of the items."""
    spread = np.ptp(found.landmarks, axis=1).max(axis=1)
    sound = np.isfinite(found.boxes).all(axis=1) & np.isfinite(spread) & (spread > _SMALLEST_SPREAD_PX)
    items = items[sound]
    to_frame = invert(placements)[items]
    return items, Candidates(
        found.scores[sound],
        transform_boxes(to_frame, found.boxes[sound]),
        transform_points(to_frame, found.landmarks[sound]),
    )
