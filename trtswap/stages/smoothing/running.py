"""Numbers that belong to a track, averaged over the past only: the counterpart of `TrackSignal` for live runs."""

from __future__ import annotations

import math

import numpy as np

from trtswap.types import Array

_FORGOTTEN_S = 2.0


class RunningSignal:
    """Exponential averages of vectors per track with a time constant of `constant_s` seconds; 0 passes values on."""

    lag_frames = 0

    def __init__(self, constant_s: float) -> None:
        self._constant_s = constant_s
        self._known: dict[int, tuple[float, float, Array]] = {}

    def push(
        self, ids: Array, values: Array, *, cut: bool, time_s: float, weights: Array | None = None
    ) -> list[tuple[Array, Array]]:
        """Takes a frame: ids int [N], each once, values [N, D] and weights [N], how much each counts (1). Gives ids and
        averages, float64 [N, D], of the same frame."""
        if cut:
            self._known.clear()
        averages = np.asarray(values, np.float64).copy()
        if self._constant_s > 0:
            counted = np.ones(len(ids)) if weights is None else weights
            for row, track in enumerate(np.asarray(ids).tolist()):
                averages[row] = self._add(track, averages[row], float(counted[row]), time_s)
            self._known = {
                track: known for track, known in self._known.items() if time_s - known[0] <= _FORGOTTEN_S
            }
        return [(ids, averages)]

    def flush(self) -> list[tuple[Array, Array]]:
        """Nothing waits; forgets everything."""
        self._known.clear()
        return []

    def _add(self, track: int, value: Array, weight: float, time_s: float) -> Array:
        total, average = 0.0, value
        if track in self._known:
            before, total, average = self._known[track]
            total *= math.exp(-max(0.0, time_s - before) / self._constant_s)
        total += weight
        average = average + (value - average) * (weight / total)
        self._known[track] = (time_s, total, average)
        return average
