"""Faces that rest: steadier than any window makes them, and never held where they move."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.tracked import EYES, moving, smoothed

from trtswap.native import core
from trtswap.options import SmoothOptions
from trtswap.stages.smooth import make_smoother

RATE = 30.0
LAG = 10
SIZE = 200.0
PARAMETERS, ROTATION = 18, 3
"""How many numbers say where a face is and what it is like; and which of them is its angle."""
EYES_PX = SIZE * EYES
FREE = 3.3
"""So many deviations off is followed at once."""


def steady(points: np.ndarray) -> np.ndarray:
    return smoothed(make_smoother(SmoothOptions(), RATE), points)


def standing(frames: int, **motion: np.ndarray) -> np.ndarray:
    return moving(np.tile([400.0, 300.0], (frames, 1)), **({"sizes": np.full(frames, SIZE)} | motion))


def eased(frames: int, start: int, stop: int) -> np.ndarray:
    way = np.clip((np.arange(frames) - start) / (stop - start), 0, 1)
    return way * way * (3 - 2 * way)


@pytest.mark.parametrize("share", [0.003, 0.01, 0.02])
def test_a_resting_face_is_steadier_than_the_widest_window(share: float) -> None:
    """What the widest window alone leaves of white noise is known in closed form."""
    deviation = share * EYES_PX
    row = core.fit_rows(np.ones(2 * LAG + 1))[-1]
    rng = np.random.default_rng()
    noisy = standing(3000) + rng.normal(0, deviation, (3000, 5, 2))
    centres = steady(noisy).mean(axis=1)[100:-100]
    alone = deviation / math.sqrt(5)
    assert centres.std(axis=0).mean() < 0.85 * alone * np.linalg.norm(row)  # seen: 0.63 to 0.70
    shakes = np.diff(centres, 2, axis=0).std()
    assert shakes < 0.7 * alone * np.linalg.norm(np.convolve(row, [1, -2, 1]))


def test_it_is_followed_as_soon_as_it_moves() -> None:
    """Also while it moves the result is nearer to the truth than what was detected."""
    rng = np.random.default_rng()
    deviation = 0.01 * EYES_PX
    way = 0.8 * EYES_PX * eased(150, 70, 85)
    truth = moving(np.stack([400 + way, np.full(150, 300.0)], axis=1), sizes=np.full(150, SIZE))
    squares = np.zeros((2, 150))
    for _ in range(20):
        noisy = truth + rng.normal(0, deviation, truth.shape)
        for row, points in zip(squares, (noisy, steady(noisy)), strict=True):
            row += ((points - truth).mean(axis=1) ** 2).sum(axis=1)
    before, after = np.sqrt(squares[:, 60:100].mean(axis=1))
    assert after < before
    assert np.sqrt(squares[1] / 20).max() < FREE * deviation / math.sqrt(5)


def test_a_mouth_moves_while_the_head_rests() -> None:
    rng = np.random.default_rng()
    deviation = 0.005 * EYES_PX
    truth = standing(150)
    truth[:, 3:, 1] += (0.3 * EYES_PX * (eased(150, 60, 68) - eased(150, 90, 98)))[:, None]
    noisy = truth + rng.normal(0, deviation, truth.shape)
    off = np.linalg.norm(steady(noisy) - truth, axis=2)[:, 3:]
    moves = np.r_[52:76, 84:106]
    assert np.delete(off, moves, axis=0).max() < 4 * deviation  # 2.9 at most of 600 runs
    assert np.quantile(off, 0.98) < 4 * deviation  # 3.1
    assert off.max() < 12 * deviation  # of 60, while it sets out or arrives; 6.6 at most of 1500
    assert off.mean() < np.linalg.norm(noisy - truth, axis=2)[:, 3:].mean()


def test_a_resting_face_may_hang_upside_down() -> None:
    """Its angle jumps between half a turn and minus half a turn."""
    rng = np.random.default_rng()
    truth = standing(200, angles=np.full(200, math.pi))
    deviation = 0.01 * EYES_PX
    off = np.linalg.norm(steady(truth + rng.normal(0, deviation, truth.shape)) - truth, axis=2)
    assert off[LAG:-LAG].max() < 3 * deviation  # of samples alone, as at the ends, it may be more


# ---- the filter alone


def test_what_is_shown_stays_near_the_estimates() -> None:
    """Goals that jump about by what may be chance: the whole is never further off than twice the limit."""
    rng = np.random.default_rng()
    rest, noise, still = core.Rest(LAG), np.full((1, 5), 0.04), np.zeros((1, PARAMETERS))
    for step in rng.uniform(-1, 1, (300, 14)) * rng.choice([0.1, 0.5, 2.0], (300, 1)):
        goal = np.zeros((1, PARAMETERS))
        goal[0, [0, 1, *range(4, 14)]] = step[:12]
        shown = rest.hold(np.array([7]), goal, still, noise)
        for group in (slice(0, 2), slice(4, 14)):
            assert np.sqrt(((shown - goal)[0, group] ** 2).mean()) < 2 * FREE * 0.2
        assert np.array_equal(shown[0, 14:], goal[0, 14:])


@pytest.mark.parametrize("group", [0, 2, 3])
def test_a_face_that_drifts_is_not_held(group: int) -> None:
    """Position, scale or rotation: all of the face is free. Noise of 0.2 in units of the template, 20 pixels each."""
    rng = np.random.default_rng()
    rest, noise = core.Rest(LAG), np.full((1, 5), 0.04)
    drift = np.zeros((1, PARAMETERS))
    drift[0, group] = 1.1 * FREE * 0.2 * (20 * math.sqrt(2) if group == 0 else 1)
    for _ in range(20):
        goal = rng.normal(0, 0.01, (1, PARAMETERS))
        goal[0, 2] += math.log(20)
        np.testing.assert_allclose(rest.hold(np.zeros(1, np.intp), goal, drift, noise), goal, atol=1e-12)


def test_tracks_keep_their_places_whatever_their_order() -> None:
    """Tracks come, go and change their rows; each is as it would be alone."""
    rng = np.random.default_rng()
    together, noise = core.Rest(LAG), np.full((4, 5), 0.04)
    alone = {track: core.Rest(LAG) for track in range(4)}
    before: set[int] = set()
    for _ in range(60):
        ids = rng.permutation(4)[: rng.integers(1, 5)]
        goals = rng.normal(0, 0.1, (len(ids), PARAMETERS))
        goals[:, ROTATION] += math.pi * rng.choice([-1, 1], len(ids))
        drift = rng.normal(0, 0.2, goals.shape)
        result = together.hold(ids, goals, drift, noise[: len(ids)])
        for row, track in enumerate(ids.tolist()):
            if track not in before:
                alone[track] = core.Rest(LAG)
            own = slice(row, row + 1)
            expected = alone[track].hold(ids[own], goals[own], drift[own], noise[:1])
            np.testing.assert_allclose(result[own], expected, atol=1e-12)
        before = set(ids.tolist())


def test_two_frames_of_look_ahead_are_too_few_to_hold_anything() -> None:
    rest, rng = core.Rest(2), np.random.default_rng()
    for _ in range(20):
        goal = rng.normal(0, 0.1, (1, PARAMETERS))
        shown = rest.hold(np.zeros(1, np.intp), goal, np.zeros((1, PARAMETERS)), np.ones((1, 5)))
        np.testing.assert_allclose(shown, goal)
