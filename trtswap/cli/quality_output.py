"""How figures of quality are shown on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from trtswap.quality.figures import COUNTS, METRICS
from trtswap.quality.thresholds import shown

if TYPE_CHECKING:
    from trtswap.quality.compare import Difference
    from trtswap.quality.thresholds import Verdict

Figures = Mapping[str, float | None]
_LINE = (
    ("steadiness", "tpsnr.mean", " dB"),
    ("lowest", "tpsnr.min", " dB"),
    ("jitter", "jitter.share", ""),
    ("shake", "shake.mean", " px"),
)
_SHOWN = ("mean", "std", "min", "max")


def quality_line(figures: Figures) -> str:
    """The figures that matter most, in one line."""
    parts = [
        f"{word} {shown(name, value)}{unit}"
        for word, name, unit in _LINE
        if (value := figures.get(name)) is not None
    ]
    measured, seen = figures.get("frames.measured") or 0, figures.get("frames.count") or 0
    return f"quality: {', '.join([*parts, f'{measured:.0f} of {seen:.0f} frames measured'])}"


def figure_table(figures: Figures) -> Table:
    """Every metric that was measured, and the counts, by the names that thresholds use."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "unit"):
        table.add_column(heading)
    for heading in _SHOWN:
        table.add_column(heading, justify="right")
    for name, metric in METRICS.items():
        values = [figures.get(f"{name}.{statistic}") for statistic in _SHOWN]
        if values[0] is not None:
            table.add_row(name, metric.unit, *(_number(value) for value in values))
    for name in COUNTS:
        value = figures.get(name)
        if value is not None:
            table.add_row(name, "", shown(name, value))
    return table


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """Which thresholds hold."""
    table = Table(box=None, pad_edge=False)
    for heading in ("threshold", "measured", ""):
        table.add_column(heading)
    for verdict in verdicts:
        value = "not measured" if verdict.value is None else shown(verdict.threshold.figure, verdict.value)
        word = Text("holds", style="green") if verdict.holds else Text("missed", style="red")
        table.add_row(Text(verdict.threshold.text), value, word)
    return table


def difference_table(differences: Sequence[Difference]) -> Table:
    """Two results against each other."""
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("unit")
    for heading in ("first", "second", "difference", "95 % interval", "p", "better"):
        table.add_column(heading, justify="right", no_wrap=heading != "95 % interval")
    for row in differences:
        interval = "–" if row.low is None else f"{_number(row.low)} … {_number(row.high)}"
        chance = "–" if row.p is None else "<0.001" if row.p < 0.001 else f"{row.p:.3f}"
        numbers = [_number(value) for value in (row.first, row.second, row.difference)]
        better = row.verdict if row.verdict in ("first", "second") else ""
        table.add_row(row.metric, METRICS[row.metric].unit, *numbers, interval, chance, better)
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
