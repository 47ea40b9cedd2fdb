"""The smoothers: closed forms, order, cuts, outliers, and what has to hold for any motion."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tracked import EYES, as_faces, boxes_around, moving, smoothed

from trtswap.native import core
from trtswap.options import SmoothOptions
from trtswap.stages.smooth import Smoother, make_smoother
from trtswap.stages.smoothing.causal import (
    BETA,
    DERIVATIVE_CUTOFF_HZ,
    FULL_SPEED,
    MINIMUM_CUTOFF_HZ,
    adaptive_alpha,
    ema_weights,
)
from trtswap.stages.smoothing.face_template import FACE_TEMPLATE
from trtswap.stages.smoothing.lag import lag_in_frames
from trtswap.types import Faces

METHODS = ("symmetric", "individual", "one-euro", "ema", "off")
DELAYED = ("symmetric", "individual")
LAG = 10
FLOAT32_PX = 1e-4
"""float32 landmarks of up to 1024 pixels are this precise."""


def make(method: str = "symmetric", **options: Any) -> Smoother:
    return make_smoother(SmoothOptions(method=method, **options), 30.0)


def still(frames: int) -> np.ndarray:
    return moving(np.tile([400.0, 300.0], (frames, 1)))


def second_difference(points: np.ndarray) -> float:
    return float(np.sqrt((np.diff(points, 2, axis=0) ** 2).mean()))


def some_tracks(rng: np.random.Generator, frames: int, ids: list[int]) -> dict[int, np.ndarray]:
    """Noisy walks, one a track: float64 [F, 5, 2]."""
    walks = {}
    for track in ids:
        path = rng.uniform(200, 800, 2) + np.cumsum(rng.normal(0, 3, (frames, 2)), axis=0)
        walks[track] = moving(path, rng.uniform(80, 300)) + rng.normal(0, 1, (frames, 5, 2))
    return walks


# ---- what every method keeps


@pytest.mark.parametrize("method", METHODS)
def test_frames_come_out_once_in_order_with_the_same_tracks(method: str) -> None:
    rng = np.random.default_rng()
    smoother = make(method)
    walks = some_tracks(rng, 90, [3, 11, 4])
    pushed: list[Faces] = []
    done: list[Faces] = []
    for index in range(90):
        ids = [track for track in rng.permutation([3, 11, 4]).tolist() if rng.random() < 0.8]
        faces = as_faces(
            [walks[track][index] for track in ids], ids, filled=[rng.random() < 0.2 for _ in ids]
        )
        pushed.append(faces if ids else Faces.empty())
        done += smoother.push(pushed[-1], cut=index == 50, time_s=index / 30)
        assert index + 1 - smoother.lag_frames <= len(done) <= index + 1
        if index == 50:
            assert len(done) == 50 + (smoother.lag_frames == 0)
    done += smoother.flush()
    assert len(done) == 90
    for before, after in zip(pushed, done, strict=True):
        assert after.landmarks_px.shape == before.landmarks_px.shape
        assert np.isfinite(after.landmarks_px).all()
        assert np.isfinite(after.boxes_px).all()
        for name in ("scores", "embeddings", "track_ids", "filled"):
            assert getattr(after, name) is getattr(before, name)


@pytest.mark.parametrize("method", METHODS)
def test_tracks_smoothed_together_are_as_smoothed_alone(method: str) -> None:
    rng = np.random.default_rng()
    walks = some_tracks(rng, 60, [5, 2, 9])
    shown = {5: range(60), 2: range(10, 45), 9: range(30, 60)}
    together = make(method)
    done: list[Faces] = []
    for index in range(60):
        ids = [track for track in (9, 5, 2) if index in shown[track]]
        done += together.push(
            as_faces([walks[track][index] for track in ids], ids), cut=False, time_s=index / 30
        )
    done += together.flush()
    for track, frames in shown.items():
        alone = smoothed(make(method), walks[track][frames.start : frames.stop], np.array(frames) / 30)
        rows = [
            faces.landmarks_px[list(faces.track_ids).index(track)]
            for faces in done
            if track in faces.track_ids
        ]
        assert np.abs(np.stack(rows) - alone).max() < 10 * FLOAT32_PX


@pytest.mark.parametrize("method", METHODS)
def test_nothing_crosses_a_cut(method: str) -> None:
    rng = np.random.default_rng()
    first = some_tracks(rng, 40, [7])[7]
    second = some_tracks(rng, 40, [7])[7]
    joined = smoothed(make(method), np.concatenate([first, second]), cuts=[40])
    assert np.array_equal(joined[:40], smoothed(make(method), first))
    assert np.array_equal(joined[40:], smoothed(make(method), second, np.arange(40, 80) / 30))


@pytest.mark.parametrize("method", METHODS)
def test_a_flushed_smoother_is_as_new(method: str) -> None:
    walk = some_tracks(np.random.default_rng(), 30, [7])[7]
    smoother = make(method)
    assert np.array_equal(smoothed(smoother, walk), smoothed(smoother, walk))
    assert smoother.flush() == []


def test_off_passes_the_same_objects() -> None:
    faces = as_faces(still(1), [1])
    smoother = make("off")
    assert smoother.lag_frames == 0
    assert smoother.push(faces, cut=False, time_s=0.0)[0] is faces


@pytest.mark.parametrize("method", [method for method in METHODS if method != "off"])
def test_untracked_faces_are_refused(method: str) -> None:
    faces = Faces(np.zeros((1, 4)), still(1), np.ones(1))
    with pytest.raises(ValueError, match="track_ids"):
        make(method).push(faces, cut=False, time_s=0.0)


def test_the_lag_is_at_least_two_frames_and_follows_the_rate() -> None:
    assert make_smoother(SmoothOptions(lag_s=0.01), 30.0).lag_frames == 2
    assert make_smoother(SmoothOptions(lag_s=0.25), 60.0).lag_frames == 15
    assert make_smoother(SmoothOptions(lag_s=0.2), None).lag_frames == lag_in_frames(0.2, 25.0) == 5


# ---- closed forms


@pytest.mark.parametrize("method", METHODS)
def test_a_still_face_stays(method: str) -> None:
    points = still(40)
    assert np.abs(smoothed(make(method), points) - points).max() < FLOAT32_PX


@pytest.mark.parametrize("method", DELAYED)
def test_straight_and_evenly_accelerated_motion_passes_unchanged(method: str) -> None:
    time = np.arange(60.0)
    straight = moving(np.stack([100 + 9 * time, 500 - 4 * time], axis=1))
    assert np.abs(smoothed(make(method), straight) - straight).max() < 10 * FLOAT32_PX
    curved = moving(np.stack([100 + 0.2 * time**2, 500 - 3 * time], axis=1))
    inner = slice(LAG, -LAG)
    assert np.abs(smoothed(make(method), curved) - curved)[inner].max() < FLOAT32_PX


@pytest.mark.parametrize("method", DELAYED)
def test_irregular_time_stamps_do_not_bend_even_motion(method: str) -> None:
    rng = np.random.default_rng()
    times = np.cumsum(rng.uniform(0.015, 0.055, 80))
    path = moving(np.stack([100 + 150 * times + 20 * times**2, 400 - 60 * times], axis=1))
    assert np.abs(smoothed(make(method), path, times) - path)[2 * LAG : -2 * LAG].max() < 0.05
    noisy = path + rng.normal(0, 1.0, path.shape)
    inner = slice(2 * LAG, -2 * LAG)
    by_time, by_number = (
        np.sqrt((((smoothed(make(method), noisy, stamps) - path).mean(axis=1)[inner]) ** 2).mean())
        for stamps in (times, None)
    )
    assert by_time < 0.7 * 1.0 / math.sqrt(5)
    assert by_number > 1.1 * by_time


def test_turning_through_half_a_turn_has_no_seam() -> None:
    angles = np.linspace(2.0, 4.5, 60)
    points = moving(np.tile([400.0, 300.0], (60, 1)), angles=angles)
    assert np.abs(smoothed(make(), points) - points)[LAG:-LAG].max() < FLOAT32_PX


def test_growing_by_a_constant_factor_passes_unchanged() -> None:
    points = moving(np.tile([400.0, 300.0], (60, 1)), sizes=80 * 1.02 ** np.arange(60))
    assert np.abs(smoothed(make(), points) - points).max() < 20 * FLOAT32_PX


def test_white_noise_on_a_moving_face_falls_as_the_rows_predict() -> None:
    rng = np.random.default_rng()
    row = core.fit_rows(np.ones(2 * LAG + 1))[-1]
    deviation = 2.0
    path = moving(np.stack([7.0 * np.arange(3000), np.full(3000, 300.0)], axis=1))
    noisy = [smoothed(make(), path + rng.normal(0, deviation, path.shape)) for _ in range(4)]
    centres = np.stack([(points - path).mean(axis=1)[100:-100] for points in noisy])
    predicted = deviation / math.sqrt(5) * np.linalg.norm(row)
    assert centres.std(axis=1).mean() == pytest.approx(predicted, rel=0.08)
    shaking = np.linalg.norm(np.convolve(row, [1, -2, 1])) * deviation / math.sqrt(5)
    shakes = np.abs(np.diff(centres, 2, axis=1))
    for share, deviations in ((0.5, 0.6745), (0.97, 2.170)):
        assert np.quantile(shakes, share) / deviations == pytest.approx(shaking, rel=0.1)
    beyond = np.mean(shakes > 6 * shaking)
    assert (
        beyond < 0.01
    )  # few moments, in which chance looks like motion: 0.005 at most of 2,000 times 2,800 frames


def test_rows_sum_to_one_and_reproduce_parabolas() -> None:
    rng = np.random.default_rng()
    offsets = np.arange(-LAG, LAG + 1.0) / (LAG + 1)
    rows = np.array([core.fit_rows(weights) for weights in rng.uniform(0.3, 1, (20, 2 * LAG + 1))])
    assert np.abs(rows.sum(axis=2) - 1).max() < 1e-9
    assert np.abs(rows[:, 1:] @ offsets).max() < 1e-5
    assert np.abs(rows[:, 2:] @ offsets**2).max() < 1e-2
    even = core.fit_rows(np.ones(2 * LAG + 1))
    assert np.abs(even - even[:, ::-1]).max() < 1e-12
    assert np.abs(even[2:] @ offsets**2).max() < 1e-7


def test_a_window_in_which_nothing_counts_gives_its_centre() -> None:
    assert np.array_equal(core.fit_rows(np.zeros(5)), np.tile([0, 0, 1, 0, 0], (4, 1)))


@pytest.mark.parametrize("method", DELAYED)
@pytest.mark.parametrize("period", [24, 40, 90])
def test_sinusoids_keep_their_phase(method: str, period: int) -> None:
    time = np.arange(6 * period)
    phase = 2 * np.pi * time / period
    points = moving(np.stack([400 + 60 * np.sin(phase), np.full(len(time), 300.0)], axis=1))
    points += np.random.default_rng().normal(0, 0.3, points.shape)
    wave = smoothed(make(method), points).mean(axis=1)[period:-period, 0]
    angle = np.angle(np.sum(wave * np.exp(-1j * phase[period:-period]))) + np.pi / 2
    assert abs(angle * period / (2 * np.pi)) < 0.05
    amplitude = np.abs(np.sum(wave * np.exp(-1j * phase[period:-period]))) * 2 / len(wave)
    assert amplitude > 0.9 * 60


@pytest.mark.parametrize("method", DELAYED)
def test_a_step_without_a_cut_is_followed(method: str) -> None:
    rng = np.random.default_rng()
    path = np.full((80, 2), 300.0)
    path[40:] += 100
    points = moving(path)
    result = smoothed(make(method), points + rng.normal(0, 0.3, points.shape))
    far = np.abs(result - points).max(axis=(1, 2))
    assert far[: 40 - LAG].max() < 2
    assert far[40 + LAG :].max() < 2
    assert far.max() < 12


# ---- outliers, gaps, ends


@pytest.mark.parametrize("method", DELAYED)
def test_outliers_of_ten_eye_distances_leave_no_trace(method: str) -> None:
    rng = np.random.default_rng()
    time = np.arange(100)
    path = np.stack([300 + 60 * np.sin(time / 15), 300 + 2.0 * time], axis=1)
    points = moving(path) + rng.normal(0, 0.3, (100, 5, 2))
    spoiled = points.copy()
    spoiled[20, 2] += 10 * EYES * 200  # one point
    spoiled[35] -= 10 * EYES * 200  # a whole face
    spoiled[50:52] += (10 * EYES * 200, 0)  # a face for two frames
    spoiled[70, [0, 3]] += (0, 10 * EYES * 200)  # two points
    clean, result = smoothed(make(method), points), smoothed(make(method), spoiled)
    assert np.abs(result - clean).max() < 1.5
    assert np.abs(smoothed(make("ema"), spoiled) - smoothed(make("ema"), points)).max() > 100


def test_the_first_and_last_frames_may_be_outliers() -> None:
    rng = np.random.default_rng()
    points = still(40) + rng.normal(0, 0.3, (40, 5, 2))
    spoiled = points.copy()
    spoiled[[0, 39]] += 600
    assert np.abs(smoothed(make(), spoiled) - still(40)).max() < 2


@pytest.mark.parametrize("method", METHODS)
def test_a_gap_in_a_track_is_no_gap_in_its_neighbours(method: str) -> None:
    points = still(60)
    smoother = make(method)
    done: list[Faces] = []
    for index in range(60):
        absent = 20 <= index < 24
        faces = as_faces(points[[index]], [1]) if absent else as_faces(points[[index, index]], [1, 2])
        done += smoother.push(faces, cut=False, time_s=index / 30)
    done += smoother.flush()
    assert [len(faces) for faces in done] == [1 if 20 <= index < 24 else 2 for index in range(60)]
    for faces in done:
        assert np.abs(faces.landmarks_px - points[0]).max() < FLOAT32_PX


def test_filled_faces_count_less() -> None:
    rng = np.random.default_rng()
    points = still(60) + rng.normal(0, 0.3, (60, 5, 2))
    pushed = points.copy()
    filled = np.zeros(60, bool)
    filled[30:33] = True
    pushed[filled] += 1.0
    off = np.abs(smoothed(make(), pushed, filled=filled) - smoothed(make(), points))[31].mean()
    equal = np.abs(smoothed(make(), pushed) - smoothed(make(), points))[31].mean()
    assert off < 0.6 * equal


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
@pytest.mark.parametrize("method", METHODS)
def test_short_tracks(method: str, frames: int) -> None:
    rng = np.random.default_rng()
    points = still(frames) + rng.normal(0, 0.5, (frames, 5, 2))
    assert np.abs(smoothed(make(method), points) - points).max() < 4


def test_starts_and_ends_do_not_jump() -> None:
    rng = np.random.default_rng()
    time = np.arange(60)
    path = moving(np.stack([200 + 6.0 * time, 300 + 3.0 * time], axis=1))
    result = smoothed(make(), path + rng.normal(0, 1.0, path.shape))
    for end in (slice(0, LAG), slice(-LAG, None)):
        assert np.abs((result - path).mean(axis=1))[end].max() < 1.8
        assert second_difference((result - path)[end].mean(axis=1)) < 0.5 * math.sqrt(6 / 5)


def test_time_that_stands_still_or_runs_back_is_borne() -> None:
    times = np.array([0.0, 0.033, 0.033, 0.033, 0.01, 0.1, 0.133, 0.166] + [0.2 + k / 30 for k in range(20)])
    for method in METHODS:
        assert np.abs(smoothed(make(method), still(28), times) - still(28)).max() < 0.01
    for unknown in (0, 5):
        times[unknown] = np.nan
        for method in DELAYED:
            assert np.abs(smoothed(make(method), still(28), times) - still(28)).max() < 0.01


@pytest.mark.parametrize("method", DELAYED)
def test_time_stamps_in_pairs_count_as_even_ones(method: str) -> None:
    """Of a face that moves evenly, is missed now and then, and detected elsewhere now and then."""
    rng = np.random.default_rng()
    path = moving(np.stack([300 + 8.0 * np.arange(90), np.full(90, 300.0)], axis=1), 60.0)
    path += rng.normal(0, 1, path.shape) + (rng.random(90) < 0.04)[:, None, None] * rng.normal(
        0, 100, (90, 1, 2)
    )
    seen = [as_faces(points[None], [0]).take(np.arange(int(rng.random() < 0.9))) for points in path]
    results = []
    for stamps in (np.arange(90) / 30, np.arange(90) // 2 * 2 / 30):
        smoother, done = make(method), []
        for faces, stamp in zip(seen, stamps, strict=True):
            done += smoother.push(faces, cut=False, time_s=float(stamp))
        results.append([*done, *smoother.flush()])
    for even, paired in zip(*results, strict=True):
        np.testing.assert_allclose(paired.landmarks_px, even.landmarks_px, rtol=0, atol=1e-3)


# ---- any motion


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.3, 3),
    st.floats(-math.pi, math.pi),
    st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_moving_turning_and_scaling_the_picture_moves_the_result(
    seed: int, scale: float, angle: float, shift: tuple[float, float]
) -> None:
    rng = np.random.default_rng(seed)
    points = some_tracks(rng, 30, [1])[1]
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = points @ turn.T + shift
    expected = smoothed(make(), points) @ turn.T + shift
    assert np.abs(smoothed(make(), moved) - expected).max() < 0.02


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_parameters_there_and_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-2000, 2000, (6, 5, 2))
    boxes = boxes_around(points)
    landmarks, corners = FACE_TEMPLATE.recompose(FACE_TEMPLATE.decompose(points, boxes))
    assert np.abs(landmarks - points).max() < 1e-8
    assert np.abs(corners - boxes).max() < 1e-8


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 2))
def test_repair_puts_points_where_the_shape_says(seed: int, wrong: int) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.normal(0, 0.02, (5, 2))
    points = moving(rng.uniform(100, 900, (1, 2)), 250.0, rng.uniform(-3, 3), shape)[0]
    trusted = np.ones(5, bool)
    trusted[rng.choice(5, wrong, replace=False)] = False
    spoiled = np.where(trusted[:, None], points, rng.uniform(-5000, 5000, (5, 2)))
    assert np.abs(FACE_TEMPLATE.repair(spoiled, trusted, shape.reshape(10)) - points).max() < 1e-6


# ---- the causal filters


def plain_one_euro(values: Any, times: Any, beta: float) -> list[float]:
    """The filter of the paper on one coordinate, written out."""
    filtered, speed, last = [values[0]], 0.0, times[0]
    for value, time in zip(values[1:], times[1:], strict=True):
        period = time - last
        alpha = 1 / (1 + (1 / (2 * math.pi * DERIVATIVE_CUTOFF_HZ)) / period)
        speed = alpha * (value - filtered[-1]) / period + (1 - alpha) * speed
        cutoff = MINIMUM_CUTOFF_HZ + beta * abs(speed)
        alpha = 1 / (1 + (1 / (2 * math.pi * cutoff)) / period)
        filtered.append(alpha * value + (1 - alpha) * filtered[-1])
        last = time
    return filtered


def test_one_euro_is_the_one_of_the_paper() -> None:
    rng = np.random.default_rng()
    times = np.cumsum(rng.uniform(0.02, 0.05, 50))
    path = np.cumsum(rng.normal(0, 4, (50, 2)), axis=0) + 400
    points = moving(path)  # rigid: the eye distance, and with it beta in pixels, is constant
    result = smoothed(make("one-euro"), points, times)
    beta = BETA / (EYES * 200)
    for point in range(5):
        for axis in range(2):
            expected = plain_one_euro(points[:, point, axis], times, beta)
            assert np.abs(result[:, point, axis] - expected).max() < FLOAT32_PX


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_weights_of_ema_sum_to_one(seed: int, window: int) -> None:
    rng = np.random.default_rng(seed)
    alphas = adaptive_alpha(rng.uniform(0.01, 1), rng.uniform(0, 2 * FULL_SPEED, 8))
    present = rng.random((8, window)) < 0.7
    present[:, -1] = True
    weights = ema_weights(alphas, present)
    assert np.abs(weights.sum(axis=1) - 1).max() < 1e-12
    assert (weights >= 0).all()
    assert not weights[~present].any()
    for row, shown in zip(weights, present, strict=True):
        assert (np.diff(row[shown]) >= -1e-15).all()


def test_ema_is_the_weighted_mean_of_its_window_and_follows_fast_motion() -> None:
    rng = np.random.default_rng()
    points = still(20) + rng.normal(0, 0.2, (20, 5, 2))
    result = smoothed(make("ema", window=4, alpha=0.3), points)
    centre = points.mean(axis=1)
    eyes = np.linalg.norm(points[-1, 1] - points[-1, 0])
    speed = np.linalg.norm(centre[-1] - centre[-2]) / eyes
    alpha = 0.3 + 0.7 * speed / FULL_SPEED
    raw = (1 - alpha) ** np.arange(4)
    expected = np.einsum("w,wpd->pd", raw / raw.sum(), points[:-5:-1])
    assert np.abs(result[-1] - expected).max() < FLOAT32_PX
    fast = moving(np.stack([np.arange(20) * EYES * 200 * FULL_SPEED * 1.01, np.zeros(20)], axis=1))
    assert np.abs(smoothed(make("ema"), fast) - fast).max() < FLOAT32_PX


def test_causal_filters_trail_and_symmetric_does_not() -> None:
    path = moving(np.stack([100 + 5.0 * np.arange(90), np.full(90, 300.0)], axis=1))
    behind = {method: (path - smoothed(make(method), path))[60, :, 0].mean() / 5 for method in METHODS}
    assert behind["one-euro"] > 0.5
    assert behind["ema"] > 0.5
    assert abs(behind["symmetric"]) < 1e-3
    assert abs(behind["individual"]) < 1e-3


# ---- bounds


@pytest.mark.parametrize("method", DELAYED)
def test_memory_does_not_grow_with_the_video(method: str) -> None:
    """Tracks come and go, two at a time."""
    smoother = make_smoother(SmoothOptions(method=method, lag_s=0.1), 30.0)
    points = np.concatenate([still(1), still(1) + 200])

    def run(start: int, stop: int) -> None:
        for index in range(start, stop):
            ids = [index // 20, 1_000_000 + index // 33]
            smoother.push(as_faces(points, ids), cut=False, time_s=index / 30)

    run(0, 600)
    tracemalloc.start()
    try:
        run(600, 800)
        before = tracemalloc.get_traced_memory()[0]
        run(800, 1500)
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
