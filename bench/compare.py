"""Plain arithmetic on timings: medians, ratios, a table. Tested without a GPU."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class Row:
    """One way of doing one case. milliseconds: repeated timings; the first row of a case is its baseline."""

    case: str
    way: str
    milliseconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)


def time_host(work: Callable[[], object], *, repeats: int = 15, warmup: int = 2) -> tuple[float, ...]:
    """Wall-clock milliseconds of each of `repeats` calls, after `warmup` that do not count."""
    for _ in range(warmup):
        work()
    timings = []
    for _ in range(repeats):
        started = perf_counter()
        work()
        timings.append((perf_counter() - started) * 1e3)
    return tuple(timings)


def ratios(rows: Sequence[Row]) -> list[float]:
    """How many times faster each row is than the baseline of its case."""
    baselines: dict[str, float] = {}
    for row in rows:
        baselines.setdefault(row.case, row.median)
    return [baselines[row.case] / row.median for row in rows]


def table(rows: Sequence[Row]) -> str:
    """A Markdown table: median, spread (fastest to slowest) and the ratio to the case's baseline."""
    lines = [
        "| case | way | median ms | fastest .. slowest | times the baseline |",
        "|---|---|---:|---:|---:|",
    ]
    for row, ratio in zip(rows, ratios(rows), strict=True):
        spread = f"{min(row.milliseconds):.3f} .. {max(row.milliseconds):.3f}"
        lines.append(f"| {row.case} | {row.way} | {row.median:.3f} | {spread} | {ratio:.1f} |")
    return "\n".join(lines)
