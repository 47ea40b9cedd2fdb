"""What a monitor takes of a run, on a clock of the test's own."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import fake_gpu, faults
from support.fake_core import pretend_operations

from trtswap import device
from trtswap.options import MonitorOptions
from trtswap.quality import monitor as module
from trtswap.quality.monitor import Monitor
from trtswap.quality.pace import RAREST, SHARE, Pace
from trtswap.types import Faces, Frame


class Clock:
    def __init__(self) -> None:
        self.now = float(np.random.default_rng().uniform(0, 1e5))

    def __call__(self) -> float:
        return self.now

    def run(self, pace: Pace, times: int, between_s: float, cost_s: float) -> tuple[int, float]:
        """How often something was measured of so many times, and the share of the time that it took."""
        taken, start = 0, self.now
        for _ in range(times):
            with pace.measuring():
                if pace.allows():
                    taken += 1
                    self.now += cost_s
            self.now += between_s
        return taken, taken * cost_s / (self.now - start)


def test_a_cheap_monitor_measures_every_time() -> None:
    clock = Clock()
    assert clock.run(Pace(clock), 500, 1.0, 0.9 * SHARE)[0] == 500


def test_a_dear_one_takes_its_share() -> None:
    clock = Clock()
    taken, share = clock.run(Pace(clock), 2000, 1.0, 3 * SHARE)
    assert 2000 / RAREST < taken < 2000 / 2
    assert share == pytest.approx(SHARE, rel=0.05)


def test_there_are_figures_whatever_it_takes() -> None:
    clock = Clock()
    taken, _ = clock.run(Pace(clock), 800, 1.0, 50.0)
    assert taken == 100


@pytest.mark.parametrize(("on_gpu", "mode"), [(True, "sample"), (False, "sample"), (True, "full")])
def test_only_samples_of_frames_on_a_gpu_are_paced(
    on_gpu: bool,
    mode: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """A monitor that takes all the time there is."""
    if on_gpu:
        fake_gpu.pretend(monkeypatch, fake_gpu.VERSIONS[0], tmp_path)
        pretend_operations(monkeypatch)
        request.addfinalizer(fake_gpu.forget)
    clock = Clock()

    def look_at(self: Monitor, *arguments: Any) -> None:
        clock.now += 1.0
        real(self, *arguments)

    real = Monitor._look_at
    monkeypatch.setattr(Monitor, "_look_at", look_at)
    monkeypatch.setattr(module, "Pace", lambda: Pace(clock))
    one = faults.scene("talking", 7, 2, (120, 90))
    surface = faults.surface_of(one.swaps[0])
    if on_gpu:
        surface = device.upload(surface)
    faces = one.faces[0]
    strides, stride = 2 * RAREST, 3
    with Monitor(MonitorOptions(mode, stride=stride)) as monitor:
        for index in range(strides * stride):
            frame = Frame(surface, index, index, Fraction(1, 25))
            monitor.observe(frame, Faces(*faces_of(faces)), cut=index == 0, result=surface)
    quality = monitor.quality()
    assert quality.notes == ()
    figures = quality.figures
    skipped = figures["frames.skipped"] or 0
    if not on_gpu or mode == "full":
        assert skipped < 2 * (strides - 2)  # of those the judge was too slow for, if any
    else:
        assert skipped >= 2 * (strides - 2)
        assert (figures["frames.measured"] or 0) + skipped == 2 * strides


def faces_of(faces: Faces) -> tuple[Any, ...]:
    return faces.boxes_px, faces.landmarks_px, faces.scores, None, np.zeros(len(faces), np.int32)
