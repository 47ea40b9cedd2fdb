"""Holds faces that rest: what moves by no more than chance is averaged for longer than any window reaches."""

from __future__ import annotations

import numpy as np

from trtswap.stages.smoothing.local import whole_turns
from trtswap.stages.smoothing.parameters import GROUPS, ROTATION, SCALE, SHAPE
from trtswap.types import Array

_HELD = SHAPE.stop
_GROUPS = GROUPS[:_HELD, :4]
_SIZES = _GROUPS.sum(axis=0)
_PLACEMENT = 3
"""Groups: position, scale, rotation. A face rests where all of them do; its shape may move all the same."""

_HELD_BELOW = 0.7
_FREE_FROM = 3.3
"""In deviations of the white noise of a sample: a face is held as firmly as can be while it drifts by less than the
first within half a window and is less far from where it is held, and not at all once it does either by the second."""

_GAIN = 2.5
"""Over the frames of half a window: so much of what is missing each low pass makes up in a frame."""


class Rest:
    """The last step of smoothing: two low passes in a row follow the estimates of each track, slowly where these stay
    within chance and at once where they do not. So what is shown is never further from them than chance might be."""

    def __init__(self, lag_frames: int) -> None:
        self._gain = min(_GAIN / lag_frames, 1.0)
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self._ids = np.zeros(0, np.int64)
        self._slow = np.zeros((0, _HELD))
        self._shown = np.zeros((0, _HELD))

    def hold(self, ids: Array, estimates: Array, drift: Array, noise: Array) -> Array:
        """The parameters to show of tracks `ids` [N]: float64 [N, PARAMETERS]; the box is as estimated.

        estimates, drift: [N, PARAMETERS], the latter of samples within half a window. noise: [N, 5], the variance of
        white noise in each group, of position in template units.
        """
        goal, drift = estimates[:, :_HELD], drift[:, :_HELD]
        units = noise[:, :4] * _SIZES
        units[:, 0] *= np.exp(2 * goal[:, SCALE])
        moved = (drift * drift) @ _GROUPS / units
        drifting = moved[:, :_PLACEMENT].max(axis=1) >= _FREE_FROM**2
        if drifting.all():  # as most faces do most of the time
            self._ids, self._slow, self._shown = ids, goal.copy(), goal.copy()
            return estimates
        self._meet(ids, goal)
        away = goal - self._shown
        moved = np.maximum(moved, (away * away) @ _GROUPS / units)
        moved = np.sqrt(np.maximum(moved, moved[:, :_PLACEMENT].max(axis=1, keepdims=True)))
        free = np.minimum(np.maximum(moved - _HELD_BELOW, 0.0) / (_FREE_FROM - _HELD_BELOW), 1.0)
        gain = (self._gain + (1 - self._gain) * free * free * (3 - 2 * free)) @ _GROUPS.T
        self._slow = self._slow + gain * (goal - self._slow)
        self._shown = self._shown + gain * (self._slow - self._shown)
        return np.concatenate([self._shown, estimates[:, _HELD:]], axis=1)

    def _meet(self, ids: Array, goal: Array) -> None:
        """Brings the rows in the order of `ids`, with angles less than half a turn from the goal's; tracks that were
        not in the frame before begin at their goal."""
        if not np.array_equal(ids, self._ids):
            rows = {track: row for row, track in enumerate(self._ids.tolist())}
            slow, shown = goal.copy(), goal.copy()
            for row, track in enumerate(ids.tolist()):
                if track in rows:
                    slow[row], shown[row] = self._slow[rows[track]], self._shown[rows[track]]
            self._ids, self._slow, self._shown = ids, slow, shown
        turns = whole_turns(goal[:, ROTATION] - self._shown[:, ROTATION])
        if turns.any():
            self._slow[:, ROTATION] += turns
            self._shown[:, ROTATION] += turns
