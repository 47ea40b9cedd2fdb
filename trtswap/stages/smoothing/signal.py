"""Any other number that belongs to a track, held steady the same way."""

from __future__ import annotations

import numpy as np

from trtswap.stages.smoothing.delay import Delay
from trtswap.stages.smoothing.local import LocalFit
from trtswap.stages.smoothing.noise import MEASURED
from trtswap.stages.smoothing.robust import Guard
from trtswap.types import Array

_NEEDED = 5
_JUDGED = 3
_LEAST_DEVIATION = 1e-6


class TrackSignal:
    """Smooths vectors of D numbers of one unit per track: symmetric, robust, following where the signal really moves.

    Frames come out in order, `lag_frames` later; at a cut and at the end at once.
    """

    def __init__(self, dimensions: int, lag_frames: int, frame_rate: float | None) -> None:
        self.lag_frames = lag_frames
        self._dimensions = dimensions
        self._fit = LocalFit(lag_frames, frame_rate, np.ones((dimensions, 1)), extras=1)
        self._guard = Guard()
        self._delay: Delay[Array] = Delay(lag_frames)

    def push(
        self, ids: Array, values: Array, *, cut: bool, time_s: float, weights: Array | None = None
    ) -> list[tuple[Array, Array]]:
        """Takes the next frame: ids int [N], each once, values [N, D] and weights [N], how much each counts (1).
        Gives ids and smoothed values, float64 [N, D], of the frames that are final."""
        done = self.flush() if cut else []
        counted = np.ones(len(ids)) if weights is None else np.asarray(weights, np.float64)
        samples = np.concatenate([np.asarray(values, np.float64), counted[:, None]], axis=1)
        slots, fresh = self._fit.push(ids, samples, counted, time_s)
        self._revise(fresh)
        ready = self._delay.push(ids, slots)
        if ready is not None:
            done.append((ready[0], self._fit.estimate(ready[1])))
        return done

    def flush(self) -> list[tuple[Array, Array]]:
        """Finishes the frames that wait and forgets everything."""
        done = []
        for _ in range(self._delay.behind if len(self._delay) else 0):
            self._fit.skip()
        while len(self._delay):
            ids, slots = self._delay.pop()
            done.append((ids, self._fit.estimate(slots)))
            self._fit.skip()
        self._fit.reset()
        self._guard.reset()
        return done

    def _revise(self, fresh: list[int]) -> None:
        """Takes the weight of outliers among the last three frames, and gives it back to those that proved true."""
        window = self._fit.window
        if not window.slot_count:
            return
        recent = window.values[:, -_NEEDED:]
        vectors = recent[:, :, None, : self._dimensions]
        largest = np.abs(vectors).max(axis=(1, 2, 3))
        floor = _LEAST_DEVIATION * largest + np.finfo(np.float64).tiny
        trusted = self._guard.judge(
            vectors,
            window.present[:, -_NEEDED:],
            recent[:, :, -1].min(axis=1) >= MEASURED,
            window.times_s[-_NEEDED:],
            fresh,
            (floor, np.full(len(floor), np.inf)),
            refresh=self._fit.refresh,
        )
        window.weights[:, -_JUDGED:] = np.where(trusted[..., 0], recent[:, -_JUDGED:, -1], 0.0)
