"""`trtswap process`: one call of trtswap.pipeline.swap_video, with its progress and its result shown."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from rich.console import Console

from trtswap.cli.logs import level_of, logging_to
from trtswap.cli.output import DONE, Output, exit_code
from trtswap.cli.progress import format_seconds, reporter_for
from trtswap.cli.quality_output import quality_line
from trtswap.cli.settings import grouped, swap_options
from trtswap.errors import QualityError

if TYPE_CHECKING:
    from trtswap.types import SwapReport


def run(arguments: Namespace, output: Output) -> int:
    """Runs the swap. Raises what swap_video raises; a missed threshold once the result is told."""
    try:
        return _run(arguments, output)
    except QualityError as error:
        if error.report is not None:
            _show(cast("SwapReport", error.report), output, exit_code(error))
        raise


def _run(arguments: Namespace, output: Output) -> int:
    options = swap_options(arguments)
    console = Console(stderr=True)
    with logging_to(console, level_of(quiet=output.quiet, verbosity=arguments.verbose)):
        # Here, because it loads FFmpeg, OpenCV and ONNX Runtime, and a mistyped option needs none of them.
        from trtswap.pipeline import swap_video

        with reporter_for(output, console) as reporter:
            report = swap_video(
                arguments.source,
                arguments.target,
                arguments.output,
                reference=arguments.reference,
                cast=grouped(arguments.map),
                tracks=arguments.tracks,
                dump_tracks=arguments.dump_tracks,
                debug_overlay=arguments.debug_overlay,
                reports=arguments.report,
                options=options,
                on_progress=reporter,
            )
    _show(report, output, DONE)
    return DONE


def _show(report: SwapReport, output: Output, code: int) -> None:
    for note in report.notes:
        output.note(note)
    output.result(_summary(report))
    if report.quality:
        output.result(quality_line(report.quality))
    output.event("done", exit_code=code, **asdict(report))


def _summary(report: SwapReport) -> str:
    rate = f", {report.frames / report.seconds:.1f} frames/s" if report.seconds > 0 else ""
    return (
        f"{report.output}: {report.faces_swapped} faces swapped in {report.frames_with_faces} "
        f"of {report.frames} frames, {format_seconds(report.seconds)}{rate}"
    )
