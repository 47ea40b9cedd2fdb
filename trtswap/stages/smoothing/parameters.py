"""A face as the parameters that move on their own: where, how large, how turned, what shape, and its box.

A row of parameters, float64 [PARAMETERS]: centre x, y in frame pixels (the mean of the five points); natural
logarithm of the scale (pixels per template unit); rotation in radians; ten residuals of the points from the template
in the face's own frame (template units); box centre in the same frame; logarithms of box width and height in
template units.
"""

from __future__ import annotations

import numpy as np

from trtswap.geometry import TEMPLATES
from trtswap.types import Array

PARAMETERS = 18
SCALE = 2
ROTATION = 3
SHAPE = slice(4, 14)
_SMALLEST_SIDE = 1e-3

_TEMPLATE = TEMPLATES["arcface_112_v2"].copy().view(np.complex128)[:, 0]
_CANONICAL = _TEMPLATE - _TEMPLATE.mean()
_PROJECT = _CANONICAL.conj() / (abs(_CANONICAL) ** 2).sum()
EYES = float(abs(_CANONICAL[1] - _CANONICAL[0]))

SPREAD = float((abs(_CANONICAL) ** 2).sum())
"""The variance that noise of the points (template units, each coordinate) has, over that of `SCALE` or `ROTATION`."""

GROUPS = np.zeros((PARAMETERS, 5))
"""[PARAMETERS, 5]: which parameters share a bandwidth: position, scale, rotation, shape, box."""
for _rows, _group in ((slice(0, 2), 0), (2, 1), (3, 2), (SHAPE, 3), (slice(14, 18), 4)):
    GROUPS[_rows, _group] = 1


def decompose(landmarks_px: Array, boxes_px: Array) -> Array:
    """Landmarks [N, 5, 2] and boxes [N, 4] as float64 [N, PARAMETERS]. The points of a face must not coincide."""
    points = _complex(landmarks_px)
    boxes = np.asarray(boxes_px, np.float64)
    result = np.empty((len(points), PARAMETERS))
    centre = points.sum(axis=1) / 5
    offsets = points - centre[:, None]
    turn = offsets @ _PROJECT
    result[:, :2] = _plane(centre)
    result[:, 2:4] = _plane(np.log(turn))
    result[:, SHAPE] = _plane(offsets / turn[:, None] - _CANONICAL).reshape(-1, 10)
    scale = abs(turn)[:, None]
    result[:, 14:16] = (0.5 * (boxes[:, :2] + boxes[:, 2:]) - result[:, :2]) / scale
    result[:, 16:18] = np.log(np.maximum(boxes[:, 2:] - boxes[:, :2], _SMALLEST_SIDE) / scale)
    return result


def recompose(parameters: Array) -> tuple[Array, Array]:
    """The inverse of `decompose`: landmarks float64 [N, 5, 2], boxes float64 [N, 4]."""
    centre = parameters[:, :2]
    turn = np.exp(_complex(parameters[:, 2:4]))
    shape = _complex(parameters[:, SHAPE].reshape(-1, 5, 2))
    points = _plane((shape + _CANONICAL) * turn[:, None]) + centre[:, None]
    scale = abs(turn)[:, None]
    middle = parameters[:, 14:16] * scale + centre
    half = 0.5 * np.exp(parameters[:, 16:18]) * scale
    return points, np.concatenate([middle - half, middle + half], axis=1)


def eye_distances(log_scales: Array) -> Array:
    """The distance between the eyes in pixels that the parameter `SCALE` means."""
    return np.asarray(np.exp(log_scales) * EYES)


def repair(landmarks_px: Array, trusted: Array, shape: Array) -> Array:
    """Landmarks [5, 2] with the points that are not `trusted` (bool [5], three or more True) put where the others and
    the face's own shape (residuals [10]) say."""
    model = _CANONICAL + _complex(shape.reshape(5, 2))
    points = _complex(landmarks_px)
    source, target = model[trusted], points[trusted]
    offsets = source - source.mean()
    turn = (offsets.conj() @ target) / (offsets.conj() @ offsets)
    moved = (model - source.mean()) * turn + target.mean()
    return _plane(np.where(trusted, points, moved))


def _complex(pairs: Array) -> Array:
    """Pairs [..., 2] as complex numbers [...]."""
    return np.ascontiguousarray(pairs, np.float64).view(np.complex128)[..., 0]


def _plane(numbers: Array) -> Array:
    """Complex numbers [...] as pairs [..., 2]."""
    return np.ascontiguousarray(numbers)[..., None].view(np.float64)


def _warp() -> Array:
    """What is left of the corners of eyes and mouth after any affine map: weights [5] of length 1."""
    corners = [0, 1, 3, 4]
    affine = np.column_stack([np.ones(4), _plane(_CANONICAL)[corners]])
    weights = np.zeros(5)
    weights[corners] = np.linalg.svd(affine.T)[2][3]
    return weights


WARP = np.kron(_warp()[:, None], np.eye(2))
"""[10, 2]: what no view of a flat face explains of a residual shape, in x and y."""
