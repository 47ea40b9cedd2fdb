"""Time lines: what they tell of work whose length is known, of a whole run, and what they cost when nobody looks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support import networks, painted
from support.patience import PATIENCE_S, least, until
from support.tracing import Kept

from trtswap import tracing
from trtswap.concurrency import Ahead
from trtswap.errors import OptionError
from trtswap.options import DetectOptions, ProvenanceOptions, SwapOptions
from trtswap.pipeline import swap_video

FRAMES = 11
SIZE = (320, 180)


def spans_of(path: Path) -> list[dict[str, Any]]:
    return [event for event in json.loads(path.read_text())["traceEvents"] if event["ph"] == "X"]


def check_nested(spans: list[dict[str, Any]]) -> None:
    """In each row two spans lie one in the other or apart; a microsecond's rounding is forgiven."""
    for row in {span["tid"] for span in spans}:
        open_until: list[float] = []
        own = sorted((span["ts"], -span["dur"]) for span in spans if span["tid"] == row)
        for start, duration in own:
            while open_until and open_until[-1] <= start + 0.002:
                open_until.pop()
            end = start - duration
            assert not open_until or end <= open_until[-1] + 0.002
            open_until.append(end)


def test_spans_tell_what_took_how_long() -> None:
    kept = Kept()

    def work(seconds: float) -> None:
        with tracing.span("outer", "stage", batch=2) as outer:
            time.sleep(seconds)
            with tracing.span("inner", "network"):
                time.sleep(2 * seconds)
            outer.note(faces=3)

    with tracing.recording(kept):
        threads = [threading.Thread(target=work, args=(0.02 * n,), name=f"worker {n}") for n in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with tracing.span("outer"):
        pass
    assert len(kept.spans) == 4
    for number in (1, 2):
        inner, outer = (span for span in kept.spans if span.thread == f"worker {number}")
        assert (inner.name, outer.name) == ("inner", "outer")
        assert outer.facts == {"batch": 2, "faces": 3}
        assert outer.start_ns <= inner.start_ns <= inner.end_ns <= outer.end_ns
        took, inside = outer.end_ns - outer.start_ns, inner.end_ns - inner.start_ns
        assert outer.own_ns == took - inside
        assert outer.own_ns >= 0.02e9 * number
        assert inside >= 0.04e9 * number
        assert inner.own_ns == inside
    assert any(name == "memory MB" and values["resident"] > 1 for name, values in kept.counts)


def test_an_error_is_noted_and_passes() -> None:
    kept = Kept()
    with tracing.recording(kept):
        with pytest.raises(KeyError), tracing.span("fails"):
            raise KeyError("x")
        with tracing.span("after"):
            pass
    assert [(span.name, dict(span.facts)) for span in kept.spans] == [
        ("fails", {"error": "KeyError"}),
        ("after", {}),
    ]


def test_a_stage_of_stages_encloses_them() -> None:
    @tracing.stage("double")
    def double(numbers: Any) -> Any:
        for number in numbers:
            yield 2 * number

    kept = Kept()
    with tracing.recording(kept):
        assert list(double(tracing.each(range(3), "count"))) == [0, 2, 4]
    assert [span.name for span in kept.spans] == ["count", "double"] * 4  # the fourth finds the end
    for inner, outer in zip(kept.spans[::2], kept.spans[1::2], strict=True):
        assert outer.start_ns <= inner.start_ns <= inner.end_ns <= outer.end_ns


def test_queues_tell_who_waits_for_whom() -> None:
    def slow() -> Any:
        for number in range(4):
            time.sleep(0.05)
            yield number

    kept = Kept()
    # All fit, however late the other comes to it.
    with tracing.recording(kept), Ahead(slow(), 4, "slow") as items:
        assert list(items) == [0, 1, 2, 3]
    assert {span.name for span in kept.spans} == {"queue slow empty"}
    assert sum(span.own_ns for span in kept.spans) > 0.05e9
    kept = Kept()
    made: list[int] = []

    def fast() -> Any:
        for number in range(4):
            made.append(number)
            yield number

    with tracing.recording(kept), Ahead(fast(), 1, "fast") as items:
        for taken in items:
            until(lambda: made[-1] == min(taken + 2, 3), "one waits, and one more is made")  # noqa: B023
            time.sleep(0.02)
    assert "queue fast full" in {span.name for span in kept.spans}
    assert {values["batches"] for name, values in kept.counts if name == "queue fast"} == {0, 1}


def test_a_whole_run_on_a_time_line(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    networks.write_models(tmp_path / "models")
    painted.write_portrait(tmp_path / "me.png")
    faces = [[face] for face in painted.swaying(FRAMES, SIZE)]
    painted.write_clip(tmp_path / "clip.mp4", faces, SIZE)
    options = SwapOptions(
        swapper="inswapper_128",
        detect=DetectOptions(second_look="never"),
        models=(str(tmp_path / "models"),),
        device="cpu",
        provenance=ProvenanceOptions(unsigned_reason="a test"),
    )
    paths = ([tmp_path / "me.png"], tmp_path / "clip.mp4")
    swap_video(*paths, tmp_path / "without.mp4", options=options)
    started = time.perf_counter()
    with tracing.to_file(tmp_path / "run.json", overwrite=False):
        swap_video(*paths, tmp_path / "with.mp4", options=options)
    took_us = (time.perf_counter() - started) * 1e6
    assert (tmp_path / "with.mp4").read_bytes() == (tmp_path / "without.mp4").read_bytes()

    events = json.loads((tmp_path / "run.json").read_text())["traceEvents"]
    spans = spans_of(tmp_path / "run.json")
    check_nested(spans)
    rows = {event["args"]["name"]: event["tid"] for event in events if event["ph"] == "M"}
    assert {"MainThread", "read", "analyse", "swap"} <= set(rows)
    for row in rows.values():  # spans that lie in no other
        mine = sorted((span["ts"], span["ts"] + span["dur"]) for span in spans if span["tid"] == row)
        assert sum(
            end - start
            for n, (start, end) in enumerate(mine)
            if not any(s <= start and end <= e for s, e in mine[:n])
        ) < 1.01 * took_us  # fmt: skip

    def named(name: str) -> list[dict[str, Any]]:
        return [span for span in spans if span["name"] == name]

    assert len(named("decode")) == FRAMES + 1
    assert sum(span["args"].get("frames", 0) for span in named("composite")) == FRAMES
    assert sum(span["args"]["frames"] for span in named("write")) == FRAMES
    runs = [span for span in spans if span["cat"] == "network"]
    by_network = {
        name: sum(span["args"]["batch"] for span in runs if span["name"] == name)
        for name in {span["name"] for span in runs}
    }
    assert by_network["yunet"] == FRAMES + 1  # and the source
    assert by_network["inswapper_128"] == FRAMES
    assert len(named("prepare")) == 1
    curves = {event["name"] for event in events if event["ph"] == "C"}
    assert {"memory MB", "queue read", "queue analyse", "queue swap"} <= curves


def test_a_span_that_nobody_sees_costs_next_to_nothing() -> None:
    def many() -> float:
        started = time.thread_time()
        for _ in range(20_000):
            with tracing.span("swap", "stage", batch=4):
                pass
        return (time.thread_time() - started) / 20_000

    assert least(many, 1e-6) < 1e-6
    items = range(3)
    assert tracing.each(items, "untouched") is items


def test_memory_stays_bounded(tmp_path: Path) -> None:
    def record(spans: int) -> int:
        tracemalloc.start()
        with tracing.to_file(tmp_path / "long.json", overwrite=True):
            for number in range(spans):
                with tracing.span("step", batch=number):
                    pass
                tracing.count("depth", items=number % 7)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert record(30_000) < 1.2 * record(3_000) + 50_000
    assert len(spans_of(tmp_path / "long.json")) == 3_000


def test_a_file_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(KeyError), tracing.to_file(tmp_path / "run.json", overwrite=False):
        raise KeyError("in the run")
    assert list(tmp_path.iterdir()) == []
    with tracing.to_file(tmp_path / "run.json", overwrite=False), tracing.span("x"):
        pass
    assert [span["name"] for span in spans_of(tmp_path / "run.json")] == ["x"]
    with (
        pytest.raises(OptionError, match="exists already"),
        tracing.to_file(tmp_path / "run.json", overwrite=False),
    ):
        pass
    with tracing.to_file(tmp_path / "run.json", overwrite=True), tracing.span("y"):
        pass
    assert [span["name"] for span in spans_of(tmp_path / "run.json")] == ["y"]
    with (
        pytest.raises(OptionError, match="folder"),
        tracing.to_file(tmp_path / "no" / "run.json", overwrite=False),
    ):
        pass


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_run_leaves_no_half_file(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from trtswap import tracing\n"
        "with tracing.to_file(sys.argv[1], overwrite=False):\n"
        "    for n in range(2000):\n"
        "        with tracing.span('x'): pass\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "run.json")], check=False, timeout=PATIENCE_S
    )
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "run.json").exists()


def test_there_is_one_recording_at_a_time() -> None:
    with tracing.recording(Kept()), pytest.raises(RuntimeError), tracing.recording(Kept()):
        pass


def test_spans_of_a_thread_come_in_order() -> None:
    kept = Kept()
    with tracing.recording(kept):
        for _ in range(50):
            with tracing.span("x"):
                pass
    assert all(a.end_ns <= b.start_ns for a, b in pairwise(kept.spans))
