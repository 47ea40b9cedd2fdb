"""Whether memory grows with the length of a video: the same clip, to and fro, for 60 and for 600 seconds.

    python bench/memory_flat.py --target SHORT --source PICTURE [--models FOLDER] [--rate 10] [--built-in]

Each run is a process of its own. Told are the most that was resident since its first frames were done, as the system
keeps it, and the mean of the last half of the run, when everything has filled up; with a GPU the memory in use there,
looked at now and then; and the most that was resident after a batch, in each tenth of the frames, to see where it
grows. Ends with 1 when a longer run takes over 3 % more.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from trtswap import tracing
from trtswap.demo.builtin import builtin_options
from trtswap.demo.clip_file import ClipWriter
from trtswap.host_memory import claim_process, peak_bytes, resident_bytes
from trtswap.memory import device_probes
from trtswap.options import EncodeOptions, ProvenanceOptions, SwapOptions
from trtswap.pipeline import swap_video
from trtswap.trial import rgb_of
from trtswap.types import Progress
from trtswap.video import open_video

TOLERANCE = 0.03


class Curves:
    """A sink that keeps the most of each second."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self._began_ns = time.perf_counter_ns()

    def span(self, event: tracing.Event) -> None:
        """Not needed."""

    def count(self, name: str, time_ns: int, values: Mapping[str, float]) -> None:
        """Keeps the most of each second."""
        if name == "memory MB":
            second = (time_ns - self._began_ns) // 10**9
            for what, value in values.items():
                own = self.seconds[what]
                own[second] = max(own.get(second, 0.0), value)


class Tenths:
    """Told how far a run is, keeps the most that was resident in each tenth of its frames, and has the system forget
    what was before them."""

    def __init__(self) -> None:
        self.megabytes = [0.0] * 10

    def __call__(self, progress: Progress) -> None:
        if progress.frames_total and progress.frames_done:
            if not any(self.megabytes):
                Path("/proc/self/clear_refs").write_text("5")  # the high-water mark of what is resident
            tenth = min(9, 10 * (progress.frames_done - 1) // progress.frames_total)
            now = round((resident_bytes() or 0) / 1e6, 1)
            self.megabytes[tenth] = max(self.megabytes[tenth], now)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--models", action="append", default=[])
    parser.add_argument("--rate", type=int, default=10, help="frames per second of the long clip")
    parser.add_argument("--seconds", type=int, nargs=2, default=[60, 600])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--frames", choices=("host", "gpu"), default="host")
    parser.add_argument("--swapper", default="auto")
    parser.add_argument("--built-in", action="store_true", help="the built-in network in every role")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--one", metavar="CLIP", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        claim_process()  # as the command does
        print(json.dumps(measure(arguments, arguments.one)))
        return 0
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in arguments.seconds:
            clip = Path(folder) / f"{seconds}.mp4"
            repeat(Path(arguments.target), clip, seconds, arguments.rate)
            command = [sys.executable, __file__, *sys.argv[1:], "--one", str(clip)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{seconds} s: {found[-1]}", flush=True)
    worst = max(long / found[0]["memory"][name] - 1 for name, long in found[1]["memory"].items())
    print(f"the longer run takes {worst:+.1%}")
    return int(worst > TOLERANCE)


def repeat(source: Path, clip: Path, seconds: int, rate: int) -> None:
    """The pictures of a short video forwards and backwards, until so many seconds are full."""
    with open_video(source) as reader:
        pictures = [rgb_of(frame.surface) for frame in reader]
    there_and_back = pictures + pictures[-2:0:-1]
    height, width = pictures[0].shape[:2]
    with ClipWriter(clip, (width, height), rate, 20) as writer:
        for number in range(seconds * rate):
            writer.picture(there_and_back[number % len(there_and_back)])


def measure(arguments: argparse.Namespace, clip: str) -> dict[str, object]:
    """One run: frames, frames per second, and the megabytes."""
    options = SwapOptions(
        models=tuple(arguments.models),
        device=arguments.device if arguments.frames == "host" or arguments.device != "auto" else "cuda",
        frames=arguments.frames,
        swapper=arguments.swapper,
        batch=arguments.batch,
        encode=EncodeOptions(preset="veryfast"),
        provenance=ProvenanceOptions(unsigned_reason="a benchmark, whose output is not kept"),
        overwrite=True,
    )
    if arguments.built_in:
        options = builtin_options(options)
    curves, tenths = Curves(), Tenths()
    output = Path(clip).with_suffix(".out.mp4")
    with tracing.recording(curves, probes=device_probes(options)):
        report = swap_video([arguments.source], clip, output, options=options, on_progress=tenths)
    memory = {}
    for name, seconds in curves.seconds.items():
        values = [value for _, value in sorted(seconds.items())]
        half = values[len(values) // 2 :]
        memory[f"{name}, most"] = round(max(values), 1)
        memory[f"{name}, last half"] = round(sum(half) / len(half), 1)
    memory["resident, most"] = round((peak_bytes() or 0) / 1e6, 1)
    fps = round(report.frames / report.seconds, 1)
    return {
        "frames": report.frames,
        "faces": report.faces_swapped,
        "fps": fps,
        "memory": memory,
        "resident MB by tenths": tenths.megabytes,
    }


if __name__ == "__main__":
    raise SystemExit(main())
