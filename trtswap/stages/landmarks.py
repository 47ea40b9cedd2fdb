"""Sixty-eight points for every face, and better five points from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trtswap.networks.landmarker import Landmarker, five_of_68
from trtswap.options import LandmarkOptions
from trtswap.types import Faces, Surface


class Refiner:
    """Runs a landmarker on detected faces."""

    def __init__(self, landmarker: Landmarker, options: LandmarkOptions) -> None:
        self._landmarker = landmarker
        self._options = options

    def refine(self, surfaces: Sequence[Surface], faces: Sequence[Faces]) -> list[Faces]:
        """The faces of each surface with `landmarks_68_px`, from one run on all of them.

        Where the landmarker's score is above that of the options, the five points are those of the sixty-eight; else
        they stay the detector's.
        """
        dense, scores = self._landmarker.locate(surfaces, faces)
        sure = (scores > self._options.score) & np.isfinite(dense).all(axis=(1, 2))
        dense = np.nan_to_num(dense, nan=0.0, posinf=0.0, neginf=0.0)
        ends = np.cumsum([len(item) for item in faces])[:-1]
        refined = []
        for item, points, taken in zip(faces, np.split(dense, ends), np.split(sure, ends), strict=True):
            five = np.where(taken[:, None, None], five_of_68(points), item.landmarks_px)
            refined.append(replace(item, landmarks_px=five.astype(np.float32), landmarks_68_px=points))
        return refined
