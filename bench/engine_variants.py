"""What makes inswapper's stand-in faster: builds variants of one engine and times them, layer kinds with --layers.

    python bench/engine_variants.py [--folder DIR] [--seconds N] [--layers] VARIANT ...

A variant is a list of words joined by "+": norm (normalisation as one scale and shift), pad (reflection as slices side
by side), free (convolutions may be float32), l1 .. l5 (optimization level), b8, b16, b32 (the largest batch, and the
one it is tuned for), both (a profile for one item and one for 2 up to that batch, as engines have; else one fixed
batch).
Without a proof: for speed only.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from onnx import ModelProto
from rewrites import fold_norms, split_reflections
from standins import STAND_INS

from engines import spec_of
from trtswap import device
from trtswap.engine_options import EngineOptions
from trtswap.inference import cache
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
    parser.add_argument("--layers", action="store_true")
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    cache.make_writable(cache.cache_folder())
    path = wanted.folder / f"{NAME}.onnx"
    if not path.exists():
        STAND_INS[NAME](path)
    model = graphs.normalise(graphs.load_model(path))
    widen(model)
    print(f"prepared in {time.perf_counter() - started:.1f} s", flush=True)
    for variant in wanted.variants:
        if time.perf_counter() - started > wanted.seconds:
            print(f"{variant}: not built, out of time")
            continue
        try:
            _one(variant, model, path, wanted.layers)
        except Exception as error:
            print(f"{variant}: {type(error).__name__}: {error}", flush=True)


def _one(variant: str, base: ModelProto, path: Path, layers: bool) -> None:
    words = variant.split("+")
    model = ModelProto()
    model.CopyFrom(base)
    if "norm" in words:
        fold_norms(model)
    if "pad" in words:
        split_reflections(model)
    decision = decide(model, {})
    number = {word[0]: int(word[1:]) for word in words if word[1:].isdigit() and word[0] in "lb"}
    batch = number.get("b", 32)
    options = EngineOptions(optimization_level=number.get("l", 3))
    library, spec = load_tensorrt(), spec_of(NAME)
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "network.onnx"
        onnx.write_bytes(serialise(model))
        request = BuildRequest(
            onnx=str(onnx),
            keep=tuple(decision.keep),
            halve=() if "free" in words else matrix_nodes(model, decision),
            profiles=((1, 1, 1), (2, batch, batch)) if "both" in words else ((batch, batch, batch),),
            optimization_level=options.optimization_level,
            tactic_sources=tactic_sources(options),
            timing_cache=str(cache.cache_folder() / "variants.cache"),
        )
        before = time.perf_counter()
        with device.activate():
            plan, timing = build(library, request, lambda *_: None)
        took = time.perf_counter() - before
        if timing is not None and request.timing_cache is not None:
            Path(request.timing_cache).write_bytes(timing)
    with TrtSession(library, plan, path, spec, contexts=1) as session:
        _time(variant, session, batch, took, len(plan), layers)


def _time(variant: str, session: TrtSession, batch: int, took: float, size: int, layers: bool) -> None:
    from engines import measure

    for items in sorted({1, 8, batch}) if "both" in variant else (batch,):
        row = measure(session, session.spec, items)
        print(
            f"{variant}: batch {items}: {row['ms']:.3f} ms, {row['items_s']:.0f}/s; "
            f"built in {took:.0f} s, {size / 2**20:.0f} MiB",
            flush=True,
        )
    if layers:
        _profile(session, batch)


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
