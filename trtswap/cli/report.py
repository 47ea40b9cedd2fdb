"""`trtswap report`: measures a finished video."""

from __future__ import annotations

from argparse import Namespace

from rich.console import Console

from trtswap.cli.logs import level_of, logging_to
from trtswap.cli.output import DONE, Output
from trtswap.cli.progress import reporter_for
from trtswap.cli.quality_output import figure_table, verdict_table
from trtswap.cli.settings import measure_options


def run(arguments: Namespace, output: Output) -> int:
    """Measures, shows, writes reports. Raises what measure_video raises, and QualityError for a missed threshold."""
    options = measure_options(arguments)
    console = Console(stderr=True)
    with logging_to(console, level_of(quiet=output.quiet, verbosity=arguments.verbose)):
        # Here, because they load FFmpeg, OpenCV and ONNX Runtime, and a mistyped option needs none of them.
        from trtswap.measure import measure_video
        from trtswap.quality.gate import Gate, subject_of
        from trtswap.quality.report import as_json

        gate = Gate(options.monitor, arguments.report, overwrite=arguments.overwrite)
        with reporter_for(output, console) as reporter:
            quality = measure_video(
                arguments.result,
                original=arguments.original,
                sources=arguments.source,
                tracks=arguments.tracks,
                written=arguments.report,
                options=options,
                on_progress=reporter,
            )
    verdicts = gate.verdicts(quality)
    for note in quality.notes:
        output.note(note)
    output.event("report", **as_json(quality, verdicts, subject_of(arguments.result, arguments.original)))
    if not output.json:
        terminal = Console()
        terminal.print(figure_table(quality.figures))
        terminal.print()
        terminal.print(verdict_table(verdicts))
    gate.close(quality, video=arguments.result, original=arguments.original)
    return DONE
