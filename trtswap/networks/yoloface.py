"""YOLO detectors trained on faces, with five points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trtswap.networks.detector import GridDetector
from trtswap.types import Array


class YoloFace(GridDetector):
    """One output [N, 20, M], decoded in the network: centre, size, score, five points with a visibility each."""

    def scores(self, outputs: Sequence[Array]) -> Array:
        """As they are."""
        return np.asarray(outputs[0][:, 4], np.float64)

    def cells(self, outputs: Sequence[Array], items: Array, rows: Array) -> tuple[Array, Array]:
        """All in network pixels already; the visibilities are not used."""
        found = np.asarray(outputs[0][items, :, rows], np.float64)
        centre, half = found[:, :2], found[:, 2:4] / 2
        points = found[:, 5:].reshape(-1, 5, 3)[..., :2]
        return np.concatenate([centre - half, centre + half], axis=-1), points
