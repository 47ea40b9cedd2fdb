"""Leaves out faces by gender, age and race, as a classifier sees them; decided once per track."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from trtswap import tracing
from trtswap.networks.classifier import FairFace, Traits
from trtswap.options import SelectOptions
from trtswap.stages.batch import Batch
from trtswap.types import Array, Faces, Surface

_VOTES = 5
"""So many detections of a track are classified; the most frequent answer counts."""
_FORGOTTEN = 256


@tracing.stage("sift")
def sift(batches: Iterable[Batch], classifier: FairFace, options: SelectOptions) -> Iterator[Batch]:
    """Narrows `faces` of each batch to those that pass the filters of `options`. "auto" is to be settled before."""
    jury = _Jury(classifier)
    for batch in batches:
        traits, asked = jury.judge(batch)
        kept = [
            faces.take([row for row in range(len(faces)) if passes(traits[place, row], options)])
            for place, faces in enumerate(batch.faces)
        ]
        yield replace(batch, faces=tuple(kept), traits=asked)


def passes(traits: Traits, options: SelectOptions) -> bool:
    """Whether a face is one of those wanted."""
    wanted_age = options.age is None or (options.age[0] < traits.age[1] and traits.age[0] < options.age[1])
    return options.gender in ("any", traits.gender) and options.race in ("any", traits.race) and wanted_age


def traits_of(surface: Surface, landmarks_px: Array, classifier: FairFace) -> Traits:
    """The traits of one face, with landmarks [5, 2]."""
    return classifier.classify([surface], np.zeros(1, np.intp), landmarks_px[None])[0]


class _Jury:
    """Remembers the votes on each track."""

    def __init__(self, classifier: FairFace) -> None:
        self._classifier = classifier
        self._votes: dict[int, Counter[Traits]] = {}
        self._seen: dict[int, int] = {}
        self._frames = 0

    def judge(self, batch: Batch) -> tuple[dict[tuple[int, int], Traits], tuple[tuple[Traits, ...], ...]]:
        """The traits of each face, by its frame in the batch and its row; and per frame what the classifier said."""
        due = [
            (place, row)
            for place, faces in enumerate(batch.faces)
            for row in range(len(faces))
            if self._is_due(faces, row)
        ]
        fresh = dict(zip(due, self._classified(batch, due), strict=True))
        for (place, row), traits in fresh.items():
            number = _number(batch.faces[place], row)
            if number is not None:
                self._votes.setdefault(number, Counter())[traits] += 1
        self._forget(batch)
        verdicts = {
            (place, row): self._verdict(faces, row) or fresh[place, row]
            for place, faces in enumerate(batch.faces)
            for row in range(len(faces))
        }
        asked = (tuple(fresh[at] for at in due if at[0] == place) for place in range(len(batch.faces)))
        return verdicts, tuple(asked)

    def _classified(self, batch: Batch, due: list[tuple[int, int]]) -> list[Traits]:
        """What the classifier says of some faces, or has said where the frames are known."""
        if batch.known:
            return [traits for item in batch.known for traits in item.traits]
        landmarks = np.array([batch.faces[place].landmarks_px[row] for place, row in due]).reshape(-1, 5, 2)
        surfaces = [frame.surface for frame in batch.frames]
        return self._classifier.classify(surfaces, np.array([place for place, _ in due], np.intp), landmarks)

    def _is_due(self, faces: Faces, row: int) -> bool:
        number = _number(faces, row)
        return number is None or sum(self._votes.get(number, Counter()).values()) < _VOTES

    def _verdict(self, faces: Faces, row: int) -> Traits | None:
        number = _number(faces, row)
        return None if number is None else self._votes[number].most_common(1)[0][0]

    def _forget(self, batch: Batch) -> None:
        self._frames += len(batch.faces)
        for faces in batch.faces:
            if faces.track_ids is not None:
                self._seen.update(dict.fromkeys(faces.track_ids.tolist(), self._frames))
        for number in [key for key, at in self._seen.items() if at < self._frames - _FORGOTTEN]:
            del self._seen[number]
            self._votes.pop(number, None)


def _number(faces: Faces, row: int) -> int | None:
    return None if faces.track_ids is None else int(faces.track_ids[row])
