"""Smoothing measured against footage with known truth. Needs the media and the YuNet file beside the repository."""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.footage import shared_file

BENCH = Path(__file__).parents[2] / "bench"
DISTURBED = 1.5


@functools.cache
def bench() -> Any:
    """The module bench/steadiness.py."""
    sys.path.insert(0, str(BENCH))
    try:
        return importlib.import_module("steadiness")
    finally:
        sys.path.remove(str(BENCH))


@functools.cache
def clip_of(media: Path, models: Path, name: str, looks: int) -> Any:
    return bench().detect_clip(media, models, name, looks)


def clip(name: str, looks: int = 1) -> Any:
    """The detections in a clip, by default the rougher ones."""
    models = shared_file("models", "face_detection_yunet_2023mar.onnx").parent
    shared_file("media", "truth.json")
    return clip_of(shared_file("media", name).parent, models, name, looks)


@pytest.mark.parametrize("looks", [1, 2])
@pytest.mark.parametrize("name", ["talk_1080p.mp4", "still_720p.mp4"])
def test_jitter_falls_to_a_fifth_and_the_error_falls(name: str, looks: int) -> None:
    before, after = (bench().measure(clip(name, looks), method) for method in ("off", "symmetric"))
    assert after.jitter_px < before.jitter_px / 5
    assert after.error_px < before.error_px


@pytest.mark.parametrize("name", ["talk_1080p.mp4", "two_faces_720p.mp4", "edge_720p.mp4"])
def test_a_second_look_leaves_less_jitter_and_error(name: str) -> None:
    one, two = (bench().measure(clip(name, looks), "symmetric") for looks in (1, 2))
    assert two.jitter_px < 0.5 * one.jitter_px
    assert two.error_px < 0.7 * one.error_px


@pytest.mark.parametrize("looks", [1, 2])
def test_fast_motion_is_not_trailed(looks: int) -> None:
    fast = clip("fast_720p.mp4", looks)
    before, after, causal = (bench().measure(fast, method) for method in ("off", "symmetric", "one-euro"))
    assert after.error_px < before.error_px
    assert after.jitter_px < before.jitter_px / 5
    assert abs(after.lag_frames) < 0.1
    assert causal.lag_frames > 0.5


@pytest.mark.parametrize(
    ("name", "looks"),
    [
        ("talk_1080p.mp4", 1),
        ("fast_720p.mp4", 1),
        ("still_720p.mp4", 2),
        ("talk_1080p.mp4", 2),
        ("talk_360p.mp4", 2),
        ("fast_720p.mp4", 2),
        ("small_face_1080p.mp4", 2),
        ("two_faces_720p.mp4", 2),
        ("edge_720p.mp4", 2),
    ],
)
def test_dropped_and_noisy_detections_shake_hardly_more(name: str, looks: int) -> None:
    clean = bench().measure(clip(name, looks), "symmetric").jitter_px
    assert bench().disturbed_jitter(clip(name, looks), "symmetric") < DISTURBED * clean


def test_a_disturbed_still_is_as_steady_as_can_be_seen() -> None:
    still = clip("still_720p.mp4")
    assert bench().disturbed_jitter(still, "symmetric") < bench().disturbed_jitter(still, "off") / 60


def test_time_stamps_of_a_variable_rate_help() -> None:
    variable = clip("vfr_360p.mkv")
    before, after = (bench().measure(variable, method) for method in ("off", "symmetric"))
    assert np.diff(variable.times_s).std() > 0.005
    assert after.jitter_px < before.jitter_px / 1.5
    assert after.error_px < before.error_px
