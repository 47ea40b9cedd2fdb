"""Which faces are chosen."""

from __future__ import annotations

import numpy as np
import pytest

from trtswap.errors import NoFaceError, OptionError
from trtswap.options import SelectOptions
from trtswap.stages.identity import identity_of
from trtswap.stages.select import embedding_distances, largest_face, select_faces
from trtswap.types import Faces


def faces(rng: np.random.Generator, count: int, embeddings: np.ndarray | None = None) -> Faces:
    corners = rng.uniform(0, 500, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 200, (count, 2))], axis=1).astype(np.float32)
    points = rng.uniform(0, 500, (count, 5, 2)).astype(np.float32)
    return Faces(boxes, points, rng.uniform(0.5, 1, count).astype(np.float32), embeddings)


def test_all_keeps_every_face() -> None:
    found = faces(np.random.default_rng(), 4)
    assert select_faces(found, SelectOptions("all")) is found


def test_largest_takes_the_largest_box() -> None:
    rng = np.random.default_rng()
    for _ in range(20):
        found = faces(rng, 5)
        areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in found.boxes_px.astype(float)]
        chosen = select_faces(found, SelectOptions("largest"))
        assert len(chosen) == 1
        assert np.array_equal(chosen.boxes_px[0], found.boxes_px[int(np.argmax(areas))])


def test_a_swapped_box_has_no_area() -> None:
    rng = np.random.default_rng()
    found = faces(rng, 2)
    found.boxes_px[0] = (400, 400, 10, 10)
    assert largest_face(found) == 1


def test_reference_takes_the_nearest_below_the_distance() -> None:
    rng = np.random.default_rng()
    embeddings = rng.standard_normal((6, 512)).astype(np.float32)
    person = identity_of(embeddings[4:5] + 0.1 * rng.standard_normal((1, 512)))
    found = faces(rng, 6, embeddings)
    chosen = select_faces(found, SelectOptions("reference", 0.3), person)
    assert np.array_equal(chosen.landmarks_px, found.landmarks_px[4:5])
    stranger = identity_of(rng.standard_normal((1, 512)))
    assert len(select_faces(found, SelectOptions("reference", 0.3), stranger)) == 0


def test_reference_without_a_reference_is_told() -> None:
    with pytest.raises(OptionError, match="reference"):
        select_faces(faces(np.random.default_rng(), 2), SelectOptions("reference"))


def test_no_faces_stay_no_faces() -> None:
    for mode in ("all", "largest", "reference"):
        assert len(select_faces(Faces.empty(), SelectOptions(mode))) == 0


def test_distances_are_half_of_one_minus_cosine() -> None:
    rng = np.random.default_rng()
    embeddings = rng.standard_normal((5, 512)) * rng.uniform(0.1, 30, (5, 1))
    unit = rng.standard_normal(512)
    unit /= np.linalg.norm(unit)
    expected = [(1 - e @ unit / np.linalg.norm(e)) / 2 for e in embeddings]
    assert np.allclose(embedding_distances(embeddings, unit), expected, atol=1e-12)
    assert embedding_distances(np.zeros((1, 512)), unit)[0] == 1
    assert embedding_distances(np.full((1, 512), np.nan), unit)[0] == 1


def test_identity_averages_raw_and_unit() -> None:
    rng = np.random.default_rng()
    raw = rng.standard_normal((3, 512)) * np.array([[5], [10], [20]])
    person = identity_of(raw)
    assert np.allclose(person.embedding, raw.mean(axis=0), atol=1e-5)
    mean_unit = np.mean([e / np.linalg.norm(e) for e in raw], axis=0)
    assert np.allclose(person.unit, mean_unit / np.linalg.norm(mean_unit), atol=1e-6)
    assert person.pictures == 3


@pytest.mark.parametrize(
    "bad", [np.zeros((1, 512)), np.full((2, 512), np.nan), np.array([[1.0] * 4, [-1.0] * 4])]
)
def test_unusable_embeddings_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(NoFaceError):
        identity_of(bad)
