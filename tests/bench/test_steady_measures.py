"""The arithmetic of the steadiness table."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from support.tracked import moving

spec = importlib.util.spec_from_file_location(
    "steady_measures", Path(__file__).parents[2] / "bench" / "steady_measures.py"
)
measures = importlib.util.module_from_spec(spec)
sys.modules.setdefault("steady_measures", measures)
spec.loader.exec_module(measures)


def wave(frames: int, delay: float = 0.0) -> np.ndarray:
    time = np.arange(frames) - delay
    return np.stack([400 + 80 * np.sin(time / 9), 300 + 50 * np.sin(time / 13)], axis=1)


@pytest.mark.parametrize("delay", [0.0, 0.3, 1.0, 2.4, -1.2])
def test_lag_is_found_between_frames(delay: float) -> None:
    result = measures.steadiness(moving(wave(120, delay)), moving(wave(120)))
    assert result.lag_frames == pytest.approx(delay, abs=0.05)


def test_a_constant_bias_is_no_error_and_no_jitter() -> None:
    angles = np.linspace(-0.4, 0.6, 60)
    truth = moving(wave(60), angles=angles)
    turned = 0.03 * np.stack([np.cos(angles + 1), np.sin(angles + 1)], axis=1) * 200
    result = measures.steadiness(truth + turned[:, None], truth)
    assert result.error_px < 1e-9
    assert measures.steadiness(truth, truth).jitter_px < 1e-9


def test_white_noise_gives_its_jitter_and_error() -> None:
    rng = np.random.default_rng()
    truth = moving(np.full((4000, 2), 300.0))
    shift = rng.normal(0, 2.0, (4000, 1, 2))
    result = measures.steadiness(truth + shift, truth)
    assert result.error_px == pytest.approx(2.0 * np.sqrt(2), rel=0.05)
    assert result.jitter_px == pytest.approx(2.0 * np.sqrt(12), rel=0.05)
    assert np.isnan(result.lag_frames)


def test_interpolation_follows_time() -> None:
    times = np.array([0.0, 1.0, 3.0, 4.0])
    values = np.stack([times, -2 * times], axis=1)
    known = np.array([True, False, False, True])
    spoiled = np.where(known[:, None], values, np.nan)
    assert np.allclose(measures.interpolated(spoiled, known, times), values)
