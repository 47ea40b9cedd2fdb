"""Clips, networks and runs for tests of interrupted videos."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from support import face_networks, networks, painted, pictures
from trtswap import pipeline
from trtswap.options import ProvenanceOptions, ResumeOptions, SwapOptions
from trtswap.types import Progress

SIZE = (320, 180)
FRAMES = 54
SEGMENT_S = 0.5
BAR = (40, 56, 130, 72)
LEFT, RIGHT = (
    [
        pictures.face_placement(
            (x + 14 * np.sin(index / 7), 92), 74 + 6 * np.sin(index / 5), 9 * np.sin(index / 6)
        )
        for index in range(FRAMES)
    ]
    for x in (82, 236)
)


def write_world(folder: Path) -> Path:
    """models/ and models2/ (one face, two), me.png, her.png, one.mp4 with gaps and behind a bar, two.mp4."""
    for name, faces in (("models", 1), ("models2", 2)):
        networks.write_models(folder / name, faces=faces)
        face_networks.analytic_xseg(folder / name / "xseg_1.onnx")
    face_networks.analytic_fan(folder / "models" / "2dfan4.onnx")
    painted.write_portrait(folder / "me.png")
    painted.write_portrait(folder / "her.png", faces=[pictures.face_placement((160, 320), 240)])
    gone = {21, 22, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50}
    one = [[face] if index not in gone else [] for index, face in enumerate(LEFT)]
    painted.write_clip(folder / "one.mp4", one, SIZE, cover=(BAR, face_networks.OCCLUDER_COLOUR))
    painted.write_clip(folder / "two.mp4", [list(pair) for pair in zip(LEFT, RIGHT, strict=True)], SIZE)
    return folder


def write_whole(world: Path) -> Path:
    """one.mp4 swapped in segments with the default options, by a run that nothing interrupted."""
    path = world / "whole.mp4"
    pipeline.swap_video([world / "me.png"], world / "one.mp4", path, options=options(world))
    return path


def options(world: Path, *, models: str = "models", left_over: str = "refuse", **changes: Any) -> SwapOptions:
    changes.setdefault("provenance", ProvenanceOptions("a test"))
    changes.setdefault("resume", ResumeOptions(SEGMENT_S, left_over))  # type: ignore[arg-type]
    changes.setdefault("swapper", "inswapper_128")
    return SwapOptions(models=(str(world / models),), provider="cpu", **changes)


def contents(path: Path) -> dict[str, Any]:
    """Everything a player or a copy sees: packets of all streams with their times, and what is said of them."""
    with av.open(str(path)) as container:
        packets = [
            (packet.stream.index, packet.pts, packet.dts, packet.duration, packet.is_keyframe, bytes(packet))
            for packet in container.demux()
            if packet.size
        ]
        streams = [
            (stream.type, stream.time_base, stream.start_time, stream.duration, dict(stream.metadata))
            for stream in container.streams
        ]
        return {"packets": packets, "streams": streams, "metadata": dict(container.metadata)}


def pictures_of(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [
            hashlib.md5(frame.to_ndarray().tobytes(), usedforsecurity=False).hexdigest() + str(frame.pts)
            for frame in container.decode(video=0)
        ]


def assert_same(path: Path, other: Path) -> None:
    one, two = contents(path), contents(other)
    assert one["streams"] == two["streams"]
    assert one["metadata"] == two["metadata"]
    assert len(one["packets"]) == len(two["packets"])
    different = [
        number
        for number, pair in enumerate(zip(one["packets"], two["packets"], strict=True))
        if pair[0] != pair[1]
    ]
    assert different == []
    assert pictures_of(path) == pictures_of(other)


def interrupt_at(frames: int, stage: str = "swap") -> Callable[[Progress], None]:
    def progress(step: Progress) -> None:
        if step.stage == stage and step.frames_done >= frames:
            raise KeyboardInterrupt

    return progress


def interrupted(
    sources: Any, target: Path, out: Path, frames: int, stage: str = "swap", **keywords: Any
) -> None:
    with pytest.raises(KeyboardInterrupt):
        pipeline.swap_video(sources, target, out, on_progress=interrupt_at(frames, stage), **keywords)
    assert not out.exists()


def resumed(settings: SwapOptions) -> SwapOptions:
    return replace(settings, resume=replace(settings.resume, left_over="resume"))


def folder_of(out: Path) -> Path:
    return out.with_name(f".{out.name}.trtswap")


def segments_of(out: Path) -> list[Path]:
    return sorted(folder_of(out).glob("*.segment"))
