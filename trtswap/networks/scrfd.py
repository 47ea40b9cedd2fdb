"""SCRFD, and RetinaFace-10G, which is one of them by its structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trtswap.networks.detector import STRIDES, GridDetector, by_level
from trtswap.types import Array

_ANCHORS = 2


class Scrfd(GridDetector):
    """Nine outputs: scores, distances to the sides of the box, five points, each at strides 8, 16 and 32.

    Two candidates a cell, one after the other.
    """

    def scores(self, outputs: Sequence[Array]) -> Array:
        """As they are."""
        return np.concatenate(outputs[: len(STRIDES)], axis=1)[..., 0].astype(np.float64)

    def cells(self, outputs: Sequence[Array], item: int, rows: Array) -> tuple[Array, Array]:
        """Boxes are what lies left, above, right and below of the cell's corner, in strides."""
        boxes, landmarks = [], []
        for level, corners, here in by_level(self.size, rows, _ANCHORS):
            stride = STRIDES[level]
            box, points = (np.asarray(outputs[level + kind][item, here], np.float64) for kind in (3, 6))
            sides = box * stride
            ends = np.stack([corners - sides[:, :2], corners + sides[:, 2:]], axis=-2)
            boxes.append(np.sort(ends, axis=-2).reshape(-1, 4))
            landmarks.append(corners[:, None] + points.reshape(-1, 5, 2) * stride)
        return np.concatenate(boxes), np.concatenate(landmarks)
