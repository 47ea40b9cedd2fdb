"""What the quality monitor costs: the squares it takes in the run's thread, and the judging beside it.

python bench/monitor.py [--gpu] [--frames 300] [--size 1920x1080]
"""

from __future__ import annotations

import argparse
import statistics
import time
from fractions import Fraction
from typing import Any

import numpy as np

from trtswap.demo.clips import make_clip
from trtswap.options import MonitorOptions
from trtswap.quality.judge import Judge
from trtswap.quality.monitor import Monitor
from trtswap.types import Faces, Frame, PixelFormat, Surface


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", action="store_true", help="frames lie in GPU memory")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--size", default="1920x1080")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    drawn = list(make_clip("talking", 7, 8, (width, height)))
    surfaces = [(put(frame.picture, arguments.gpu), put(frame.swap, arguments.gpu)) for frame in drawn]
    print(f"{width}x{height} NV12, frames on the {'GPU' if arguments.gpu else 'host'}, one face")
    for options in (MonitorOptions("full"), MonitorOptions("sample")):
        in_run, judging = measure(drawn, surfaces, options, arguments.frames)
        print(
            f"{options.mode:6} run's thread: median of a measured frame {statistics.median(in_run) * 1e3:.3f} ms, "
            f"mean over all frames {sum(in_run) / arguments.frames * 1e3:.4f} ms; "
            f"beside it: median {statistics.median(judging) * 1e3:.3f} ms, "
            f"mean over all frames {sum(judging) / arguments.frames * 1e3:.4f} ms"
        )


def measure(drawn: list[Any], surfaces: list[Any], options: MonitorOptions, frames: int) -> Any:
    """Seconds of each measured frame, in the run's thread without waiting for the judge, and in the judge's."""
    judging: list[float] = []
    real = Judge._judge

    def timed(self: Judge, look: Any) -> None:
        started = time.perf_counter()
        real(self, look)
        judging.append(time.perf_counter() - started)

    Judge._judge = timed  # type: ignore[method-assign]
    in_run = []
    try:
        with Monitor(options) as monitor:
            for index in range(frames):
                k = index % 8
                truth = drawn[k].faces()
                faces = Faces(
                    truth.boxes_px[:1],
                    truth.landmarks_px[:1],
                    truth.scores[:1],
                    track_ids=np.zeros(1, np.int32),
                )
                frame = Frame(surfaces[k][0], index, index, Fraction(1, 25))
                while not monitor._judge._waiting.empty():
                    time.sleep(1e-4)
                started = time.perf_counter()
                monitor.observe(frame, faces, cut=index == 0, result=surfaces[k][1])
                if options.mode == "full" or index % options.stride < 2:
                    in_run.append(time.perf_counter() - started)
    finally:
        Judge._judge = real  # type: ignore[method-assign]
    return in_run, judging


def put(picture: Any, gpu: bool) -> Surface:
    """R'G'B' as NV12, on the host or the GPU."""
    import cv2

    planar = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
    height, width = picture.shape[:2]
    chroma = planar[height:].reshape(2, height // 2, width // 2)
    surface = Surface(
        PixelFormat.NV12, (planar[:height].copy(), np.ascontiguousarray(np.moveaxis(chroma, 0, -1)))
    )
    if not gpu:
        return surface
    from trtswap import device

    return device.upload(surface)


if __name__ == "__main__":
    main()
