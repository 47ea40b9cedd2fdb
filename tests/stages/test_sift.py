"""Filters by what a classifier says: which faces pass, once per track."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.people import batches, faces

from trtswap.networks.classifier import Traits
from trtswap.options import SelectOptions
from trtswap.stages.sift import passes, sift
from trtswap.types import Array

PEOPLE = [
    Traits("female", (20, 29), "white"),
    Traits("male", (30, 39), "black"),
    Traits("female", (50, 59), "asian"),
]


class Classifier:
    """Tells people by their landmarks; every third answer about person 0 is wrong."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def classify(self, surfaces: Any, indices: Array, landmarks: Array) -> list[Traits]:  # noqa: ARG002
        found = []
        for who in landmarks[:, 0, 0].round().astype(int).tolist():
            self.asked.append(who)
            wrong = who == 0 and self.asked.count(0) % 3 == 0
            found.append(Traits("male", (60, 69), "white") if wrong else PEOPLE[who])
        return found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"gender": "female"}, [0, 2]),
        ({"race": "black"}, [1]),
        ({"gender": "female", "race": "asian"}, [2]),
        ({"age": (25, 35)}, [0, 1]),
        ({"age": (29, 30)}, []),  # the classes leave out their last year
        ({"age": (0, 21)}, [0]),
        ({}, [0, 1, 2]),
    ],
)
def test_who_passes(changes: dict[str, Any], expected: list[int]) -> None:
    options = SelectOptions(**changes)
    assert [row for row, traits in enumerate(PEOPLE) if passes(traits, options)] == expected


def test_a_track_is_judged_by_most_of_its_first_answers() -> None:
    classifier = Classifier()
    frames = [faces([1, 0, 2], [10, 11, 12])] * 20
    done = [
        item.track_ids.tolist()  # type: ignore[union-attr]
        for batch in sift(batches(frames), classifier, SelectOptions(gender="female"))  # type: ignore[arg-type]
        for item in batch.faces
    ]
    assert done == [[11, 12]] * 20
    assert len(classifier.asked) < 30


def test_without_tracks_each_face_is_judged_alone() -> None:
    classifier = Classifier()
    (done,) = sift(batches([faces([1, 2], None)]), classifier, SelectOptions(gender="male"))  # type: ignore[arg-type]
    np.testing.assert_array_equal(done.faces[0].landmarks_px[:, 0, 0], [1])
