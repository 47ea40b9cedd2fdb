"""Local polynomial regression over a window, as rows of weights, and the choice between bandwidths.

Every estimate is linear in the samples: a row of weights times the window. Rows are made for a ladder of bandwidths,
from the sample alone to a parabola over the whole window; `aggregate` climbs it as long as the samples lie about the
wider fit as the noise lets them. The choice is gradual, so that it does not jitter itself (stagewise aggregation after
Belomestny and Spokoiny, Annals of Statistics 35, 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trtswap.stages.smoothing.noise import MEASURED, Tolerances
from trtswap.stages.smoothing.residuals import Residuals, residual_forms
from trtswap.types import Array

_STRAIGHT = 1e8
_SLOPE_RIDGE = 1e-11
_CURVE_RIDGE = 1e-9
_ONE_SIDED = 0.1
LEANING = 4.0
"""Of numbers about which nothing is known, in squared units of the widest bandwidth."""

_EMPTY = 1e-9
_ROUNDING = 1e-20
_TINY = 1e-30
_STRICTNESS = np.array([0.3, 0.9, 4.0])
"""By how many standard deviations of chance a fit may be worse than the noise, narrow to wide. The widest fit is the
best where it holds, so it is given up last."""

_LIMITED = 6
"""More dimensions of a group than these are not independent."""

_MIDDLE = 2
_FAR = 4.0
"""Where the narrowest fit is so many times as bad as allowed, which is no chance, the `_MIDDLE` one is not trusted."""


@dataclass(frozen=True)
class Ladder:
    """Bandwidths, narrow to wide. half_widths: [K] in frames, samples as far away count 0. straight: bool [K], lines
    instead of parabolas. leaning: how far one-sided windows lean from parabolas towards lines."""

    half_widths: Array
    straight: Array
    leaning: float

    def allowed(self, tolerances: Tolerances, sizes: Array) -> Array:
        """The mean squared residuals up to which fits are trusted, float64 [N, K - 1, G]. sizes: [G], of the groups."""
        freedom = np.maximum(1.2 * self.half_widths[1:, None] - 1.5, 1.0)
        chance = np.sqrt(2 / (freedom * np.minimum(sizes, _LIMITED)))
        strict = 1 + _STRICTNESS[:, None] * chance
        return np.asarray(strict * tolerances.white[:, None] + tolerances.slow + _ROUNDING)


@dataclass(frozen=True)
class Fits:
    """What is made of windows. rows: [N, K, W]; slopes: [N, 1, W], the row that gives the drift within half a window of
    samples whose mean is 0; residuals: of all but the narrowest bandwidth. N is 1 when all tracks share them."""

    rows: Array
    slopes: Array
    residuals: Residuals


def ladder(lag_frames: int, leaning: float = LEANING) -> Ladder:
    """The bandwidths for windows of `lag_frames` to either side."""
    full = lag_frames + 1.0
    half_widths = np.array([1.0, max(full / 4, 2.0), max(full / 2, 2.5), full])
    return Ladder(half_widths, np.array([True, True, False, False]), leaning)


def fit(steps: Ladder, distances: Array, offsets: Array, weights: Array) -> Fits:
    """The rows that estimate the value at offset 0, each summing to one, and how well they fit.

    distances: [W], how far each sample is from the centre in frames. offsets: [W], signed and in units of the
    widest bandwidth. weights: [N, W], how much each sample counts; 0 leaves it out. A bandwidth in which nothing
    counts takes the next wider one; a track in which nothing counts at all gets its centre sample. Samples of little
    weight do not tell how well a fit fits, nor does such a one stand for itself alone.
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
    shrinkage = steps.leaning * beyond * beyond
    s4 = s4 + _CURVE_RIDGE + np.where(steps.straight, _STRAIGHT, shrinkage)
    slope = s2 + _SLOPE_RIDGE
    factors = np.empty((*s0.shape, 3))
    factors[..., 0] = slope * s4 - s3 * s3
    factors[..., 1] = s2 * s3 - s1 * s4
    factors[..., 2] = s1 * s3 - slope * s2
    determinant = _TINY + factors[..., 0] + s1 * factors[..., 1] + s2 * factors[..., 2]
    factors /= (determinant * s0)[..., None]
    rows = kernels * (factors @ powers[:3])
    measured = weights >= MEASURED
    centre = len(distances) // 2
    moments[~measured[:, centre], 0] = 0.0
    rows = _substitute(rows, moments[..., 0], centre)
    told = kernels[:, 1:] * measured[:, None]
    slopes = weights * offsets
    slopes /= (slopes @ offsets + _EMPTY)[:, None]
    return Fits(rows, slopes[:, None], residual_forms(told, offsets, steps.straight[1:], shrinkage[:, 1:]))


def apart(fits: Fits) -> list[Fits]:
    """The fits of N tracks, one by one."""
    rows, form = fits.rows, fits.residuals
    parts = zip(rows, fits.slopes, form.kernels, form.basis, form.spare, strict=True)
    return [
        Fits(one[None], slope[None], Residuals(*(part[None] for part in rest))) for one, slope, *rest in parts
    ]


def joined(fits: Sequence[Fits]) -> Fits:
    """The fits of single tracks as those of all."""
    forms = [one.residuals for one in fits]
    return Fits(
        np.concatenate([one.rows for one in fits]),
        np.concatenate([one.slopes for one in fits]),
        Residuals(
            np.concatenate([form.kernels for form in forms]),
            np.concatenate([form.basis for form in forms]),
            np.concatenate([form.spare for form in forms]),
        ),
    )


def _substitute(rows: Array, totals: Array, centre: int) -> Array:
    empty = totals <= _EMPTY
    if not empty.any():
        return rows
    rows[empty[:, -1], -1] = np.eye(rows.shape[-1])[centre]
    for level in range(rows.shape[1] - 2, -1, -1):
        rows[empty[:, level], level] = rows[empty[:, level], level + 1]
    return rows


def gates(excess: Array, share: Array) -> Array:
    """How far each wider fit is trusted, 0..1: [N, K - 1, G]. excess: [N, K - 1, G], mean squared residuals in what is
    allowed. share: [N, G], as of `Tolerances`."""
    trust = _fading(excess)
    trust[:, :-1] *= share[:, None]
    trust[:, _MIDDLE - 1] *= _fading(excess[:, _MIDDLE - 2] / _FAR)
    return trust


def aggregate(rows: Array, values: Array, weights: Array) -> Array:
    """The estimate of windows: float64 [N, D]. rows: [N, K, W]; values: [N, W, D]; weights: [N, K - 1, D], the gates of
    each dimension."""
    levels = rows @ values
    estimate = levels[:, 0]
    for level in range(1, levels.shape[1]):
        estimate += (levels[:, level] - estimate) * weights[:, level - 1]
    return np.asarray(estimate)


def _fading(excess: Array) -> Array:
    """1 up to 1, 0 from 1.5 on."""
    return np.asarray(np.maximum(np.minimum(3 - 2 * excess, 1), 0))
