"""What makes inswapper's stand-in faster: builds variants of one engine and times them, layer kinds with --layers.

    python bench/engine_variants.py [--folder DIR] [--seconds N] [--build] [--layers] VARIANT ...

A variant is a list of words joined by "+": norm (normalisation as one scale and shift), pad (reflection as slices side
by side), free (convolutions may be float32), half (pictures in and out in float16), hwc (so too, with channels last),
l0 .. l5 (optimization level), b8, b16, b32 (the largest batch, and the one it is tuned for), both (a profile for one
item and one for 2 up to that batch), three (these and one for that batch alone, as engines have; without both and
three: that batch alone), two (also timed with two contexts side by side, each called by a thread of its own).
Without a proof: for speed only. Engines stay in the folder, and those that are there are timed as they are: with
--build several processes can build side by side first, and one that runs alone times them all.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rewrites import fold_norms, split_reflections
from standins import STAND_INS

from trtswap import device
from trtswap.engine_options import EngineOptions
from trtswap.inference import builder
from trtswap.inference import graph as graphs
from trtswap.inference.attempts import profiles
from trtswap.inference.batching import widen
from trtswap.inference.builder import BuildRequest
from trtswap.inference.engine import tactic_sources
from trtswap.inference.precision import decide, matrix_nodes
from trtswap.inference.prepare import serialise
from trtswap.inference.spec import load_specs
from trtswap.inference.tensorrt_library import load_tensorrt, make_logger
from trtswap.inference.trt_engine import deserialise, workspace_bytes

NAME = "inswapper_128"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--folder", type=Path, default=Path("build/standins"))
    parser.add_argument("--seconds", type=float, default=1e9, help="start no build after this time")
    parser.add_argument("--build", action="store_true", help="build only")
    parser.add_argument("--layers", action="store_true")
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    path = wanted.folder / f"{NAME}.onnx"
    if not path.exists():
        STAND_INS[NAME](path)
    for variant in wanted.variants:
        words = variant.split("+")
        batch = _number(words, "b", 32)
        plan = wanted.folder / f"{NAME}-{variant.replace('+two', '')}.plan"
        try:
            if not plan.exists():
                if time.perf_counter() - started > wanted.seconds:
                    print(f"{variant}: not built, out of time")
                    continue
                before = time.perf_counter()
                plan.with_suffix(".part").write_bytes(_built(words, batch, path))
                plan.with_suffix(".part").rename(plan)
                print(f"{variant}: built in {time.perf_counter() - before:.0f} s", flush=True)
            if not wanted.build:
                _time(variant, plan.read_bytes(), batch, wanted.layers)
        except Exception as error:
            print(f"{variant}: {type(error).__name__}: {error}", flush=True)


def _built(words: list[str], batch: int, path: Path) -> bytes:
    """The engine of a variant."""
    model = graphs.normalise(graphs.load_model(path))
    widen(model)
    if "norm" in words:
        fold_norms(model)
    if "pad" in words:
        split_reflections(model)
    decision = decide(model, {})
    with tempfile.TemporaryDirectory() as folder, _pictures_as(words):
        onnx = Path(folder) / "network.onnx"
        onnx.write_bytes(serialise(model))
        request = BuildRequest(
            onnx=str(onnx),
            keep=tuple(decision.keep),
            halve=() if "free" in words else matrix_nodes(model, decision),
            profiles=_profiles(words, batch),
            optimization_level=_number(words, "l", 3),
            tactic_sources=tactic_sources(EngineOptions()),
        )
        with device.activate():
            plan, _timing = builder.build(load_tensorrt(), request, lambda *_: None)
    return plan


def _profiles(words: list[str], batch: int) -> tuple[tuple[int, int, int], ...]:
    if "three" in words:
        return profiles(load_specs()[NAME], EngineOptions(max_batch=batch), any_batch=True)
    return ((1, 1, 1), (2, batch, batch)) if "both" in words else ((batch, batch, batch),)


@contextmanager
def _pictures_as(words: list[str]) -> Iterator[None]:
    """Meanwhile networks are built with the type and layout of pictures in and out that the words say."""
    if not {"half", "hwc"} & set(words):
        yield
        return
    trt = load_tensorrt().module
    layout = trt.TensorFormat.HWC8 if "hwc" in words else trt.TensorFormat.LINEAR
    usual = builder._add_profiles

    def changed(made: Any, config: Any, network: Any, request: BuildRequest) -> None:
        for tensor in (network.get_input(0), network.get_output(0)):
            tensor.dtype = trt.float16
            tensor.allowed_formats = 1 << int(layout)
        usual(made, config, network, request)

    builder._add_profiles = changed
    try:
        yield
    finally:
        builder._add_profiles = usual


def _number(words: list[str], letter: str, usual: int) -> int:
    """Behind the letter, in the first word that is it and a number."""
    return next((int(word[1:]) for word in words if word[0] == letter and word[1:].isdigit()), usual)


class _Bound:
    """An execution context with inputs and outputs of a batch in GPU memory, random."""

    def __init__(self, engine: Any, batch: int) -> None:
        trt, self.context = load_tensorrt().module, engine.create_execution_context()
        self.batch = batch
        name = engine.get_tensor_name(0)
        for index in range(engine.num_optimization_profiles):
            low, _, high = (shape[0] for shape in engine.get_tensor_profile_shape(name, index))
            if low <= batch <= high:
                self.context.set_optimization_profile_async(index, device.handle())
                break
        rng, self._arrays = np.random.default_rng(0), []
        for index in range(engine.num_io_tensors):
            name = engine.get_tensor_name(index)
            shape = (batch, *tuple(engine.get_tensor_shape(name))[1:])
            if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT:
                self.context.set_input_shape(name, shape)
            spaces = batch * int(np.prod([max(8, shape[1]), *shape[2:]]))  # room for channels in eights
            kind = np.dtype(trt.nptype(engine.get_tensor_dtype(name)))
            self._arrays.append(device.to_device(rng.random(spaces, np.float32).astype(kind)))
            self.context.set_tensor_address(name, self._arrays[-1].ptr)

    def queue(self) -> None:
        """Queues the batch on the thread's stream."""
        if not self.context.execute_async_v3(device.handle()):
            raise RuntimeError("TensorRT could not queue the batch")

    def spent(self, seconds: float) -> tuple[int, float]:
        """Batches done in so many seconds or a little more, and those seconds; the GPU always has some to do."""
        count, before, start = 0, None, time.perf_counter()
        while time.perf_counter() - start < seconds:
            for _ in range(8):
                self.queue()
            count += 8
            behind = device.current().record()
            if before is not None:
                before.wait()
            before = behind
        device.current().synchronize()
        return count, time.perf_counter() - start


def _time(variant: str, plan: bytes, batch: int, layers: bool) -> None:
    words, trt = variant.split("+"), load_tensorrt().module
    with device.use():
        runtime = trt.Runtime(make_logger(trt))
        engine = deserialise(runtime, plan, Path(variant))
        sizes = f"{len(plan) >> 20} MiB, {workspace_bytes(engine) >> 20} MiB for each context"
        print(f"{variant}: {sizes}", flush=True)
        several = {1, 2, batch - 1, batch}
        for items in sorted(several) if {"both", "three"} & set(words) else [batch]:
            bound = _Bound(engine, items)
            bound.spent(0.3)
            count, took = bound.spent(0.7)
            told = f"{1000 * took / count:.3f} ms, {items * count / took:.0f}/s"
            print(f"{variant}: batch {items}: {told}", flush=True)
            if "two" in words:
                rate = _side_by_side(engine, items)
                print(f"{variant}: batch {items}, two contexts side by side: {rate:.0f}/s", flush=True)
        if layers:
            _profile(bound)


def _side_by_side(engine: Any, batch: int, seconds: float = 1.0) -> float:
    """Items a second of two threads, each with a context, and a stream of its own that is never empty."""
    started = threading.Barrier(2, timeout=60)

    def work(_number: int) -> tuple[float, float, int]:
        with device.use():
            bound = _Bound(engine, batch)
            bound.spent(0.1)
            started.wait()
            start = time.perf_counter()
            count, took = bound.spent(seconds)
            return start, start + took, count

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(work, range(2)))
    starts, ends, counts = zip(*done, strict=True)
    return batch * sum(counts) / (max(ends) - min(starts))


def _profile(bound: _Bound) -> None:
    """Milliseconds by layer, the longest first, from TensorRT's own profiler."""
    trt, rounds = load_tensorrt().module, 3
    sums: dict[str, float] = defaultdict(float)

    class Profiler(trt.IProfiler):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProfiler.__init__(self)

        def report_layer_time(self, name: str, ms: float) -> None:
            sums[name] += ms / rounds

    bound.context.profiler = Profiler()
    for _ in range(rounds):
        bound.queue()
        device.current().synchronize()
    moved = sum(ms for name, ms in sums.items() if "eformat" in name)
    print(f"  {len(sums)} layers, {sum(sums.values()):.3f} ms in all, {moved:.3f} ms of it to change layouts")
    for name, ms in sorted(sums.items(), key=lambda item: -item[1])[:45]:
        print(f"    {ms:7.3f} ms  {name[:150]}")


if __name__ == "__main__":
    main()
