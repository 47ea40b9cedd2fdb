"""The parts of bench/fast_path.py, in one process: each prints what it found as a line of JSON."""

from __future__ import annotations

import argparse
import json
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from fast_inputs import DRAWN, clip_of, options_of, source_of

from trtswap import device, tracing
from trtswap.chain import refiner_of, stages
from trtswap.memory import device_memory
from trtswap.networks.loader import NetworkSet
from trtswap.options import MonitorOptions, SelectOptions, SwapOptions
from trtswap.pipeline import Pipeline
from trtswap.quality.monitor import Monitor
from trtswap.stages.batch import Batch
from trtswap.stages.carry import GpuRoute, HostRoute
from trtswap.stages.composite import composite
from trtswap.stages.identity import identify
from trtswap.stages.people import People
from trtswap.stages.swap import swap
from trtswap.types import Frame, Surface
from trtswap.video import FrameSource, create_output, open_target


def run(wanted: argparse.Namespace) -> None:
    """Measures the parts asked for, at the first place and batch, and prints."""
    with _Bench(wanted) as bench:
        for part in wanted.parts:
            try:
                told = getattr(bench, part)()
            except Exception as error:
                traceback.print_exc()
                told = {"errors": {part: f"{type(error).__name__}: {error}"[:300]}}
            print(json.dumps({"part": part, **told}), flush=True)


class _Bench:
    """What the parts share. Networks are opened when first needed."""

    def __init__(self, wanted: argparse.Namespace) -> None:
        self._wanted = wanted
        self._folder: Path = wanted.folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._on_gpu = wanted.place[0] == "gpu"
        self._settings = options_of(wanted, self._folder, wanted.place[0], wanted.batches[0])
        self._opened = ExitStack()
        self._found: dict[str, float] = {}

    def __enter__(self) -> _Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @cached_property
    def _networks(self) -> NetworkSet:
        return self._opened.enter_context(NetworkSet(self._settings))

    @cached_property
    def _people(self) -> People:
        networks, settings = self._networks, self._settings
        refiner = refiner_of(networks, settings)
        source = source_of(self._folder)
        return People(
            (identify([source], networks.detector, networks.recogniser, settings.detect, refiner)[0],)
        )

    def _clip(self, faces: int) -> Path:
        width, height = map(int, self._wanted.size.split("x"))
        return clip_of(self._folder, (width, height), self._wanted.count, faces)

    def _kept(self, faces: int) -> tuple[Any, list[Frame]]:
        """A reader of the clip, and its first frames where they are worked on."""
        with open_target(self._clip(faces)) as reader:
            kept = [frame for _, frame in zip(range(2 * DRAWN - 2), reader, strict=False)]
        if self._on_gpu:
            with device.use():
                kept = [replace(frame, surface=device.upload(frame.surface)) for frame in kept]
                device.current().synchronize()
        return reader, kept

    def decode(self) -> dict[str, float]:
        """To surfaces where they are worked on, from the first frame on, the second of two times."""
        gpu = 0 if self._on_gpu and self._wanted.decoder == "auto" else None
        clip, fps, in_place = self._clip(1), 0.0, 0
        for _ in range(2):
            with _lane(self._on_gpu), open_target(clip, gpu=gpu) as reader:
                count, in_place, start = -1, 0, 0.0
                for frame in reader:
                    start = start or time.perf_counter()
                    in_place += frame.surface.on_device
                    if self._on_gpu and not frame.surface.on_device:
                        device.upload(frame.surface)
                    count += 1
                _settle(self._on_gpu)
                fps = count / (time.perf_counter() - start)
        self._found["decode_fps"] = fps
        return {"decode_fps": fps, "decoded_on_gpu": in_place}

    def encode(self) -> dict[str, float]:
        """All frames of the clip, which lie on the host, to a file."""
        with open_target(self._clip(1)) as reader:
            frames = list(reader)
        self._found["encode_fps"] = self._encoded(frames)
        return {"encode_fps": self._found["encode_fps"]}

    def _encoded(self, frames: list[Frame]) -> float:
        """Frames a second of encoding alone, from opening the file to its name."""
        writing: dict[str, Any] = {"options": self._settings.encode, "overwrite": True}
        with open_target(self._clip(1)) as reader:
            start = time.perf_counter()
            with create_output(self._folder / "encoded.mp4", reader, **writing) as writer:
                for frame in frames:
                    writer.write(frame)
            return len(frames) / (time.perf_counter() - start)

    def engines(self) -> dict[str, float]:
        """Frames a second that the networks of a frame with one face would allow alone, and milliseconds of each."""
        networks, batch = self._networks, self._settings.together
        sessions = {"detector": networks.detector, "swapper": networks.swapper}
        if networks.landmarker is not None:
            sessions["landmarker"] = networks.landmarker
        for number, occluder in enumerate(networks.occluders):
            sessions[f"occluder_{number}"] = occluder
        times = {
            f"{role}_ms": 1000 * _alone_s(_session_of(adapter), batch, self._on_gpu) / batch
            for role, adapter in sessions.items()
        }
        self._found["engines_fps"] = 1000 / sum(times.values())
        return {"engines_fps": self._found["engines_fps"], **times}

    def swapper(self) -> dict[str, float]:
        """Faces a second: the engine; crops and the engine; crops, the engine and compositing."""
        networks, settings = self._networks, self._settings
        (person,) = self._people.shown
        _, kept = self._kept(1)
        with _lane(self._on_gpu):
            frames = [kept[number % len(kept)] for number in range(settings.together)]
            faces = networks.detector.detect([frame.surface for frame in frames], settings.detect)
            largest = tuple(item.take(np.arange(min(len(item), 1))) for item in faces)
            batch = Batch(tuple(frames), faces=largest)
            size, template = networks.swapper.size, networks.swapper.template

            def swapped(count: int) -> Iterator[Batch]:
                return swap((batch for _ in range(count)), networks.swapper, [person])

            def composited(count: int) -> Iterator[Batch]:
                return composite(swapped(count), template, size, settings.mask, settings.blend)

            rates = [
                batch.face_count / self._per_item_s(work, max(2, self._wanted.count // 30))
                for work in (swapped, composited)
            ]
        alone = settings.together / _alone_s(networks.swapper.session, settings.together, self._on_gpu)
        return {
            "swapper_faces_per_s": alone,
            "swapper_share": rates[0] / alone,
            "swapper_composited_share": rates[1] / alone,
        }

    def _per_item_s(self, work: Callable[[int], Iterable[Any]], count: int) -> float:
        """Seconds an item of `work(count)`, the second of two times."""
        seconds = 0.0
        for _round in range(2):
            start = time.perf_counter()
            for _item in work(count):
                pass
            _settle(self._on_gpu)
            seconds = time.perf_counter() - start
        return seconds / count

    def one(self) -> dict[str, float]:
        """All stages, one face."""
        with _device_peak(self._on_gpu) as peak:
            fps, faces = self._surfaces(1)
        self._found["one_fps"] = fps
        told = {"one_fps": fps, "one_faces": faces, **peak("one")}
        if "engines_fps" in self._found:
            told["share_of_engines"] = fps / self._found["engines_fps"]
        if self._wanted.trace is not None:
            with tracing.to_file(self._wanted.trace, overwrite=True):
                self._surfaces(1)
        return told

    def monitored(self) -> dict[str, float]:
        """All stages, one face, without and with the quality monitor in its usual mode, by turns: medians."""
        without = self._settings
        rates: dict[Any, list[float]] = {"off": [], "sample": []}
        try:
            for _ in range(self._wanted.turns):
                for mode, found in rates.items():
                    self._settings = replace(without, monitor=MonitorOptions(mode))
                    found.append(self._surfaces(1)[0])
        finally:
            self._settings = without
        plain, watched = (float(np.median(found)) for found in rates.values())
        return {"monitored_fps": watched, "beside_fps": plain, "monitored_share": watched / plain}

    def four(self) -> dict[str, float]:
        """All stages, four faces."""
        with _device_peak(self._on_gpu) as peak:
            fps, faces = self._surfaces(4)
        return {"four_fps": fps, "four_faces": faces, **peak("four")}

    def _surfaces(self, faces: int) -> tuple[float, float]:
        """Frames a second from decoded surfaces to composited ones, and faces a frame."""
        mode: Any = "all" if faces > 1 else self._settings.select.mode
        settings = replace(self._settings, select=SelectOptions(mode=mode))
        people = self._people
        reader, kept = self._kept(faces)
        count = max(4 * settings.together, self._wanted.times * self._wanted.count)
        route = _Staying(0) if self._on_gpu else HostRoute()
        seconds, found = 0.0, 0
        for total in (4 * settings.together, count):  # the first is for warming up
            again, found = _Again(reader, kept, total), 0
            with (
                Monitor(settings.monitor) as monitor,
                stages(again, self._networks, settings, people, None, monitor, route) as batches,
            ):
                start = time.perf_counter()
                for batch in batches:
                    found += batch.face_count
                _settle(self._on_gpu)  # on the default stream: all others are done
                seconds = time.perf_counter() - start
        return count / seconds, found / count

    def file(self) -> dict[str, Any]:
        """From file to file, at the settings' tier of memory, and encoding alone, by turns: medians."""
        with open_target(self._clip(1)) as reader:
            frames = list(reader)
        told = self._whole("file", self._settings, lambda: self._encoded(frames))
        slower = told["encode_beside_fps"]
        if "decode_fps" in self._found:
            slower = min(slower, self._found["decode_fps"])
        return {**told, "wall_over_slower_codec": slower / told["file_fps"]}

    def strict(self) -> dict[str, Any]:
        """From file to file at the strictest tier."""
        return self._whole("strict", replace(self._settings, memory="strict"))

    def _whole(
        self, name: str, settings: SwapOptions, between: Callable[[], float] | None = None
    ) -> dict[str, Any]:
        """The median of runs after a first one, and when what a further one did began and ended."""
        self._opened.close()  # one set of engines at a time
        self.__dict__.pop("_networks", None)
        if self._on_gpu:
            device.release_unused()
        clip, rates, others = self._clip(1), [], []
        with (
            _device_peak(self._on_gpu) as peak,
            Pipeline([source_of(self._folder)], options=settings) as pipeline,
        ):
            pipeline.swap(clip, self._folder / "swapped.mp4")
            for _ in range(self._wanted.rounds):
                others += [between()] if between is not None else []
                report = pipeline.swap(clip, self._folder / "swapped.mp4")
                rates.append(report.frames / report.seconds)
            phases = _Phases()
            with tracing.recording(phases):
                pipeline.swap(clip, self._folder / "swapped.mp4")
        told: dict[str, Any] = {f"{name}_fps": float(np.median(rates)), f"{name}_faces": report.faces_swapped}
        if others:
            told["encode_beside_fps"] = float(np.median(others))
        return {**told, **peak(name), f"{name}_phases_s": phases.seconds()}


class _Phases:
    """A sink of trtswap.tracing: when what is not done for each frame alone began and ended, and the writing."""

    def __init__(self) -> None:
        self._times: dict[str, tuple[int, int]] = {}
        self._started = time.perf_counter_ns()

    def span(self, event: tracing.Event) -> None:
        """Takes a span; networks and waiting say nothing here."""
        if event.category in ("video", "stage", "run"):
            start, end = self._times.get(event.name, (event.start_ns, event.end_ns))
            self._times[event.name] = min(start, event.start_ns), max(end, event.end_ns)

    def count(self, name: str, time_ns: int, values: Mapping[str, float]) -> None:
        """Takes numbers, which say nothing here."""

    def seconds(self) -> dict[str, list[float]]:
        """Name to begin and end, from when recording began, in that order."""
        times = sorted(self._times.items(), key=lambda item: item[1])
        return {name: [round((ns - self._started) / 1e9, 3) for ns in pair] for name, pair in times}


def _lane(on_gpu: bool) -> Any:
    return device.use() if on_gpu else nullcontext()


def _settle(on_gpu: bool) -> None:
    if on_gpu:
        device.current().synchronize()


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


@contextmanager
def _device_peak(on_gpu: bool) -> Iterator[Callable[[str], dict[str, float]]]:
    """The most that is in use on the GPU meanwhile, by whomever, looked at every 50 ms."""
    most, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            free, total = device_memory(0)
            most[0] = max(most[0], (total - free) / 1e6)

    watcher = threading.Thread(target=watch, daemon=True)
    if on_gpu:
        watcher.start()
    try:
        yield lambda name: {f"{name}_device_mb": most[0]} if on_gpu else {}
    finally:
        ended.set()
        if on_gpu:
            watcher.join()


class _Again(FrameSource):
    """Surfaces that lie ready, again and again; each frame is a copy, since stages work in place."""

    def __init__(self, reader: FrameSource, frames: list[Frame], count: int) -> None:
        self.info, self.notes, self.trim, self.expected_frames = reader.info, [], reader.trim, count
        self._frames = frames

    def __iter__(self) -> Iterator[Frame]:
        step = self._frames[1].pts - self._frames[0].pts
        for number in range(self.expected_frames or 0):
            frame = self._frames[number % len(self._frames)]
            yield replace(frame, surface=_copied(frame.surface), index=number, pts=number * step)


def _copied(surface: Surface) -> Surface:
    """Planes that lie in one piece in one copy, as a decoder's do."""
    if not surface.on_device:
        return surface.copy()
    return replace(surface, planes=tuple(device.duplicates(surface.planes)))


class _Staying(GpuRoute):
    """Finished frames stay on the GPU."""

    def down(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        return iter(batches)
