"""`trtswap build-engines` and `trtswap engines` on a pretended GPU, as a user starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import wait
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from support.fake_gpu import VERSIONS, command, environment
from support.networks import random_arcface, random_inswapper
from support.patience import FOREVER_S, PATIENCE_S, until

from trtswap.cli import build_engines
from trtswap.cli.app import main
from trtswap.cli.arguments import parse
from trtswap.cli.engine_arguments import engine_options
from trtswap.cli.interrupts import interruptible
from trtswap.cli.output import Output
from trtswap.engine_options import EngineOptions
from trtswap.errors import EngineError
from trtswap.inference import build_process

NAMES = ("arcface_w600k_r50", "inswapper_128")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with two networks."""
    models = tmp_path / "models"
    models.mkdir()
    random_arcface(models / "arcface_w600k_r50.onnx", seed=1)
    random_inswapper(models / "inswapper_128.onnx", seed=2)
    return tmp_path


def run(place: Path, *argv: str, version: str = "8.6.1", **more: str) -> subprocess.CompletedProcess[str]:
    env = {
        **environment(version, place / "cache"),
        "HOME": str(place),
        "XDG_DATA_HOME": str(place / "data"),
        "TRTSWAP_MODELS": str(place / "models"),
        **more,
    }
    return command(*argv, env=env, cwd=place)


def events(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("version", VERSIONS[::2])
def test_build_list_and_prune(version: str, place: Path) -> None:
    dry = run(place, "build-engines", *NAMES, "--dry-run", version=version)
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.count("would be built: there is none yet") == 2
    built = run(place, "build-engines", *NAMES, "--max-batch", "2", version=version)
    assert built.returncode == 0, built.stderr
    assert "inswapper_128" in built.stdout
    assert "fp16" in built.stdout
    assert "PSNR" in built.stdout
    again = run(place, "build-engines", *NAMES, "--max-batch", "2", "--json", version=version)
    assert [event["built"] for event in events(again) if event["event"] == "engine"] == [False, False]
    listed = run(place, "engines", "--json", version=version)
    names = {event["record"]["key"]["network"]: event for event in events(listed)}
    assert set(names) == {"inswapper_128", "arcface_w600k_r50"}
    assert all(event["stale"] is None for event in names.values())
    shown = run(place, "engines", "inspect", "inswapper_128", version=version)
    assert "proof: PSNR" in shown.stdout
    pruned = run(place, "engines", "prune", version=version)
    assert pruned.stdout.startswith("0 removed")
    random_inswapper(place / "models" / "inswapper_128.onnx", seed=3)
    pruned = run(place, "engines", "prune", version=version)
    assert "the network's file has changed since" in pruned.stdout
    assert run(place, "engines", "prune", "--all", version=version).stdout.count("removed") == 2
    assert "no engine in" in run(place, "engines", version=version).stdout


def test_json_tells_each_step(place: Path) -> None:
    result = run(place, "build-engines", "arcface_w600k_r50", "--json", version="11.4.0.106")
    kinds = [event["event"] for event in events(result)]
    assert {"stage", "progress", "step", "engine", "done"} <= set(kinds)
    assert kinds[-1] == "done"
    engine = next(event for event in events(result) if event["event"] == "engine")
    assert Path(engine["path"]).stat().st_size == engine["bytes"]
    assert set(engine["latency_ms"]) == {"1", "16"}


def test_several_jobs(place: Path) -> None:
    result = run(place, "build-engines", *NAMES, "--jobs", "2", "--json")
    assert result.returncode == 0, result.stderr
    assert sum(event["event"] == "engine" for event in events(result)) == 2


def test_one_failure_does_not_keep_the_others(place: Path) -> None:
    (place / "models" / "inswapper_128.onnx").write_bytes(b"damaged")
    result = run(place, "build-engines", *NAMES)
    assert result.returncode == 4
    assert "error: inswapper_128: " in result.stderr
    assert "arcface_w600k_r50" in result.stdout


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_stops_cleanly(jobs: str, place: Path) -> None:
    mark = place / "builds"
    env = {
        **os.environ,
        **environment("8.6.1", place / "cache"),
        "TRTSWAP_MODELS": str(place / "models"),
        "FAKE_TENSORRT_BUILDS": str(mark),
        "FAKE_TENSORRT_SECONDS": str(FOREVER_S),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "trtswap", "build-engines", *NAMES, "--jobs", jobs],
        cwd=place,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            until(mark.exists, "a build", lambda: process.poll() is None)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 130, err
    assert err.rstrip().endswith("interrupted")
    assert "Traceback" not in err
    left = [path.name for path in (place / "cache" / "engines").iterdir() if not path.name.endswith(".lock")]
    assert left == []


def test_ctrl_c_that_another_thread_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may hand a signal to the thread that is about to start a builder; the main thread sleeps on then."""
    monkeypatch.setattr(build_process, "_stopping", threading.Event())
    stopped: list[bool] = []
    waits = threading.Event()

    def seen(*arguments: Any, **keywords: Any) -> Any:
        waits.set()
        return wait(*arguments, **keywords)

    def build(*_: object) -> tuple[str, EngineError]:
        assert waits.wait(PATIENCE_S)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        stopped.append(build_process._stopping.wait(PATIENCE_S))
        return "", EngineError("the build was stopped")

    monkeypatch.setattr(build_engines, "_build", build)
    monkeypatch.setattr(build_process, "wait", seen)
    recipe = SimpleNamespace(spec=SimpleNamespace(name="a network"))
    with interruptible(), pytest.raises(KeyboardInterrupt):
        build_engines._build_all([recipe], Output(), Console(), force=False, jobs=2)
    assert stopped[0]


def test_a_users_pictures(place: Path) -> None:
    (place / "nothing.jpg").write_bytes(b"no picture")
    result = run(place, "build-engines", "arcface_w600k_r50", "--calibration", "nothing.jpg")
    assert result.returncode in (3, 4)
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["build-engines", "no_such"], 2, "there is no network named 'no_such'"),
        (["build-engines", "--device", "cpu"], 2, "is not cuda or cuda:N"),
        (["build-engines", "--device", "cuda:7"], 6, "there is no GPU 7"),
        (["build-engines", "--max-batch", "0"], 2, "--max-batch"),
        (["build-engines", "--optimization-level", "6"], 2, "--optimization-level"),
        (["build-engines", "yunet"], 4, "no file of the network yunet was found"),
        (["engines", "inspect"], 2, "needs a name"),
        (["engines", "inspect", "no_such"], 4, "there is no engine named"),
        (["engines", "prune", "--older-than", "soon"], 2, "--older-than"),
    ],
)
def test_what_is_wrong_is_named(argv: list[str], code: int, said: str, place: Path) -> None:
    result = run(place, *argv)
    assert result.returncode == code, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_without_tensorrt_the_way_there_is_told(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from support.fake_gpu import forget

    forget()
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setenv("TRTSWAP_MODELS", str(place / "models"))
    assert main(["build-engines"]) == 4
    err = capsys.readouterr().err
    assert "TensorRT is not installed" in err
    assert "pip install 'trtswap[tensorrt]'" in err


OPTIONS: list[tuple[list[str], str, Any]] = [
    (["--precision", "fp32"], "precision", "fp32"),
    (["--max-batch", "32"], "max_batch", 32),
    (["--workspace", "2048"], "workspace_mib", 2048),
    (["--optimization-level", "5"], "optimization_level", 5),
    (["--tactic-sources", "JIT_CONVOLUTIONS"], "tactic_sources", ("JIT_CONVOLUTIONS",)),
    (["--hardware-compatible"], "hardware_compatible", True),
    (["--version-compatible"], "version_compatible", True),
    (["--contexts", "4"], "contexts", 4),
    (["--no-graphs"], "graphs", False),
    (["--jobs", "3"], "jobs", 3),
]


@pytest.mark.parametrize(("extra", "field", "value"), OPTIONS, ids=lambda value: str(value))
def test_every_option_reaches_its_setting(extra: list[str], field: str, value: Any) -> None:
    from dataclasses import replace

    options = engine_options(parse(["build-engines", *extra]))
    assert options == replace(EngineOptions(), **{field: value})
    assert options != EngineOptions()


def test_every_setting_has_an_option() -> None:
    from dataclasses import fields

    assert {field.name for field in fields(EngineOptions)} == {field for _, field, _ in OPTIONS}
