"""The monitor while frames pass: what it sees, what it costs in memory, and that nothing of it reaches a run."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from support import faults
from support.patience import PATIENCE_S, until
from support.targets import Target

from trtswap import device
from trtswap.geometry import compose
from trtswap.networks.swapper import Patches
from trtswap.options import MonitorOptions
from trtswap.quality import monitor as module
from trtswap.quality import region, tally
from trtswap.quality.figures import Quality
from trtswap.quality.full_reference import luma
from trtswap.quality.judge_process import JudgeProcess
from trtswap.quality.look import Look
from trtswap.quality.monitor import Monitor, Person
from trtswap.quality.series import Series
from trtswap.types import Faces, Frame

FULL = MonitorOptions("full")


@dataclass(frozen=True)
class Batch:
    frames: tuple[Frame, ...]
    faces: tuple[Faces, ...]
    cuts: tuple[bool, ...]
    placements: np.ndarray | None = None
    patches: Patches | None = None
    known: tuple[Any, ...] = ()


@pytest.fixture(scope="module")
def one() -> faults.Scene:
    return faults.scene("talking", 7, 12, (240, 180))


def observed(one: faults.Scene, made: Any, options: MonitorOptions = FULL, **how: Any) -> Quality:
    with Monitor(options, how.pop("person", None)) as monitor:
        for index, picture in enumerate(made):
            result = faults.surface_of(picture)
            monitor.observe(one.frame(index), one.faces[index], cut=index == 0, result=result, **how)
    return monitor.quality()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "trtswap-monitor"]


def overwrite(plane: Any, picture: np.ndarray) -> None:
    if not device.is_on_device(plane):
        np.copyto(plane, picture)
        return
    device.current().synchronize()  # what the plane is still read for
    with device.activate():
        device.driver().memcpy_htod(plane.ptr, np.ascontiguousarray(picture))


def in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are rounded on the host as they are where they come from a GPU."""
    monkeypatch.setattr(region, "_dtype", lambda _: "float16")


def test_halves_cost_next_to_nothing(one: faults.Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = observed(one, one.swaps).figures
    in_halves(monkeypatch)
    for name, value in observed(one, one.swaps).figures.items():
        expected = whole[name]
        assert (value is None) == (expected is None), name
        assert value is None or value == pytest.approx(expected, rel=4e-3, abs=2e-3), name


def test_in_a_run_it_sees_the_frames_before_and_after(
    one: faults.Scene, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compositing changes surfaces in place; the figures are those of the two finished videos."""
    batches = []
    for start in range(0, 12, 4):
        rows = range(start, start + 4)
        frames = tuple(replace(one.frame(k), surface=target.put_surface(one.frame(k).surface)) for k in rows)
        batches.append(Batch(frames, tuple(one.faces[k] for k in rows), tuple(k == 0 for k in rows)))

    def composite(passing: Any) -> Any:
        for batch in passing:
            for frame in batch.frames:
                overwrite(frame.surface.planes[0], one.swaps[frame.index])
            yield batch

    with Monitor(FULL) as monitor:
        passed = list(monitor.after(composite(monitor.before(batches))))
    if batches[0].frames[0].surface.on_device:
        in_halves(monkeypatch)
    assert [batch is given for batch, given in zip(passed, batches, strict=True)] == [True] * 3
    got, expected = monitor.quality(), observed(one, one.swaps)
    assert got.notes == ()
    assert got.figures.keys() == expected.figures.keys()
    for name, value in expected.figures.items():
        assert got.figures[name] == (None if value is None else pytest.approx(value, abs=2e-3)), name
    assert got.figures["change.mean"] > 3


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.0])
def test_what_compositing_loses_of_the_patch_is_seen(one: faults.Scene, sigma: float, target: Target) -> None:
    """A patch that is the true swap, denser than the frame; a frame that shows it blurred by `sigma` pixels."""
    frame, faces = one.frame(0), one.faces[0]
    place = region.placements_of(faces.landmarks_px[:1])
    placement = compose(np.array([[[2.0, 0, 0.5], [0, 2.0, 0.5]]]), place)
    size = (2 * region.SIZE, 2 * region.SIZE)
    pixels = cv2.warpAffine(
        one.swaps[0].astype(np.float32), placement[0], size, borderMode=cv2.BORDER_REPLICATE
    )
    patches = Patches(target.put(np.moveaxis(pixels / 127.5 - 1, -1, 0)[None].copy()), 0.5, 0.5)
    shown = cv2.GaussianBlur(one.swaps[0], (0, 0), sigma) if sigma else one.swaps[0]
    surfaces = [target.put_surface(faults.surface_of(picture)) for picture in (one.pictures[0], shown)]
    batches = [Batch((replace(frame, surface=surfaces[k]),), (faces,), (True,)) for k in range(2)]
    with Monitor(FULL) as monitor:
        list(monitor.before([replace(batches[0], placements=placement, patches=patches)]))
        list(monitor.after(batches[1:]))
    slopes = []
    for picture in (shown, one.swaps[0]):
        (square,) = region.fetched(region.squares([faults.surface_of(picture)], [place]))[0].get()
        slopes.append(np.hypot(*np.gradient(luma(square))[:2]))
    inner = region.CORE > 0.99
    expected = np.sqrt(np.mean(slopes[0][inner] ** 2) / np.mean(slopes[1][inner] ** 2))
    assert monitor.quality().figures["sharpness_patch.mean"] == pytest.approx(
        expected, rel=0.06
    )  # other slopes
    assert (expected == 1) == (sigma == 0)


def test_off_does_nothing(one: faults.Scene) -> None:
    batches = [Batch((one.frame(0),), (one.faces[0],), (True,))]
    with Monitor(MonitorOptions("off")) as monitor:
        assert list(monitor.after(monitor.before(batches))) == batches
    assert monitor.quality().figures == {}


def test_sampling_measures_pairs(one: faults.Scene) -> None:
    quality = observed(one, one.swaps, MonitorOptions("sample", stride=5))
    assert quality.figures["frames.count"] == 12
    assert quality.figures["frames.measured"] == 6  # 0 1, 5 6, 10 11
    assert sum(1 for _ in quality.series["tpsnr"]) == 3
    assert sum(1 for _ in quality.series["seam"]) == 6
    assert sum(1 for _ in quality.series["landmark_jitter"]) == 10  # of every frame, from the third on
    full = observed(one, one.swaps)
    assert full.figures["tpsnr.min"] <= quality.figures["tpsnr.min"]
    times = [row[0] for row in quality.series["tpsnr"]]
    assert times == pytest.approx([1 / 25, 6 / 25, 11 / 25])
    by_time = {row[0]: row[1] for row in full.series["tpsnr"]}
    for time_s, value, *_ in quality.series["tpsnr"]:
        assert by_time[time_s] == pytest.approx(value)


def test_nothing_is_compared_across_a_cut(one: faults.Scene) -> None:
    with Monitor(FULL) as monitor:
        for index in range(12):
            result = faults.surface_of(one.swaps[index])
            monitor.observe(one.frame(index), one.faces[index], cut=index in (0, 6), result=result)
    quality = monitor.quality()
    assert quality.figures["cuts.count"] == 2
    assert quality.cuts_s == pytest.approx([0, 6 / 25])
    assert len(quality.series["tpsnr"]) == len(quality.series["tpsnr_frame"]) == 10


def test_missed_and_filled_faces_are_counted(one: faults.Scene) -> None:
    """Faces: . F F - - F f | - F F -   ("." before the first, "|" a cut, "f" filled)."""
    marks = [".", "F", "F", "-", "-", "F", "f", "|", "-", "F", "F", "-"]
    with Monitor(FULL) as monitor:
        index, cut = 0, True
        for mark in marks:
            if mark == "|":
                cut = True
                continue
            faces = one.faces[index] if mark in "Ff" else Faces.empty()
            if mark == "f":
                faces = replace(faces, filled=np.ones(1, bool))
            monitor.observe(one.frame(index), faces, cut=cut, result=faults.surface_of(one.swaps[index]))
            index, cut = index + 1, False
    figures = monitor.quality().figures
    assert figures["frames.count"] == 11
    assert figures["frames.missed"] == 2
    assert figures["frames.missed_share"] == pytest.approx(2 / 11)
    assert figures["faces.filled"] == 1
    assert figures["faces.filled_share"] == pytest.approx(1 / 6)


def test_a_result_of_another_size_gives_the_same_figures(one: faults.Scene) -> None:
    """Twice as large, each pixel four times: the squares see the same."""
    doubled = [np.repeat(np.repeat(swap, 2, 0), 2, 1) for swap in one.swaps]
    same, large = observed(one, one.swaps).figures, observed(one, doubled).figures
    assert large["shake.mean"] == pytest.approx(2 * same["shake.mean"], rel=0.15)  # in pixels of the result
    for name in ("tpsnr.mean", "colour_gap_added.mean", "change.mean"):
        assert large[name] == pytest.approx(same[name], rel=0.02, abs=0.1), name


def test_without_a_source_only_the_result_is_measured(one: faults.Scene) -> None:
    with Monitor(FULL) as monitor:
        for index, swap in enumerate(one.swaps):
            frame = replace(one.frame(index), surface=faults.surface_of(swap))
            monitor.observe(frame, one.faces[index], cut=index == 0, result=frame.surface, has_source=False)
    figures = monitor.quality().figures
    both = observed(one, one.swaps).figures
    assert figures["tpsnr.mean"] == pytest.approx(both["tpsnr.mean"])
    assert "shake.mean" not in figures
    assert "seam.mean" not in figures
    assert figures["unswapped.share"] is None
    assert figures["gradient.mean"] > 0


def test_identity_is_asked_now_and_then(one: faults.Scene) -> None:
    asked: list[int] = []

    class Recogniser:
        session: Any = None

        def embed(self, surfaces: Any, indices: Any, landmarks: Any) -> Any:
            asked.append(len(indices))
            assert np.allclose(landmarks[0], one.faces[0].landmarks_px[0], atol=60)
            mean = np.asarray(surfaces[0].planes[0], np.float32).reshape(-1, 3).mean(axis=0)
            return np.stack([mean] * len(indices))

    colours = np.ones(3, np.float32)
    quality = observed(one, one.swaps, person=Person(Recogniser(), colours, every=5))
    assert len(asked) == 2 * 3  # frames 0, 5, 10: before and after
    rows = quality.series["identity_source"]
    made = one.swaps[5].reshape(-1, 3).mean(axis=0)
    assert rows[1][1] == pytest.approx(made.sum() / np.linalg.norm(made) / np.sqrt(3), abs=1e-6)
    assert quality.figures["identity_target.mean"] > 0.99


@pytest.mark.parametrize("where", ["before", "after", "judging"])
def test_an_error_inside_never_reaches_the_run(one: faults.Scene, monkeypatch: Any, where: str) -> None:
    calls = 0

    def broken(*arguments: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 7:
            raise ZeroDivisionError("the seventh time")
        return real(*arguments, **keywords)

    owner, name = {
        "before": (region, "placements_of"),
        "after": (region, "thumbnails"),
        "judging": (module.Judge, "_judge"),
    }[where]
    real = getattr(owner, name)
    monkeypatch.setattr(owner, name, broken)
    quality = observed(one, one.swaps)
    assert any("the seventh time" in note for note in quality.notes)
    assert 0 < quality.figures["frames.measured"] < 12
    assert threads() == []


def test_a_slow_judge_holds_up_nothing_when_sampling(one: faults.Scene, monkeypatch: Any) -> None:
    release = threading.Event()
    real = module.Judge._judge

    def slow(self: Any, look: Any) -> None:
        release.wait(PATIENCE_S)
        real(self, look)

    monkeypatch.setattr(module.Judge, "_judge", slow)
    monkeypatch.setattr("trtswap.quality.judge._WAITING", 8)
    with Monitor(MonitorOptions("sample", stride=2)) as monitor:
        for index in range(12):
            result = faults.surface_of(one.swaps[index])
            monitor.observe(one.frame(index), one.faces[index], cut=index == 0, result=result)
        release.set()
    figures = monitor.quality().figures
    assert figures["frames.skipped"] >= 12 - 9
    assert figures["frames.measured"] + figures["frames.skipped"] == 12
    assert threads() == []


def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has looks judged in a process of its own, as those of frames on a GPU are."""
    monkeypatch.setattr("trtswap.quality.monitor.Look", lambda **fields: Look(**{**fields, "apart": True}))


def test_a_process_of_its_own_finds_the_same(one: faults.Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [*one.swaps[:5], one.pictures[5], *one.swaps[6:]]
    here = observed(one, bad)
    apart(monkeypatch)
    there = observed(one, bad)
    for name, value in here.figures.items():
        assert there.figures[name] == pytest.approx(value, rel=1e-6, abs=1e-9, nan_ok=True), name
    assert there.notes == here.notes == ()
    assert there.cuts_s == here.cuts_s
    assert there.series.keys() == here.series.keys()
    assert {moment.kind for moment in there.moments} == {moment.kind for moment in here.moments}
    assert len(there.moments) == len(here.moments) > 0
    assert threads() == []


@pytest.mark.parametrize("fault", ["a look that is none", "killed"])
def test_a_judging_process_that_fails_ends_the_measuring_only(
    one: faults.Scene, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    apart(monkeypatch)
    real = JudgeProcess.send

    def faulty(self: JudgeProcess, look: Any) -> None:
        if look is not None and look.index == 4:
            if fault == "killed":
                self._process.kill()
                self._process.wait()
            else:
                look.results = region.Lazy(lambda _: [np.zeros((3, 3))])
                look.results.get()
        real(self, look)

    monkeypatch.setattr(JudgeProcess, "send", faulty)
    quality = observed(one, one.swaps)
    assert len(quality.notes) == 1
    assert ("ended with code -9" if fault == "killed" else "Error: ") in quality.notes[0]
    if fault != "killed":
        assert 0 < quality.figures["frames.measured"] < 12, "what was judged before counts"
    assert threads() == []


def test_leaving_by_an_error_ends_the_thread_at_once(one: faults.Scene) -> None:
    def interrupted() -> None:
        with Monitor(FULL) as monitor:
            monitor.observe(one.frame(0), one.faces[0], cut=True, result=faults.surface_of(one.swaps[0]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert threads() == []


class Judged:
    """Counts the looks that are given to judges, and those they are done with."""

    def __init__(self, monkeypatch: Any) -> None:
        self.given = self.done = 0
        put, judge = module.Judge.put, module.Judge._judge

        def counted_put(owner: Any, look: Any, **keywords: Any) -> None:
            self.given += 1
            put(owner, look, **keywords)

        def counted_judge(owner: Any, look: Any) -> None:
            judge(owner, look)
            self.done += 1

        monkeypatch.setattr(module.Judge, "put", counted_put)
        monkeypatch.setattr(module.Judge, "_judge", counted_judge)


def test_memory_does_not_grow(one: faults.Scene, monkeypatch: Any) -> None:
    """Traced memory after 3,000 and after 4,500 frames of a stream with cuts, new faces, and bad moments, at the same
    distance from each; with series so short that they are full by then."""
    monkeypatch.setattr(tally, "Series", lambda: Series(20))
    options = MonitorOptions("sample", stride=15)
    used, judged = [], Judged(monkeypatch)
    tracemalloc.start()
    with Monitor(options) as monitor:
        for index in range(4_500):
            k = index % 12
            faces = replace(one.faces[k], track_ids=np.array([index // 4], np.int32))
            frame = Frame(one.frame(k).surface, index, index, Fraction(1, 25))
            picture = one.pictures[k] if index % 150 == 0 else one.swaps[k]
            monitor.observe(frame, faces, cut=index % 250 == 0, result=faults.surface_of(picture))
            # so that none is skipped, and the same faces are known whenever it is measured
            until(lambda: judged.done == judged.given, "all judged")
            if index + 1 in (3_000, 4_500):
                gc.collect()
                used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert monitor.quality().figures["frames.count"] == 4_500
    assert used[1] < used[0] + 30_000
