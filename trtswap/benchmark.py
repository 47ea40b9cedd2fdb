"""How fast a swap runs here: the whole way, each stage, each network alone, decoding and encoding alone."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from trtswap import device, tracing
from trtswap.errors import OptionError, StrPath
from trtswap.host_memory import peak_bytes
from trtswap.inference.session import Session
from trtswap.memory import device_probes
from trtswap.options import BenchOptions, FramePlace, ProvenanceOptions, SwapOptions, TimePoint
from trtswap.pipeline import OnProgress, Pipeline
from trtswap.stages.carry import route_of
from trtswap.types import Frame, Progress, SwapReport
from trtswap.video import FrameSource, create_output, open_target
from trtswap.video.pictures import is_picture_file

_HELD_BYTES = 512 << 20
"""Frames kept in memory to encode them alone, at most."""
_ALONE_S = 0.5
"""A network is run alone for so long after each run, and once before that counts not, unless it takes `_LONG_S`."""
_LONG_S = 2.0


@dataclass(frozen=True)
class Work:
    """Something that took time, per run. seconds: without what it waited for. share: of the run's wall time."""

    name: str
    category: str
    spans: float
    seconds: float
    share: float


@dataclass(frozen=True)
class Thread:
    """How a thread spent a run, in shares of its wall time: working, and waiting for another one."""

    name: str
    busy: float
    waiting: float


@dataclass(frozen=True)
class Network:
    """The runs of a network, per run of the whole. seconds: as they went, beside everything else. alone_seconds: what
    the same runs take at best when nothing else is done. batch: the most frequent one."""

    name: str
    runs: float
    items: float
    batch: int
    seconds: float
    alone_seconds: float


@dataclass(frozen=True)
class Benchmark:
    """What was measured. seconds: of each run, file to file, networks loaded. engine_only_fps: frames a second if the
    networks alone took time, one after the other. encoded: frames that were encoded alone. memory_mb: high-water marks:
    resident and, where there is one, of the device, while the runs went; `process` of the process since its start."""

    frames: int
    faces: int
    size_px: tuple[int, int]
    batch: int
    seconds: tuple[float, ...]
    decode_fps: float
    encode_fps: float
    encoded: int
    engine_only_fps: float | None
    memory_mb: dict[str, float]
    work: list[Work] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    networks: list[Network] = field(default_factory=list)

    @property
    def fps(self) -> float:
        """Frames a second, the median of the runs."""
        return self.frames / statistics.median(self.seconds)

    @property
    def engine_share(self) -> float | None:
        """Of what the networks alone would allow."""
        return None if self.engine_only_fps is None else self.fps / self.engine_only_fps


def benchmark(
    sources: Sequence[StrPath],
    target: StrPath,
    *,
    reference: StrPath | None = None,
    options: SwapOptions | None = None,
    bench: BenchOptions | None = None,
    on_progress: OnProgress | None = None,
) -> Benchmark:
    """Swaps the target several times and measures. Outputs go to a temporary folder, are not signed and not kept.

    Raises what `Pipeline.swap` raises.
    """
    how = bench or BenchOptions()
    settings = _settled(options or SwapOptions(), target, how)
    tell = _Teller(on_progress, how.repeats + 1)
    totals, reports = Totals(), []
    alone: dict[tuple[str, int], float] = {}
    with (
        tempfile.TemporaryDirectory(prefix="trtswap-bench-") as folder,
        Pipeline(sources, reference=reference, options=settings) as pipeline,
    ):
        output = Path(folder) / f"out{_ending(target)}"
        tell(0)
        pipeline.prepare()
        pipeline.swap(target, output, on_progress=tell)
        for number in range(how.repeats):
            tell(number + 1)
            with tracing.recording(totals, probes=device_probes(settings)):
                reports.append(pipeline.swap(target, output, on_progress=tell))
            for name, batch in totals.batches:
                took_s = _alone_s(pipeline.networks.sessions[name], batch)
                alone[name, batch] = min(took_s, alone.get((name, batch), took_s))
        decode_fps = max(_decode_fps(target, settings) for _ in range(how.repeats))
        encode_fps, encoded, size_px = _encode_fps(target, settings, Path(folder) / f"again{_ending(target)}")
    return _made(settings, totals, reports, alone, (decode_fps, encode_fps, encoded, size_px))


class Totals:
    """A sink of trtswap.tracing that adds up. batches: (network, batch) to runs. peaks: by name."""

    def __init__(self) -> None:
        self.spans: Counter[tuple[str, str]] = Counter()
        self.own_ns: Counter[tuple[str, str]] = Counter()
        self.busy_ns: Counter[str] = Counter()
        self.waiting_ns: Counter[str] = Counter()
        self.batches: Counter[tuple[str, int]] = Counter()
        self.peaks: defaultdict[str, float] = defaultdict(float)

    def span(self, event: tracing.Event) -> None:
        """Takes a span; of a GPU's stream how long it was busy."""
        if event.category == "gpu":
            self.busy_ns[event.thread] += event.own_ns
            return
        key = (event.category, event.name)
        self.spans[key] += 1
        self.own_ns[key] += event.own_ns
        thread = event.thread.removeprefix("trtswap-")
        (self.waiting_ns if event.category == "wait" else self.busy_ns)[thread] += event.own_ns
        if event.category == "network":
            self.batches[event.name, event.facts["batch"]] += 1

    def count(self, name: str, time_ns: int, values: Mapping[str, float]) -> None:
        """Takes numbers of a moment."""
        del time_ns
        if name == "memory MB":
            for what, value in values.items():
                self.peaks[what] = max(self.peaks[what], value)


class _Teller:
    """Tells the progress of several runs as that of one."""

    def __init__(self, on_progress: OnProgress | None, runs: int) -> None:
        self._on_progress = on_progress
        self._runs = runs
        self._before = 0
        self._latest = 0
        self._started = time.perf_counter()

    def __call__(self, progress: Progress | int) -> None:
        """Takes the number of the run that begins, or where it is."""
        if isinstance(progress, int):
            self._before += self._latest
            self._latest = 0
        elif self._on_progress is not None:
            self._latest = progress.frames_done
            total = None if progress.frames_total is None else progress.frames_total * self._runs
            elapsed_s = time.perf_counter() - self._started
            done = self._before + progress.frames_done
            self._on_progress(replace(progress, frames_done=done, frames_total=total, elapsed_s=elapsed_s))


def _settled(options: SwapOptions, target: StrPath, how: BenchOptions) -> SwapOptions:
    """The options of the runs: unsigned, over existing files, of so many frames, with the place where these lie."""
    trim = options.trim
    if how.frames and trim.start is None and trim.end is None and not is_picture_file(target):
        trim = replace(trim, end=TimePoint(frame=how.frames))
    provenance = ProvenanceOptions(unsigned_reason="a benchmark, whose output is not kept")
    frames: FramePlace = "gpu" if route_of(options).on_gpu else "host"
    return replace(options, trim=trim, provenance=provenance, frames=frames, overwrite=True)


def _ending(target: StrPath) -> str:
    return Path(target).suffix or (".png" if is_picture_file(target) else ".mp4")


def _decode_fps(target: StrPath, options: SwapOptions) -> float:
    started = time.perf_counter()
    with open_target(target, trim=options.trim) as reader:
        frames = sum(1 for _ in reader)
    return frames / (time.perf_counter() - started)


def _encode_fps(target: StrPath, options: SwapOptions, output: Path) -> tuple[float, int, tuple[int, int]]:
    """Frames a second of encoding and muxing as many frames as fit into memory, how many these are, and their size."""
    with open_target(target, trim=options.trim) as reader:
        frames = _held(reader)
    with open_target(target, trim=options.trim) as reader:
        started = time.perf_counter()
        with create_output(output, reader, options=options.encode, overwrite=True) as writer:
            for frame in frames:
                writer.write(frame)
        took_s = time.perf_counter() - started
    surface = frames[0].surface
    return len(frames) / took_s, len(frames), (surface.width_px, surface.height_px)


def _held(reader: FrameSource) -> list[Frame]:
    frames: list[Frame] = []
    held = 0
    for frame in reader:
        frames.append(frame)
        held += sum(plane.nbytes for plane in frame.surface.planes)
        if held >= _HELD_BYTES:
            break
    return frames


def _alone_s(session: Session, batch: int) -> float:
    """The usual time of a run on noise, with nothing beside it. On a GPU inputs and outputs stay there."""
    rng = np.random.default_rng(0)
    width, height = session.spec.picture.size
    free = {"H": height, "W": width}
    inputs = {
        tensor.name: rng.random(
            (batch, *(free[size] if isinstance(size, str) else size for size in tensor.shape[1:]))
        ).astype(tensor.dtype)
        for tensor in session.spec.inputs
    }
    run: Callable[[], object] = lambda: session.run(inputs)  # noqa: E731
    if hasattr(session, "enqueue"):
        there = {name: device.to_device(array) for name, array in inputs.items()}
        run = lambda: device.to_host(session.run(there)[0])  # noqa: E731
    times: list[float] = []
    while sum(times) < _ALONE_S or len(times) < 2:
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
        if times[0] > _LONG_S:
            break
    return statistics.median(times[1:] or times)


def _made(
    settings: SwapOptions,
    totals: Totals,
    reports: Sequence[SwapReport],
    alone: Mapping[tuple[str, int], float],
    other: tuple[float, float, int, tuple[int, int]],
) -> Benchmark:
    decode_fps, encode_fps, encoded, size_px = other
    runs, wall_s = len(reports), sum(report.seconds for report in reports)
    alone_s = sum(count * alone[key] for key, count in totals.batches.items()) / runs
    process = peak_bytes()
    memory = dict(totals.peaks) if process is None else {**totals.peaks, "process": process / 1e6}
    frames = reports[0].frames
    if not frames:
        raise OptionError("the part to measure has no frame")
    return Benchmark(
        frames=frames,
        faces=reports[0].faces_swapped,
        size_px=size_px,
        batch=settings.together,
        seconds=tuple(report.seconds for report in reports),
        decode_fps=decode_fps,
        encode_fps=encode_fps,
        encoded=encoded,
        engine_only_fps=frames / alone_s if alone_s else None,
        memory_mb=memory,
        work=[
            Work(name, category, totals.spans[category, name] / runs, ns / 1e9 / runs, ns / 1e9 / wall_s)
            for (category, name), ns in totals.own_ns.most_common()
        ],
        threads=[
            Thread(name, totals.busy_ns[name] / 1e9 / wall_s, totals.waiting_ns[name] / 1e9 / wall_s)
            for name in dict.fromkeys([*totals.busy_ns, *totals.waiting_ns])
        ],
        networks=_networks(totals, alone, runs),
    )


def _networks(totals: Totals, alone: Mapping[tuple[str, int], float], runs: int) -> list[Network]:
    found = []
    for name in dict.fromkeys(name for name, _ in totals.batches):
        own = {batch: count for (other, batch), count in totals.batches.items() if other == name}
        found.append(
            Network(
                name,
                sum(own.values()) / runs,
                sum(batch * count for batch, count in own.items()) / runs,
                max(own, key=lambda batch: own[batch]),
                totals.own_ns["network", name] / 1e9 / runs,
                sum(count * alone[name, batch] for batch, count in own.items()) / runs,
            )
        )
    return sorted(found, key=lambda network: -network.alone_seconds)
