"""Gives every face the number of its track, from frame to frame."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from trtswap.stages import motion
from trtswap.types import Array, Faces

_ELAPSED_S = (1e-3, 0.25)
"""Damaged time stamps stand still or leap; motion is predicted over no less and no more than this."""
_USUAL_ELAPSED_S = 1 / 30
_REMEMBERED_S = 0.5
"""Ids live at least this long without a detection: a face that passes behind another is hidden about so long."""
_SHADOW_WEIGHT = 0.25
"""How much the claim of a shadow counts beside that of the face it shadows."""
_SAME_FACE_IOU = 0.3
_SAME_FACE_INSIDE = 0.6
"""Two boxes show one face where their intersection over union, or the share of the smaller one that lies in the larger,
is above these. Detectors suppress most such pairs, by intersection over union alone."""
_EMBEDDING_WEIGHT = 0.1
"""Weight of the newest embedding in a track's mean."""


class Tracker:
    """Tells which face is which over the frames of one video.

    Positions are predicted at constant, slowly fading velocity; every detection is scored against every track by
    distance to the prediction, size, shape of the landmarks and, where there are embeddings, likeness; the sum of all
    scores is made as large as possible. A detection that no track explains begins one at once. A second detection of
    one face gets a track too, but as a shadow, whose claims weigh little until the two part.

    gap_s: the longest gap that is to be bridged, in seconds; ids outlive it, and half a second in any case.
    Memory holds the live tracks and nothing of past frames.
    """

    def __init__(self, gap_s: float = 0.0) -> None:
        self._limit_s = max(gap_s, _REMEMBERED_S)
        self._next_id = 0
        self._time_s: float | None = None
        self._elapsed_s = _USUAL_ELAPSED_S
        self._forget()

    def push(self, faces: Faces, *, cut: bool, time_s: float) -> Faces:
        """The same faces with `track_ids` and `filled`, which is False for all.

        Frames come in order. cut: this frame begins a new scene, so that all its ids are new. time_s: of this frame;
        time stamps that do not advance count as a frame at the last pace. Ids count up from 0 and are never used again.
        """
        elapsed_s = self._advance(time_s)
        if cut:
            self._forget()
        seen = motion.observe(faces)
        units = _unit_vectors(faces.embeddings)
        self._make_room(units)
        ids = self._follow(seen, units, elapsed_s) if self._ids else [-1] * len(faces)
        if -1 in ids:
            ids = self._begin(faces.scores, seen, units, ids)
        if ids and any(self._shadows):
            self._part(faces.boxes_px.astype(np.float64), ids)
        return replace(faces, track_ids=np.array(ids, np.int32), filled=np.zeros(len(faces), np.bool_))

    def _advance(self, time_s: float) -> float:
        """Seconds since the last frame, made plausible."""
        if self._time_s is not None and math.isfinite(time_s) and time_s > self._time_s:
            low, high = _ELAPSED_S
            self._elapsed_s = min(max(time_s - self._time_s, low), high)
        if math.isfinite(time_s):
            self._time_s = time_s
        return self._elapsed_s

    def _forget(self) -> None:
        self._tracks = motion.nothing()
        self._ids: list[int] = []
        self._shadows: list[bool] = []
        self._units: Array | None = None

    def _make_room(self, units: Array | None) -> None:
        """Keeps embeddings as soon as there are any, and no longer than they have this length."""
        if units is not None and (self._units is None or self._units.shape[1] != units.shape[1]):
            self._units = np.zeros((len(self._ids), units.shape[1]))

    def _follow(self, seen: Array, units: Array | None, elapsed_s: float) -> list[int]:
        """The id of each face, -1 for those that no track explains."""
        alike = None if units is None or self._units is None else motion.likeness(self._units, units)
        weights = np.where(self._shadows, _SHADOW_WEIGHT, 1.0) if any(self._shadows) else None
        owners = motion.follow(self._tracks, seen, elapsed_s, alike, weights)
        if units is not None:
            columns = [column for column, row in enumerate(owners) if row >= 0]
            self._learn([owners[column] for column in columns], columns, units)
        ids = [self._ids[row] if row >= 0 else -1 for row in owners]
        if len(owners) - owners.count(-1) < len(self._ids):
            self._bury(elapsed_s)
        return ids

    def _learn(self, rows: list[int], columns: list[int], units: Array) -> None:
        """Moves the tracks' mean embeddings towards the newest."""
        if self._units is None:
            return
        old, new = self._units[rows], units[columns]
        weight = np.where(old.any(axis=1), _EMBEDDING_WEIGHT, 1)[:, None]
        mean = _to_unit(old + weight * (new - old))
        known = np.asarray(new.any(axis=1))
        self._units[rows] = np.where(known[:, None], mean, old)

    def _bury(self, elapsed_s: float) -> None:
        """Ends the tracks that were not detected for too long."""
        limit_s = self._limit_s + elapsed_s / 2  # a gap is counted in frames
        unseen_s = motion.unseen_s(self._tracks)
        if unseen_s.max() <= limit_s:
            return
        alive = np.flatnonzero(unseen_s <= limit_s).tolist()
        self._tracks = motion.keep(self._tracks, alive)
        self._ids = [self._ids[row] for row in alive]
        self._shadows = [self._shadows[row] for row in alive]
        self._units = None if self._units is None else self._units[alive]

    def _begin(self, scores: Array, seen: Array, units: Array | None, ids: list[int]) -> list[int]:
        """Begins tracks, shadows at first, for the faces without an id; returns the ids of all."""
        ids = ids.copy()
        new = np.array([column for column, track in enumerate(ids) if track < 0], np.intp)
        # Best score first, then by place: the order of the detections must not matter.
        new = new[np.lexsort((seen[new, 1], seen[new, 0], -scores[new]))]
        for column in new.tolist():
            ids[column] = self._next_id
            self._next_id += 1
            self._ids.append(ids[column])
            self._shadows.append(True)
        self._tracks = motion.begin(self._tracks, seen[new])
        if self._units is not None:
            fresh = np.zeros((len(new), self._units.shape[1])) if units is None else units[new]
            self._units = np.concatenate([self._units, fresh])
        return ids

    def _part(self, boxes: Array, ids: list[int]) -> None:
        """A shadow, older ones first, is one no longer where its box shows no face that is known already."""
        row_of_id = {track: row for row, track in enumerate(self._ids)}
        order = sorted(range(len(ids)), key=ids.__getitem__)
        known = [column for column in order if not self._shadows[row_of_id[ids[column]]]]
        for column in order:
            row = row_of_id[ids[column]]
            if self._shadows[row] and not _same_face(boxes[column], boxes[known]).any():
                self._shadows[row] = False
                known.append(column)


def _same_face(box: Array, others: Array) -> Array:
    """Whether a box [4] shows the same face as each of others [N, 4]: bool [N]."""
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    intersection = np.maximum(shared, 0).prod(axis=1)
    area = max(float((box[2:] - box[:2]).prod()), 0.0)
    areas = np.maximum((others[:, 2:] - others[:, :2]).prod(axis=1), 0)
    inside = intersection > _SAME_FACE_INSIDE * np.minimum(area, areas)
    alike = inside | (intersection > _SAME_FACE_IOU * (area + areas - intersection))
    same: Array = alike & (intersection > 0)
    return same


def _unit_vectors(embeddings: Array | None) -> Array | None:
    return None if embeddings is None else _to_unit(embeddings.astype(np.float64))


def _to_unit(vectors: Array) -> Array:
    """Vectors [N, D] at length 1; zeros where one is empty or not finite."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))[:, None]
    usable = np.isfinite(lengths) & (lengths > 0)
    return np.where(usable, vectors / np.where(usable, lengths, 1), 0)
