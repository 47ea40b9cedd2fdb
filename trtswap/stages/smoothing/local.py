"""Fixed-lag smoothing of vectors per track: local fits over a window that reaches as far ahead as back."""

from __future__ import annotations

import math

import numpy as np

from trtswap.stages.smoothing.fit import aggregate, fit_rows, ladder, row_changes
from trtswap.stages.smoothing.robust import MEASURED, ScaleHistory, difference_weights
from trtswap.stages.smoothing.window import TrackWindow
from trtswap.types import Array

LEAST_LAG = 2
_LEAST_STEP_S = 1e-4
_TURN = 2 * math.pi
_QUARTER = math.pi / 2
_ORDER = 4
_SAME_FRAMES = 1e-8


def lag_in_frames(lag_s: float, frame_rate: float | None) -> int:
    """How many frames `lag_s` seconds are, at least two; at 25 frames a second when the rate is unknown."""
    return max(LEAST_LAG, round(lag_s * (frame_rate or 25.0)))


class LocalFit:
    """Samples of D numbers per track, and their smoothed values `lag_frames` frames later.

    groups: [D, G], one 1 a row; dimensions of a group share noise level and bandwidth. angles: dimensions that are
    radians and wrap. extras: further numbers kept in the window behind the D, not smoothed.
    """

    def __init__(
        self,
        lag_frames: int,
        frame_rate: float | None,
        groups: Array,
        angles: tuple[int, ...] = (),
        extras: int = 0,
    ) -> None:
        self.lag_frames = lag_frames
        self._dimensions = len(groups)
        self.window = TrackWindow(2 * lag_frames + 1, self._dimensions + extras)
        self._rate = frame_rate or 25.0
        self._groups = groups
        self._sizes = groups.sum(axis=0)
        self._medians = _chi_square_medians(self._sizes)
        self._angles = list(angles)
        self._noise = ScaleHistory(groups.shape[1])
        self._steps = ladder(lag_frames)
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self.window.reset()
        self._noise.reset()
        self._time_s = -math.inf
        self._variances = np.zeros((0, len(self._sizes)))
        self._even: tuple[Array, Array, Array] | None = None

    def push(self, ids: Array, values: Array, weights: Array, time_s: float) -> tuple[Array, list[int]]:
        """Adds a frame: ids [N], values [N, D + extras], weights [N]. Returns slots and fresh slots as
        `TrackWindow.push`. Time stamps that do not grow are set a little later than the one before."""
        self._time_s = max(time_s, self._time_s + _LEAST_STEP_S)
        slots, fresh = self.window.push(ids, values, weights, self._time_s)
        self._variances = self._noise.push(self._squares(), fresh) / self._medians
        return slots, fresh

    def skip(self) -> None:
        """Adds a frame without tracks, to bring the last frames to the centre."""
        self._time_s += 1 / self._rate
        self.window.push(
            np.zeros(0, np.intp), np.zeros((0, self.window.dimensions)), np.zeros(0), self._time_s
        )

    def estimate(self, slots: Array) -> Array:
        """The smoothed values [N, D] of the frame `lag_frames` before the newest, of tracks shown in it."""
        if not len(slots):
            return np.zeros((0, self._dimensions))
        rows, changes = self._rows(slots)
        values = self.window.values[slots, :, : self._dimensions]
        middle = self._unwrap(values, rows) if self._turned(values) else None
        result = aggregate(rows, changes, values, self._variances[slots], self._groups)
        if middle is not None:
            result[:, self._angles] = _wrap(result[:, self._angles] + middle)
        return result

    def _rows(self, slots: Array) -> tuple[Array, Array]:
        """The rows and their changes; those of an even rate and whole windows are kept for the next frame."""
        times, weights = self.window.times_s, self.window.weights[slots]
        away = (times - times[self.lag_frames]) * self._rate
        whole = bool((weights == 1.0).all())
        if whole and self._even is not None and np.abs(away - self._even[0]).max() < _SAME_FRAMES:
            return self._even[1:]
        counted = np.abs(np.arange(len(times)) - self.lag_frames)
        used = weights[:1] if whole else weights
        rows = fit_rows(self._steps, np.maximum(np.abs(away), counted), away / (self.lag_frames + 1), used)
        changes = row_changes(rows, used)
        if whole:
            self._even = (away, rows, changes)
        return rows, changes

    def _turned(self, values: Array) -> bool:
        """Whether any angle is so large that two may lie on either side of half a turn."""
        return bool(self._angles) and bool(np.abs(values[:, :, self._angles]).max(initial=0.0) > _QUARTER)

    def _unwrap(self, values: Array, rows: Array) -> Array:
        """Makes angles, in place, differences to their mean direction, which it returns: [N, angles]."""
        angles = values[:, :, self._angles]
        weight = np.abs(rows[:, -1, :, None])
        middle = np.arctan2((weight * np.sin(angles)).sum(axis=1), (weight * np.cos(angles)).sum(axis=1))
        values[:, :, self._angles] = _wrap(angles - middle[:, None])
        return np.asarray(middle)

    def _squares(self) -> Array:
        """The mean squares of the newest third differences [slots, G]; infinite where one is not measured."""
        recent = self.window.values[:, -_ORDER:, : self._dimensions]
        weights = difference_weights(self.window.times_s[-_ORDER:])
        differences = weights @ recent
        if self._turned(recent):
            angles = recent[:, :, self._angles]
            differences[:, self._angles] = weights @ _wrap(angles - angles[:, -1:])
        squares = (differences * differences) @ self._groups / self._sizes
        squares[(self.window.weights[:, -_ORDER:] < MEASURED).any(axis=1)] = np.inf
        return np.asarray(squares)


def _wrap(angles: Array) -> Array:
    return np.asarray(angles - _TURN * np.round(angles / _TURN))


def _chi_square_medians(degrees: Array) -> Array:
    """The median of chi square by its degrees of freedom (Wilson and Hilferty)."""
    return np.asarray((1 - 2 / (9 * degrees)) ** 3)
