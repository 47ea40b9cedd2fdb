"""What tells noise from motion where size alone does not, and what a wide fit leaves."""

from __future__ import annotations

import numpy as np
import pytest
from support.tracked import moving, smoothed

from trtswap.native import core
from trtswap.options import SmoothOptions
from trtswap.stages.smooth import make_smoother
from trtswap.stages.smoothing.face_template import FACE_TEMPLATE

LAG = 10
OFFSETS = np.arange(-LAG, LAG + 1.0)
EYES = FACE_TEMPLATE.eyes


def variances(position: float, scale: float, rotation: float) -> np.ndarray:
    """Of one face, from deviations in eye distances, as point noise counts: [5]."""
    return (np.array([position, scale, rotation, 0.0, 0.0]) * EYES) ** 2


def sure(left: np.ndarray, third: float, warp: float) -> float:
    return core.surely_calm(left, (third * EYES) ** 2, (warp * EYES) ** 2, EYES)


# ---- signs


def test_errors_that_points_share_are_calm() -> None:
    assert sure(variances(0.018, 0.010, 0.024), 0.014, 0.003) == pytest.approx(1)
    assert sure(variances(0.01, 0.01, 0.01), 0.01, 0.01) == pytest.approx(1)


@pytest.mark.parametrize(
    ("left", "third", "warp"),
    [
        (variances(0.45, 0.05, 0.06), 0.15, 0.01),  # shaken
        (variances(0.035, 0.008, 0.008), 0.006, 0.005),  # turned slowly: position moves most, and smoothly
        (variances(0.02, 0.08, 0.08), 0.02, 0.01),  # rolled and zoomed by too much to take the risk
    ],
)
def test_motion_is_not(left: np.ndarray, third: float, warp: float) -> None:
    assert sure(left, third, warp) == 0


def test_faces_that_are_not_known_yet_are_judged_too() -> None:
    assert sure(variances(0.01, 0.008, 0.008), np.inf, np.inf) == 1
    assert sure(variances(0.4, 0.05, 0.05), np.inf, np.inf) == 0


def test_a_face_in_haste_is_judged_strictly_in_all_but_its_position() -> None:
    rng = np.random.default_rng()
    noise, excess = core.PointNoise(FACE_TEMPLATE), rng.uniform(0.1, 0.9, (3, 5))
    assert np.array_equal(noise.strain(excess), excess)
    excess[-1, 0] = 100.0
    judged = noise.strain(excess)
    assert np.array_equal(judged[:, [0, 4]], excess[:, [0, 4]])
    assert judged[:, 1:4] == pytest.approx(excess[:, 1:4] * np.array([[1], [2], [3]]))


# ---- what fits leave


def test_cubics_leave_nothing_and_noise_its_variance() -> None:
    rng = np.random.default_rng()
    even = np.ones(2 * LAG + 1)
    polynomial = (rng.normal(0, 1, (4, 1)) * (OFFSETS / LAG) ** np.arange(4)[:, None]).sum(axis=0)
    _, smooth = core.fit_residuals(even, polynomial[:, None])
    assert smooth[0] < 1e-9
    squares, smooth = core.fit_residuals(even, rng.normal(0, 2.0, (2 * LAG + 1, 20_000)))
    for measured in (*squares, smooth):
        assert measured.mean() == pytest.approx(4.0, rel=0.03)


def test_at_the_end_of_a_track_no_cubic_is_taken_off() -> None:
    weights = np.ones(2 * LAG + 1)
    weights[LAG + 1 :] = 0
    squares, smooth = core.fit_residuals(weights, np.random.default_rng().normal(0, 1, (2 * LAG + 1, 4)))
    assert smooth == pytest.approx(squares[-1])


# ---- between neighbours


def test_a_sample_midway_is_not_off() -> None:
    times = np.array([0.0, 1.0, 2.0, 4.0, 5.0])
    place = np.array(
        [0.0, 0.0, 30.0, 90.0, 95.0]
    )  # the third a third of the way from the second to the fourth
    points = np.stack([place, np.zeros(5)], axis=1)[:, None]
    shown = np.ones(5, bool)
    assert core.midway(points, shown, times)[0, 0] == 0
    far = points.copy()
    far[2, 0, 1] = 500.0
    assert core.midway(far, shown, times)[0, 0] > 450
    shown[3] = False
    assert np.isinf(core.midway(points, shown, times)[0]).all()


def test_a_leap_in_the_middle_of_a_quick_turn_is_followed() -> None:
    """Neighbours more than an eye distance apart, neither of which says where the frame between is."""
    rng = np.random.default_rng()
    sweep = 200 * np.tanh(np.arange(-15, 16) / 1.2)
    path = moving(np.stack([500 + sweep, np.full(31, 300.0)], axis=1))
    seen = path + rng.normal(0, 0.3, path.shape)
    result = smoothed(make_smoother(SmoothOptions(), 25.0), seen, np.arange(31) / 25)
    assert np.abs((result - path).mean(axis=1)).max() < 2.0
