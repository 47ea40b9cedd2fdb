"""Puts faces back where the detector missed them for a few frames."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from trtswap.stages.bridge import Sighting, between, moved, with_dense
from trtswap.stages.flow import Patch, cut_out, refine
from trtswap.types import Array, Faces, Surface


@dataclass
class _Moment:
    """One frame. rows: track id to row. added: faces put back. patches: of faces, kept when the surface is gone."""

    faces: Faces
    rows: dict[int, int]
    surface: Surface | None
    added: dict[int, Sighting] = field(default_factory=dict)
    patches: dict[int, Patch | None] = field(default_factory=dict)


class GapFiller:
    """Bridges the gaps in tracks, for one video, looking ahead.

    A track that is missing in at most `gap_frames` frames between two detections gets a face in each of them, marked
    as filled. Frames come back in order, at most `max_lag` frames late; `gap_frames` 0 passes them on at once.
    Memory holds the faces of 2 * gap_frames + 2 frames, the surfaces of gap_frames + 1, and small patches of luma.
    """

    def __init__(self, gap_frames: int) -> None:
        self.max_lag = gap_frames
        self._moments: deque[_Moment] = deque(maxlen=2 * gap_frames + 2)
        self._waiting = 0  # so many of the newest moments have not been given back

    def push(self, faces: Faces, *, cut: bool, surface: Surface | None = None) -> list[Faces]:
        """The frames that are finished now.

        faces: with `track_ids`. cut: this frame begins a new scene, and no gap is bridged into it. surface: to follow
        faces by optical flow; it is read until its frame has been given back, and must not change until then. Filled
        faces come first in a frame, in the order of their ids, so that what was detected is blended over them. Raises
        ValueError for faces without track ids.
        """
        if faces.track_ids is None:
            raise ValueError("bridging gaps needs faces with track ids")
        if self.max_lag == 0:
            return [_with_flags(faces)]
        finished = self.flush() if cut else []
        rows = {track: row for row, track in enumerate(faces.track_ids.tolist())}
        self._moments.append(_Moment(faces, rows, surface))
        self._waiting += 1
        if len(self._moments) > 1:
            for track in sorted(rows.keys() - self._moments[-2].rows.keys()):
                self._bridge(track)
        if self._waiting > self.max_lag:
            finished.append(self._give())
        return finished

    def flush(self) -> list[Faces]:
        """All frames that are left, at the end of the video or a scene; afterwards everything is forgotten."""
        finished = [_complete(moment) for moment in list(self._moments)[len(self._moments) - self._waiting :]]
        self._moments.clear()
        self._waiting = 0
        return finished

    def _give(self) -> Faces:
        """The oldest frame that waits. Afterwards its surface belongs to others."""
        moments = self._moments
        place = len(moments) - self._waiting
        moment = moments[place]
        later = {track for number in range(place + 1, len(moments)) for track in moments[number].rows}
        for track in moment.rows.keys() - later:  # it may come back with the next frame
            moment.patches[track] = self._cut(moment, track)
        moment.surface = None
        self._waiting -= 1
        return _complete(moment)

    def _bridge(self, track: int) -> None:
        """Fills the gap before the newest frame, if the track was there before and the gap is short enough."""
        moments = self._moments
        last = len(moments) - 1
        reach = max(last - self.max_lag - 1, 0)
        first = next(
            (place for place in range(last - 2, reach - 1, -1) if track in moments[place].rows), None
        )
        if first is None:
            return
        span = last - first
        before, after = (self._sighting(place, track) for place in (first, last))
        earlier = self._earlier(track, first, span)
        ends = [self._cut(moments[place], track) for place in (first, last)]
        for place in range(first + 1, last):
            share = (place - first) / span
            guess = between(before, after, share, earlier)
            landmarks = _follow(ends, moments[place].surface, guess.landmarks_px, share)
            if landmarks is not None:
                guess = moved(replace(guess, landmarks_px=landmarks), before, after, share)
            moments[place].added[track] = with_dense(guess, before, after, share)

    def _earlier(self, track: int, first: int, span: int) -> tuple[Array, float] | None:
        """A centre before the gap, half to one of its spans back, and its share; nearer ones tell only noise."""
        for place in range(max(first - span, 0), first - (span + 1) // 2 + 1):
            if track in self._moments[place].rows:
                return self._sighting(place, track).centre_px, (place - first) / span
        return None

    def _sighting(self, place: int, track: int) -> Sighting:
        moment = self._moments[place]
        return Sighting.of(moment.faces, moment.rows[track])

    def _cut(self, moment: _Moment, track: int) -> Patch | None:
        if moment.surface is None:
            return moment.patches.get(track)
        return cut_out(moment.surface, moment.faces.landmarks_px[moment.rows[track]].astype(np.float64))


def _follow(
    ends: list[Patch | None], surface: Surface | None, landmarks_px: Array, share: float
) -> Array | None:
    """The landmarks by optical flow from both ends of the gap, or None."""
    before, after = ends
    if before is None or after is None or surface is None:
        return None
    guess = cut_out(surface, landmarks_px)
    return None if guess is None else refine(before, guess, after, share)


def _with_flags(faces: Faces) -> Faces:
    if faces.filled is not None:
        return faces
    return replace(faces, filled=np.zeros(len(faces), np.bool_))


def _complete(moment: _Moment) -> Faces:
    """The frame's faces behind those put back."""
    faces = _with_flags(moment.faces)
    if not moment.added or faces.filled is None or faces.track_ids is None:
        return faces
    added = [moment.added[track] for track in sorted(moment.added)]
    return Faces(
        np.concatenate([np.array([face.box_px for face in added], np.float32), faces.boxes_px]),
        np.concatenate([np.array([face.landmarks_px for face in added], np.float32), faces.landmarks_px]),
        np.concatenate([np.array([face.score for face in added], np.float32), faces.scores]),
        _embeddings(added, faces),
        np.concatenate([np.array(sorted(moment.added), np.int32), faces.track_ids]),
        np.concatenate([np.ones(len(added), np.bool_), faces.filled]),
        _dense(added, faces),
    )


def _dense(added: list[Sighting], faces: Faces) -> Array | None:
    """The sixty-eight points of added and detected faces, or None unless all have them."""
    points = [face.landmarks_68_px for face in added if face.landmarks_68_px is not None]
    detected = faces.landmarks_68_px
    if len(points) < len(added) or (detected is None and len(faces)):
        return None
    new = np.array(points, np.float32)
    return new if detected is None else np.concatenate([new, detected])


def _embeddings(added: list[Sighting], faces: Faces) -> Array | None:
    """Embeddings of added and detected faces; zeros where there is none, None where there are none at all."""
    known = [face.embedding for face in added if face.embedding is not None]
    detected = faces.embeddings if len(faces) else None
    if detected is None and not known:
        return faces.embeddings
    width = known[0].shape[0] if detected is None else detected.shape[1]
    rows = np.zeros((len(added) + len(faces), width), np.float32)
    for row, face in enumerate(added):
        if face.embedding is not None and len(face.embedding) == width:
            rows[row] = face.embedding
    if detected is not None:
        rows[len(added) :] = detected
    return rows
