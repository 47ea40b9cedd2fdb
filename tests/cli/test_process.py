"""`trtswap process` from call to report."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.patience import PATIENCE_S

from trtswap.cli.app import main
from trtswap.types import Progress

ROOT = Path(__file__).parents[2]
FILES = ["process", "-s", "me.jpg", "-t", "clip.mp4", "-o", "out.mp4"]


def swap_frames(on_progress: Callable[[Progress], None], total: int = 240) -> None:
    on_progress(Progress("prepare", 0, None, 0, 0.25))
    for done in range(total + 1):
        on_progress(Progress("swap", done, total, done, 0.5 + done * 0.05))
    on_progress(Progress("finish", total, total, total, 0.5 + total * 0.05))


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("pipeline")
def test_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(FILES) == 0
    out, err = capsys.readouterr()
    assert out == "out.mp4: 210 faces swapped in 200 of 240 frames, 0:12, 20.0 frames/s\n"
    assert err == "note: the first note\nnote: the second note\n"


def test_quiet_leaves_only_the_result(pipeline: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.act = swap_frames
    assert main([*FILES, "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("out.mp4: ")
    assert err == ""


def test_plain_lines_without_a_terminal(pipeline: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.act = swap_frames
    assert main(FILES) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "preparing",
        "swapping: 0/240 frames, 0 faces swapped",
        "swapping: 200/240 frames, 20.0 frames/s, 0:02 left, 200 faces swapped",
        "swapping: 240/240 frames, 20.0 frames/s, 0:00 left, 240 faces swapped",
        "finishing: 240/240 frames, 240 faces swapped",
        "note: the first note",
        "note: the second note",
    ]


def test_json_is_json_lines_only(pipeline: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.act = swap_frames
    assert main([*FILES, "--json"]) == 0
    *progress, done = json_lines(capsys.readouterr().out)
    assert {event["event"] for event in progress} == {"progress"}
    assert [event["stage"] for event in (progress[0], progress[1], progress[-1])] == [
        "prepare",
        "swap",
        "finish",
    ]
    assert 20 <= len(progress) <= 30, "about two a second"
    last = progress[-2]
    assert (last["frames_done"], last["frames_total"], last["faces_swapped"]) == (240, 240, 240)
    assert last["elapsed_s"] == pytest.approx(12.5)
    assert last["frames_per_s"] == pytest.approx(20.0)
    assert last["remaining_s"] == 0
    assert done == {
        "event": "done",
        "exit_code": 0,
        "output": "out.mp4",
        "frames": 240,
        "frames_with_faces": 200,
        "faces_swapped": 210,
        "seconds": 12.0,
        "networks": {"detector": "a.onnx", "recogniser": "b.onnx", "swapper": "c.onnx"},
        "notes": ["the first note", "the second note"],
        "quality": {},
        "licences": {},
    }


def test_json_quiet_is_the_last_line_alone(pipeline: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.act = swap_frames
    assert main([*FILES, "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert [event["event"] for event in json_lines(out)] == ["done"]
    assert err == ""


@pytest.mark.parametrize(
    ("extra", "shown"),
    [
        (["-q"], {"error"}),
        ([], {"error", "warning"}),
        (["-v"], {"error", "warning", "info"}),
        (["-vv"], {"error", "warning", "info", "debug"}),
    ],
)
def test_log_lines(
    extra: list[str], shown: set[str], pipeline: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def log(_on_progress: Any) -> None:
        logger = logging.getLogger("trtswap.some.module")
        for level in ("debug", "info", "warning", "error"):
            getattr(logger, level)(f"<{level}>")

    pipeline.act = log
    before = logging.getLogger("trtswap").handlers[:]
    assert main([*FILES, *extra]) == 0
    out, err = capsys.readouterr()
    assert {level for level in ("debug", "info", "warning", "error") if f"<{level}>" in err} == shown
    assert "<" not in out
    assert logging.getLogger("trtswap").handlers == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_interrupt(
    number: signal.Signals, extra: list[str], pipeline: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    cleaned_up = []

    def interrupted(_on_progress: Any) -> None:
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        except KeyboardInterrupt:
            cleaned_up.append(True)
            raise

    pipeline.act = interrupted
    assert main([*FILES, *extra]) == 130
    out, err = capsys.readouterr()
    assert cleaned_up == [True]
    assert err == "interrupted\n"
    assert [event["exit_code"] for event in json_lines(out)] == ([130] if extra else [])
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def command(swap_video: str, *extra: str) -> list[str]:
    """A fresh process that runs `process` with the given source of swap_video."""
    script = (
        "import itertools, sys, time, types\n"
        "from trtswap.cli.app import main\n"
        "from trtswap.types import Progress, SwapReport\n"
        f"{swap_video}\n"
        "module = types.ModuleType('trtswap.pipeline')\n"
        "module.swap_video = swap_video\n"
        "sys.modules['trtswap.pipeline'] = module\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    return [sys.executable, "-c", script, *FILES, *extra]


STUBBORN = """
def swap_video(*arguments, **keywords):
    while True:
        try:
            print("working", flush=True)
            time.sleep(3600)
        except KeyboardInterrupt:
            print("cleaning up", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_second_interrupt_ends_a_clean_up_that_hangs(number: signal.Signals) -> None:
    with subprocess.Popen(command(STUBBORN), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(number)
        assert process.stdout.readline() == "cleaning up\n"
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE_S) == -number


IGNORING = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)

def swap_video(*arguments, **keywords):
    signal.raise_signal(signal.SIGINT)
    return SwapReport("out.mp4", 1, 1, 1, 1.0)
"""


def test_ignored_interrupt_stays_ignored() -> None:
    """As under nohup, or in the background of a shell script."""
    result = subprocess.run(command(IGNORING), cwd=ROOT, capture_output=True, timeout=PATIENCE_S, check=False)
    assert (result.returncode, result.stderr) == (0, b"")


ENDLESS = """
def swap_video(*arguments, on_progress, **keywords):
    for second in itertools.count():
        on_progress(Progress("swap", second, None, second, float(second)))
"""


def test_reader_that_goes_away_stops_the_run_quietly() -> None:
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command(ENDLESS, "--json"), cwd=ROOT, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["event"] == "progress"
        process.stdout.close()
        assert process.wait(timeout=PATIENCE_S) == 1
        assert process.stderr.read() == b""


UNPRINTABLE = r"""
def swap_video(*arguments, **keywords):
    return SwapReport('d\udcffm\u00e9.mp4', 1, 1, 1, 1.0)
"""


def test_name_that_the_terminal_cannot_show() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(
        command(UNPRINTABLE), cwd=ROOT, capture_output=True, env=environment, timeout=PATIENCE_S, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.startswith(rb"d\udcffm\xe9.mp4: ")
