"""YOLO detectors trained on faces, with five points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trtswap.networks.detector import GridDetector
from trtswap.types import Array


class YoloFace(GridDetector):
    """One output [N, 20, M], decoded in the network: centre, size, score, five points with a visibility each."""

    def candidates(self, outputs: Sequence[Array]) -> tuple[Array, Array, Array]:
        """All in network pixels already; the visibilities are not used."""
        rows = np.moveaxis(np.asarray(outputs[0], np.float64), 1, 2)
        centre, half = rows[..., :2], rows[..., 2:4] / 2
        points = rows[..., 5:].reshape(*rows.shape[:2], 5, 3)[..., :2]
        return rows[..., 4], np.concatenate([centre - half, centre + half], axis=-1), points
