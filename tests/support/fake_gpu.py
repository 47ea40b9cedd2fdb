"""A pretended GPU with a pretended TensorRT, in this process and those it starts (tests/support/fakes)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trtswap import native
from trtswap.device import gpu
from trtswap.inference import cuda_calls, proof
from trtswap.networks import sessions

from .fake_cuda import FakeLibrary
from .patience import PATIENCE_S

TESTS = Path(__file__).parents[1]
FAKES = TESTS / "support" / "fakes"
NAMES = json.loads((TESTS / "data" / "tensorrt_names.json").read_text("utf-8"))
VERSIONS = tuple(NAMES)


def pretend(monkeypatch: pytest.MonkeyPatch, version: str, cache: Path) -> None:
    """Puts the fakes in the place of tensorrt and pycuda, with a cache of their own."""
    for name in [
        name for name in sys.modules if name.partition(".")[0] in ("tensorrt", "pycuda", "PyNvVideoCodec")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(FAKES))
    for name, value in environment(version, cache).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(gpu, "_gpus", {})
    for name in ("_WARM_RUNS", "_TIMED_RUNS"):  # nobody learns anything from the times of what is pretended
        monkeypatch.setattr(proof, name, 1)
    library = FakeLibrary()
    for name in ("_loaded", "_loaded_queueing"):
        monkeypatch.setattr(cuda_calls, name, library)
    monkeypatch.setattr(
        native.core, "cuda_built", False
    )  # kernels would be given memory that is none of a GPU's
    sessions._library.cache_clear()


def environment(version: str, cache: Path) -> dict[str, str]:
    """The variables that make a process see the fakes."""
    path = os.environ.get("PYTHONPATH", "")
    return {
        "PYTHONPATH": os.pathsep.join([str(FAKES), *([path] if path else [])]),
        "FAKE_TENSORRT": version,
        "TRTSWAP_CACHE": str(cache),
    }


def forget() -> None:
    """Afterwards, so that the next test sees what the machine really has."""
    for name in [
        name for name in sys.modules if name.partition(".")[0] in ("tensorrt", "pycuda", "PyNvVideoCodec")
    ]:
        del sys.modules[name]
    sessions._library.cache_clear()


def command(*argv: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """`trtswap ...` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "trtswap", *argv],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
