"""Sixty-eight points for every face, and better five points from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from trtswap.networks.five_to_68 import FiveTo68
from trtswap.networks.landmarker import Landmarker, five_of_68
from trtswap.options import LandmarkOptions
from trtswap.types import Array, Faces, Surface


class Refiner:
    """Runs a landmarker on detected faces.

    guesser: tells the sixty-eight points from the detector's five where there is no landmarker, and to the landmarker
    how a face is turned.
    """

    def __init__(
        self, landmarker: Landmarker | None, options: LandmarkOptions, guesser: FiveTo68 | None = None
    ) -> None:
        self._landmarker = landmarker
        self._options = options
        self._guesser = guesser

    def refine(self, surfaces: Sequence[Surface], faces: Sequence[Faces]) -> list[Faces]:
        """The faces of each surface with `landmarks_68_px`, from one run on all of them.

        Where the landmarker's score is above that of the options, the five points are those of the sixty-eight; else
        they stay the detector's. Faces are to be such that can be aligned.
        """
        if self._guesser is not None:
            guessed = _finite(self._guesser.guess(np.concatenate([item.landmarks_px for item in faces])))
            faces = [replace(item, landmarks_68_px=part) for item, (part,) in _parted(faces, guessed)]
        if self._landmarker is None:
            return list(faces)
        dense, scores = self._landmarker.locate(surfaces, faces)
        sure = (scores > self._options.score) & np.isfinite(dense).all(axis=(1, 2))
        dense = _finite(dense)
        five = np.concatenate([item.landmarks_px for item in faces])
        five = np.where(sure[:, None, None], five_of_68(dense), five).astype(np.float32)
        return [
            replace(item, landmarks_px=own, landmarks_68_px=points)
            for item, (own, points) in _parted(faces, five, dense)
        ]


def _parted(faces: Sequence[Faces], *arrays: Array) -> Iterator[tuple[Faces, list[Array]]]:
    """The faces of each surface, and the rows of arrays [F, ...] that belong to them."""
    start = 0
    for item in faces:
        yield item, [rows[start : start + len(item)] for rows in arrays]
        start += len(item)


def _finite(points: Array) -> Array:
    return np.nan_to_num(points, nan=0.0, posinf=0.0, neginf=0.0)
