"""The template that shapes of faces are told from."""

from __future__ import annotations

import numpy as np

from trtswap.geometry import TEMPLATES
from trtswap.native import core
from trtswap.types import Array

_POINTS = TEMPLATES["arcface_112_v2"].astype(np.float64)


def _warp() -> Array:
    """What is left of the corners of eyes and mouth after any affine map: weights [5] of length 1."""
    corners = [0, 1, 3, 4]
    affine = np.column_stack([np.ones(4), (_POINTS - _POINTS.mean(axis=0))[corners]])
    weights = np.zeros(5)
    weights[corners] = np.linalg.svd(affine.T)[2][3]
    return weights


WARP = _warp()
FACE_TEMPLATE = core.FaceTemplate(_POINTS, WARP)
"""What a face is in parameters that move on their own: see csrc/smoothing/parameters.hpp."""
