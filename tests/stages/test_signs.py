"""What tells noise from motion where size alone does not, and what a wide fit leaves."""

from __future__ import annotations

import numpy as np
import pytest
from support.tracked import moving, smoothed

from trtswap.options import SmoothOptions
from trtswap.stages.smooth import make_smoother
from trtswap.stages.smoothing.fit import apart, fit, joined, ladder
from trtswap.stages.smoothing.parameters import EYES
from trtswap.stages.smoothing.robust import midway
from trtswap.stages.smoothing.signs import calm, haste

LAG = 10
OFFSETS = np.arange(-LAG, LAG + 1.0)


def fits(weights: np.ndarray) -> object:
    return fit(ladder(LAG), np.abs(OFFSETS), OFFSETS / (LAG + 1), weights)


def variances(position: float, scale: float, rotation: float) -> np.ndarray:
    """Of one face, from deviations in eye distances, as point noise counts: [1, 5]."""
    return (np.array([[position, scale, rotation, 0.0, 0.0]]) * EYES) ** 2


def sure(left: np.ndarray, third: float, warp: float) -> np.ndarray:
    return calm(left, np.array([(third * EYES) ** 2]), np.array([(warp * EYES) ** 2]))[0]


# ---- signs


def test_errors_that_points_share_are_calm() -> None:
    assert sure(variances(0.018, 0.010, 0.024), 0.014, 0.003) == pytest.approx([1, 1, 1, 0, 0])
    assert sure(variances(0.01, 0.01, 0.01), 0.01, 0.01) == pytest.approx([1, 1, 1, 0, 0])


@pytest.mark.parametrize(
    ("left", "third", "warp"),
    [
        (variances(0.45, 0.05, 0.06), 0.15, 0.01),  # shaken
        (variances(0.035, 0.008, 0.008), 0.006, 0.005),  # turned slowly: position moves most, and smoothly
        (variances(0.02, 0.08, 0.08), 0.02, 0.01),  # rolled and zoomed by too much to take the risk
    ],
)
def test_motion_is_not(left: np.ndarray, third: float, warp: float) -> None:
    assert not sure(left, third, warp).any()


def test_faces_that_are_not_known_yet_are_judged_too() -> None:
    unknown = calm(variances(0.01, 0.008, 0.008), np.array([np.inf]), np.array([np.inf]))
    assert unknown[0, :3].min() == 1
    assert not calm(variances(0.4, 0.05, 0.05), np.array([np.inf]), np.array([np.inf])).any()


def test_a_face_in_haste_is_judged_strictly_in_all_but_its_position() -> None:
    rng = np.random.default_rng()
    excess = rng.uniform(0.1, 0.9, (2, 3, 5))
    excess[1, -1, 0] = 100.0
    judged = haste(excess.copy())
    assert np.array_equal(judged[0], excess[0])
    assert np.array_equal(judged[1][:, [0, 4]], excess[1][:, [0, 4]])
    assert judged[1][:, 1:4] == pytest.approx(excess[1][:, 1:4] * np.array([[1], [2], [3]]))


# ---- what fits leave


def test_cubics_leave_nothing_and_noise_its_variance() -> None:
    rng = np.random.default_rng()
    residuals = fits(np.ones((1, 2 * LAG + 1))).residuals
    polynomial = (rng.normal(0, 1, (4, 1)) * (OFFSETS / LAG) ** np.arange(4)[:, None]).sum(axis=0)
    left, smooth = residuals.widest(polynomial[None, :, None])
    assert smooth[0, 0] < 1e-9
    assert left[0, 0] == pytest.approx(residuals.mean_squares(polynomial[None, :, None])[0, -1, 0])
    noise = rng.normal(0, 2.0, (1, 2 * LAG + 1, 20_000))
    for measured in residuals.widest(noise):
        assert measured.mean() == pytest.approx(4.0, rel=0.03)


def test_at_the_end_of_a_track_no_cubic_is_taken_off() -> None:
    weights = np.ones((1, 2 * LAG + 1))
    weights[0, LAG + 1 :] = 0
    left, smooth = fits(weights).residuals.widest(np.random.default_rng().normal(0, 1, (1, 2 * LAG + 1, 4)))
    assert smooth == pytest.approx(left)


def test_fits_of_tracks_together_are_those_of_each() -> None:
    rng = np.random.default_rng()
    weights = np.where(rng.random((6, 2 * LAG + 1)) < 0.2, 0.2, 1.0)
    whole = fits(weights)
    again = joined([fits(weights[[track]]) for track in range(6)])
    parted = joined(apart(whole))
    for other in (again, parted):
        assert np.abs(other.rows - whole.rows).max() < 1e-12
        for name in ("kernels", "basis", "spare"):
            assert np.abs(getattr(other.residuals, name) - getattr(whole.residuals, name)).max() < 1e-12


# ---- between neighbours


def test_a_sample_midway_is_not_off() -> None:
    times = np.array([0.0, 1.0, 2.0, 4.0, 5.0])
    place = np.array(
        [0.0, 0.0, 30.0, 90.0, 95.0]
    )  # the third a third of the way from the second to the fourth
    points = np.stack([place, np.zeros(5)], axis=1)[None, :, None]
    shown = np.ones((1, 5), bool)
    off = midway(points, shown, times)
    assert off[0, 0, 0] == 0
    far = points.copy()
    far[0, 2, 0, 1] = 500.0
    assert midway(far, shown, times)[0, 0, 0] > 450
    shown[0, 3] = False
    assert np.isinf(midway(points, shown, times)[0, 0]).all()


def test_a_leap_in_the_middle_of_a_quick_turn_is_followed() -> None:
    """Neighbours more than an eye distance apart, neither of which says where the frame between is."""
    rng = np.random.default_rng()
    sweep = 200 * np.tanh(np.arange(-15, 16) / 1.2)
    path = moving(np.stack([500 + sweep, np.full(31, 300.0)], axis=1))
    seen = path + rng.normal(0, 0.3, path.shape)
    result = smoothed(make_smoother(SmoothOptions(), 25.0), seen, np.arange(31) / 25)
    assert np.abs((result - path).mean(axis=1)).max() < 2.0
