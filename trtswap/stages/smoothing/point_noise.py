"""Tells the noise of a face's points from quick motion.

Third differences of position, scale and rotation hold both. What tells them apart:

* Four points of a flat face, the corners of the eyes and of the mouth, move as an affine map says, however the head
  turns. What is left of them after any affine map is noise (and a mouth that widens), and noise that is independent
  from point to point is as large there as in every other direction.
* Errors that the points share, as some detectors make them, are not seen there. They move scale and rotation too,
  and position by a few times as much. Motion that shows in the position by far more than in scale and rotation is real.

So there are two budgets: white noise, seen in the warp, and shared errors, as far as all three of position, scale and
rotation have them.
"""

from __future__ import annotations

import numpy as np

from trtswap.stages.smoothing.noise import SLOW, Tolerances, chi_square_medians
from trtswap.stages.smoothing.parameters import EYES, GROUPS, SCALE, SHAPE, SPREAD, WARP
from trtswap.stages.smoothing.signs import calm, haste, ramp
from trtswap.types import Array

_LEAST = 1e-30
_UNSEEN = (0.001 * EYES) ** 2
"""Errors of a thousandth of the eye distance are not worth following."""

_EXPECTED = (0.015 * EYES) ** 2
"""Noise of a face that has been seen too briefly to tell, and the most that is believed after eight samples."""

_BRIEF = 8.0
_MARGIN = 1.25
"""White noise may be so many times what the warp says, where a parameter tells as much; `_CALM` times more where
nothing moves: then all directions agree, and together they know better."""

_CALM = 2.0
_MOVED = (4.0, 2.0)
_SHARED = 1.3
"""Scale and rotation vary by so many times the warp, with few samples `_DOUBT` over their count more, where errors are
shared; at `_SHARED_SURELY` times as much they surely are."""

_DOUBT = 6.0
_SHARED_SURELY = 1.4
_IN_DOUBT = 2.0
"""Where it is not sure that errors are shared, so many times the warp more is taken off first."""

_SHIFT = (5.0, 9.0)
"""Position moves by so many times the variance of scale and rotation (as point noise counts) at the most, where it is
noise; twice as many where errors surely are shared."""

_TURN = (16.0, 32.0)
"""The shape changes by so many times the variance of the warp at the most where it is noise."""

_SHARED_MOST = 15.0
"""The most of shared errors that is believed, in units of the most of white noise that is."""

_LENIENCE = 1.2
_SHAPE = slice(3, 4)
_BOX = 4
_KINDS = 6
_POOL = np.array([2, 1, 1, 6, 0, 2]) / 12
"""How much each kind tells of noise that is the same in every direction: its dimensions."""

_UNITS = np.array([1 / 5, 1 / SPREAD, 1 / SPREAD, 6 / 10, 1.0])
"""The variance of each group, of position in template units, under point noise of variance 1."""


class PointNoise:
    """The noise of the parameters of faces, in the groups of `GROUPS`."""

    kinds = _KINDS

    def __init__(self) -> None:
        sizes = GROUPS.sum(axis=0)
        self._groups = GROUPS / sizes
        self._scales = chi_square_medians(np.append(sizes, 2.0)) * np.append(_UNITS, 1.0)

    def squares(self, differences: Array, samples: Array) -> Array:
        """Of each group, of position in template units, and of the warp: [N, 6]."""
        squares = np.empty((len(differences), _KINDS))
        squares[:, :-1] = (differences * differences) @ self._groups
        squares[:, 0] *= np.exp(-2 * samples[:, SCALE])
        warp = differences[:, SHAPE] @ WARP
        squares[:, -1] = 0.5 * np.einsum("nd,nd->n", warp, warp)
        return squares

    def units(self, samples: Array) -> Array:
        """Position is in template units."""
        units = np.ones((len(samples), len(_UNITS)))
        units[:, 0] = np.exp(2 * samples[:, SCALE])
        return units

    def strain(self, excess: Array) -> Array:
        """Position tells of the other groups."""
        return haste(excess)

    def calm(self, squares: Array, medians: Array) -> Array:
        """From all groups together."""
        return calm(squares / _UNITS, medians[:, 0] / self._scales[0], medians[:, -1] / self._scales[-1])

    def tolerances(self, medians: Array, counts: Array) -> Tolerances:
        """The two budgets."""
        known = np.isfinite(medians[:, -1:])
        variances = np.where(known, medians, 0.0) / self._scales + _LEAST
        levels, warp = variances[:, :-1], variances[:, -1:]
        count = np.maximum(counts, 1.0)[:, None]
        most = _EXPECTED * (count / _BRIEF) ** 2
        floor = np.minimum(warp, most)
        moved = ramp(levels[:, :_BOX].max(axis=1, keepdims=True) / floor, *_MOVED)
        margin = _MARGIN * _CALM ** (1 - moved)
        pooled = variances @ _POOL
        white = np.clip(np.maximum(levels, pooled[:, None]), floor, margin * floor)
        white = np.where(known, white, _EXPECTED)
        sure, likely = _shared(levels, warp, count)
        shared = np.maximum(levels - (1 + _IN_DOUBT * (1 - sure)) * floor, 0.0) * likely
        shared = np.minimum(shared, _SHARED_MOST * most) * known
        share = np.minimum(_LENIENCE * (white + shared * sure) / levels, 1.0)
        slow = SLOW[:, None] * shared[:, None]
        slow[:, :-1] *= sure[:, :, None]
        slow[:, :, _BOX] = SLOW * levels[:, _BOX, None]
        white[:, _BOX], share[:, _BOX] = levels[:, _BOX], 1.0
        return Tolerances(white * _UNITS, (slow + _UNSEEN) * _UNITS, share)


def _shared(levels: Array, warp: Array, count: Array) -> tuple[Array, Array]:
    """How sure it is that the points share errors, and how likely that what is seen is such: [N, 1] each, 0..1."""
    similar = 0.25 * np.sqrt(levels[:, 1:3]).sum(axis=1, keepdims=True) ** 2
    sure = ramp(similar / warp, _SHARED * (1 + _DOUBT / count), _SHARED_SURELY)
    low, high = _SHIFT
    shift = ramp(levels[:, :1] / similar, low * (1 + sure), high / low)
    turn = ramp(levels[:, _SHAPE] / warp, _TURN[0], _TURN[1] / _TURN[0])
    return sure, (1 - shift) * (1 - turn)
