"""Smoothing that looks ahead as far as back, on a face's alignment parameters and its shape: no delay of motion."""

from __future__ import annotations

import numpy as np

from trtswap.stages.smoothing.delay import Delay
from trtswap.stages.smoothing.faces import placed, sample_weights, track_ids
from trtswap.stages.smoothing.local import LocalFit
from trtswap.stages.smoothing.noise import MEASURED
from trtswap.stages.smoothing.parameters import (
    GROUPS,
    PARAMETERS,
    ROTATION,
    SCALE,
    SHAPE,
    decompose,
    eye_distances,
    recompose,
    repair,
)
from trtswap.stages.smoothing.point_noise import PointNoise
from trtswap.stages.smoothing.rest import Rest
from trtswap.stages.smoothing.robust import Guard
from trtswap.stages.smoothing.window import TrackWindow
from trtswap.types import Array, Faces

_REPAIRED_WEIGHT = 0.5
_LEAST_DEVIATION = 0.01
"""In eye distances: points this near to what their neighbours say are never outliers."""

_LEANING = 0.02
"""Much less than of other numbers: heads move, and where a line does not follow, nothing is smoothed."""

_AT_START = 100.0
_TRUSTED_POINTS = 3
_JUDGED = 3
_NEEDED = 5
_EACH = np.ones(_NEEDED)
_POINTS = slice(PARAMETERS, PARAMETERS + 10)
_BOX = slice(PARAMETERS + 10, PARAMETERS + 14)
_WEIGHT = PARAMETERS + 14
_EXTRAS = 15


class Symmetric:
    """The smoother `symmetric`. Frames come out `lag_frames` later; at a cut and at the end at once."""

    def __init__(self, lag_frames: int, frame_rate: float | None) -> None:
        self.lag_frames = lag_frames
        self._fit = LocalFit(lag_frames, frame_rate, GROUPS, PointNoise(), (ROTATION,), _EXTRAS, _LEANING)
        self._guard = Guard()
        self._rest = Rest(lag_frames)
        self._delay: Delay[Faces] = Delay(lag_frames)

    def push(self, faces: Faces, *, cut: bool, time_s: float) -> list[Faces]:
        """Takes the next frame; gives those that are final."""
        done = self.flush() if cut else []
        ids = track_ids(faces)
        weights = sample_weights(faces)
        slots, fresh = self._fit.push(ids, _samples(faces, weights), weights, time_s)
        self._revise(fresh)
        ready = self._delay.push(faces, slots)
        if ready is not None:
            done.append(self._finish(*ready))
        return done

    def flush(self) -> list[Faces]:
        """Finishes the frames that wait and forgets everything."""
        done = []
        for _ in range(self._delay.behind if len(self._delay) else 0):
            self._fit.skip()
        while len(self._delay):
            done.append(self._finish(*self._delay.pop()))
            self._fit.skip()
        self._fit.reset()
        self._guard.reset()
        self._rest.reset()
        return done

    def _finish(self, faces: Faces, slots: Array) -> Faces:
        if not len(faces):
            return faces
        estimates, drift = self._fit.estimate_and_drift(slots)
        held = self._rest.hold(track_ids(faces), estimates, drift, self._fit.white[slots])
        landmarks, boxes = recompose(held)
        return placed(faces, landmarks, boxes)

    def _revise(self, fresh: list[int]) -> None:
        """Judges the points of the last three frames and corrects what the window says of them."""
        window = self._fit.window
        if not window.slot_count:
            return
        recent = window.values[:, -_NEEDED:]
        present = window.present[:, -_NEEDED:]
        shown = present.astype(np.float64)
        scales = np.einsum("nf,nf->n", recent[:, :, SCALE], shown) / np.maximum(shown @ _EACH, 1.0)
        eyes_px = eye_distances(scales)
        floor = _LEAST_DEVIATION * eyes_px
        trusted = self._guard.judge(
            recent[:, :, _POINTS].reshape(-1, _NEEDED, 5, 2),
            present,
            recent[:, :, _WEIGHT].min(axis=1) >= MEASURED,
            window.times_s[-_NEEDED:],
            fresh,
            (floor, _AT_START * floor),
            refresh=self._fit.refresh,
        )
        revised = window.weights[:, -_JUDGED:] != recent[:, -_JUDGED:, _WEIGHT]
        if not trusted.all():
            revised |= ~trusted.all(axis=2)
        if revised.any():
            for slot, frame in np.argwhere(revised).tolist():
                _correct(window, slot, frame - _JUDGED, trusted[slot, frame])


def _samples(faces: Faces, weights: Array) -> Array:
    """What the window keeps of each face: parameters, points, box, weight."""
    count = len(faces)
    parameters = decompose(faces.landmarks_px, faces.boxes_px)
    return np.concatenate(
        [parameters, faces.landmarks_px.reshape(count, 10), faces.boxes_px, weights[:, None]], axis=1
    )


def _correct(window: TrackWindow, slot: int, frame: int, trusted: Array) -> None:
    """Sets the weight and the parameters of one sample by which of its points are trusted."""
    weights, sample = window.weights[slot], window.values[slot, frame]
    points = sample[_POINTS].reshape(5, 2)
    count = int(trusted.sum())
    weights[frame] = 0.0
    if count < _TRUSTED_POINTS:
        return
    if count < len(trusted):
        total = weights.sum()
        mean = weights @ window.values[slot, :, SHAPE] / total if total > 0 else np.zeros(10)
        points = repair(points, trusted, mean)
    sample[:PARAMETERS] = decompose(points[None], sample[None, _BOX])[0]
    weights[frame] = sample[_WEIGHT] * (1.0 if count == len(trusted) else _REPAIRED_WEIGHT)
