"""The benchmark: what it adds up, against a run whose parts are known."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import networks, painted

from trtswap import tracing
from trtswap.benchmark import Totals, benchmark
from trtswap.cli.app import main
from trtswap.inference.ort import OrtSession
from trtswap.options import BenchOptions, SwapOptions
from trtswap.types import Progress

FRAMES = 10
SIZE = (320, 180)
SLOW_S = 0.03


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "models").mkdir()
    networks.write_models(folder / "models")
    painted.write_portrait(folder / "me.png")
    faces = [[face] for face in painted.swaying(FRAMES + 6, SIZE)]
    painted.write_clip(folder / "clip.mp4", faces, SIZE)
    return folder


def event(name: str, category: Any, thread: str, own: int, **facts: Any) -> tracing.Event:
    return tracing.Event(name, category, 1, thread, 0, 10 * own, own, facts)


def test_totals_add_up() -> None:
    totals = Totals()
    totals.span(event("swap", "stage", "trtswap-swap", 3))
    totals.span(event("swap", "stage", "trtswap-swap", 4))
    totals.span(event("net", "network", "trtswap-swap", 5, batch=4))
    totals.span(event("net", "network", "trtswap-swap", 6, batch=4))
    totals.span(event("net", "network", "trtswap-other", 7, batch=1))
    totals.span(event("queue read empty", "wait", "trtswap-other", 8))
    totals.count("memory MB", 0, {"resident": 5.0})
    totals.count("memory MB", 0, {"resident": 4.0, "device": 1.0})
    totals.count("queue read", 0, {"batches": 9})
    assert totals.own_ns["stage", "swap"] == 7
    assert totals.spans["network", "net"] == 3
    assert totals.batches == {("net", 4): 2, ("net", 1): 1}
    assert totals.busy_ns == {"swap": 18, "other": 7}
    assert totals.waiting_ns == {"other": 8}
    assert totals.peaks == {"resident": 5.0, "device": 1.0}


def test_a_run_is_measured(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run of the swapper is made to take so long at least: the table must find it."""
    run = OrtSession._run_piece

    def slow(self: OrtSession, session: Any, inputs: Mapping[str, Any], *rest: Any) -> Any:
        if self.spec.name == "inswapper_128":
            time.sleep(SLOW_S * len(inputs["target"]))
        return run(self, session, inputs, *rest)

    monkeypatch.setattr(OrtSession, "_run_piece", slow)
    told: list[Progress] = []
    options = SwapOptions(models=(str(world / "models"),), device="cpu", swapper="inswapper_128", batch=5)
    measured = benchmark(
        [world / "me.png"],
        world / "clip.mp4",
        options=options,
        bench=BenchOptions(frames=FRAMES, repeats=2),
        on_progress=told.append,
    )
    assert (measured.frames, measured.faces, measured.size_px) == (FRAMES, FRAMES, SIZE)
    assert len(measured.seconds) == 2
    assert min(measured.seconds) > FRAMES * SLOW_S
    assert measured.fps == pytest.approx(FRAMES / statistics.median(measured.seconds))
    swapper = next(network for network in measured.networks if network.name == "inswapper_128")
    assert (swapper.runs, swapper.items, swapper.batch) == (2, FRAMES, 5)
    assert swapper.seconds >= FRAMES * SLOW_S
    assert swapper.alone_seconds >= FRAMES * SLOW_S
    assert measured.engine_only_fps is not None
    assert measured.engine_only_fps == pytest.approx(
        FRAMES / sum(network.alone_seconds for network in measured.networks)
    )
    assert measured.engine_only_fps < 1 / SLOW_S
    assert measured.engine_share == pytest.approx(measured.fps / measured.engine_only_fps)
    assert measured.decode_fps > measured.fps  # the swapper is slow enough
    assert measured.encode_fps > measured.fps
    assert measured.encoded == FRAMES
    assert measured.memory_mb["resident"] <= measured.memory_mb["process"] * 1.01
    work = [work.name for work in measured.work if work.category != "wait"]
    assert work[0] == "inswapper_128"
    threads = {thread.name: thread for thread in measured.threads}
    assert {"read", "analyse", "swap", "MainThread"} <= set(threads)
    for thread in threads.values():
        assert 0 <= thread.busy + thread.waiting < 1.05
    share = swapper.seconds / statistics.mean(measured.seconds)
    assert threads["swap"].busy >= 0.95 * share
    done = [progress.frames_done for progress in told if progress.stage == "swap"]
    assert done == sorted(done)
    assert done[-1] == 3 * FRAMES == told[-1].frames_total
    np.testing.assert_allclose(
        sum(work.share for work in measured.work if work.category != "wait"),
        sum(thread.busy for thread in threads.values()),
    )


def test_the_table_and_its_json(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["-t", str(world / "clip.mp4"), "-s", str(world / "me.png"), "-m", str(world / "models")]
    argv = ["bench", *files, "--device", "cpu", "--first", "6", "--repeats", "1", "--quiet"]
    assert main(argv) == 0
    table = capsys.readouterr().out
    for words in (
        "the whole way",
        "engines alone",
        "decode alone",
        "encode alone",
        "swap",
        "busy",
        "onnxruntime",
    ):
        assert words in table
    assert main([*argv, "--json"]) == 0
    bench = [json.loads(line) for line in capsys.readouterr().out.splitlines()][-1]
    assert bench["event"] == "bench"
    assert bench["frames"] == 6
    assert bench["fps"] == pytest.approx(6 / bench["seconds"][0])
    assert bench["machine"]["packages"]["onnxruntime"]


@pytest.mark.parametrize(
    "extra",
    [["-t", "a.mp4"], ["-s", "a.png"], ["--dump-tracks", "x"], ["--repeats", "0"], ["--first", "-1"]],
)
def test_what_makes_no_sense_is_told(extra: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *extra]) == 2
    assert "error:" in capsys.readouterr().err
