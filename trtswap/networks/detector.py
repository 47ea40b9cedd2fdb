"""Adapters of face detectors: frames to faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from trtswap import ops
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
_STRIDES = (8, 16, 32)
_SMALLEST_SPREAD_PX = 1e-3


class Detector(Protocol):
    """Finds faces in whole frames."""

    session: Session

    def detect(self, surfaces: Sequence[Surface], options: DetectOptions = _DEFAULTS) -> list[Faces]:
        """The faces of each surface, best score first, in pixels of the stored frame."""


class YuNet:
    """YuNet: twelve outputs, class score, objectness, box and five points, each at strides 8, 16 and 32."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.size = session.spec.picture.size

    def detect(self, surfaces: Sequence[Surface], options: DetectOptions = _DEFAULTS) -> list[Faces]:
        """The faces of each surface, best score first, in pixels of the stored frame.

        Raises NetworkError and its kin, DeviceError.
        """
        if not surfaces:
            return []
        tensor, placements = self.inputs(surfaces)
        outputs = self.session.run({self.session.spec.picture.input: tensor})
        return self.decode(outputs, placements, options)

    def inputs(self, surfaces: Sequence[Surface]) -> tuple[Array, Array]:
        """The network's input [N, 3, H, W] for the surfaces, and where each lies in it: float64 [N, 2, 3],
        frame pixels to network pixels."""
        picture = self.session.spec.picture
        boxes = [
            letterbox_placement(surface.width_px, surface.height_px, surface.rotation_deg, self.size)
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
        """The faces in a batch of outputs.

        outputs: the twelve arrays [N, cells, 1, 1, 4 or 10], in the spec's order. placements: [N, 2, 3].
        Candidates that are not finite, or whose five points coincide, are dropped.
        """
        scores, boxes, landmarks = _candidates(outputs, self.size)
        return [
            _faces(item_scores, item_boxes, item_landmarks, placement, options)
            for item_scores, item_boxes, item_landmarks, placement in zip(
                scores, boxes, landmarks, placements, strict=True
            )
        ]


def _candidates(outputs: Sequence[Array], size: tuple[int, int]) -> tuple[Array, Array, Array]:
    """scores [N, M], boxes [N, M, 4], landmarks [N, M, 5, 2] of all cells and strides, in network pixels."""
    scores, boxes, landmarks = [], [], []
    for level, stride in enumerate(_STRIDES):
        classes, objects, box, points = (
            np.asarray(output, np.float64) for output in (outputs[level + 3 * kind] for kind in range(4))
        )
        cells = _cells(size, stride)
        centre = cells + box[..., :2] * stride
        with np.errstate(over="ignore", invalid="ignore"):
            half = np.exp(box[..., 2:]) * (stride / 2)
            boxes.append(np.concatenate([centre - half, centre + half], axis=-1))
        scores.append((classes * objects)[..., 0])
        landmarks.append(cells[:, None] + points.reshape(*points.shape[:2], 5, 2) * stride)
    return np.concatenate(scores, 1), np.concatenate(boxes, 1), np.concatenate(landmarks, 1)


def _cells(size: tuple[int, int], stride: int) -> Array:
    """The top left corners of the cells, row by row: float64 [cells, 2] in network pixels."""
    rows, columns = np.mgrid[0 : size[1] // stride, 0 : size[0] // stride]
    return np.stack([columns.ravel(), rows.ravel()], axis=1) * float(stride)


def _faces(scores: Array, boxes: Array, landmarks: Array, placement: Array, options: DetectOptions) -> Faces:
    """The faces of one frame, from its candidates in network pixels."""
    spread = np.ptp(landmarks, axis=1).max(axis=1)
    sound = np.isfinite(scores) & np.isfinite(boxes).all(axis=1) & (spread > _SMALLEST_SPREAD_PX)
    rows = np.flatnonzero(sound & np.isfinite(spread) & (scores >= options.score))
    rows = rows[non_max_suppression(boxes[rows], scores[rows], options.overlap)]
    to_frame = invert(placement)
    return Faces(
        transform_boxes(to_frame, boxes[rows]).astype(np.float32),
        transform_points(to_frame, landmarks[rows]).astype(np.float32),
        scores[rows].astype(np.float32),
    )
