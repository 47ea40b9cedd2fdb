"""--help is quick, complete and documented; --version tells the version."""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from support.patience import PATIENCE_S, least

from trtswap import __version__
from trtswap.cli.app import main
from trtswap.cli.arguments import build_parser
from trtswap.cli.output import _EXIT_CODES
from trtswap.options import GPU_BATCH, HOST_BATCH, SwapOptions

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "cli.md"
LIMIT_S = 0.5


def commands() -> dict[str, argparse.ArgumentParser]:
    actions = build_parser()._actions
    return dict(next(action for action in actions if isinstance(action, argparse._SubParsersAction)).choices)


def run_fresh(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trtswap", *argv],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize("argv", [["--help"], ["process", "--help"]])
def test_help_is_quick(argv: list[str]) -> None:
    """In seconds of the processor, so that others do not count; and it waits for nothing."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = run_fresh(*argv)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("usage: trtswap")
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert least(once, LIMIT_S) < LIMIT_S


def test_importing_the_app_loads_nothing_heavy() -> None:
    heavy = ["av", "cv2", "numpy", "onnx", "onnxruntime", "pycuda", "rich", "tensorrt", "trtswap._core"]
    script = f"import sys, trtswap.cli.app; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_version() -> None:
    result = run_fresh("--version")
    assert (result.returncode, result.stdout) == (0, f"trtswap {__version__}\n")


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["process", "--help"], ["doctor", "-h"]])
def test_main_returns_instead_of_exiting(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    assert "trtswap" in capsys.readouterr().out


def test_help_shows_the_defaults_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    main(["process", "--help"])
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    defaults = SwapOptions()
    for option, value in [
        ("--detector-score", defaults.detect.score),
        ("--reference-distance", defaults.select.distance),
        ("--mask-blur", defaults.mask.blur),
        ("--batch", f"{GPU_BATCH} where frames stay on the GPU, else {HOST_BATCH}"),
        ("--batch-wait", f"{defaults.batch_wait_s:g}"),
        ("--queue", defaults.queue),
        ("--codec", defaults.encode.codec),
        ("--select", defaults.select.mode),
        ("--provider", defaults.provider),
    ]:
        explained = text.index(f" {option} ")
        shown = re.search(r"\(default: ([^)]*)\)", text[explained:])
        assert shown is not None
        assert shown[1] == f"{value}", option


@pytest.mark.parametrize("name", ["process", "bench", "doctor", "networks"])
def test_manual_names_every_option(name: str) -> None:
    manual = MANUAL.read_text(encoding="utf-8")
    for action in commands()[name]._actions:
        for option in action.option_strings:
            assert f"`{option}" in manual, f"{option} of {name} is not in {MANUAL.name}"


@pytest.mark.parametrize("command", ["process", ""])
def test_exit_codes_stand_in_help_and_manual(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command, "--help"] if command else ["--help"])
    text = capsys.readouterr().out
    manual = MANUAL.read_text(encoding="utf-8")
    for code in {0, 1, *_EXIT_CODES.values()}:
        assert re.search(rf"^ +{code}  \w", text, re.MULTILINE), code
        assert re.search(rf"^\| {code} \|", manual, re.MULTILINE), code
