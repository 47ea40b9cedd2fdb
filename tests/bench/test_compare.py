"""The arithmetic of the benchmark tables."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("compare", Path(__file__).parents[2] / "bench" / "compare.py")
compare = importlib.util.module_from_spec(spec)
sys.modules["compare"] = compare
spec.loader.exec_module(compare)


def test_ratios_are_against_the_first_row_of_each_case() -> None:
    rows = [
        compare.Row("a", "old", (10.0, 12.0, 11.0)),
        compare.Row("b", "old", (4.0,)),
        compare.Row("a", "new", (5.5, 5.5)),
        compare.Row("b", "new", (8.0,)),
    ]
    assert compare.ratios(rows) == pytest.approx([1, 1, 2, 0.5])


def test_table_shows_median_spread_and_ratio() -> None:
    text = compare.table([compare.Row("a", "old", (3.0, 1.0, 2.0)), compare.Row("a", "new", (0.5,))])
    assert "| a | old | 2.000 | 1.000 .. 3.000 | 1.0 |" in text
    assert "| a | new | 0.500 | 0.500 .. 0.500 | 4.0 |" in text


def test_timing_counts_only_what_follows_the_warm_up() -> None:
    calls: list[int] = []
    timings = compare.time_host(lambda: calls.append(1), repeats=4, warmup=3)
    assert len(calls) == 7
    assert len(timings) == 4
    assert min(timings) >= 0
