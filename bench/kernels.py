"""The native operations beside the usual way in OpenCV and NumPy.

    python bench/kernels.py [--faces 8] [--frames 4] [--no-cuda]

The baseline is what tools do frame by frame and face by face: convert the whole NV12 frame to BGR, warp, normalise; and
back: warp patch and mask into a window, blend in float, convert the whole frame to NV12 again.
"""

from __future__ import annotations

import argparse
import os
import platform
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from compare import Row, table, time_host

from trtswap import _core, device, ops
from trtswap.types import Colour, PixelFormat, Surface

WIDTH, HEIGHT, CROP, DETECTOR = 1920, 1080, 128, 640


def frames_and_faces(frames: int, faces: int) -> tuple[list[Surface], np.ndarray, np.ndarray]:
    """Noise frames, and for each face its frame and placement: 300 pixels wide, slightly turned."""
    rng = np.random.default_rng(1)
    surfaces = []
    for _ in range(frames):
        planes = [
            rng.integers(16, 236, shape, np.uint8) for shape in PixelFormat.NV12.plane_shapes(WIDTH, HEIGHT)
        ]
        surfaces.append(Surface(PixelFormat.NV12, tuple(planes), Colour()))
    placements = []
    for _ in range(faces):
        angle, scale = rng.uniform(-0.3, 0.3), CROP / 300
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre = rng.uniform(200, 800, 2)
        placements.append(np.column_stack([turn, CROP / 2 - turn @ centre]))
    return surfaces, np.arange(faces) % frames, np.stack(placements)


def to_bgr(surface: Surface) -> np.ndarray:
    return cv2.cvtColorTwoPlane(surface.planes[0], surface.planes[1], cv2.COLOR_YUV2BGR_NV12)


def opencv_crops(surfaces: list[Surface], indices: np.ndarray, placements: np.ndarray) -> np.ndarray:
    pictures = [to_bgr(surface) for surface in surfaces]
    crops = []
    for index, placement in zip(indices, placements, strict=True):
        crop = cv2.warpAffine(pictures[index], placement, (CROP, CROP), borderMode=cv2.BORDER_REPLICATE)
        crops.append(((crop[..., ::-1].astype(np.float32) / 255 - 0.5) / 0.5).transpose(2, 0, 1))
    return np.ascontiguousarray(np.stack(crops))


def opencv_letterbox(surfaces: list[Surface]) -> np.ndarray:
    inputs = np.zeros((len(surfaces), 3, DETECTOR, DETECTOR), np.float32)
    for n, surface in enumerate(surfaces):
        small = cv2.resize(to_bgr(surface), (DETECTOR, HEIGHT * DETECTOR // WIDTH))
        inputs[n, :, : small.shape[0]] = small.transpose(2, 0, 1)
    return inputs


def opencv_composite(surfaces, indices, placements, patches, mask) -> None:
    pictures = [to_bgr(surface) for surface in surfaces]
    for index, placement, patch in zip(indices, placements, patches, strict=True):
        back = np.linalg.inv(np.vstack([placement, [0, 0, 1]]))[:2]
        corners = back @ np.array([[0, CROP, CROP, 0], [0, 0, CROP, CROP], [1, 1, 1, 1]])
        x0, y0 = np.maximum(np.floor(corners.min(1)), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(corners.max(1)), (WIDTH, HEIGHT)).astype(int)
        back[:, 2] -= (x0, y0)
        window = (int(x1 - x0), int(y1 - y0))
        face = np.ascontiguousarray(patch[::-1].transpose(1, 2, 0)) * 255
        warped = cv2.warpAffine(face, back, window, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.warpAffine(mask, back, window).clip(0, 1)[..., None]
        region = pictures[index][y0:y1, x0:x1]
        region[...] = region * (1 - alpha) + warped * alpha
    for surface, picture in zip(surfaces, pictures, strict=True):
        planar = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).reshape(-1)
        surface.planes[0][...] = planar[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
        chroma = planar[WIDTH * HEIGHT :].reshape(2, HEIGHT // 2, WIDTH // 2)
        surface.planes[1][...] = chroma.transpose(1, 2, 0)


def time_cuda(work, *, repeats: int = 50, warmup: int = 5) -> tuple[float, ...]:
    """Milliseconds between two events around each call, in pycuda's current context."""
    import pycuda.driver as driver

    for _ in range(warmup):
        work()
    timings = []
    for _ in range(repeats):
        begin, end = driver.Event(), driver.Event()
        begin.record()
        work()
        end.record()
        end.synchronize()
        timings.append(begin.time_till(end))
    return tuple(timings)


@dataclass(frozen=True)
class Scene:
    """What the cases work on. Surfaces, patches, mask and outputs lie on the host or on the GPU."""

    surfaces: list[Surface]
    indices: np.ndarray
    placements: np.ndarray
    patches: Any
    mask: Any
    crops: Any
    inputs: Any

    def crop(self) -> None:
        options = {"channels": "rgb", "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
        ops.crop(self.surfaces, self.indices, self.placements, (CROP, CROP), out=self.crops, **options)

    def letterbox(self, sampling: str = "bilinear") -> None:
        extent = (DETECTOR, HEIGHT * DETECTOR // WIDTH)
        scale = np.array([extent[0] / WIDTH, extent[1] / HEIGHT])
        placement = np.column_stack([np.diag(scale), 0.5 * scale - 0.5])
        whole = np.tile(placement, (len(self.surfaces), 1, 1))
        extents = np.tile(extent, (len(self.surfaces), 1))
        options = {"channels": "bgr", "mean": (0, 0, 0), "std": (1, 1, 1), "sampling": sampling}
        ops.letterbox(self.surfaces, whole, extents, (DETECTOR, DETECTOR), out=self.inputs, **options)

    def composite(self) -> None:
        ops.composite(self.surfaces, self.indices, self.placements, self.patches, self.mask)

    def on_device(self) -> Scene:
        put = device.to_device
        return Scene(
            [device.upload(surface) for surface in self.surfaces], self.indices, self.placements,
            put(self.patches), put(self.mask), put(self.crops), put(self.inputs),
        )  # fmt: skip


def make_scene(frames: int, faces: int) -> Scene:
    surfaces, indices, placements = frames_and_faces(frames, faces)
    patches = np.random.default_rng(2).uniform(0, 1, (faces, 3, CROP, CROP)).astype(np.float32)
    mask = cv2.GaussianBlur(np.pad(np.ones((110, 110), np.float32), 9), (0, 0), 4.75)
    crops = np.empty((faces, 3, CROP, CROP), np.float32)
    inputs = np.empty((frames, 3, DETECTOR, DETECTOR), np.float32)
    return Scene(surfaces, indices, placements, patches, mask[None], crops, inputs)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faces", type=int, default=8)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--no-cuda", action="store_true")
    arguments = parser.parse_args()
    host = make_scene(arguments.frames, arguments.faces)
    crop = f"crop {arguments.faces} faces of {arguments.frames} 1080p frames"
    letterbox = f"letterbox {arguments.frames} 1080p frames to 640"
    composite = f"composite {arguments.faces} faces into {arguments.frames} 1080p frames"
    faces = (host.surfaces, host.indices, host.placements)
    baselines = [
        (crop, lambda: opencv_crops(*faces)),
        (letterbox, lambda: opencv_letterbox(host.surfaces)),
        (composite, lambda: opencv_composite(*faces, host.patches, host.mask[0])),
    ]
    rows = [Row(case, "OpenCV, one by one", time_host(work)) for case, work in baselines]
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    rows += run_cases(host, "host", time_host, crop, letterbox, composite)
    if not arguments.no_cuda and _core.cuda_device_count():
        machine += f", {_core.cuda_devices()[0]['name']}"
        there = host.on_device()
        with device.activate():
            rows += run_cases(there, "CUDA", time_cuda, crop, letterbox, composite)
    rows.sort(key=lambda row: row.case)  # stable: the baselines stay first
    print(machine)
    print(table(rows))


def run_cases(scene: Scene, where: str, timer: Any, crop: str, letterbox: str, composite: str) -> list[Row]:
    return [
        Row(crop, f"trtswap {where}", timer(scene.crop)),
        Row(letterbox, f"trtswap {where}", timer(scene.letterbox)),
        Row(letterbox, f"trtswap {where}, area", timer(lambda: scene.letterbox("area"))),
        Row(composite, f"trtswap {where}", timer(scene.composite)),
    ]


if __name__ == "__main__":
    main()
