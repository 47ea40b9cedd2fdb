"""Each landmark for itself, as if it were a track of its own."""

from __future__ import annotations

from collections import deque

import numpy as np

from trtswap.stages.smoothing.faces import coordinates, sample_weights, track_ids, with_coordinates
from trtswap.stages.smoothing.signal import TrackSignal
from trtswap.types import Array, Faces

_POINTS = 7
"""Five landmarks and two corners of the box."""


class Individual:
    """The smoother `individual`: every point alone, robust and symmetric."""

    def __init__(self, lag_frames: int, frame_rate: float | None) -> None:
        self.lag_frames = lag_frames
        self._signal = TrackSignal(2, lag_frames, frame_rate)
        self._waiting: deque[Faces] = deque()

    def push(self, faces: Faces, *, cut: bool, time_s: float) -> list[Faces]:
        """Takes the next frame; gives those that are final."""
        ids = (track_ids(faces).astype(np.int64)[:, None] * _POINTS + np.arange(_POINTS)).reshape(-1)
        points = coordinates(faces).reshape(-1, 2)
        weights = np.repeat(sample_weights(faces), _POINTS)
        self._waiting.append(faces)
        return self._finish(self._signal.push(ids, points, cut=cut, time_s=time_s, weights=weights))

    def flush(self) -> list[Faces]:
        """Finishes the frames that wait and forgets everything."""
        return self._finish(self._signal.flush())

    def _finish(self, smoothed: list[tuple[Array, Array]]) -> list[Faces]:
        done = []
        for _, values in smoothed:
            faces = self._waiting.popleft()
            done.append(with_coordinates(faces, values.reshape(len(faces), 2 * _POINTS)))
        return done
