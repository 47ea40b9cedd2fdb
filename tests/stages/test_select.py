"""Which faces are chosen."""

from __future__ import annotations

import numpy as np
import pytest

from trtswap.errors import NoFaceError, OptionError
from trtswap.options import SelectOptions
from trtswap.stages.identity import identity_of
from trtswap.stages.select import Selector, embedding_distances, largest_face, ordered
from trtswap.types import Faces


def faces(rng: np.random.Generator, count: int, embeddings: np.ndarray | None = None) -> Faces:
    corners = rng.uniform(0, 500, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 200, (count, 2))], axis=1).astype(np.float32)
    points = rng.uniform(0, 500, (count, 5, 2)).astype(np.float32)
    return Faces(boxes, points, rng.uniform(0.5, 1, count).astype(np.float32), embeddings)


def test_all_keeps_every_face() -> None:
    found = faces(np.random.default_rng(), 4)
    assert Selector(SelectOptions("all")).choose(found) is found


def test_largest_takes_the_largest_box() -> None:
    rng = np.random.default_rng()
    for _ in range(20):
        found = faces(rng, 5)
        areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in found.boxes_px.astype(float)]
        chosen = Selector(SelectOptions("largest")).choose(found)
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
    chosen = Selector(SelectOptions("reference", 0.3), person).choose(found)
    assert np.array_equal(chosen.landmarks_px, found.landmarks_px[4:5])
    stranger = identity_of(rng.standard_normal((1, 512)))
    assert len(Selector(SelectOptions("reference", 0.3), stranger).choose(found)) == 0


def test_reference_without_a_reference_is_told() -> None:
    with pytest.raises(OptionError, match="reference"):
        Selector(SelectOptions("reference"))


def test_no_faces_stay_no_faces() -> None:
    person = identity_of(np.random.default_rng().standard_normal((1, 512)))
    for mode in ("all", "largest", "reference"):
        assert len(Selector(SelectOptions(mode), person).choose(Faces.empty())) == 0


def tracked(boxes: list[tuple[float, ...]], ids: list[int], embeddings: np.ndarray | None = None) -> Faces:
    count = len(ids)
    points = np.zeros((count, 5, 2), np.float32)
    scores = np.ones(count, np.float32)
    return Faces(
        np.array(boxes, np.float32),
        points,
        scores,
        embeddings,
        np.array(ids, np.int32),
        np.zeros(count, bool),
    )


def test_the_largest_track_is_kept_while_sizes_cross_a_little() -> None:
    selector = Selector(SelectOptions("largest"))
    chosen = []
    for step in range(20):
        wobble = 6 * (-1) ** step
        found = tracked([(0, 0, 100 + wobble, 100), (200, 0, 300 - wobble, 100)], [4, 7])
        chosen.append(int(selector.choose(found).track_ids[0]))
    assert set(chosen) == {4}
    clearly_larger = tracked([(0, 0, 100, 100), (200, 0, 400, 100)], [4, 7])
    assert int(selector.choose(clearly_larger).track_ids[0]) == 7
    gone = tracked([(0, 0, 100, 100)], [4])
    assert int(selector.choose(gone).track_ids[0]) == 4


def test_one_bad_embedding_does_not_lose_the_reference() -> None:
    rng = np.random.default_rng()
    person = identity_of(rng.standard_normal((1, 512)))
    selector = Selector(SelectOptions("reference", 0.3), person)
    boxes, ids = [(0, 0, 9, 9), (20, 0, 29, 9)], [1, 2]
    for step in range(12):
        hers = person.unit * 20 + 0.3 * rng.standard_normal(512)
        if step == 6:
            hers = rng.standard_normal(512)  # a blink, a hand
        stranger = rng.standard_normal(512)
        found = tracked(boxes, ids, np.stack([stranger, hers]).astype(np.float32))
        assert selector.choose(found).track_ids.tolist() == [2], step


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


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("large-small", [2, 0, 1, 3]),
        ("small-large", [1, 3, 0, 2]),
        ("left-right", [1, 0, 3, 2]),
        ("right-left", [2, 3, 0, 1]),
        ("top-bottom", [3, 0, 1, 2]),
        ("bottom-top", [2, 0, 1, 3]),
        ("best-worst", [1, 3, 0, 2]),
        ("worst-best", [2, 0, 3, 1]),
    ],
)
def test_orders(order: str, expected: list[int]) -> None:
    boxes = [(20, 50, 40, 70), (0, 50, 10, 60), (90, 80, 190, 180), (60, 5, 70, 15)]
    found = Faces(
        np.array(boxes, np.float32),
        np.zeros((4, 5, 2), np.float32),
        np.array([0.6, 0.9, 0.5, 0.8], np.float32),
    )
    assert ordered(found, order).tolist() == expected  # type: ignore[arg-type]
    for position in range(6):
        selector = Selector(SelectOptions("one", order=order, position=position))  # type: ignore[arg-type]
        chosen = selector.choose(found)
        assert chosen.boxes_px.tolist() == [list(boxes[expected[min(position, 3)]])]


def test_one_track_stays_chosen_when_the_order_changes() -> None:
    selector = Selector(SelectOptions("one", order="left-right"))
    first = tracked([(0, 0, 10, 10), (50, 0, 60, 10)], [3, 4])
    crossed = tracked([(70, 0, 80, 10), (50, 0, 60, 10)], [3, 4])
    alone = tracked([(50, 0, 60, 10)], [4])
    assert [int(selector.choose(item).track_ids[0]) for item in (first, crossed, alone, crossed)] == [
        3,
        3,
        4,
        4,
    ]
