"""Frames that stay on the GPU, step by step: `python bench/fast_path.py [--place gpu] [--batches 8 32]`.

decode     a file to surfaces where they are worked on, nothing else
engines    what the networks alone allow: the sum of their times per frame at that batch, back to back
surfaces   decoded surfaces to composited ones, all stages, no file; and its share of what the engines allow
encode     surfaces on the host to a file, nothing else
file       a whole run, second of two; and its wall time over that of the slower of decode and encode

The clip is rendered, small, and enlarged to --size; one face. Networks are the built-in ones; --swapper inswapper_128
puts the stand-in of bench/standins.py in the place of the swapper. Times are of the host, to the last event on a GPU.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from standins import STAND_INS

from trtswap import device
from trtswap.chain import refiner_of, stages
from trtswap.demo.builtin import builtin_options
from trtswap.demo.clip_file import ClipWriter
from trtswap.demo.clips import plan_clip
from trtswap.networks.loader import NetworkSet
from trtswap.options import (
    EncodeOptions,
    LandmarkOptions,
    MaskOptions,
    MonitorOptions,
    ProvenanceOptions,
    SwapOptions,
)
from trtswap.pipeline import Pipeline
from trtswap.quality.monitor import Monitor
from trtswap.stages.batch import Batch
from trtswap.stages.carry import GpuRoute, HostRoute
from trtswap.stages.identity import identify
from trtswap.stages.people import People
from trtswap.trial import frames_of, portrait
from trtswap.types import Frame
from trtswap.video import FrameSource, create_output, open_target

_DRAWN = 25
_SMALL = (640, 360)


def main() -> None:
    """Measures and prints."""
    wanted = _arguments()
    folder: Path = wanted.folder
    folder.mkdir(parents=True, exist_ok=True)
    size = tuple(map(int, wanted.size.split("x")))
    clip, source = _files(folder, (size[0], size[1]), wanted.count)
    rows = []
    for place in wanted.place:
        for batch in wanted.batches:
            settings = _options(wanted, folder, place, batch)
            rows.append(
                {
                    "place": place,
                    "batch": batch,
                    "size": wanted.size,
                    **_measured(clip, source, settings, folder),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    print(_table(rows))
    if wanted.json:
        wanted.json.write_text(json.dumps(rows, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--place", nargs="+", choices=("host", "gpu"), default=["host", "gpu"])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--count", type=int, default=600, help="frames of the clip")
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--queue", type=int, default=2)
    parser.add_argument("--swapper", choices=("demo_swapper", "inswapper_128"), default="demo_swapper")
    parser.add_argument("--landmarker", default="none")
    parser.add_argument(
        "--occluder", default="", help="a network, such as demo_occlusion; without one no mask network runs"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--encoder", choices=("auto", "software", "nvenc"), default="auto")
    parser.add_argument("--folder", type=Path, default=Path("build/fast_path"))
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _options(wanted: argparse.Namespace, folder: Path, place: Any, batch: int) -> SwapOptions:
    if wanted.swapper in STAND_INS and not (folder / f"{wanted.swapper}.onnx").exists():
        STAND_INS[wanted.swapper](folder / f"{wanted.swapper}.onnx")
    kinds = ("box", "occlusion") if wanted.occluder else ("box",)
    return replace(
        builtin_options(),
        swapper=wanted.swapper,
        landmarks=LandmarkOptions(network=wanted.landmarker),
        mask=MaskOptions(kinds=kinds, occluder=wanted.occluder or "auto"),
        encode=EncodeOptions(preset=wanted.preset, encoder=wanted.encoder),
        monitor=MonitorOptions(mode="off"),
        provenance=ProvenanceOptions(unsigned_reason="a benchmark"),
        models=(str(folder),),
        device=wanted.device if place == "host" or wanted.device != "auto" else "cuda",
        frames=place,
        batch=batch,
        queue=wanted.queue,
        overwrite=True,
    )


def _files(folder: Path, size: tuple[int, int], count: int) -> tuple[Path, Path]:
    """The clip, there and back again through the drawn frames, and the picture of whom to show."""
    target, source = folder / f"clip-{size[0]}x{size[1]}-{count}.mp4", folder / "source.png"
    plan = plan_clip("talking", 15, _DRAWN, _SMALL)
    if not source.exists():
        cv2.imwrite(str(source), portrait(plan.sources[0])[..., ::-1])
    if not target.exists():
        drawn = [cv2.resize(frame.picture, size, interpolation=cv2.INTER_CUBIC) for frame in frames_of(plan)]
        way = [*range(_DRAWN), *range(_DRAWN - 2, 0, -1)]
        with ClipWriter(target, size, 25, 14) as writer:
            for number in range(count):
                writer.picture(drawn[way[number % len(way)]])
    return target, source


def _measured(clip: Path, source: Path, settings: SwapOptions, folder: Path) -> dict[str, float]:
    on_gpu = settings.frames == "gpu"
    decode = _decode_fps(clip, on_gpu)
    encode = _encode_fps(clip, settings, folder)
    with NetworkSet(settings) as networks:
        engines, slowest = _engine_fps(networks, settings)
        surfaces, faces = _surface_fps(clip, source, networks, settings)
    whole = _file_fps(clip, source, settings, folder)
    return {
        "decode_fps": decode,
        "encode_fps": encode,
        "engines_fps": engines,
        **slowest,
        "surfaces_fps": surfaces,
        "faces_per_frame": faces,
        "share_of_engines": surfaces / engines,
        "file_fps": whole,
        "wall_over_slower_codec": min(decode, encode) / whole,
    }


def _lane(on_gpu: bool) -> Any:
    return device.use() if on_gpu else nullcontext()


def _settle(on_gpu: bool) -> None:
    if on_gpu:
        device.current().synchronize()


def _decode_fps(clip: Path, on_gpu: bool) -> float:
    """To surfaces where they are worked on."""
    with _lane(on_gpu), open_target(clip, gpu=0 if on_gpu else None) as reader:
        count, start = 0, time.perf_counter()
        for frame in reader:
            if on_gpu and not frame.surface.on_device:
                device.upload(frame.surface)
            count += 1
        _settle(on_gpu)
        return count / (time.perf_counter() - start)


def _encode_fps(clip: Path, settings: SwapOptions, folder: Path, most: int = 200) -> float:
    with open_target(clip) as reader:
        frames = [frame for _, frame in zip(range(most), reader, strict=False)]
        start = time.perf_counter()
        with create_output(folder / "encoded.mp4", reader, options=settings.encode, overwrite=True) as writer:
            for frame in frames:
                writer.write(frame)
    return len(frames) / (time.perf_counter() - start)


def _engine_fps(networks: NetworkSet, settings: SwapOptions) -> tuple[float, dict[str, float]]:
    """Frames a second that the networks of a frame with one face would allow alone, and milliseconds of each."""
    on_gpu = settings.frames == "gpu"
    sessions = {"detector": networks.detector, "swapper": networks.swapper}
    if networks.landmarker is not None:
        sessions["landmarker"] = networks.landmarker
    for number, occluder in enumerate(networks.occluders):
        sessions[f"occluder_{number}"] = occluder
    times = {
        f"{role}_ms": 1000 * _alone_s(_session_of(adapter), settings.batch, on_gpu) / settings.batch
        for role, adapter in sessions.items()
    }
    return 1000 / sum(times.values()), times


def _session_of(adapter: Any) -> Any:
    """Of a detector that looks twice, that of its first look; its second is a part of what the stages cost."""
    return adapter.session if hasattr(adapter, "session") else adapter._network.session


def _alone_s(session: Any, batch: int, on_gpu: bool, least_s: float = 0.5) -> float:
    """Seconds of a batch, back to back."""
    rng = np.random.default_rng(0)
    width, height = session.spec.picture.size
    lengths = {"W": width, "H": height}
    with _lane(on_gpu):
        inputs: dict[str, Any] = {
            tensor.name: rng.random(
                [batch, *(lengths.get(d, 1) if isinstance(d, str) else d for d in tensor.shape[1:])],
                np.float32,
            )
            for tensor in session.spec.inputs
        }
        if on_gpu:
            inputs = {name: device.to_device(array) for name, array in inputs.items()}
        for _ in range(4):
            session.run(inputs)
        _settle(on_gpu)
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < least_s:
            for _ in range(4):
                session.run(inputs)
            _settle(on_gpu)
            count += 4
        return (time.perf_counter() - start) / count


class _Again(FrameSource):
    """Surfaces that lie ready, again and again; each frame is a copy, since stages work in place."""

    def __init__(self, reader: FrameSource, frames: list[Frame], count: int) -> None:
        self.info, self.notes, self.trim, self.expected_frames = reader.info, [], reader.trim, count
        self._frames = frames

    def __iter__(self) -> Iterator[Frame]:
        step = self._frames[1].pts - self._frames[0].pts
        for number in range(self.expected_frames or 0):
            frame = self._frames[number % len(self._frames)]
            yield replace(frame, surface=frame.surface.copy(), index=number, pts=number * step)


class _Staying(GpuRoute):
    """Finished frames stay on the GPU."""

    def down(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        return iter(batches)


def _surface_fps(
    clip: Path, source: Path, networks: NetworkSet, settings: SwapOptions
) -> tuple[float, float]:
    """Frames a second from decoded surfaces to composited ones, and faces a frame."""
    on_gpu = settings.frames == "gpu"
    person, _ = identify(
        [source], networks.detector, networks.recogniser, settings.detect, refiner_of(networks, settings)
    )
    with open_target(clip) as reader:
        count = max(4 * settings.batch, reader.expected_frames or 0)
        kept = [frame for _, frame in zip(range(2 * _DRAWN - 2), reader, strict=False)]
        route = _Staying(0) if on_gpu else HostRoute()
        if on_gpu:
            kept = [replace(frame, surface=device.upload(frame.surface)) for frame in kept]
            _settle(on_gpu)
        seconds, faces = 0.0, 0
        for _ in range(2):  # the first is for warming up
            again, faces = _Again(reader, kept, count), 0
            with (
                Monitor(settings.monitor) as monitor,
                stages(again, networks, settings, People((person,)), None, monitor, route) as batches,
            ):
                start = time.perf_counter()
                for batch in batches:
                    faces += batch.face_count
                _settle(on_gpu)
                seconds = time.perf_counter() - start
    return count / seconds, faces / count


def _file_fps(clip: Path, source: Path, settings: SwapOptions, folder: Path) -> float:
    with Pipeline([source], options=settings) as pipeline:
        for _ in range(2):
            report = pipeline.swap(clip, folder / "swapped.mp4")
    return report.frames / report.seconds


def _table(rows: list[dict[str, Any]]) -> str:
    names = ("decode_fps", "encode_fps", "engines_fps", "surfaces_fps", "share_of_engines", "file_fps")
    lines = ["place  batch  " + "  ".join(f"{name:>16}" for name in names)]
    for row in rows:
        values = "  ".join(f"{row[name]:16.2f}" for name in names)
        lines.append(f"{row['place']:5}  {row['batch']:5}  {values}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
