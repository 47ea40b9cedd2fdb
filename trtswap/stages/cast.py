"""Several people become several others: who is who, held for a track."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from trtswap import tracing
from trtswap.stages.assign import assign
from trtswap.stages.batch import Batch
from trtswap.stages.select import embedding_distances
from trtswap.types import Array, Faces, Identity

_KEPT = 0.05
"""By so much a track may become less like the person it was taken for, or more like another, before it changes."""


@tracing.stage("cast")
def cast(batches: Iterable[Batch], people: Sequence[Identity], distance: float) -> Iterator[Batch]:
    """Narrows `faces` of each batch to those of `people`, and sets `sources`, the number of the person of each.

    A face is a person's when its distance (1 - cosine) / 2 to the person is below `distance`. In one frame nobody is
    seen twice: the matching with the smallest distances counts. Needs faces with embeddings.
    """
    director = _Director(people, distance)
    for batch in batches:
        parts = [director.match(faces) for faces in batch.faces]
        yield replace(
            batch,
            faces=tuple(faces.take(rows) for faces, (rows, _) in zip(batch.faces, parts, strict=True)),
            sources=tuple(numbers for _, numbers in parts),
        )


class _Director:
    """Remembers which track is whom. Tracks that are gone are forgotten."""

    def __init__(self, people: Sequence[Identity], distance: float) -> None:
        self._units = [np.asarray(person.unit, np.float64) for person in people]
        self._distance = distance
        self._roles: dict[int, int] = {}

    def match(self, faces: Faces) -> tuple[Array, Array]:
        """Rows of faces, ascending, and the person of each: intp [K] each."""
        if not len(faces) or faces.embeddings is None:
            self._roles.clear()
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        benefits = self._distance - np.stack(
            [embedding_distances(faces.embeddings, unit) for unit in self._units], axis=1
        )
        ids = [] if faces.track_ids is None else faces.track_ids.tolist()
        for row, track in enumerate(ids):
            if track in self._roles:
                benefits[row, self._roles[track]] += _KEPT
        rows, numbers = assign(benefits)
        present = set(ids)
        self._roles = {track: role for track, role in self._roles.items() if track in present}
        self._roles.update({ids[row]: int(number) for row, number in zip(rows, numbers, strict=True) if ids})
        return rows, numbers
