"""Scene cuts found exactly, missed and imagined, per class of clip, beside FFmpeg's scdet; and what finding them costs.

    python bench/scenes.py [--seeds 8] [--first-seed 4000] [--photograph ../shared/media/astronaut.png]
    python bench/scenes.py --class "inside a whip pan" --seeds 40

The clips are those of tests/support/scenes.py. scdet runs through PyAV with its default threshold, 10.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from time import perf_counter, thread_time

import av
import cv2
import numpy as np
from compare import Row, time_host

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.scenes import DISTURBANCES, HARD, Case, make_cases, scene_cuts

from trtswap.stages.scene_match import pictures
from trtswap.stages.scenes import SceneDetector, thumbnails
from trtswap.types import PixelFormat, Surface

PHOTOGRAPH = Path(__file__).parents[2] / "shared" / "media" / "astronaut.png"
Counts = list[int]
"""Cuts found at their frame, missed, imagined."""


def scdet_cuts(frames: Sequence[np.ndarray]) -> list[int]:
    """The frames that FFmpeg's scdet filter marks, in Y'CbCr 4:2:0 as it would get them."""
    height, width = frames[0].shape[:2]
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format="rgb24", time_base=Fraction(1, 25))
    graph.link_nodes(source, graph.add("format", "yuv420p"), graph.add("scdet"), graph.add("buffersink"))
    graph.configure()
    found = []
    for index, picture in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, 25)
        graph.push(frame)
        if "lavfi.scd.time" in graph.pull().metadata:
            found.append(index)
    return found


def count(counts: Counts, case: Case, found: Sequence[int]) -> None:
    truth, marked = set(case.cuts), set(found)
    for position, members in enumerate((truth & marked, truth - marked, marked - truth)):
        counts[position] += len(members)


def accuracy(cases: Iterable[Case]) -> str:
    """A Markdown table of both detectors over all cases."""
    ours, scdet = (defaultdict(lambda: [0, 0, 0]) for _ in range(2))
    clips: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for case in cases:
        for key in (case.name, "all"):
            clips[key][0] += 1
            clips[key][1] += len(case.frames)
        for counts, found in ((ours, scene_cuts(case.frames)), (scdet, scdet_cuts(case.frames))):
            count(counts[case.name], case, found)
            count(counts["all"], case, found)
    lines = [
        "| class | clips | frames | cuts | found, missed, imagined | scdet: found, missed, imagined |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in [name for name in (*HARD, *DISTURBANCES, "all") if name in clips]:
        a, b = (", ".join(map(str, counts[name])) for counts in (ours, scdet))
        lines.append(f"| {name} | {clips[name][0]} | {clips[name][1]} | {sum(ours[name][:2])} | {a} | {b} |")
    return "\n".join(lines)


def moving_frames(count: int) -> list[Surface]:
    """1080p NV12: a soft texture that moves by 20 pixels a frame, and noise."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(20, 235, (40, 80), np.uint8)
    wide = cv2.resize(coarse, (1920 + 20 * count, 1080), interpolation=cv2.INTER_CUBIC)
    chroma = rng.integers(100, 156, (540, 960, 2), np.uint8)
    noise = rng.integers(0, 12, (1080, 1920), np.uint8)
    return [
        Surface(PixelFormat.NV12, (np.roll(noise, 7 * n) + wide[:, 20 * n : 20 * n + 1920] // 2, chroma))
        for n in range(count)
    ]


def cost(frames: int = 40) -> str:
    """A Markdown table of milliseconds per frame."""
    surfaces = moving_frames(frames)
    still = [surfaces[0]] * frames
    lines = ["| 1080p | step | median ms | fastest .. slowest |", "|---|---|---:|---:|"]
    for case, shots in (("still", still), ("panning 1 % a frame", surfaces)):
        small = thumbnails(shots)
        alone = time_host(lambda shots=shots: thumbnails(shots[:1]))
        four = time_host(lambda shots=shots: thumbnails(shots[:4]))
        rows = [
            Row(case, "thumbnail alone", alone),
            Row(case, "thumbnail in a batch of 4", tuple(value / 4 for value in four)),
            Row(case, "detector", push_times(small, perf_counter)),
            Row(case, "detector, processor time", push_times(small, thread_time)),
        ]
        for row in rows:
            spread = f"{min(row.milliseconds):.3f} .. {max(row.milliseconds):.3f}"
            lines.append(f"| {row.case} | {row.way} | {row.median:.3f} | {spread} |")
    return "\n".join(lines)


def push_times(small: np.ndarray, clock: Callable[[], float]) -> tuple[float, ...]:
    """Milliseconds of each push but the first three."""
    detector, timings = SceneDetector(), []
    for thumbnail in small:
        started = clock()
        detector.push(pictures(thumbnail[None])[0])
        timings.append((clock() - started) * 1e3)
    return tuple(timings[3:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=4000)
    parser.add_argument("--photograph", type=Path, default=PHOTOGRAPH)
    parser.add_argument("--class", dest="names", action="append", choices=[*HARD, *DISTURBANCES], default=[])
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    stored = cv2.imread(str(arguments.photograph)) if arguments.photograph.is_file() else None
    photograph = None if stored is None else np.ascontiguousarray(stored[..., ::-1])
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    print(f"{platform.machine()}, {os.cpu_count()} cores; OpenCV in one thread")
    if not arguments.names:
        print(cost())
    print(
        f"\nseeds {seeds[0]} to {seeds[-1]}, {'with' if photograph is not None else 'without'} the photograph"
    )
    print(accuracy(make_cases(seeds, photograph, arguments.names)))


if __name__ == "__main__":
    main()
