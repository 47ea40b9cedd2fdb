"""What makes inswapper's stand-in faster: builds variants of one engine and times them, layer kinds with --layers.

    python bench/engine_variants.py [--folder DIR] [--seconds N] [--build] [--layers] VARIANT ...

A variant is a list of words joined by "+": norm (normalisation as one scale and shift), pad (reflection as slices side
by side), free (convolutions may be float32), l1 .. l5 (optimization level), b8, b16, b32 (the largest batch, and the
one it is tuned for), both (a profile for one item and one for 2 up to that batch, as engines have; else one fixed
batch), two (also timed with two contexts side by side, each called by a thread of its own).
Without a proof: for speed only. Engines stay in the folder, and those that are there are timed as they are: with
--build several processes can build side by side first, and one that runs alone times them all.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from rewrites import fold_norms, split_reflections
from standins import STAND_INS

from engines import measure, spec_of
from trtswap import device
from trtswap.engine_options import EngineOptions
from trtswap.inference import graph as graphs
from trtswap.inference.batching import widen
from trtswap.inference.builder import BuildRequest, build
from trtswap.inference.engine import tactic_sources
from trtswap.inference.lane import Lane
from trtswap.inference.precision import decide, matrix_nodes
from trtswap.inference.prepare import serialise
from trtswap.inference.tensorrt_library import load_tensorrt
from trtswap.inference.trt import TrtSession

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
                _time(variant, plan.read_bytes(), batch, path, wanted.layers)
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
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "network.onnx"
        onnx.write_bytes(serialise(model))
        request = BuildRequest(
            onnx=str(onnx),
            keep=tuple(decision.keep),
            halve=() if "free" in words else matrix_nodes(model, decision),
            profiles=((1, 1, 1), (2, batch, batch)) if "both" in words else ((batch, batch, batch),),
            optimization_level=_number(words, "l", 3),
            tactic_sources=tactic_sources(EngineOptions()),
        )
        with device.activate():
            plan, _timing = build(load_tensorrt(), request, lambda *_: None)
    return plan


def _number(words: list[str], letter: str, usual: int) -> int:
    """Behind the letter, in the first word that is it and a number."""
    return next((int(word[1:]) for word in words if word[0] == letter and word[1:].isdigit()), usual)


def _time(variant: str, plan: bytes, batch: int, path: Path, layers: bool) -> None:
    words = variant.split("+")
    many = sorted({1, 8, batch}) if "both" in words else [batch]
    with TrtSession(load_tensorrt(), plan, path, spec_of(NAME), contexts=1) as session:
        for items in many:
            row = measure(session, session.spec, items)
            print(f"{variant}: batch {items}: {row['ms']:.3f} ms, {row['items_s']:.0f}/s", flush=True)
        if layers:
            _profile(session, batch)
    if "two" in words:
        with TrtSession(load_tensorrt(), plan, path, spec_of(NAME), contexts=2) as session:
            for items in many:
                told = _side_by_side(session, items)
                print(f"{variant}: batch {items}, two contexts side by side: {told:.0f}/s", flush=True)


def _side_by_side(session: TrtSession, batch: int, seconds: float = 1.0) -> float:
    """Items a second of two threads, each with a stream of its own that is never empty."""
    counts = [0, 0]
    started = threading.Barrier(3, timeout=60)

    def work(number: int) -> None:
        rng = np.random.default_rng(number)
        with device.use():
            inputs = {
                tensor.name: device.to_device(rng.random([batch, *tensor.shape[1:]], np.float32))
                for tensor in session.spec.inputs
            }
            outputs = session.run(inputs)
            device.current().synchronize()
            started.wait()
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                for _ in range(8):
                    session.enqueue(inputs, outputs)
                device.current().synchronize()
                counts[number] += 8 * batch

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    started.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)


def _profile(session: TrtSession, batch: int) -> None:
    """Milliseconds by kind of layer, from TensorRT's own profiler."""
    trt = load_tensorrt().module
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)

    class Profiler(trt.IProfiler):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProfiler.__init__(self)

        def report_layer_time(self, name: str, ms: float) -> None:
            sums[name] += ms
            counts[name] += 1

    lane: Lane = session._lanes[0]
    with device.activate():
        lane._use_graphs = False
        lane._reserve(batch)
        ready = lane._ready(batch)
        ready.context.profiler = Profiler()
        addresses = [array.ptr for array in lane._fixed.values()]
        for _ in range(3):
            lane._execute(batch, addresses, lane._handle)
            lane.wait()
    total = sum(sums.values()) / 3
    print(f"  {len(sums)} layers, {total:.3f} ms in all")
    for name, ms in sorted(sums.items(), key=lambda item: -item[1])[:45]:
        print(f"    {ms / 3:7.3f} ms  {name[:150]}")


if __name__ == "__main__":
    main()
