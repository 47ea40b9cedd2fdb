"""Squares of faces: where pixels come from, on the host and on a GPU."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from support import reference, tolerance
from support.targets import Target

from trtswap.geometry import estimate_similarity, transform_points
from trtswap.quality import region
from trtswap.types import PixelFormat, Surface


def test_the_points_of_a_face_land_on_the_templates() -> None:
    rng = np.random.default_rng()
    turn, scale = rng.uniform(-3, 3), rng.uniform(0.2, 9)
    matrix = np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), rng.uniform(0, 900)],
            [scale * np.sin(turn), scale * np.cos(turn), rng.uniform(0, 900)],
        ]
    )
    landmarks = transform_points(matrix, region.POINTS)[None]
    placement = region.placements_of(landmarks)[0]
    assert np.allclose(transform_points(placement, landmarks[0]), region.POINTS, atol=1e-6)
    assert region.scale_of(placement) == pytest.approx(1 / scale)
    assert np.isnan(region.placements_of(np.zeros((1, 5, 2)))).all()
    assert np.allclose(placement, estimate_similarity(landmarks, region.POINTS)[0])


def test_the_eyes_are_a_fifth_of_the_edge_apart() -> None:
    assert pytest.approx(0.2, abs=0.005) == region.EYES / region.SIZE
    assert region.CORE.sum() < region.FACE.sum() < region.INK.sum()
    assert np.all(region.CORE <= region.FACE)
    assert region.STEADY[int(region.POINTS[3, 1]), int(region.CENTRE[0])] == 0
    assert region.STEADY[int(region.POINTS[0, 1]), int(region.CENTRE[0])] == 1


def test_squares_are_means_of_four_samples(target: Target) -> None:
    """Against the float64 reference of the crop operation, at twice the size."""
    rng = np.random.default_rng()
    host = Surface(PixelFormat.RGB8, (rng.integers(0, 256, (300, 400, 3), np.uint8),))
    landmarks = np.stack(
        [transform_points(np.array([[2.1, 0.3, 40], [-0.3, 2.1, 30]]), region.POINTS), region.POINTS + 60]
    )
    placements = region.placements_of(landmarks)
    surfaces = [target.put_surface(host) for _ in range(4)]
    parts = [placements[:0], placements[1:], placements[:0], placements]
    *others, got = (item.get() for item in region.fetched(region.squares(surfaces, parts)))
    assert [len(squares) for squares in others] == [0, 1, 0]
    assert np.array_equal(others[1][0], got[1]), "frames together are as alone"
    assert [item.get() for item in region.fetched(region.squares(surfaces, [placements[:0]] * 4))] == [[]] * 4
    for square, placement in zip(got, placements, strict=True):
        finer = 2 * placement + [[0, 0, 0.5], [0, 0, 0.5]]
        samples = reference.crop(host, finer, (2 * region.SIZE, 2 * region.SIZE))
        expected = samples.reshape(region.SIZE, 2, region.SIZE, 2, 3).mean(axis=(1, 3))
        assert square.shape == (region.SIZE, region.SIZE, 3)
        assert np.abs(square - expected).max() < tolerance.SQUARE_CODES


def test_a_thumbnail_keeps_the_mean_and_stands_upright(target: Target) -> None:
    picture = np.full((360, 640, 3), 40, np.uint8)
    picture[:, 320:] = 200
    host = Surface(PixelFormat.RGB8, (picture,), rotation_deg=90)
    small = region.fetched(region.thumbnails([target.put_surface(host)]))[0].get()
    assert small.shape == (320, 180, 3)
    assert small.mean() == pytest.approx(120, abs=0.5)
    assert small[:100].mean() == pytest.approx(
        200, abs=0.1
    )  # turned counter-clockwise, the right side is on top


def test_what_has_nothing_to_wait_for_is_made_at_once() -> None:
    made: list[int] = []

    def make(pictures: list[np.ndarray]) -> int:
        assert pictures == []
        made.append(len(made))
        return made[-1]

    assert region.Lazy(make).get() == 0
    waiting = region.Lazy(make, waits=True)
    assert made == [0]
    assert (waiting.get(), waiting.get()) == (1, 1)
    assert made == [0, 1]


def test_pictures_that_have_arrived_go_to_another_process_unmade(target: Target) -> None:
    picture = np.random.default_rng().integers(0, 256, (180, 320, 3), dtype=np.uint8)
    surface = target.put_surface(Surface(PixelFormat.RGB8, (picture,)))
    small, _ = region.fetched(region.thumbnails([surface, surface]))
    small.arrive()
    sent = pickle.loads(pickle.dumps(small))
    assert np.array_equal(sent.get(), small.get())
    assert np.array_equal(sent.get(), picture)
