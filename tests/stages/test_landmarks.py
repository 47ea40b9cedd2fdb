"""The sixty-eight points: whose five count, and how they go along with a track."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import tolerance
from support.face_networks import dense_points
from support.tracked import boxes_around, moving

from trtswap.native import core
from trtswap.options import LandmarkOptions, SmoothOptions
from trtswap.stages.gaps import GapFiller
from trtswap.stages.landmarks import Refiner
from trtswap.stages.smooth import make_smoother
from trtswap.types import Array, Faces

METHODS = ("symmetric", "one-euro", "ema", "individual", "off")


class Canned:
    """A landmarker that knows its answer."""

    def __init__(self, points: Array, scores: Array) -> None:
        self.points, self.scores = points.astype(np.float32), scores.astype(np.float32)

    def locate(self, *_: Any) -> tuple[Array, Array]:
        return self.points, self.scores


def faces(landmarks: Array, ids: list[int] | None = None, dense: bool = True) -> Faces:
    points = landmarks.reshape(-1, 5, 2)
    return Faces(
        boxes_around(points).astype(np.float32),
        points.astype(np.float32),
        np.full(len(points), 0.9, np.float32),
        track_ids=None if ids is None else np.array(ids, np.int32),
        filled=None if ids is None else np.zeros(len(points), bool),
        landmarks_68_px=dense_points(points).astype(np.float32) if dense else None,
    )


def test_five_points_come_from_the_sure_ones_alone() -> None:
    rng = np.random.default_rng()
    truth = rng.uniform(0, 500, (4, 5, 2))
    detected = [faces(truth[:1] + 5, dense=False), Faces.empty(), faces(truth[1:] + 5, dense=False)]
    dense = dense_points(truth)
    dense[3, 40] = np.nan
    refiner = Refiner(Canned(dense, np.array([0.8, 0.5, 0.51, 1.0])), LandmarkOptions(score=0.5))  # type: ignore[arg-type]
    refined = refiner.refine([], detected)
    assert [len(item) for item in refined] == [1, 0, 3]
    np.testing.assert_allclose(refined[0].landmarks_px, truth[:1], atol=1e-3)
    np.testing.assert_allclose(refined[2].landmarks_px[0], truth[1] + 5, atol=1e-3)  # not above the limit
    np.testing.assert_allclose(refined[2].landmarks_px[1], truth[2], atol=1e-3)
    np.testing.assert_allclose(refined[2].landmarks_px[2], truth[3] + 5, atol=1e-3)  # not finite
    assert refined[2].landmarks_68_px is not None
    np.testing.assert_allclose(refined[2].landmarks_68_px[:2], dense[1:3], atol=1e-3)
    assert np.isfinite(refined[2].landmarks_68_px).all()
    assert refined[1].landmarks_68_px is not None


@pytest.mark.parametrize("method", METHODS)
def test_the_sixty_eight_move_as_the_smoothed_five(method: Any) -> None:
    """The five are noisy by similarities alone, so that the relation of 68 to 5 is the same in and out."""
    rng = np.random.default_rng(5)
    count = 30
    centres = np.array([300, 200]) + np.cumsum(rng.normal(0, 2, (count, 2)), axis=0)
    points = moving(centres, 150 + rng.normal(0, 1, count), rng.normal(0, 0.02, count))
    smoother = make_smoother(SmoothOptions(method=method), 30.0)
    done: list[Faces] = []
    for index, five in enumerate(points):
        done += smoother.push(faces(five, [0]), cut=False, time_s=index / 30)
    done += smoother.flush()
    assert len(done) == count
    moved = 0.0
    for before, item in zip(points, done, strict=True):
        assert item.landmarks_68_px is not None
        moved += float(np.abs(item.landmarks_px[0] - before).mean())
        # the others move each point alone, so that the five are no similarity of what they were
        allowed = 0.01 if method in ("symmetric", "off") else 1.5
        np.testing.assert_allclose(item.landmarks_68_px, dense_points(item.landmarks_px), atol=allowed)
    assert (moved / count > 0.05) == (method != "off")


def test_a_bridged_gap_has_them_too() -> None:
    count = 7
    points = moving(
        np.linspace([200, 150], [260, 180], count), np.linspace(100, 130, count), np.linspace(0, 0.5, count)
    )
    filler = GapFiller(4)
    done: list[Faces] = []
    for index, five in enumerate(points):
        present = index in (0, 1, 5, 6)
        done += filler.push(faces(five, [3]) if present else faces(np.zeros((0, 5, 2)), []), cut=False)
    done += filler.flush()
    assert [item.filled.tolist() for item in done if item.filled is not None] == [[False]] * 2 + [
        [True]
    ] * 3 + [[False]] * 2
    for item in done:
        assert item.landmarks_68_px is not None
        np.testing.assert_allclose(item.landmarks_68_px, dense_points(item.landmarks_px), atol=0.01)


def test_a_gap_between_faces_without_them_has_none() -> None:
    points = moving(np.linspace([200, 150], [210, 150], 3))
    filler = GapFiller(2)
    done = filler.push(faces(points[0], [3], dense=False), cut=False)
    done += filler.push(faces(np.zeros((0, 5, 2)), [], dense=False), cut=False)
    done += filler.push(faces(points[2], [3], dense=False), cut=False)
    done += filler.flush()
    assert [len(item) for item in done] == [1, 1, 1]
    assert all(item.landmarks_68_px is None for item in done)


def test_carried_points_move_as_the_similarity_does() -> None:
    rng = np.random.default_rng()
    before, points = rng.uniform(0, 500, (4, 5, 2)), rng.uniform(0, 500, (4, 68, 2))
    after = before @ np.array([[0.9, 0.3], [-0.3, 0.9]]) + (40, -7) + rng.normal(0, 2, before.shape)
    expected = []
    for source, target, some in zip(before, after, points, strict=True):
        # the normal equations of x' = a x - b y + s, y' = b x + a y + t
        rows = [[x, -y, 1, 0] for x, y in source] + [[y, x, 0, 1] for x, y in source]
        a, b, s, t = np.linalg.lstsq(np.array(rows), target.T.ravel(), rcond=None)[0]
        expected.append([[a * x - b * y + s, b * x + a * y + t] for x, y in some])
    np.testing.assert_allclose(core.carried(points, before, after), expected, atol=tolerance.CARRIED_PX)


def test_points_stay_where_there_is_no_similarity() -> None:
    points = np.random.default_rng().uniform(0, 9, (3, 68, 2)).astype(np.float32)
    before = np.random.default_rng().uniform(0, 9, (3, 5, 2))
    after = before.copy()
    before[0], after[1], before[2, 3] = 4.0, 4.0, np.nan
    np.testing.assert_array_equal(core.carried(points, before, after), points)
