"""Clips and networks for runs whose frames stay on the GPU, pretended or real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support import face_networks, networks, painted, stand_ins
from support.face_networks import OCCLUDER_COLOUR
from support.recording import record_frames
from trtswap import pipeline
from trtswap.options import SwapOptions
from trtswap.types import Frame, SwapReport

SIZE = (640, 360)
FRAMES = 14
FRAME_BYTES = SIZE[0] * SIZE[1] * 3 // 2
_LOST = (6, 7)
"""Frames of gaps.mp4 in which the detector finds nobody."""


def make(folder: Path) -> Path:
    """models/, more/ (all that is optional), me.png, and clips of one person: clip.mp4, gaps.mp4 (missed in two frames,
    a bar in front), large.mp4 (1280 x 720)."""
    networks.write_models(folder / "models")
    (folder / "more").mkdir()
    face_networks.analytic_fan(folder / "more" / "2dfan4.onnx")
    face_networks.analytic_xseg(folder / "more" / "xseg_1.onnx")
    face_networks.left_bisenet(folder / "more" / "bisenet_resnet_34.onnx")
    for name in ("fairface", "gpen_bfr_256"):
        stand_ins.make(name, folder / "more" / f"{name}.onnx", 3)
    painted.write_portrait(folder / "me.png")
    motion = painted.swaying(120, SIZE)[:FRAMES]
    painted.write_clip(folder / "clip.mp4", [[face] for face in motion], SIZE)
    seen = [[] if index in _LOST else [face] for index, face in enumerate(motion)]
    bar = ((300, 118, 316, 132), OCCLUDER_COLOUR)
    painted.write_clip(folder / "gaps.mp4", seen, SIZE, cover=bar)
    large = [[face] for face in painted.swaying(120, (1280, 720))[:5]]
    painted.write_clip(folder / "large.mp4", large, (1280, 720))
    return folder


def run(
    world: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    clip: str = "clip.mp4",
    more: bool = False,
    reports: tuple[Path, ...] = (),
    **changes: Any,
) -> tuple[SwapReport, list[Frame]]:
    """What a run reports, and the frames that reached its encoder."""
    recorded = record_frames(monkeypatch)
    settings = options(world, more=more, **changes)
    report = pipeline.swap_video([world / "me.png"], world / clip, output, options=settings, reports=reports)
    return report, recorded


def options(world: Path, *, more: bool = False, **changes: Any) -> SwapOptions:
    """Of a run with the networks in `world`. more: with those that are optional."""
    folders = (world / "models", world / "more") if more else (world / "models",)
    changes = {"swapper": "inswapper_128", "device": "cuda", "batch": 4, "overwrite": True, **changes}
    return SwapOptions(models=tuple(map(str, folders)), **changes)


def planes(frames: list[Frame]) -> list[np.ndarray]:
    """All planes of all frames."""
    return [plane for frame in frames for plane in frame.surface.planes]
