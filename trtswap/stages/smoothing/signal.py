"""Any other number that belongs to a track, held steady the same way."""

from __future__ import annotations

from collections import deque

import numpy as np

from trtswap.native import core
from trtswap.stages.smoothing.lag import USUAL_RATE
from trtswap.types import Array


class TrackSignal:
    """Smooths vectors of D numbers of one unit per track: symmetric, robust, following where the signal really moves
    (csrc/smoothing/signal.hpp).

    Frames come out in order, `lag_frames` later; at a cut and at the end at once.
    """

    def __init__(self, dimensions: int, lag_frames: int, frame_rate: float | None) -> None:
        self.lag_frames = lag_frames
        self._smoother = core.SignalSmoother(dimensions, lag_frames, frame_rate or USUAL_RATE)
        self._waiting: deque[Array] = deque()

    def push(
        self, ids: Array, values: Array, *, cut: bool, time_s: float, weights: Array | None = None
    ) -> list[tuple[Array, Array]]:
        """Takes the next frame: ids int [N], each once, values [N, D] and weights [N], how much each counts (1).
        Gives ids and smoothed values, float64 [N, D], of the frames that are final."""
        done = self.flush() if cut else []
        counted = np.ones(len(ids)) if weights is None else weights
        smoothed = self._smoother.push(ids, values, counted, time_s)
        self._waiting.append(ids)
        if smoothed is not None:
            done.append((self._waiting.popleft(), smoothed))
        return done

    def flush(self) -> list[tuple[Array, Array]]:
        """Finishes the frames that wait and forgets everything."""
        return [(self._waiting.popleft(), smoothed) for smoothed in self._smoother.flush()]
