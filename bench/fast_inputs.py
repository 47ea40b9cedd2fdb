"""What bench/fast_path.py works on: settings, clips, and the picture of whom to show."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from standins import STAND_INS

from trtswap.demo.builtin import builtin_options
from trtswap.demo.clip_file import ClipWriter
from trtswap.demo.clips import plan_clip
from trtswap.options import (
    DetectOptions,
    EncodeOptions,
    LandmarkOptions,
    MaskOptions,
    MonitorOptions,
    ProvenanceOptions,
    SwapOptions,
)
from trtswap.trial import frames_of, portrait

DRAWN = 25
"""Frames of a clip that are rendered."""
_SMALL = (640, 360)


def options_of(wanted: argparse.Namespace, folder: Path, place: Any, batch: int) -> SwapOptions:
    """The settings of a run; stand-ins are made where they are wanted, and a landmarker's points align no face."""
    makers = {"inswapper_128": STAND_INS["inswapper_128"], "2dfan4": STAND_INS["landmarker"]}
    for name in (wanted.swapper, wanted.landmarker):
        if name in makers and not (folder / f"{name}.onnx").exists():
            makers[name](folder / f"{name}.onnx")
    plain = builtin_options()
    if wanted.detector != plain.detect.network:
        plain = replace(plain, detect=DetectOptions(network=wanted.detector))
    kinds = ("box", "occlusion") if wanted.occluder else ("box",)
    return replace(
        plain,
        swapper=wanted.swapper,
        landmarks=LandmarkOptions(
            network=wanted.landmarker, score=1.0 if wanted.landmarker in makers else 0.5
        ),
        mask=MaskOptions(kinds=kinds, occluder=wanted.occluder or "auto"),
        encode=EncodeOptions(preset=wanted.preset, encoder=wanted.encoder),
        monitor=MonitorOptions(mode="off"),
        provenance=ProvenanceOptions(unsigned_reason="a benchmark"),
        models=(str(folder),),
        device=wanted.device if place == "host" or wanted.device != "auto" else "cuda",
        decoder=wanted.decoder,
        frames=place,
        batch=batch,
        queue=wanted.queue,
        overwrite=True,
    )


def source_of(folder: Path) -> Path:
    """The picture of whom to show."""
    path = folder / "source.png"
    if not path.exists():
        plan = plan_clip("talking", 15, DRAWN, _SMALL)
        cv2.imwrite(str(path), portrait(plan.sources[0])[..., ::-1])
    return path


def clip_of(folder: Path, size: tuple[int, int], count: int, faces: int) -> Path:
    """There and back again through the drawn frames; four faces are the same picture four times."""
    path = folder / f"clip-{size[0]}x{size[1]}-{count}-{faces}.mp4"
    if not path.exists():
        plan = plan_clip("talking", 15, DRAWN, _SMALL)
        times = (2, 2, 1) if faces > 1 else (1, 1, 1)
        drawn = [
            cv2.resize(np.tile(frame.picture, times), size, interpolation=cv2.INTER_CUBIC)
            for frame in frames_of(plan)
        ]
        way = [*range(DRAWN), *range(DRAWN - 2, 0, -1)]
        with ClipWriter(path, size, 25, 14) as writer:
            for number in range(count):
                writer.picture(drawn[way[number % len(way)]])
    return path
