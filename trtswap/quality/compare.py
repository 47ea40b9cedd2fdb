"""Two results of one original, side by side: differences, how sure they are, and which is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trtswap.quality.figures import METRICS, Quality
from trtswap.types import Array

LONGEST_BLOCK_S, SHORTEST_BLOCK_S, BLOCKS = 1.0, 0.2, 16
"""Neighbouring frames are alike, so means of blocks are compared, not frames: of a second, or shorter to get 16."""
SURE = 0.05
_EXACT = 14
_FLIPS = 20000
_SEED = 0x7C3


@dataclass(frozen=True)
class Difference:
    """One metric of two results. first, second: means. difference: second minus first, the mean over blocks measured in
    both. low, high: the 95 % interval of it. p: the share of sign flips that do as much. better: which one is, where
    p is below 0.05; "neither" where the metric takes no side."""

    metric: str
    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    verdict: Literal["first", "second", "same", "neither"]


def compare(first: Quality, second: Quality) -> list[Difference]:
    """Every metric that both have, in the order of METRICS."""
    return [
        _difference(name, first, second)
        for name in METRICS
        if name in first.series
        and name in second.series
        and not name.endswith(("_mc_source", "tpsnr_source"))
    ]


def sign_flip_p(differences: Array) -> float:
    """How likely paired differences [N] as far from 0 on average are if their signs were chance: all 2^N signs up to
    14 pairs, else 20000 random ones, the same each time. NaN for fewer than two pairs."""
    values = np.asarray(differences, np.float64)
    count = len(values)
    if count < 2:
        return float("nan")
    observed = abs(values.sum())
    slack = 1e-12 * np.abs(values).sum()
    if count <= _EXACT:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        sums = np.abs((1 - 2 * bits) @ values)
        return float(np.mean(sums >= observed - slack))
    rng = np.random.default_rng(_SEED)
    hits, left = 0, _FLIPS
    while left:
        part = min(left, max(1, 4_000_000 // count))
        signs = rng.integers(0, 2, (part, count)) * 2 - 1
        hits += int(np.count_nonzero(np.abs(signs @ values) >= observed - slack))
        left -= part
    return (hits + 1) / (_FLIPS + 1)


def bootstrap_interval(differences: Array, share: float = 0.95) -> tuple[float, float]:
    """The interval that holds `share` of the means of resampled differences [N]: 4000 resamples, the same each time."""
    values = np.asarray(differences, np.float64)
    rng = np.random.default_rng(_SEED)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(4000)]
    low, high = np.quantile(means, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def paired_blocks(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]) -> Array:
    """Second minus first, the mean of each block of time in which both were measured: float64 [N]. Rows as in
    `Quality`."""
    times = [row[0] for row in (*first, *second)]
    lasts = max(times) - min(times) if times else 0.0
    block_s = min(max(lasts / BLOCKS, SHORTEST_BLOCK_S), LONGEST_BLOCK_S)
    one, other = _blocks(first, block_s), _blocks(second, block_s)
    return np.array([other[block] - one[block] for block in sorted(one.keys() & other.keys())])


def _difference(name: str, first: Quality, second: Quality) -> Difference:
    blocks = paired_blocks(first.series[name], second.series[name])
    means = first.figures.get(f"{name}.mean"), second.figures.get(f"{name}.mean")
    if len(blocks) < 2:
        apart = float(blocks[0]) if len(blocks) else None
        return Difference(name, *means, apart, None, None, None, "same")
    p = sign_flip_p(blocks)
    low, high = bootstrap_interval(blocks)
    verdict = _better(METRICS[name].better, means, float(blocks.mean())) if p < SURE else "same"
    return Difference(name, *means, float(blocks.mean()), low, high, p, verdict)


def _better(
    wish: str, means: tuple[float | None, float | None], apart: float
) -> Literal["first", "second", "same", "neither"]:
    if wish == "none" or apart == 0:
        return "neither" if wish == "none" else "same"
    if wish in ("higher", "lower"):
        return "second" if (apart > 0) == (wish == "higher") else "first"
    aim = 1.0 if wish == "near one" else 0.0
    one, other = (abs((value or 0.0) - aim) for value in means)
    return "second" if other < one else "first"


def _blocks(rows: Sequence[Sequence[float]], block_s: float) -> Mapping[int, float]:
    """The mean of each block."""
    sums: dict[int, list[float]] = {}
    for time_s, mean, *_ in rows:
        sums.setdefault(int(time_s // block_s), []).append(mean)
    return {block: float(np.mean(values)) for block, values in sums.items()}
