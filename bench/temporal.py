"""What the temporal stages cost: scene cuts, tracks, gaps, smoothing; ten faces with sixty-eight points at 1920x1080.

    python bench/temporal.py [--faces 10] [--frames 2000] [--without-68] [--resting] [--memory 100000]

Processor time of one core per frame: mean, median, and the tenth of frames that was fastest, which a busy machine
disturbs least. `--memory` runs so many frames more, with new tracks all the time, and prints the resident memory along
the way.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from trtswap.options import SmoothOptions, SwapOptions
from trtswap.stages.gaps import GapFiller
from trtswap.stages.scene_match import Picture, pictures
from trtswap.stages.scenes import SceneDetector, thumbnails
from trtswap.stages.smooth import make_smoother
from trtswap.stages.track import Tracker
from trtswap.types import Faces, PixelFormat, Surface

RATE = 30.0
SIZE = (1920, 1080)
UNCOUNTED = 100
BATCH = SwapOptions().together
STAGES = ("thumbnail", "scene cuts", "tracks", "gaps", "smoothing")
TEMPLATE = np.array([[0.34, 0.46], [0.66, 0.46], [0.5, 0.64], [0.37, 0.82], [0.63, 0.82]])


class Crowd:
    """Faces that move and are seen with noise; a few are missed."""

    def __init__(self, count: int, dense: bool, resting: bool, rng: np.random.Generator) -> None:
        self._rng = rng
        self._way_px = 0.0 if resting else 40.0
        columns = np.arange(count) % 5
        self._homes = np.stack([220 + 370 * columns, 300 + 480 * (np.arange(count) // 5 % 2)], axis=1)
        self._phases = rng.uniform(0, 2 * np.pi, (count, 2))
        shape = rng.uniform(0, 1, (68, 2))
        self._dense = shape if dense else None
        self._template = TEMPLATE - TEMPLATE.mean(axis=0)

    def at(self, frame: int) -> Faces:
        """The faces that are detected in a frame."""
        rng, count = self._rng, len(self._homes)
        centres = self._homes + self._way_px * np.sin(frame / 25 + self._phases)
        noise = rng.normal(0, 0.6, (count, 5, 2))
        points = (centres[:, None] + 180 * self._template + noise).astype(np.float32)
        boxes = np.concatenate([points.min(axis=1) - 50, points.max(axis=1) + 50], axis=1)
        dense = None
        if self._dense is not None:
            dense = (centres[:, None] + 180 * (self._dense - 0.5)).astype(np.float32)
        faces = Faces(boxes, points, np.full(count, 0.9, np.float32), landmarks_68_px=dense)
        return faces if rng.random() > 0.02 else faces.take(np.flatnonzero(rng.random(count) > 0.1))


def panning(rng: np.random.Generator, count: int = 8) -> list[Surface]:
    """A textured picture that pans by half a percent a frame, to and fro."""
    coarse = rng.integers(20, 235, (40, 80), np.uint8)
    wide = cv2.resize(coarse, (SIZE[0] + 10 * count, SIZE[1]), interpolation=cv2.INTER_CUBIC)
    chroma = np.full((SIZE[1] // 2, SIZE[0] // 2, 2), 128, np.uint8)
    there = [
        Surface(PixelFormat.NV12, (wide[:, 10 * k :][:, : SIZE[0]].copy(), chroma)) for k in range(count)
    ]
    return there + there[::-1]


class Line:
    """The stages one behind the other, and what each has cost."""

    def __init__(self) -> None:
        options = SmoothOptions()
        self._scenes = SceneDetector()
        self._tracker = Tracker(options.gap_s)
        self._filler = GapFiller(round(options.gap_s * RATE))
        self._smoother = make_smoother(options, RATE)
        self.spent_ms: list[dict[str, float]] = []

    def push(self, batch: Sequence[Faces], surfaces: Sequence[Surface], first: int) -> None:
        """A batch of frames through all of them, as a run passes them."""
        started = time.thread_time()
        small = thumbnails(surfaces)
        made = time.thread_time()
        compared = pictures(small)
        shares_ms = {
            "thumbnail": 1e3 * (made - started) / len(batch),
            "scene cuts": 1e3 * (time.thread_time() - made) / len(batch),
        }
        for number, (faces, picture) in enumerate(zip(batch, compared, strict=True)):
            self.spent_ms.append(dict.fromkeys(STAGES, 0.0) | shares_ms)
            self._push(faces, picture, (first + number) / RATE)

    def _push(self, faces: Faces, picture: Picture, time_s: float) -> None:
        self._timed("scene cuts", lambda: self._scenes.push(picture))
        tracked = self._timed("tracks", lambda: self._tracker.push(faces, cut=False, time_s=time_s))
        for filled in self._timed("gaps", lambda: self._filler.push(tracked, cut=False)):
            self._timed("smoothing", lambda kept=filled: self._smoother.push(kept, cut=False, time_s=time_s))

    def _timed(self, stage: str, work: Callable[[], object]) -> object:
        started = time.thread_time()
        result = work()
        self.spent_ms[-1][stage] += 1e3 * (time.thread_time() - started)
        return result


def batch_of(crowd: Crowd, shown: Sequence[Surface], first: int) -> tuple[list[Faces], list[Surface]]:
    """Faces and pictures of a batch."""
    frames = range(first, first + BATCH)
    return [crowd.at(frame) for frame in frames], [shown[frame % len(shown)] for frame in frames]


def resident_mib() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def table(spent_ms: list[dict[str, float]]) -> str:
    """Markdown: milliseconds a frame by stage."""
    lines = ["| stage | mean ms | median ms | fastest tenth ms |", "|---|---:|---:|---:|"]
    rows = {stage: np.array([one[stage] for one in spent_ms]) for stage in STAGES}
    rows["all"] = np.array([sum(one.values()) for one in spent_ms])
    for stage, times in rows.items():
        lines.append(
            f"| {stage} | {times.mean():.3f} | {np.median(times):.3f} | {np.quantile(times, 0.1):.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faces", type=int, default=10)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--without-68", action="store_true", help="faces have five points only")
    parser.add_argument("--resting", action="store_true", help="faces stay where they are")
    parser.add_argument("--memory", type=int, default=0, metavar="FRAMES")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(1)
    kind = (arguments.faces, not arguments.without_68, arguments.resting)
    crowd, shown = Crowd(*kind, rng), panning(rng)
    line = Line()
    for first in range(0, arguments.frames, BATCH):
        line.push(*batch_of(crowd, shown, first), first)
    print(table(line.spent_ms[UNCOUNTED:]))
    mark = max(arguments.memory // 10, 1)
    for count in range(0, arguments.memory, BATCH):
        if count % mark < BATCH:
            print(f"frame {count}: {resident_mib():.1f} MiB", flush=True)
        if count % 97 < BATCH:
            crowd = Crowd(*kind, rng)
        line.spent_ms.clear()
        first = arguments.frames + count
        line.push(*batch_of(crowd, shown, first), first)
    if arguments.memory:
        print(f"frame {arguments.memory}: {resident_mib():.1f} MiB")


if __name__ == "__main__":
    main()
