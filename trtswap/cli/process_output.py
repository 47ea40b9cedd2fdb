"""How the result of a swap is shown: one of one, and a table of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from trtswap.cli.output import Output, explain
from trtswap.cli.progress import format_seconds
from trtswap.cli.quality_output import quality_line

if TYPE_CHECKING:
    from trtswap.many import Outcome
    from trtswap.types import SwapReport

_STYLES = {"done": "green", "no face": "yellow", "skipped": "", "missed": "yellow", "failed": "red"}


def show_result(report: SwapReport, output: Output, told: Sequence[str] = ()) -> None:
    """Notes, unless they were told already, and what was done."""
    for note in report.notes:
        if note not in told:
            output.note(note)
    output.result(_summary(report))
    if report.quality:
        output.result(quality_line(report.quality))


def outcome_table(outcomes: Sequence[Outcome]) -> Table:
    """What became of several targets, a row for each."""
    table = Table(box=None, pad_edge=False)
    table.add_column("target", overflow="fold")
    table.add_column("")
    for heading in ("frames", "faces", "time"):
        table.add_column(heading, justify="right")
    table.add_column("output, or why there is none", overflow="fold")
    for outcome in outcomes:
        report = outcome.report
        numbers = ("", "", "")
        if report is not None:
            numbers = (str(report.frames), str(report.faces_swapped), format_seconds(report.seconds))
        last = str(outcome.job.output) if outcome.error is None else explain(outcome.error)[0]
        status = Text(outcome.status, style=_STYLES[outcome.status])
        table.add_row(Text(str(outcome.job.target)), status, *numbers, Text(last))
    return table


def counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many targets came to what."""
    counts = Counter(outcome.status for outcome in outcomes)
    return {status: counts[status] for status in _STYLES}


def _summary(report: SwapReport) -> str:
    rate = f", {report.frames / report.seconds:.1f} frames/s" if report.seconds > 0 else ""
    return (
        f"{report.output}: {report.faces_swapped} faces swapped in {report.frames_with_faces} "
        f"of {report.frames} frames, {format_seconds(report.seconds)}{rate}"
    )
