"""Fixed-lag smoothing of vectors per track: local fits over a window that reaches as far ahead as back."""

from __future__ import annotations

import math

import numpy as np

from trtswap.stages.smoothing.fit import LEANING, Fits, aggregate, apart, fit, gates, joined, ladder
from trtswap.stages.smoothing.noise import MEASURED, Noise, PlainNoise
from trtswap.stages.smoothing.robust import ScaleHistory, difference_weights
from trtswap.stages.smoothing.window import TrackWindow
from trtswap.types import Array

LEAST_LAG = 2
_LEAST_STEP_S = 1e-4
_TURN = 2 * math.pi
_QUARTER = math.pi / 2
_ORDER = 4
_SEARCHED = 8
_STRIDE = 8
"""Every so many frames, by their time stamps, scales are measured again: all tracks in the same frames."""

_SAME_FRAMES = 1e-8
_MOST_KEPT = 100
"""Fits of windows that are kept: some kilobytes each."""


def lag_in_frames(lag_s: float, frame_rate: float | None) -> int:
    """How many frames `lag_s` seconds are, at least two; at 25 frames a second when the rate is unknown."""
    return max(LEAST_LAG, round(lag_s * (frame_rate or 25.0)))


class LocalFit:
    """Samples of D numbers per track, and their smoothed values `lag_frames` frames later.

    groups: [D, G], one 1 a row; dimensions of a group share noise level and bandwidth. angles: dimensions that are
    radians and wrap. extras: further numbers kept in the window behind the D, not smoothed. leaning: as of
    `Ladder`. The attribute `white`, [slots, G], has the variances of white noise as of `Tolerances`.
    """

    def __init__(
        self,
        lag_frames: int,
        frame_rate: float | None,
        groups: Array,
        noise: Noise | None = None,
        angles: tuple[int, ...] = (),
        extras: int = 0,
        leaning: float = LEANING,
    ) -> None:
        self.lag_frames = lag_frames
        self._dimensions = len(groups)
        self.window = TrackWindow(2 * lag_frames + 1, self._dimensions + extras)
        self._rate = frame_rate or 25.0
        self._groups = groups
        self._sizes = groups.sum(axis=0)
        self._means = groups / self._sizes
        self._model = noise or PlainNoise(groups)
        self._angles = list(angles)
        self._noise = ScaleHistory(self._model.kinds)
        self._steps = ladder(lag_frames, leaning)
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self.window.reset()
        self._noise.reset()
        self.refresh = True
        self._time_s = -math.inf
        self._away = np.zeros(self.window.length)
        self._kept: dict[bytes, Fits] = {}
        self._last: tuple[bytes, Fits] | None = None
        self._steady: tuple[Array, Array] | None = None
        self._allowed = np.zeros((0, len(self._steps.half_widths) - 1, len(self._sizes)))
        self._share = np.zeros((0, len(self._sizes)))
        self.white = np.ones((0, len(self._sizes)))

    def push(self, ids: Array, values: Array, weights: Array, time_s: float) -> tuple[Array, list[int]]:
        """Adds a frame: ids [N], values [N, D + extras], weights [N]. Returns slots and fresh slots as
        `TrackWindow.push`. Time stamps that do not grow are set a little later than the one before."""
        self._time_s = max(time_s, self._time_s + _LEAST_STEP_S)
        slots, fresh = self.window.push(ids, values, weights, self._time_s)
        self.refresh = round(self._time_s * self._rate) % _STRIDE == 0
        self._judge(self._noise.push(self._squares(), fresh, refresh=self.refresh))
        return slots, fresh

    def skip(self) -> None:
        """Adds a frame without tracks, to bring the last frames to the centre."""
        self._time_s += 1 / self._rate
        self.window.push(
            np.zeros(0, np.intp), np.zeros((0, self.window.dimensions)), np.zeros(0), self._time_s
        )

    def estimate(self, slots: Array) -> Array:
        """The smoothed values [N, D] of the frame `lag_frames` before the newest, of tracks shown in it."""
        return self._estimate(slots, drifting=False)[0]

    def estimate_and_drift(self, slots: Array) -> tuple[Array, Array]:
        """As `estimate`, and how far the samples [N, D] drift about it within half a window."""
        return self._estimate(slots, drifting=True)

    def _estimate(self, slots: Array, *, drifting: bool) -> tuple[Array, Array]:
        """The estimate, and the drift or nothing."""
        drift = np.zeros((0, self._dimensions))
        if not len(slots):
            return drift, drift
        fits = self._fits(slots)
        values = self.window.values[slots, :, : self._dimensions]
        middle = self._unwrap(values, fits.rows) if self._turned(values) else None
        centre = values[:, self.lag_frames].copy()
        values -= centre[:, None]
        result = self._choice(fits, slots, values, centre)
        if drifting:
            drift = (fits.slopes @ values)[:, 0] - fits.slopes.sum(axis=2) * result
        result += centre
        if middle is not None:
            result[:, self._angles] = _wrap(result[:, self._angles] + middle)
        return result, drift

    def _choice(self, fits: Fits, slots: Array, values: Array, centre: Array) -> Array:
        """The estimate [N, D] of windows [N, W, D] from which the `centre` [N, D] is taken off."""
        units, allowed = self._model.units(centre), self._allowed[slots]
        if units is not None:
            allowed *= units[:, None]
        left, least = fits.residuals.widest(values)
        if (left @ self._means <= allowed[:, -1]).all():
            return np.asarray((fits.rows[:, -1:] @ values)[:, 0])  # all else would come to the same
        excess = (fits.residuals.mean_squares(values) @ self._means) / allowed
        trust = gates(self._model.strain(excess), self._share[slots])
        if trust[:, -1].min() < 1:
            least = least @ self._means if units is None else (least @ self._means) / units
            calm = self._model.calm(least, self._noise.medians[slots])
            if calm is not None:
                np.maximum(trust[:, -1], calm, out=trust[:, -1])
        return aggregate(fits.rows, values, trust @ self._groups.T)

    def _judge(self, slots: list[int]) -> None:
        """Keeps what residuals of these slots may be."""
        missing = self.window.slot_count - len(self._share)
        if missing > 0:
            self._allowed = np.concatenate([self._allowed, np.zeros((missing, *self._allowed.shape[1:]))])
            self._share = np.concatenate([self._share, np.zeros((missing, self._share.shape[1]))])
            self.white = np.concatenate([self.white, np.ones((missing, self.white.shape[1]))])
        if slots:
            tolerances = self._model.tolerances(self._noise.medians[slots], self._noise.counts[slots])
            self._allowed[slots] = self._steps.allowed(tolerances, self._sizes)
            self._share[slots] = tolerances.share
            self.white[slots] = tolerances.white

    def _fits(self, slots: Array) -> Fits:
        """The fits; those of windows with the same gaps are kept as long as the rate is even."""
        times, weights = self.window.times_s, self.window.weights[slots]
        away = (times - times[self.lag_frames]) * self._rate
        if np.abs(away - self._away).max() >= _SAME_FRAMES or len(self._kept) > _MOST_KEPT:
            self._away, self._kept, self._last = away, {}, None
        whole = weights.tobytes()
        if self._last is None or self._last[0] != whole:
            self._last = (whole, self._fits_of(weights, away))
        return self._last[1]

    def _fits_of(self, weights: Array, away: Array) -> Fits:
        """The fits of windows whose samples have these weights [N, W]; `away`: [W], in frames from the centre."""
        keys = [row.tobytes() for row in weights]
        if missing := {key: row for row, key in enumerate(keys) if key not in self._kept}:
            counted = np.abs(np.arange(len(away)) - self.lag_frames)
            used = weights[list(missing.values())]
            fits = fit(self._steps, np.maximum(np.abs(away), counted), away / (self.lag_frames + 1), used)
            self._kept.update(zip(missing, apart(fits), strict=True))
        first = keys[0]
        return (
            self._kept[first] if keys.count(first) == len(keys) else joined([self._kept[key] for key in keys])
        )

    def _turned(self, values: Array) -> bool:
        """Whether any angle is so large that two may lie on either side of half a turn."""
        for column in self._angles:
            angles = values[:, :, column]
            if angles.size and max(angles.max(), -angles.min()) > _QUARTER:
                return True
        return False

    def _unwrap(self, values: Array, rows: Array) -> Array:
        """Makes angles, in place, differences to their mean direction, which it returns: [N, angles]."""
        angles = values[:, :, self._angles]
        weight = np.abs(rows[:, -1, :, None])
        middle = np.arctan2((weight * np.sin(angles)).sum(axis=1), (weight * np.cos(angles)).sum(axis=1))
        values[:, :, self._angles] = _wrap(angles - middle[:, None])
        return np.asarray(middle)

    def _squares(self) -> Array:
        """The squares of third differences over the newest four measured samples of each slot; infinite where the
        newest is not measured, or four are not there."""
        window = self.window
        measured = window.weights[:, -_SEARCHED:] >= MEASURED
        known = measured[:, -1]
        if (measured[:, -_ORDER:] | ~window.present[:, -_ORDER:].any(axis=1, keepdims=True)).all():
            recent = window.values[:, -_ORDER:, : self._dimensions]
            weights = self._even_weights()
        else:
            order = np.argsort(~measured[:, ::-1], axis=1, kind="stable")[:, _ORDER - 1 :: -1]
            frames = window.length - 1 - order
            recent = window.values[np.arange(len(frames))[:, None], frames, : self._dimensions]
            weights = difference_weights(window.times_s[frames])[:, None]
            known = known & (measured.sum(axis=1) >= _ORDER)
        differences = weights @ recent
        if self._turned(recent):
            angles = recent[:, :, self._angles]
            differences[:, :, self._angles] = weights @ _wrap(angles - angles[:, -1:])
        squares = self._model.squares(differences[:, 0], recent[:, -1])
        squares[~known] = np.inf
        return np.asarray(squares)

    def _even_weights(self) -> Array:
        """The weights of differences over the newest frames, kept as long as the rate is even: [1, 1, 4]."""
        times = self.window.times_s[-_ORDER:]
        steps = times[1:] - times[:-1]
        if self._steady is None or np.abs(steps - self._steady[0]).max() > _SAME_FRAMES / self._rate:
            self._steady = (steps, difference_weights(times)[None, None])
        return self._steady[1]


def whole_turns(angles: Array) -> Array:
    """What to take off angles, in radians, to bring them within half a turn."""
    return np.asarray(_TURN * np.rint(angles / _TURN))


def _wrap(angles: Array) -> Array:
    return np.asarray(angles - whole_turns(angles))
