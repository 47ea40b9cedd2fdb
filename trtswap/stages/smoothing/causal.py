"""Filters that see only the past: no frame waits, and motion is trailed. Here to compare with, and to run live."""

from __future__ import annotations

import math

import numpy as np

from trtswap.stages.smoothing.faces import COORDINATES, coordinates, track_ids, with_coordinates
from trtswap.stages.smoothing.window import TrackWindow
from trtswap.types import Array, Faces

MINIMUM_CUTOFF_HZ = 1.0
BETA = 1.5
"""Hertz of cutoff per eye distance a second."""
DERIVATIVE_CUTOFF_HZ = 1.0
FULL_SPEED = 0.2
"""Eye distances a frame at which `Ema` follows without smoothing."""

_HELD_FRAMES = 8
_LEAST_STEP_S = 1e-4


class Off:
    """The smoother `off`: passes on what it gets."""

    lag_frames = 0

    def push(self, faces: Faces, *, cut: bool, time_s: float) -> list[Faces]:  # noqa: ARG002
        """The same faces."""
        return [faces]

    def flush(self) -> list[Faces]:
        """Nothing waits."""
        return []


class OneEuro:
    """The 1 euro filter (Casiez, Roussel, Vogel, CHI 2012) on every coordinate: a low-pass filter whose cutoff grows
    with speed. Speeds are in eye distances a second, so that the size of the picture does not matter."""

    lag_frames = 0

    def __init__(self) -> None:
        self._window = TrackWindow(_HELD_FRAMES, 2 * COORDINATES)

    def push(self, faces: Faces, *, cut: bool, time_s: float) -> list[Faces]:
        """Takes the next frame and gives it back filtered."""
        if cut:
            self._window.reset()
        ids, values = track_ids(faces), coordinates(faces)
        blank = np.zeros((len(ids), 2 * COORDINATES))
        slots, _ = self._window.push(ids, blank, np.ones(len(ids)), time_s)
        filtered, speeds = self._filter(slots, values, eye_distances_px(faces))
        self._window.values[slots, -1] = np.concatenate([filtered, speeds], axis=1)
        return [with_coordinates(faces, filtered)]

    def flush(self) -> list[Faces]:
        """Nothing waits; forgets everything."""
        self._window.reset()
        return []

    def _filter(self, slots: Array, values: Array, eyes_px: Array) -> tuple[Array, Array]:
        """Filtered values and filtered speeds in pixels a second, both [N, COORDINATES]."""
        window = self._window
        ages = np.argmax(window.present[slots, -2::-1], axis=1) + 2
        known = window.present[slots, -ages][:, None]
        before = window.values[slots, -ages]
        last = np.where(known, before[:, :COORDINATES], values)
        step_s = np.maximum(window.times_s[-1] - window.times_s[-ages], _LEAST_STEP_S)[:, None]
        factor = low_pass_alpha(DERIVATIVE_CUTOFF_HZ, step_s)
        speeds = factor * (values - last) / step_s + (1 - factor) * before[:, COORDINATES:]
        speeds = np.where(known, speeds, 0.0)
        cutoff = MINIMUM_CUTOFF_HZ + BETA * np.abs(speeds) / eyes_px[:, None]
        factor = low_pass_alpha(cutoff, step_s)
        return factor * values + (1 - factor) * last, speeds


class Ema:
    """The smoother `ema`: an exponentially weighted mean over the last `window` frames; alpha grows with motion."""

    lag_frames = 0

    def __init__(self, window: int, alpha: float) -> None:
        self._window = TrackWindow(window, COORDINATES)
        self._last = TrackWindow(2, COORDINATES)
        self._alpha = alpha

    def push(self, faces: Faces, *, cut: bool, time_s: float) -> list[Faces]:
        """Takes the next frame and gives it back filtered."""
        if cut:
            self.flush()
        ids, values = track_ids(faces), coordinates(faces)
        ones = np.ones(len(ids))
        slots, _ = self._window.push(ids, values, ones, time_s)
        pair, _ = self._last.push(ids, values, ones, time_s)
        recent = self._last.values[pair, :, :10].reshape(-1, 2, 5, 2).mean(axis=2)
        moved = np.linalg.norm(recent[:, 1] - recent[:, 0], axis=1) * self._last.present[pair, 0]
        alphas = adaptive_alpha(self._alpha, moved / eye_distances_px(faces))
        weights = ema_weights(alphas, self._window.present[slots])
        return [with_coordinates(faces, np.einsum("nw,nwd->nd", weights, self._window.values[slots]))]

    def flush(self) -> list[Faces]:
        """Nothing waits; forgets everything."""
        self._window.reset()
        self._last.reset()
        return []


def low_pass_alpha(cutoff_hz: Array | float, step_s: Array) -> Array:
    """The weight of the newest sample in a first-order low-pass filter."""
    return np.asarray(1 / (1 + 1 / (2 * math.pi * cutoff_hz * step_s)))


def adaptive_alpha(alpha: float, speeds: Array) -> Array:
    """alpha at rest, 1 from `FULL_SPEED` eye distances a frame on."""
    return np.asarray(alpha + (1 - alpha) * np.minimum(speeds / FULL_SPEED, 1.0))


def ema_weights(alphas: Array, present: Array) -> Array:
    """Weights [N, W] of windows with the newest sample last: geometric in age, 0 where not present, summing to one.

    alphas: [N], above 0 to 1. present: bool [N, W], True for the newest.
    """
    ages = np.arange(present.shape[1])[::-1]
    weights = (1 - alphas[:, None]) ** ages * present
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def eye_distances_px(faces: Faces) -> Array:
    """Between the eyes of each face, at least a pixel: float64 [N]."""
    points = faces.landmarks_px.astype(np.float64)
    return np.asarray(np.maximum(np.linalg.norm(points[:, 1] - points[:, 0], axis=1), 1.0))
