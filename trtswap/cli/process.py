"""`trtswap process`: one call of trtswap.pipeline.swap_video, with its progress and its result shown."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console

from trtswap.cli.logs import level_of, logging_to
from trtswap.cli.output import DONE, Output
from trtswap.cli.progress import format_seconds, reporter_for
from trtswap.cli.settings import grouped, swap_options

if TYPE_CHECKING:
    from trtswap.types import SwapReport


def run(arguments: Namespace, output: Output) -> int:
    """Runs the swap. Raises what swap_video raises."""
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
                options=options,
                on_progress=reporter,
            )
    _show(report, output)
    return DONE


def _show(report: SwapReport, output: Output) -> None:
    for note in report.notes:
        output.note(note)
    output.result(_summary(report))
    output.event("done", exit_code=DONE, **asdict(report))


def _summary(report: SwapReport) -> str:
    rate = f", {report.frames / report.seconds:.1f} frames/s" if report.seconds > 0 else ""
    return (
        f"{report.output}: {report.faces_swapped} faces swapped in {report.frames_with_faces} "
        f"of {report.frames} frames, {format_seconds(report.seconds)}{rate}"
    )
