"""`trtswap compare`: measures two results of one original against each other."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from rich.console import Console

from trtswap.cli.logs import level_of, logging_to
from trtswap.cli.output import DONE, Output
from trtswap.cli.progress import reporter_for
from trtswap.cli.quality_output import difference_table
from trtswap.cli.settings import measure_options
from trtswap.errors import QualityError


def run(arguments: Namespace, output: Output) -> int:
    """Measures both, shows and writes the differences. Raises what measure_video raises, and QualityError when either
    misses a threshold."""
    options = measure_options(arguments)
    console = Console(stderr=True)
    with logging_to(console, level_of(quiet=output.quiet, verbosity=arguments.verbose)):
        # Here, because they load FFmpeg, OpenCV and ONNX Runtime, and a mistyped option needs none of them.
        from trtswap.measure import measure_video
        from trtswap.quality.compare import compare
        from trtswap.quality.gate import Gate, subject_of
        from trtswap.quality.report import as_json, write_comparison

        gate = Gate(options.monitor, arguments.report, overwrite=arguments.overwrite)
        with reporter_for(output, console) as reporter:
            measured = [
                measure_video(
                    result,
                    original=arguments.original,
                    sources=arguments.source,
                    tracks=arguments.tracks,
                    written=arguments.report,
                    options=options,
                    on_progress=reporter,
                )
                for result in arguments.results
            ]
    differences = compare(*measured)
    runs = [
        (quality, gate.verdicts(quality), subject_of(result, arguments.original))
        for quality, result in zip(measured, arguments.results, strict=True)
    ]
    for note in dict.fromkeys(note for quality in measured for note in quality.notes):
        output.note(note)
    output.event(
        "compare",
        first=as_json(*runs[0]),
        second=as_json(*runs[1]),
        differences=[asdict(difference) for difference in differences],
    )
    if not output.json:
        Console().print(difference_table(differences))
    for path in arguments.report:
        write_comparison(path, runs, differences)
    missed = [
        f"{subject['video']}: {reason}" for quality, _, subject in runs for reason in gate.missed(quality)
    ]
    if missed:
        raise QualityError("; ".join(missed))
    return DONE
