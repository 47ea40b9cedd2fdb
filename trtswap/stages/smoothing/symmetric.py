"""Smoothing that looks ahead as far as back, on a face's alignment parameters and its shape: no delay of motion."""

from __future__ import annotations

from collections import deque

from trtswap.native import core
from trtswap.stages.smoothing.face_template import FACE_TEMPLATE
from trtswap.stages.smoothing.faces import placed, sample_weights, track_ids
from trtswap.stages.smoothing.lag import USUAL_RATE
from trtswap.types import Faces


class Symmetric:
    """The smoother `symmetric` (csrc/smoothing/faces.hpp). Frames come out `lag_frames` later; at a cut and at the end
    at once."""

    def __init__(self, lag_frames: int, frame_rate: float | None) -> None:
        self.lag_frames = lag_frames
        self._smoother = core.FaceSmoother(FACE_TEMPLATE, lag_frames, frame_rate or USUAL_RATE)
        self._waiting: deque[Faces] = deque()

    def push(self, faces: Faces, *, cut: bool, time_s: float) -> list[Faces]:
        """Takes the next frame; gives those that are final."""
        done = self.flush() if cut else []
        ids, weights = track_ids(faces), sample_weights(faces)
        moved = self._smoother.push(ids, faces.landmarks_px, faces.boxes_px, weights, time_s)
        self._waiting.append(faces)
        if moved is not None:
            done.append(placed(self._waiting.popleft(), *moved))
        return done

    def flush(self) -> list[Faces]:
        """Finishes the frames that wait and forgets everything."""
        return [placed(self._waiting.popleft(), *moved) for moved in self._smoother.flush()]
