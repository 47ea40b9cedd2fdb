"""SCRFD, and RetinaFace-10G, which is one of them by its structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trtswap.networks.detector import GridDetector, cells
from trtswap.types import Array

_ANCHORS = 2


class Scrfd(GridDetector):
    """Nine outputs: scores, distances to the sides of the box, five points, each at strides 8, 16 and 32.

    Two candidates a cell, one after the other.
    """

    def candidates(self, outputs: Sequence[Array]) -> tuple[Array, Array, Array]:
        """Boxes are what lies left, above, right and below of the cell's corner, in strides."""
        scores, boxes, landmarks = [], [], []
        for level, stride in enumerate((8, 16, 32)):
            score, box, points = (np.asarray(outputs[level + 3 * kind], np.float64) for kind in range(3))
            corners = np.repeat(cells(self.size, stride), _ANCHORS, axis=0)
            sides = box * stride
            ends = np.stack([corners - sides[..., :2], corners + sides[..., 2:]], axis=-2)
            boxes.append(np.sort(ends, axis=-2).reshape(*box.shape))
            scores.append(score[..., 0])
            landmarks.append(corners[:, None] + points.reshape(*points.shape[:2], 5, 2) * stride)
        return np.concatenate(scores, 1), np.concatenate(boxes, 1), np.concatenate(landmarks, 1)
