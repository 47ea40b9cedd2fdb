"""`trtswap process`: a call of swap_video, or of swap_many, with progress and results shown."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from rich.console import Console

from trtswap import tracing
from trtswap.cli import process_many
from trtswap.cli.logs import level_of, logging_to
from trtswap.cli.output import DONE, Output, exit_code
from trtswap.cli.process_output import show_result
from trtswap.cli.progress import reporter_for
from trtswap.cli.settings import grouped, many_options, swap_options
from trtswap.errors import OptionError, QualityError
from trtswap.memory import device_probes
from trtswap.options import ManyOptions

if TYPE_CHECKING:
    from trtswap.options import SwapOptions
    from trtswap.types import SwapReport


def run(arguments: Namespace, output: Output) -> int:
    """Runs the swap. Raises what swap_video and swap_many raise; a missed threshold once the result is told."""
    options, many = swap_options(arguments), many_options(arguments)
    console = Console(stderr=True)
    _check_trace(arguments)
    with (
        logging_to(console, level_of(quiet=output.quiet, verbosity=arguments.verbose)),
        tracing.to_file(arguments.trace, overwrite=options.overwrite, probes=device_probes(options)),
    ):
        if process_many.is_meant(arguments):
            return process_many.run(arguments, output, console, options, many)
        if many != ManyOptions():
            raise OptionError(
                "--recursive and --skip-existing are for several targets", hint="name a folder as output"
            )
        try:
            report = _run(arguments, output, console, options)
        except QualityError as error:
            if error.report is not None:
                _show(cast("SwapReport", error.report), output, exit_code(error))
            raise
    _show(report, output, DONE)
    return DONE


def _run(arguments: Namespace, output: Output, console: Console, options: SwapOptions) -> SwapReport:
    # Here, because it loads FFmpeg, OpenCV and ONNX Runtime, and a mistyped option needs none of them.
    from trtswap.pipeline import swap_video

    with reporter_for(output, console) as reporter:
        return swap_video(
            arguments.source,
            arguments.target[0],
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


def _check_trace(arguments: Namespace) -> None:
    """The time line must not be written over a file of the run. Raises OptionError."""
    from trtswap.video.paths import check_apart

    read = [*arguments.source, *arguments.target, arguments.reference, arguments.tracks]
    read += [path for pair in arguments.map for path in pair]
    written = [arguments.output, arguments.dump_tracks, arguments.debug_overlay, *arguments.report]
    if arguments.trace is not None:
        check_apart([*read, *written], [arguments.trace])


def _show(report: SwapReport, output: Output, code: int) -> None:
    show_result(report, output)
    output.event("done", exit_code=code, **asdict(report))
