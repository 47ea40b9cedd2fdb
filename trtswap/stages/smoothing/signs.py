"""Signs of motion that the groups of a face's parameters show together, window by window.

How large what a wide fit leaves may be can't be told from its size alone: errors of a detector drift with how a head is
held, by as much as a slow turn of the head moves it. But a head that moves so that no parabola follows moves in the
picture by far more than it turns in its plane and grows, whereas errors that the points share do all three alike; and
it moves smoothly, whereas errors are rough as well.
"""

from __future__ import annotations

import numpy as np

from trtswap.stages.smoothing.parameters import EYES
from trtswap.types import Array

_HASTE = (5.0, 3.0)
"""Where position leaves so many times what is allowed at the widest fit, up to so many times more, the face moves for
certain."""

_STRICTER = np.array([1.0, 2.0, 3.0])[:, None]
"""So many times stricter the other groups are then judged, narrow to wide: chance and drift excuse nothing any more."""

_FOLLOWING = slice(1, 4)
_CALM = slice(0, 3)

_SHIFT = (3.0, 5 / 3)
"""Position varies by so many times the variance of scale and rotation (as point noise counts, and without it) at the
most, where that is noise; surely not by so many times more."""

_SLOW = (3.5, 2.0)
"""The same for position at the widest fit and its third differences."""

_LARGE = ((0.03 * EYES) ** 2, 1.5**2)
"""Shared errors of so much are calm, of so many times more (squared) they are not: that would cost too much if it were
motion."""

_DOUBT = 0.15
"""So much of point noise may be left when it is taken off."""

_PRESUMED = (0.01 * EYES) ** 2
"""Point noise of a face that is not known yet."""

_LEAST = 1e-30


def ramp(values: Array, low: Array | float, times: float) -> Array:
    """From 0 at `low` to 1 at `times` as much, even in the logarithm."""
    return np.asarray(np.clip(np.log(values / low) / np.log(times), 0.0, 1.0))


def haste(excess: Array) -> Array:
    """Judges the groups [N, L, G], in place, by position as well: a face that moves quickly turns and changes as
    quickly."""
    position = excess[:, -1, :1]
    if position.max() > _HASTE[0]:
        moves = ramp(position + _LEAST, *_HASTE)
        excess[:, :, _FOLLOWING] *= 1 + (_STRICTER - 1) * moves[:, :, None]
    return excess


def calm(variances: Array, third: Array, warp: Array) -> Array:
    """How sure it is that position, scale and rotation hold noise alone: [N, G], 0 for other groups.

    variances: [N, G], what a cubic leaves at the widest fit; third: [N], of position, and warp: [N], from third
    differences, infinite where unknown. All as point noise counts.
    """
    point = np.where(np.isfinite(warp), warp, _PRESUMED)
    rough = np.maximum(np.where(np.isfinite(third), third, _PRESUMED), 0.5 * point)
    position = variances[:, 0]
    similar = 0.25 * np.sqrt(variances[:, 1:3]).sum(axis=1) ** 2
    shared, shift = np.maximum(similar - point, 0.0), np.maximum(position - point, 0.0)
    sure = 1 - ramp(shift / (shared + _DOUBT * point + _LEAST) + _LEAST, *_SHIFT)
    sure *= 1 - ramp(position / rough + _LEAST, *_SLOW)
    sure *= 1 - ramp(np.maximum(shared, shift / (_SHIFT[0] * _SHIFT[1])) + _LEAST, *_LARGE)
    groups = np.zeros_like(variances)
    groups[:, _CALM] = sure[:, None]
    return groups
