"""The compositor: bytes counted, times measured, beside the floor of this machine's copy bandwidth.

    python bench/compositor.py [--patch 256] [--levels 5] [--sizes 64 128 256 512 1024] [--counts 1 8 32 64] [--no-cuda]

A face is a patch of `--patch` pixels square that goes to a square of `size` pixels of an NV12 frame of 1920x1080, one
frame for each face, from patches to surfaces written: colour measured and transferred (Monge-Kantorovich), levels
blended. The floor moves each input once in and each output once out at the copy bandwidth measured here. CUDA times are
replays of a captured graph, and calls from Python, both between events. The host runs on OMP_NUM_THREADS threads; its
baseline is the usual way in OpenCV and NumPy, the whole frame at a time, on as many.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from compare import time_host

from trtswap import device, ops
from trtswap.native import core
from trtswap.types import Colour, PixelFormat, Surface

WIDTH, HEIGHT = 1920, 1080


@dataclass(frozen=True)
class Faces:
    """Faces to be composited; everything on the host or on the GPU."""

    surfaces: list[Surface]
    placements: np.ndarray
    patches: Any
    masks: Any
    moments: Any
    maps: Any
    levels: int

    def measure(self, stream: int = 0) -> None:
        ops.measure_colour(
            self.surfaces, np.arange(len(self.surfaces)), self.placements, self.patches, self.masks,
            moments=self.moments, maps=self.maps, stream=stream,
        )  # fmt: skip

    def blend(self, stream: int = 0) -> None:
        ops.composite(
            self.surfaces, np.arange(len(self.surfaces)), self.placements, self.patches, self.masks,
            blend="multiband", levels=self.levels, maps=self.maps, stream=stream,
        )  # fmt: skip

    def alpha(self, stream: int = 0) -> None:
        ops.composite(
            self.surfaces,
            np.arange(len(self.surfaces)),
            self.placements,
            self.patches,
            self.masks,
            stream=stream,
        )

    def whole(self, stream: int = 0) -> None:
        self.measure(stream)
        self.blend(stream)

    def on_device(self) -> Faces:
        put = device.to_device
        return Faces(
            [device.upload(surface) for surface in self.surfaces], self.placements, put(self.patches),
            put(self.masks), put(self.moments), put(self.maps), self.levels,
        )  # fmt: skip


def make_faces(count: int, size: int, patch: int, levels: int) -> Faces:
    rng = np.random.default_rng(1)
    shapes = PixelFormat.NV12.plane_shapes(WIDTH, HEIGHT)
    surfaces = [
        Surface(PixelFormat.NV12, tuple(rng.integers(16, 236, shape, np.uint8) for shape in shapes), Colour())
        for _ in range(count)
    ]
    scale = patch / size
    left, top = (WIDTH - size) // 2, (HEIGHT - size) // 2
    shift = 0.5 * scale - 0.5
    placement = np.array([[scale, 0, shift - scale * left], [0, scale, shift - scale * top]])
    y, x = np.mgrid[0:patch, 0:patch] / patch - 0.5
    mask = np.clip((0.45 - np.hypot(x, y)) / 0.12, 0, 1).astype(np.float32)
    patches = rng.uniform(0, 1, (count, 3, patch, patch)).astype(np.float16)
    return Faces(
        surfaces, np.tile(placement, (count, 1, 1)), patches, mask[None],
        np.zeros((count, 3, 10)), np.zeros((count, 12), np.float32), levels,
    )  # fmt: skip


def floor_bytes(count: int, size: int, patch: int) -> int:
    """Frame in and out, 12 bits a pixel each way; three planes of float16; one mask for all."""
    return count * (size * size * 3 + patch * patch * 6) + patch * patch * 4


def copy_bandwidth() -> float:
    """Bytes per second, read and written, of a large copy on the device."""
    import pycuda.driver as driver

    size = 1 << 30
    source, target = (device.empty((size,), np.uint8) for _ in range(2))
    best = 1e9
    for _ in range(10):
        begin, end = driver.Event(), driver.Event()
        begin.record()
        driver.memcpy_dtod_async(target.ptr, source.ptr, size, None)
        end.record()
        end.synchronize()
        best = min(best, begin.time_till(end))
    return 2 * size / (best * 1e-3)


def opencv_route(
    surface: Surface, placement: np.ndarray, patch: np.ndarray, mask: np.ndarray, levels: int
) -> None:
    """The whole frame to BGR and L*a*b*, statistics over the patch's rectangle, pyramids of it all, and back."""
    frame = cv2.cvtColorTwoPlane(surface.planes[0], surface.planes[1], cv2.COLOR_YUV2BGR_NV12)
    frame = frame.astype(np.float32) / 255
    back = np.linalg.inv(np.vstack([placement, [0, 0, 1]]))[:2]
    face = np.ascontiguousarray(patch[::-1].transpose(1, 2, 0))
    warped = cv2.warpAffine(
        face, back, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(mask, back, (WIDTH, HEIGHT))
    lab, target = (cv2.cvtColor(picture, cv2.COLOR_BGR2Lab) for picture in (np.clip(warped, 0, 1), frame))
    inside = alpha > 0
    for k in range(3):
        a, b = lab[..., k], target[..., k]
        a += b[inside].mean() - a[inside].mean()
        a *= b[inside].std() / max(float(a[inside].std()), 1e-6)
    pyramids = [[cv2.cvtColor(lab, cv2.COLOR_Lab2BGR)], [frame], [alpha]]
    for pyramid in pyramids:
        for _ in range(levels - 1):
            pyramid.append(cv2.pyrDown(pyramid[-1]))
    result = None
    for level in reversed(range(levels)):
        bands = []
        for pyramid in pyramids[:2]:
            band = pyramid[level]
            if level + 1 < levels:
                band = band - cv2.pyrUp(pyramid[level + 1], dstsize=(band.shape[1], band.shape[0]))
            bands.append(band)
        m = pyramids[2][level][..., None]
        joined = m * bands[0] + (1 - m) * bands[1]
        if result is not None:
            joined += cv2.pyrUp(result, dstsize=(joined.shape[1], joined.shape[0]))
        result = joined
    planar = cv2.cvtColor(
        (np.clip(result, 0, 1) * 255 + 0.5).astype(np.uint8), cv2.COLOR_BGR2YUV_I420
    ).reshape(-1)
    surface.planes[0][...] = planar[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
    surface.planes[1][...] = planar[WIDTH * HEIGHT :].reshape(2, HEIGHT // 2, WIDTH // 2).transpose(1, 2, 0)


def host_rows(arguments: argparse.Namespace) -> None:
    print("\n| host, one face | median ms | OpenCV, whole frame, ms | ratio |\n|---|---:|---:|---:|")
    for size in arguments.sizes:
        faces = make_faces(1, size, arguments.patch, arguments.levels)
        patch = faces.patches[0].astype(np.float32)
        ours = statistics.median(time_host(faces.whole))
        work = (faces.surfaces[0], faces.placements[0], patch, faces.masks[0], arguments.levels)
        theirs = statistics.median(time_host(lambda work=work: opencv_route(*work), repeats=5, warmup=1))
        print(f"| {size} px | {ours:.2f} | {theirs:.1f} | {theirs / ours:.1f} |")


def cuda_rows(arguments: argparse.Namespace) -> None:
    from graphs import Graph, milliseconds
    from kernels import time_cuda

    bandwidth = copy_bandwidth()
    print(f"\ncopy bandwidth {bandwidth / 1e12:.2f} TB/s\n")
    print(
        "| faces | size px | measure ms | blend ms | whole ms | from Python ms | launches | floor ms | of the floor |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for size in arguments.sizes:
        for count in arguments.counts:
            faces = make_faces(count, size, arguments.patch, arguments.levels).on_device()
            graphs = [Graph(work) for work in (faces.measure, faces.blend, faces.whole)]
            measure, blend, whole = (statistics.median(milliseconds(graph)) for graph in graphs)
            called = statistics.median(time_cuda(faces.whole))
            floor = floor_bytes(count, size, arguments.patch) / bandwidth * 1e3
            print(
                f"| {count} | {size} | {measure:.3f} | {blend:.3f} | {whole:.3f} | {called:.3f} | "
                f"{graphs[2].launches} | {floor:.4f} | {whole / floor:.1f} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patch", type=int, default=256)
    parser.add_argument("--levels", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256, 512, 1024])
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 8, 32, 64])
    parser.add_argument("--no-cuda", action="store_true")
    parser.add_argument("--no-host", action="store_true")
    arguments = parser.parse_args()
    threads = core.host_threads
    cv2.setNumThreads(threads)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads; patch {arguments.patch} px, "
          f"{arguments.levels} levels")  # fmt: skip
    if not arguments.no_host:
        host_rows(arguments)
    if not arguments.no_cuda and core.cuda_device_count():
        print(core.cuda_devices()[0]["name"])
        with device.activate():
            cuda_rows(arguments)


if __name__ == "__main__":
    main()
