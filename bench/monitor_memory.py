"""The monitor's memory over a long synthetic stream: resident size now and then.

python bench/monitor_memory.py [--hours 10] [--stride 24]
"""

from __future__ import annotations

import argparse
import gc
import resource
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from trtswap.demo.clips import make_clip
from trtswap.options import MonitorOptions
from trtswap.quality.monitor import Monitor
from trtswap.types import Faces, Frame, PixelFormat, Surface

RATE = 25
FRAMES = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=10)
    parser.add_argument("--stride", type=int, default=24)
    arguments = parser.parse_args()
    hours, stride = arguments.hours, arguments.stride
    drawn = list(make_clip("talking", 3, FRAMES, (320, 240)))
    swaps = [Surface(PixelFormat.RGB8, (frame.swap,)) for frame in drawn]
    pictures = [Surface(PixelFormat.RGB8, (frame.picture,)) for frame in drawn]
    total = round(hours * 3600 * RATE)
    started = time.perf_counter()
    with Monitor(MonitorOptions("sample", stride=stride)) as monitor:
        for index in range(total):
            k = index % FRAMES
            truth = drawn[k].faces()
            track = np.array([index // 700], np.int32)
            faces = Faces(truth.boxes_px[:1], truth.landmarks_px[:1], truth.scores[:1], track_ids=track)
            if index % 2400 == 50:
                faces = Faces.empty()
            result = pictures[k] if index % 4800 == 24 else swaps[k]
            frame = Frame(pictures[k], index, index, Fraction(1, RATE))
            monitor.observe(frame, faces, cut=index % 300 == 0, result=result)
            if index % stride == 1:
                while not monitor._judge._waiting.empty():
                    time.sleep(2e-4)
            if index and index % (total // 20) == 0:
                gc.collect()
                elapsed = time.perf_counter() - started
                print(
                    f"{index / RATE / 3600:6.2f} h  {resident_mib():8.1f} MiB  ({elapsed:.0f} s)", flush=True
                )
    figures = monitor.quality().figures
    print(
        {name: figures[name] for name in ("frames.count", "frames.measured", "cuts.count", "frames.missed")}
    )
    print(f"most ever: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f} MiB")


def resident_mib() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
