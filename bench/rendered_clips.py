"""Rendered clips of people as the built-in networks see them: points of detector and landmarker, and the truth."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from trtswap.demo.builtin import builtin_options
from trtswap.demo.clip_file import ClipWriter, voice
from trtswap.demo.clips import Clip, plan_clip
from trtswap.demo.render import render
from trtswap.networks.loader import NetworkSet
from trtswap.options import ClipKind
from trtswap.stages.analyse import find_faces
from trtswap.stages.landmarks import Refiner
from trtswap.video import open_video

SIZE = (640, 360)
_QUALITY = 14


def seen(kind: ClipKind, seed: int, frames: int) -> dict[str, np.ndarray]:
    """Renders, encodes, decodes and looks. landmarks, truth: float64 [F, 5, 2]; boxes: float64 [F, 4]; times_s: [F].
    landmarks and boxes are NaN where no face is found within half an eye distance of the true one, or, in a profile, where
    the eyes are in line, a twelfth of the picture."""
    clip = plan_clip(kind, seed, frames, SIZE)
    with tempfile.TemporaryDirectory(prefix="trtswap-rendered-") as folder:
        path = Path(folder) / "clip.mp4"
        truth = _write(clip, path)
        found = _look(path, truth)
    return {**found, "truth": truth.astype(np.float64)}


def _write(clip: Clip, path: Path) -> np.ndarray:
    """Draws a clip into a file and gives the five true points of its first head, [F, 5, 2]."""
    truth = []
    with ClipWriter(path, SIZE, round(clip.rate), _QUALITY) as writer:
        for state in clip.states:
            drawn = render(clip.people, state, {})
            writer.picture(drawn.picture)
            truth.append(drawn.heads[0].five_px)
        writer.sound(voice(clip.loudness, round(clip.rate), len(clip.states)))
    return np.stack(truth)


def _look(path: Path, truth: np.ndarray) -> dict[str, np.ndarray]:
    options = builtin_options()
    landmarks, boxes, times = [], [], []
    with NetworkSet(options) as networks, open_video(path) as reader:
        refiner = Refiner(networks.landmarker, options.landmarks, networks.guesser)
        for frame in reader:
            faces = find_faces([frame.surface], networks.detector, options.detect, None, refiner)[0]
            wanted = truth[frame.index]
            off = np.linalg.norm(faces.landmarks_px.mean(axis=1) - wanted.mean(axis=0), axis=1)
            reach = max(0.5 * float(np.linalg.norm(wanted[1] - wanted[0])), SIZE[1] / 12)
            near = bool(len(off)) and off.min() < reach
            landmarks.append(faces.landmarks_px[off.argmin()] if near else np.full((5, 2), np.nan))
            boxes.append(faces.boxes_px[off.argmin()] if near else np.full(4, np.nan))
            times.append(frame.time_s)
    return {
        "landmarks": np.stack(landmarks).astype(np.float64),
        "boxes": np.stack(boxes).astype(np.float64),
        "times_s": np.array(times),
    }
