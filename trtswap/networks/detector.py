"""Face detectors: frames to faces. What they share, and YuNet; others are in modules of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
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

_DEFAULTS = DetectOptions()
_SMALLEST_SPREAD_PX = 1e-3
_OVERLAP, _OVERLAP_PER_ANGLE, _OVERLAP_POOLED = 0.4, 0.1, 0.1


@dataclass(frozen=True)
class Candidates:
    """Perhaps faces, in pixels of the stored frame: scores [M], boxes [M, 4], landmarks [M, 5, 2]."""

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
        overlap = overlap_limit(options)
        return [faces_of(parts, overlap) for parts in self.search(surfaces, options)]

    def search(self, surfaces: Sequence[Surface], options: DetectOptions) -> list[list[Candidates]]:
        """Candidates of each surface, in a part for each angle, each angle in one run."""
        parts: list[list[Candidates]] = [[] for _ in surfaces]
        for angle_deg in options.angles if surfaces else ():
            tensor, placements = self.inputs(surfaces, options, angle_deg)
            outputs = device.fetch(self.session.run({self.session.spec.picture.input: tensor})).get()
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
        overlap = overlap_limit(options)
        return [faces_of([found], overlap) for found in self._found(outputs, placements, options)]

    @abstractmethod
    def candidates(self, outputs: Sequence[Array]) -> tuple[Array, Array, Array]:
        """scores [N, M], boxes [N, M, 4], landmarks [N, M, 5, 2] of all cells, in network pixels."""

    def _found(self, outputs: Sequence[Array], placements: Array, options: DetectOptions) -> list[Candidates]:
        return [
            _likely(scores, boxes, landmarks, placement, options.score)
            for scores, boxes, landmarks, placement in zip(*self.candidates(outputs), placements, strict=True)
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
        overlap = overlap_limit(options, pooled=True)
        return [faces_of(parts, overlap) for parts in self.search(surfaces, options)]


class YuNet(GridDetector):
    """YuNet: twelve outputs, class score, objectness, box and five points, each at strides 8, 16 and 32."""

    def candidates(self, outputs: Sequence[Array]) -> tuple[Array, Array, Array]:
        """The score is the product of the first two; boxes are a centre and the logarithm of a size."""
        scores, boxes, landmarks = [], [], []
        for level, stride in enumerate((8, 16, 32)):
            classes, objects, box, points = (
                np.asarray(output, np.float64) for output in (outputs[level + 3 * kind] for kind in range(4))
            )
            corners = cells(self.size, stride)
            centre = corners + box[..., :2] * stride
            with np.errstate(over="ignore", invalid="ignore"):
                half = np.exp(box[..., 2:]) * (stride / 2)
                boxes.append(np.concatenate([centre - half, centre + half], axis=-1))
            scores.append((classes * objects)[..., 0])
            landmarks.append(corners[:, None] + points.reshape(*points.shape[:2], 5, 2) * stride)
        return np.concatenate(scores, 1), np.concatenate(boxes, 1), np.concatenate(landmarks, 1)


def overlap_limit(options: DetectOptions, *, pooled: bool = False) -> float:
    """The overlap above which two boxes are one face: as given, else the less the more ways it was looked for."""
    if options.overlap is not None:
        return options.overlap
    return _OVERLAP_POOLED if pooled else _OVERLAP - _OVERLAP_PER_ANGLE * (len(options.angles) - 1)


def faces_of(parts: Sequence[Candidates], overlap: float) -> Faces:
    """The faces among the candidates of one frame, best score first."""
    if not parts:
        return Faces.empty()
    scores = np.concatenate([part.scores for part in parts])
    boxes = np.concatenate([part.boxes for part in parts])
    landmarks = np.concatenate([part.landmarks for part in parts])
    rows = non_max_suppression(boxes, scores, overlap)
    return Faces(
        boxes[rows].astype(np.float32), landmarks[rows].astype(np.float32), scores[rows].astype(np.float32)
    )


@lru_cache(maxsize=32)
def cells(size: tuple[int, int], stride: int) -> Array:
    """The top left corners of the cells, row by row: float64 [cells, 2] in network pixels, not to be written to."""
    rows, columns = np.mgrid[0 : size[1] // stride, 0 : size[0] // stride]
    corners = np.stack([columns.ravel(), rows.ravel()], axis=1) * float(stride)
    corners.flags.writeable = False
    return corners


def _likely(scores: Array, boxes: Array, landmarks: Array, placement: Array, least: float) -> Candidates:
    """The sound candidates of one item with a score of `least` or more, in frame pixels."""
    rows = np.flatnonzero(np.isfinite(scores) & (scores >= least))
    points = landmarks[rows]
    spread = np.ptp(points, axis=1).max(axis=1)
    sound = np.isfinite(boxes[rows]).all(axis=1) & np.isfinite(spread) & (spread > _SMALLEST_SPREAD_PX)
    rows = rows[sound]
    to_frame = invert(placement)
    return Candidates(
        scores[rows], transform_boxes(to_frame, boxes[rows]), transform_points(to_frame, landmarks[rows])
    )
