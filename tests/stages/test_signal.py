"""Numbers of a track other than its points, smoothed the same way."""

from __future__ import annotations

import numpy as np
import pytest

from trtswap.stages.smoothing.signal import TrackSignal


def series(signal: TrackSignal, values: np.ndarray, cuts: tuple[int, ...] = ()) -> np.ndarray:
    """values [F, D] of one track through a signal."""
    done = []
    for index, value in enumerate(values):
        done += signal.push(np.array([4]), value[None], cut=index in cuts, time_s=index / 30)
    done += signal.flush()
    assert [ids.tolist() for ids, _ in done] == [[4]] * len(values)
    return np.concatenate([smooth for _, smooth in done])


def test_noise_falls_and_slow_change_stays() -> None:
    rng = np.random.default_rng()
    truth = np.stack(
        [np.sin(np.arange(200) / 20), np.cos(np.arange(200) / 20), np.linspace(0, 1, 200)], axis=1
    )
    noisy = truth + rng.normal(0, 0.02, truth.shape)
    result = series(TrackSignal(3, 8, 30.0), noisy)
    assert np.std(result - truth) < 0.6 * np.std(noisy - truth)
    shaking, before = (np.std(np.diff(values - truth, 2, axis=0)) for values in (result, noisy))
    assert shaking < before / 8


def test_lines_pass_and_outliers_do_not() -> None:
    line = np.linspace([0.0, 5.0], [1.0, 2.0], 60)
    assert np.abs(series(TrackSignal(2, 8, 30.0), line) - line).max() < 1e-9
    noisy = line + np.random.default_rng().normal(0, 0.01, line.shape)
    spoiled = noisy.copy()
    spoiled[30] += 50
    clean, result = (series(TrackSignal(2, 8, 30.0), values) for values in (noisy, spoiled))
    assert np.abs(result - clean).max() < 0.05


def test_weights_are_heeded() -> None:
    signal = TrackSignal(1, 4, 30.0)
    values = np.zeros(30)
    values[12:15] = 1.0
    done = []
    for index, value in enumerate(values):
        weight = np.array([0.0 if 12 <= index < 15 else 1.0])
        done += signal.push(np.array([1]), np.array([[value]]), cut=False, time_s=index / 30, weights=weight)
    done += signal.flush()
    assert np.abs(np.concatenate([smooth for _, smooth in done])).max() < 1e-7


def test_a_cut_finishes_and_forgets() -> None:
    values = np.random.default_rng().normal(0, 1, (40, 2))
    joined = series(TrackSignal(2, 5, 30.0), values, cuts=(17,))
    assert np.array_equal(joined[:17], series(TrackSignal(2, 5, 30.0), values[:17]))
    assert np.abs(joined[17:] - series(TrackSignal(2, 5, 30.0), values[17:])).max() < 1e-9


@pytest.mark.parametrize("lag", [2, 8, 30])
def test_frames_without_tracks_keep_their_place(lag: int) -> None:
    signal = TrackSignal(1, lag, None)
    done = []
    for index in range(50):
        count = index % 3
        done += signal.push(np.arange(count), np.ones((count, 1)), cut=False, time_s=index / 25)
        assert len(done) == max(0, index + 1 - lag)
    done += signal.flush()
    assert [len(ids) for ids, _ in done] == [index % 3 for index in range(50)]
    assert all(np.abs(values - 1).max(initial=0) < 1e-9 for _, values in done)
