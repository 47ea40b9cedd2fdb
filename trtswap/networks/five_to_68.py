"""The adapter of fan_68_5: five points to sixty-eight, without looking."""

from __future__ import annotations

import numpy as np

from trtswap.geometry import TEMPLATES, estimate_similarity, invert, transform_points
from trtswap.inference.session import Session
from trtswap.types import Array


class FiveTo68:
    """Guesses sixty-eight points of iBUG 300-W from five."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def guess(self, landmarks_px: Array) -> Array:
        """Points float32 [F, 68, 2] in pixels, for faces with landmarks [F, 5, 2] that can be aligned.

        The network sees the five in fractions of the crop of ffhq_512. Raises NetworkError and its kin, DeviceError.
        """
        if not len(landmarks_px):
            return np.zeros((0, 68, 2), np.float32)
        to_template = estimate_similarity(landmarks_px, TEMPLATES["ffhq_512"])
        fractions = transform_points(to_template, landmarks_px).astype(np.float32)
        dense = self.session.run({self.session.spec.inputs[0].name: fractions})[0]
        return transform_points(invert(to_template), dense).astype(np.float32)
