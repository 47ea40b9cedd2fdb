"""SCRFD, and RetinaFace-10G, which is one of them by its structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trtswap.networks.detector import STRIDES, GridDetector, of_cells
from trtswap.types import Array

_ANCHORS = 2


class Scrfd(GridDetector):
    """Nine outputs: scores, distances to the sides of the box, five points, each at strides 8, 16 and 32.

    Two candidates a cell, one after the other.
    """

    def scores(self, outputs: Sequence[Array]) -> Array:
        """As they are."""
        return np.concatenate(outputs[: len(STRIDES)], axis=1)[..., 0].astype(np.float64)

    def cells(self, outputs: Sequence[Array], items: Array, rows: Array) -> tuple[Array, Array]:
        """Boxes are what lies left, above, right and below of the cell's corner, in strides."""
        parts = (outputs[3:6], outputs[6:9])
        corners, strides, (box, points) = of_cells(self.size, items, rows, parts, _ANCHORS)
        sides = box * strides
        ends = np.stack([corners - sides[:, :2], corners + sides[:, 2:]], axis=-2)
        boxes = np.sort(ends, axis=-2).reshape(-1, 4)
        return boxes, corners[:, None] + points.reshape(-1, 5, 2) * strides[:, None]
