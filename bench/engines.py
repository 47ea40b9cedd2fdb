"""Builds engines of the stand-ins and times them: `python bench/engines.py [NAME ...] [--max-batch N] [--level N]`.

Stand-ins are written to --folder, engines go to the usual cache (TRTSWAP_CACHE). Times are of device arrays in and out:
so many batches queued that the GPU is never idle, from the first to the last, over their number. The call is what one
batch costs the caller's thread, with the GPU left behind; the driver's part of it is what its own calls take: copies of
inputs and outputs, and launching the graph.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from standins import STAND_INS

from trtswap import device
from trtswap.engine_options import EngineOptions
from trtswap.inference.cuda_calls import CapturedGraph
from trtswap.inference.engine import Recipe, ensure
from trtswap.inference.spec import load_specs
from trtswap.inference.spec_types import FidelitySpec, NetworkSpec, TensorSpec
from trtswap.inference.tensorrt_library import load_tensorrt
from trtswap.inference.trt import TrtSession
from trtswap.networks.calibration import calibration_of

BATCHES = (1, 2, 4, 8, 16, 32)


def spec_of(name: str) -> NetworkSpec:
    """The spec of a stand-in: the real one's, or one made from a relative's."""
    specs = load_specs()
    if name in specs:
        return specs[name]
    if name == "scrfd_10g":
        return replace(specs["scrfd_2.5g"], name=name, fidelity=FidelitySpec("snr", 40.0))
    base = specs["arcface_w600k_r50"]
    return replace(
        base,
        name=name,
        kind="landmarker/heatmaps",
        inputs=(replace(base.inputs[0], shape=("N", 3, 256, 256)),),
        outputs=(TensorSpec("points", ("points",), "float32", ("N", 68, 3), False),),
        picture=replace(base.picture, size=(256, 256)),
        fidelity=FidelitySpec("landmarks", 0.25, pixels_per_unit=4.0),
    )


class Lines:
    """Reports to stderr, with the time since the start."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._started = time.perf_counter()

    def stage(self, text: str) -> None:
        print(
            f"[{time.perf_counter() - self._started:6.1f} s] {self._name}: {text}",
            file=sys.stderr,
            flush=True,
        )

    def progress(self, phase: str, done: int, total: int) -> None:
        pass

    def step(self, text: str) -> None:
        self.stage(text)


def measure(session: TrtSession, spec: NetworkSpec, batch: int, seconds: float = 0.7) -> dict[str, float]:
    """Milliseconds a batch with the GPU kept busy, items a second, microseconds of a call and of the driver in it."""
    rng = np.random.default_rng(0)
    lengths = {"W": spec.picture.size[0], "H": spec.picture.size[1]}
    inputs = {
        tensor.name: device.to_device(
            rng.random(
                [batch, *(lengths.get(d, d) if isinstance(d, str) else d for d in tensor.shape[1:])],
                np.float32,
            )
        )
        for tensor in spec.inputs
    }
    calls: list[float] = []
    driver: list[float] = []
    with device.use():  # as in a run: a stream of the thread's own, outputs that are made for each call
        for _ in range(8):
            session.run(inputs)
        _wait()
        took = _spent(lambda: session.run(inputs), calls, seconds)
        with _timed_driver(session, driver):

            def watched() -> None:
                driver.append(0.0)
                session.run(inputs)

            _spent(watched, [], 0.2)
    return {
        "batch": batch,
        "ms": took * 1000,
        "items_s": batch / took,
        "call_us": float(np.median(calls)) * 1e6,
        "driver_us": float(np.median(driver)) * 1e6,
    }


def _spent(call: Callable[[], object], calls: list[float], seconds: float) -> float:
    """Seconds a batch, eight queued at a time; what each call cost is added to `calls`."""
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(8):
            before = time.perf_counter()
            call()
            calls.append(time.perf_counter() - before)
        _wait()
        count += 8
    return (time.perf_counter() - start) / count


@contextmanager
def _timed_driver(session: TrtSession, spent: list[float]) -> Iterator[None]:
    """Meanwhile each copy and each launch of a graph adds to the last of `spent` what it took."""

    def timed(call: Callable[..., None]) -> Callable[..., None]:
        def wrapped(*arguments: object) -> None:
            before = time.perf_counter()
            call(*arguments)
            spent[-1] += time.perf_counter() - before

        return wrapped

    launch = CapturedGraph.launch
    replays = [replay for lane in session._lanes for replay in lane._replays.values()]
    copies = [replay._copy for replay in replays]
    CapturedGraph.launch = timed(launch)  # type: ignore[method-assign]
    for replay, copy in zip(replays, copies, strict=True):
        replay._copy = timed(copy)
    try:
        yield
    finally:
        CapturedGraph.launch = launch  # type: ignore[method-assign]
        for replay, copy in zip(replays, copies, strict=True):
            replay._copy = copy


def _wait() -> None:
    with device.activate():
        device.driver().Context.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(STAND_INS))
    parser.add_argument("--folder", type=Path, default=Path("build/standins"))
    parser.add_argument("--max-batch", type=int, default=32)
    parser.add_argument("--level", type=int, help="default: the spec's")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp16", "fp32"))
    parser.add_argument("--no-graphs", action="store_true", help="also without CUDA graphs")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    library, rows = load_tensorrt(), []
    print(f"{device.describe()[0]}, TensorRT {library.version}")
    for name in wanted.names:
        path, spec = wanted.folder / f"{name}.onnx", spec_of(name)
        if not path.exists():
            STAND_INS[name](path)
        options = EngineOptions(
            precision=wanted.precision, max_batch=wanted.max_batch, optimization_level=wanted.level
        )
        recipe = Recipe(library, spec, path, options, 0, lambda s=spec, p=path: calibration_of(s, p))
        engine = ensure(recipe, Lines(name))
        before = time.perf_counter()
        content = ensure(recipe, Lines(name)).content
        session = TrtSession(library, content, path, spec, contexts=1)
        loaded = time.perf_counter() - before
        record = engine.record
        print(
            f"{name}: {record.precision}, {record.fidelity['text']}; built in {record.build_s:.0f} s, "
            f"{record.plan_bytes / 2**20:.0f} MiB, loads in {loaded:.2f} s; {record.batched}"
        )
        for graphs in (True, False) if wanted.no_graphs else (True,):
            with (
                session
                if graphs
                else TrtSession(library, content, path, spec, contexts=1, graphs=False) as running
            ):
                for batch in BATCHES:
                    if batch <= wanted.max_batch:
                        row = {"name": name, "graphs": graphs, **measure(running, spec, batch)}
                        rows.append(row)
                        print(
                            f"  batch {batch:3d} {'graph' if graphs else 'plain'}: {row['ms']:8.3f} ms, "
                            f"{row['items_s']:8.0f} /s, call {row['call_us']:6.1f} us "
                            f"({row['driver_us']:.1f} the driver's)",
                            flush=True,
                        )
    if wanted.json:
        wanted.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
