"""Holds faces steady over time: scene cuts, tracks, gaps, smoothing. Frames wait until their faces are final."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trtswap import tracing
from trtswap.options import SmoothOptions
from trtswap.stages.batch import Batch
from trtswap.stages.fitting import Room, room_of
from trtswap.stages.gaps import GapFiller
from trtswap.stages.known import Known
from trtswap.stages.scene_match import Picture, pictures
from trtswap.stages.scenes import SceneDetector, Thumbnails
from trtswap.stages.smooth import make_smoother
from trtswap.stages.track import Tracker
from trtswap.types import Faces, Frame

_USUAL_RATE = 25.0

LEAST_SIGHTINGS = 3
"""A track detected in fewer frames is a slip of the detector and is left out, where there is enough look-ahead to tell
and the scene is no shorter itself."""


@tracing.stage("steady")
def steady(
    batches: Iterable[Batch], options: SmoothOptions, frame_rate: float | None, size: Room | int
) -> Iterator[Batch]:
    """Sets `cuts`, `detected`, `tracked` and the final `faces` of each frame; faces then have `track_ids`.

    Gives batches of `size` frames in the same order, delayed by one frame for the cuts, by the gap and by the
    smoother's lag: so many frames are held, however long the video is. frame_rate: in 1/s, None for a picture.
    """
    line = _Line(options, frame_rate)
    room = room_of(size)
    done: list[_Waiting] = []
    for batch in batches:
        thumbnails = batch.thumbnails or Thumbnails([frame.surface for frame in batch.frames])
        known = batch.known or (None,) * len(batch.frames)
        parts = zip(batch.frames, batch.faces, known, pictures(thumbnails.get()), strict=True)
        for frame, faces, item, picture in parts:
            done += line.push(_Waiting(frame, faces, item), picture)
        while done and len(done) >= (step := room.step(done[0].frame.index)):
            yield _batch(done[:step])
            del done[:step]
    done += line.flush()
    while done:
        step = room.step(done[0].frame.index)
        yield _batch(done[:step])
        del done[:step]


@dataclass
class _Waiting:
    """A frame on its way through the temporal classes."""

    frame: Frame
    detected: Faces
    known: Known | None = None
    cut: bool = False
    scene: _Scene | None = None
    faces: Faces | None = None


@dataclass
class _Scene:
    """How many frames of a scene have been seen."""

    frames: int = 0


class _Sightings:
    """Tells tracks that were detected often enough from slips of the detector. Holds only doubtful ones, and of those
    the newest."""

    _MOST = 256

    def __init__(self) -> None:
        self._doubtful: dict[int, int] = {}
        self._newest = -1

    def count(self, faces: Faces) -> None:
        """Takes the faces of the next frame as tracked."""
        assert faces.track_ids is not None
        for track in faces.track_ids.tolist():
            if track > self._newest:
                self._newest = track
                self._doubtful[track] = 0
            if track in self._doubtful:
                self._doubtful[track] += 1
                if self._doubtful[track] >= LEAST_SIGHTINGS:
                    del self._doubtful[track]
        if len(self._doubtful) > self._MOST:
            del self._doubtful[next(iter(self._doubtful))]

    def sound(self, faces: Faces) -> Faces:
        """The faces whose tracks are no slips."""
        if not self._doubtful or faces.track_ids is None:
            return faces
        rows = [row for row, track in enumerate(faces.track_ids.tolist()) if track not in self._doubtful]
        return faces if len(rows) == len(faces) else faces.take(rows)


class _Line:
    """The temporal classes one behind the other, and the frames that wait in front of each."""

    def __init__(self, options: SmoothOptions, frame_rate: float | None) -> None:
        rate = frame_rate or _USUAL_RATE
        self._scenes = SceneDetector()
        self._tracker = Tracker(options.gap_s)
        self._filler = GapFiller(round(options.gap_s * rate))
        self._smoother = make_smoother(options, rate)
        self._sightings = _Sightings()
        self._doubts = self._filler.max_lag + self._smoother.lag_frames >= LEAST_SIGHTINGS - 1
        self._scene = _Scene()
        self._undecided: deque[_Waiting] = deque()
        self._unfilled: deque[_Waiting] = deque()
        self._unsmoothed: deque[_Waiting] = deque()

    def push(self, item: _Waiting, picture: Picture) -> list[_Waiting]:
        """Takes the next frame; gives the frames that are now final."""
        cut = self._scenes.push(picture)
        self._undecided.append(item)
        return [] if cut is None else self._track(cut)

    def flush(self) -> list[_Waiting]:
        """The frames still held, after the last one."""
        done = self._track(self._scenes.flush()) if self._undecided else []
        done += self._smooth(self._filler.flush())
        return done + self._finish(self._smoother.flush())

    def _track(self, cut: bool) -> list[_Waiting]:
        item = self._undecided.popleft()
        item.cut = cut
        if cut:
            self._scene = _Scene()
        self._scene.frames += 1
        item.scene = self._scene
        faces = self._tracker.push(item.detected, cut=cut, time_s=item.frame.time_s)
        self._sightings.count(faces)
        self._unfilled.append(item)
        return self._smooth(self._filler.push(faces, cut=cut, surface=item.frame.surface))

    def _smooth(self, filled: list[Faces]) -> list[_Waiting]:
        done: list[_Waiting] = []
        for faces in filled:
            item = self._unfilled.popleft()
            self._unsmoothed.append(item)
            done += self._finish(self._smoother.push(faces, cut=item.cut, time_s=item.frame.time_s))
        return done

    def _finish(self, smoothed: list[Faces]) -> list[_Waiting]:
        done = []
        for faces in smoothed:
            item = self._unsmoothed.popleft()
            long_enough = item.scene is not None and item.scene.frames >= LEAST_SIGHTINGS
            item.faces = self._sightings.sound(faces) if self._doubts and long_enough else faces
            done.append(item)
        return done


def _batch(items: list[_Waiting]) -> Batch:
    faces = tuple(item.faces if item.faces is not None else Faces.empty() for item in items)
    known = tuple(item.known for item in items if item.known is not None)
    return Batch(
        frames=tuple(item.frame for item in items),
        faces=faces,
        detected=tuple(item.detected for item in items),
        tracked=faces,
        cuts=tuple(item.cut for item in items),
        known=known if len(known) == len(items) else (),
    )
