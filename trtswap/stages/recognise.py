"""Embeddings of tracks: a few when a face appears, one now and then while it stays."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from trtswap import tracing
from trtswap.networks.recogniser import EMBEDDING_LENGTH, Recogniser
from trtswap.stages.batch import Batch
from trtswap.stages.fitting import in_halves
from trtswap.types import Array, Faces

EARLY = 3
"""So many first detections of a track are recognised each."""
REFRESH = 12
"""After those, every so many detections of it one more."""
_NEWEST = 8
_STEP = 0.15
"""Of the way to a changed mean, for each frame."""
_FORGOTTEN = 256
"""Frames after which a track that is gone is forgotten."""


@tracing.stage("recognise")
def recognise(batches: Iterable[Batch], recogniser: Recogniser) -> Iterator[Batch]:
    """Sets the embeddings of all faces: of a track the mean of its newest, raw, towards which it glides when that
    changes, so that nothing made of it jumps; zeros where there is none yet.

    The faces that are due, of all frames of a batch, go through the recogniser in one run, before any of them counts.
    Faces without `track_ids` are recognised one by one.
    """
    memory = _Memory(recogniser)
    for batch in batches:
        yield memory.embed(batch)


@dataclass
class _Track:
    sightings: int = 0
    seen_at: int = 0
    embeddings: deque[Array] = field(default_factory=lambda: deque(maxlen=_NEWEST))
    shown: Array | None = None

    @property
    def due(self) -> bool:
        """Whether the next detection is to be recognised."""
        return self.sightings < EARLY or (self.sightings - EARLY) % REFRESH == REFRESH - 1

    def glide(self) -> Array:
        """What the next frame shows: a step nearer to the mean of the newest."""
        if not self.embeddings:
            return np.zeros(EMBEDDING_LENGTH, np.float32)
        mean = np.asarray(np.mean(self.embeddings, axis=0), np.float32)
        self.shown = mean if self.shown is None else self.shown + np.float32(_STEP) * (mean - self.shown)
        return self.shown


class _Memory:
    """What is known of the tracks at hand."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._tracks: dict[int, _Track] = {}
        self._frames = 0

    def embed(self, batch: Batch) -> Batch:
        """The batch with embeddings."""
        due = [(row, face) for row, faces in enumerate(batch.faces) for face in self._due(faces)]
        found = self._run(batch, due)
        for (row, face), embedding in zip(due, found, strict=True):
            ids = batch.faces[row].track_ids
            if ids is not None and np.isfinite(embedding).all():
                self._tracks[int(ids[face])].embeddings.append(embedding)
        alone = dict(zip(due, found, strict=True))
        faces = tuple(self._with_means(row, item, alone) for row, item in enumerate(batch.faces))
        self._forget()
        counts = np.bincount(np.array([row for row, _ in due], np.intp), minlength=len(faces))
        asked = np.split(found, np.cumsum(counts)[:-1])
        return replace(batch, faces=faces, embedded=tuple(asked))

    def _run(self, batch: Batch, due: list[tuple[int, int]]) -> Array:
        """The embeddings of some faces, float32 [N, 512]; where the frames are known, so are these."""
        if batch.known:
            return np.concatenate([item.embedded for item in batch.known])
        surfaces = [frame.surface for frame in batch.frames]

        def embed(rows: Sequence[tuple[int, int]]) -> Array:
            landmarks = [batch.faces[row].landmarks_px[face] for row, face in rows]
            indices = np.array([row for row, _ in rows], np.intp)
            return self._recogniser.embed(surfaces, indices, np.array(landmarks).reshape(-1, 5, 2))

        return in_halves(embed, due)

    def _due(self, faces: Faces) -> list[int]:
        """The rows to recognise of the next frame; its tracks are counted."""
        self._frames += 1
        if faces.track_ids is None:
            return list(range(len(faces)))
        rows = []
        for row, number in enumerate(faces.track_ids.tolist()):
            track = self._tracks.setdefault(number, _Track())
            track.seen_at = self._frames
            if faces.filled is not None and faces.filled[row]:
                continue  # the face is there, but perhaps behind something
            if track.due:
                rows.append(row)
            track.sightings += 1
        return rows

    def _with_means(self, row: int, faces: Faces, alone: dict[tuple[int, int], Array]) -> Faces:
        if not len(faces):
            return replace(faces, embeddings=np.zeros((0, EMBEDDING_LENGTH), np.float32))
        if faces.track_ids is None:
            return replace(faces, embeddings=np.stack([alone[row, face] for face in range(len(faces))]))
        means = [self._tracks[number].glide() for number in faces.track_ids.tolist()]
        return replace(faces, embeddings=np.stack(means))

    def _forget(self) -> None:
        gone = [number for number, track in self._tracks.items() if track.seen_at < self._frames - _FORGOTTEN]
        for number in gone:
            del self._tracks[number]
