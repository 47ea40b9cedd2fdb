"""A stand-in for the pipeline, so that the command line is tested without a video."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trtswap.types import Progress, SwapReport

REPORT = SwapReport(
    output="out.mp4",
    frames=240,
    frames_with_faces=200,
    faces_swapped=210,
    seconds=12.0,
    networks={"detector": "a.onnx", "recogniser": "b.onnx", "swapper": "c.onnx"},
    notes=("the first note", "the second note"),
)


@dataclass
class FakePipeline:
    """Records the call of swap_video, then does `act`, then returns `report`."""

    report: SwapReport = REPORT
    act: Callable[[Callable[[Progress], None]], None] = lambda _on_progress: None
    arguments: tuple[Any, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)

    def swap_video(self, *arguments: Any, **keywords: Any) -> SwapReport:
        self.arguments, self.keywords = arguments, keywords
        self.act(keywords["on_progress"])
        return self.report


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    """Takes the place of trtswap.pipeline."""
    fake = FakePipeline()
    module = ModuleType("trtswap.pipeline")
    module.swap_video = fake.swap_video  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trtswap.pipeline", module)
    return fake


@pytest.fixture
def only_given_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Networks are looked for in the folders of --models alone, whatever the machine has."""
    empty = tmp_path / "home"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.setenv("HOME", str(empty))
    monkeypatch.setenv("XDG_DATA_HOME", str(empty / "data"))
    for variable in ("TRTSWAP_MODELS", "FACEFUSION_HOME"):
        monkeypatch.delenv(variable, raising=False)
