"""Rendered clips of people as the built-in networks see them, and with noise that is known."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from steady_measures import Steadiness, between_detections, interpolated, steadiness

from trtswap.demo.builtin import builtin_options
from trtswap.demo.clip_file import ClipWriter, voice
from trtswap.demo.clips import Clip, plan_clip
from trtswap.demo.render import render
from trtswap.networks.loader import NetworkSet
from trtswap.options import ClipKind
from trtswap.stages.analyse import find_faces
from trtswap.stages.landmarks import Refiner
from trtswap.types import Faces
from trtswap.video import open_video

SIZE = (640, 360)
KINDS: tuple[tuple[ClipKind, int], ...] = (
    ("fast", 75),
    ("profile turn", 75),
    ("profile turn", 12),
)
"""Kinds and their frames, at 25 a second."""

NOISE = (None, 0.005, 0.01, 0.02)
"""The networks' own, or white noise on the truth, of each coordinate, in eye distances."""

_QUALITY = 14
_LEAST_REACH = SIZE[1] / 12
"""In profile the eyes are in line; so far, in pixels, the face may be off all the same."""


@dataclass(frozen=True)
class Seen:
    """What networks see of a face. landmarks, truth: [F, 5, 2]; boxes: [F, 4]; times_s: [F]; known: bool [F]. Where it
    is False the face was not found, and landmarks and boxes are NaN."""

    landmarks: np.ndarray
    boxes: np.ndarray
    truth: np.ndarray
    times_s: np.ndarray
    known: np.ndarray


def see(kind: ClipKind, seed: int, frames: int) -> Seen:
    """Renders a clip, encodes and decodes it, and looks; from the first frame with a face to the last."""
    clip = plan_clip(kind, seed, frames, SIZE)
    with tempfile.TemporaryDirectory(prefix="trtswap-rendered-") as folder:
        path = Path(folder) / "clip.mp4"
        truth = _write(clip, path)
        landmarks, boxes, times_s = _look(path, truth)
    return Seen(*between_detections(landmarks, boxes, truth, times_s))


def seen_from(cache: Path | None, kind: ClipKind, seed: int, frames: int) -> Seen:
    """The same, from the cache folder when there."""
    if cache is None:
        return see(kind, seed, frames)
    file = cache / f"{kind}-{seed}-{frames}.seen.npz"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(file, **vars(see(kind, seed, frames)))
    with np.load(file) as stored:
        return Seen(**stored)


def with_noise(seen: Seen, deviation: float | None, seed: int) -> Seen:
    """The truth with white noise of so many of the largest eye distance, as if found in every frame; None: as seen."""
    if deviation is None:
        return seen
    eyes_px = np.linalg.norm(seen.truth[:, 1] - seen.truth[:, 0], axis=1).max()
    noise = np.random.default_rng(seed).normal(0, deviation * eyes_px, seen.truth.shape)
    boxes = interpolated(seen.boxes, seen.known, seen.times_s)
    return Seen(seen.truth + noise, boxes, seen.truth, seen.times_s, np.ones(len(seen.known), bool))


def table(seeds: range, cache: Path | None, smooth: Callable[[Seen, str], np.ndarray]) -> list[str]:
    """Markdown: what smoothing makes of error and jitter, over clips of the seeds. smooth: as `smooth_clip`."""
    lines = [
        "| clip | noise | error off % | error smoothed | worst | jitter off % | jitter smoothed | worst |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, frames in KINDS:
        clips = [seen_from(cache, kind, seed, frames) for seed in seeds]
        for deviation in NOISE:
            name = "networks" if deviation is None else f"{100 * deviation:.1f} %"
            runs = [with_noise(clip, deviation, seed) for clip, seed in zip(clips, seeds, strict=True)]
            lines.append(f"| {kind}, {frames} frames | {name} | {_row(runs, smooth)} |")
    return lines


def _row(runs: list[Seen], smooth: Callable[[Seen, str], np.ndarray]) -> str:
    eyes = [np.linalg.norm(run.truth[:, 1] - run.truth[:, 0], axis=1).mean() for run in runs]
    cells = []
    results: dict[str, list[Steadiness]] = {
        method: [steadiness(smooth(run, method), run.truth, run.known) for run in runs]
        for method in ("off", "symmetric")
    }
    for figure in ("error_px", "jitter_px"):
        off, smoothed = (np.array([getattr(one, figure) for one in results[key]]) for key in results)
        times = smoothed / off
        cells.append(f"{100 * (off / eyes).mean():.2f} | x {times.mean():.2f} | x {times.max():.2f}")
    return " | ".join(cells)


def _write(clip: Clip, path: Path) -> np.ndarray:
    """Draws a clip into a file and gives the five true points of its first head, [F, 5, 2]."""
    truth = []
    with ClipWriter(path, SIZE, round(clip.rate), _QUALITY) as writer:
        for state in clip.states:
            drawn = render(clip.people, state, {})
            writer.picture(drawn.picture)
            truth.append(drawn.heads[0].five_px)
        writer.sound(voice(clip.loudness, round(clip.rate), len(clip.states)))
    return np.stack(truth).astype(np.float64)


def _look(path: Path, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    options = builtin_options()
    landmarks, boxes, times = [], [], []
    with NetworkSet(options) as networks, open_video(path) as reader:
        refiner = Refiner(networks.landmarker, options.landmarks, networks.guesser)
        for frame in reader:
            faces = find_faces([frame.surface], networks.detector, options.detect, None, refiner)[0]
            row = _nearest(faces, truth[frame.index])
            landmarks.append(faces.landmarks_px[row] if row is not None else np.full((5, 2), np.nan))
            boxes.append(faces.boxes_px[row] if row is not None else np.full(4, np.nan))
            times.append(frame.time_s)
    return np.stack(landmarks).astype(np.float64), np.stack(boxes).astype(np.float64), np.array(times)


def _nearest(faces: Faces, wanted: np.ndarray) -> int | None:
    """The face whose middle is nearest to the true one's, if it is within half an eye distance."""
    off = np.linalg.norm(faces.landmarks_px.mean(axis=1) - wanted.mean(axis=0), axis=1)
    reach = max(0.5 * float(np.linalg.norm(wanted[1] - wanted[0])), _LEAST_REACH)
    return int(off.argmin()) if len(off) and off.min() < reach else None
