"""Local polynomial regression over a window, as rows of weights, and the choice between bandwidths.

Every estimate is linear in the samples: a row of weights times the window. Rows are made for a ladder of bandwidths,
from the sample alone to a parabola over the whole window; `aggregate` climbs it as long as the wider estimate agrees
with the narrower ones within the noise (Lepski's rule; stagewise aggregation after Belomestny and Spokoiny,
Annals of Statistics 35, 2007, makes the choice gradual, so that the choice itself does not jitter).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trtswap.types import Array

_STRAIGHT = 1e8
_SLOPE_RIDGE = 1e-6
_CURVE_RIDGE = 1e-9
_ONE_SIDED = 0.1
_ONE_SIDED_RIDGE = 4.0
_EMPTY = 1e-9
_GATE = 60.0
"""How many noise variances a step of the ladder may move an estimate."""

_ROUNDING = 1e-20
_TINY = 1e-30
_LEAST_WEIGHT = 0.01


@dataclass(frozen=True)
class Ladder:
    """Bandwidths, narrow to wide. half_widths: [K] in frames, samples as far away count 0. straight: bool [K], lines
    instead of parabolas."""

    half_widths: Array
    straight: Array


def ladder(lag_frames: int) -> Ladder:
    """The bandwidths for windows of `lag_frames` to either side."""
    full = lag_frames + 1.0
    half_widths = np.array([1.0, max(full / 4, 2.0), max(full / 2, 2.5), full])
    return Ladder(half_widths, np.array([True, True, False, False]))


def fit_rows(steps: Ladder, distances: Array, offsets: Array, weights: Array) -> Array:
    """The rows that estimate the value at offset 0: float64 [N, K, W], each summing to one.

    distances: [W], how far each sample is from the centre in frames. offsets: [W], signed and in units of the
    widest bandwidth. weights: [N, W], how much each sample counts; 0 leaves it out. A bandwidth in which nothing
    counts takes the next wider one; a track in which nothing counts at all gets its centre sample.
    """
    ratio = distances / steps.half_widths[:, None]
    open_side = np.maximum(1 - ratio * ratio * ratio, 0)
    kernels = weights[:, None, :] * (open_side * open_side * open_side)
    powers = np.ones((5, len(offsets)))
    for power in range(1, 5):
        np.multiply(powers[power - 1], offsets, out=powers[power])
    moments = kernels @ powers.T
    s0 = moments[..., 0] + _TINY
    scaled = moments / s0[..., None]
    s1, s2, s3, s4 = scaled[..., 1], scaled[..., 2], scaled[..., 3], scaled[..., 4]
    beyond = np.maximum(np.abs(s1) - _ONE_SIDED, 0)
    s4 = s4 + _CURVE_RIDGE + np.where(steps.straight, _STRAIGHT, _ONE_SIDED_RIDGE * beyond * beyond)
    slope = s2 + _SLOPE_RIDGE
    factors = np.empty((*s0.shape, 3))
    factors[..., 0] = slope * s4 - s3 * s3
    factors[..., 1] = s2 * s3 - s1 * s4
    factors[..., 2] = s1 * s3 - slope * s2
    determinant = _TINY + factors[..., 0] + s1 * factors[..., 1] + s2 * factors[..., 2]
    factors /= (determinant * s0)[..., None]
    rows: Array = kernels * (factors @ powers[:3])
    return _substitute(rows, moments[..., 0], len(distances) // 2)


def _substitute(rows: Array, totals: Array, centre: int) -> Array:
    empty = totals <= _EMPTY
    if not empty.any():
        return rows
    rows[empty[:, -1], -1] = np.eye(rows.shape[-1])[centre]
    for level in range(rows.shape[1] - 2, -1, -1):
        rows[empty[:, level], level] = rows[empty[:, level], level + 1]
    return rows


def row_changes(rows: Array, weights: Array) -> Array:
    """The variance that unit noise gives to the difference of neighbouring rows: float64 [N, K - 1].

    rows: [N, K, W] of `fit_rows` for weights [N, W]; a sample of less weight is taken to be noisier accordingly.
    """
    spread = (rows[:, 1:] - rows[:, :-1]) / np.sqrt(np.maximum(weights, _LEAST_WEIGHT))[:, None]
    return np.asarray(np.einsum("nkw,nkw->nk", spread, spread) + _TINY)


def aggregate(rows: Array, changes: Array, values: Array, variances: Array, groups: Array) -> Array:
    """The estimate at the centre: float64 [N, D].

    rows: [N, K, W] and changes: [N, K - 1], or [1, ...] when all tracks share them. values: [N, W, D]. variances:
    [N, G], of the noise of each group; infinite where unknown, which takes the widest. groups: [D, G], one 1 a row:
    dimensions of one group take the same bandwidth.
    """
    levels = rows @ values
    allowed = changes[:, :, None] * (_GATE * groups.sum(axis=0) * variances)[:, None] + _ROUNDING
    estimate: Array = levels[:, 0]
    for level in range(1, levels.shape[1]):
        change = levels[:, level] - estimate
        excess = (change * change) @ groups / allowed[:, level - 1]
        estimate = estimate + change * (np.maximum(np.minimum(2 - 2 * excess, 1), 0) @ groups.T)
    return estimate
