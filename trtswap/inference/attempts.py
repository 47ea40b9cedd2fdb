"""What is tried, in which order, until an engine passes its proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trtswap.engine_options import EngineOptions
from trtswap.inference.precision import WIDEST
from trtswap.inference.spec_types import NetworkSpec


@dataclass(frozen=True)
class Attempt:
    """name: what the engine is called when it passes. half: float16 where `width` allows it (`precision.decide`).
    tf32: float32 convolutions may round their factors to ten bits, at several times the speed."""

    name: str
    half: bool
    width: int
    tf32: bool


def attempts(spec: NetworkSpec, options: EngineOptions) -> Iterator[Attempt]:
    """The fastest first, then ever more float32; the last one is the network as it is."""
    half = options.precision == "fp16" or (options.precision == "auto" and spec.precision.fp16)
    if half:
        yield Attempt("fp16", True, 0, True)
        for width in range(1, WIDEST):
            yield Attempt(f"fp16, float32 widened {width}x", True, width, True)
    if options.precision == "auto":
        yield Attempt("tf32", False, WIDEST, True)
    if options.precision != "fp16":
        yield Attempt("fp32", False, WIDEST, False)


def profiles(
    spec: NetworkSpec, options: EngineOptions, *, any_batch: bool
) -> tuple[tuple[int, int, int], ...]:
    """(min, opt, max) batch of each profile: one for single items, one for the largest batch alone, which TensorRT
    makes faster than one that takes others too, and one for all larger than one."""
    largest = options.max_batch or spec.batch.max
    if not any_batch or largest == 1:
        return ((1, 1, 1),)
    alone = ((1, 1, 1), (largest, largest, largest))
    return alone if largest == 2 else (*alone, (2, largest, largest))
