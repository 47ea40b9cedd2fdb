"""`trtswap demo`: a rendered clip swapped with the built-in networks, and compared with the true swap."""

from __future__ import annotations

import json
import math
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from trtswap.cli.logs import level_of, logging_to
from trtswap.cli.output import DONE, Output
from trtswap.cli.progress import format_seconds, reporter_for
from trtswap.errors import OptionError
from trtswap.options import DemoOptions, MonitorOptions, SwapOptions
from trtswap.types import Progress

if TYPE_CHECKING:
    from trtswap.trial import Measured

_REPORTS = ("report.html", "report.json")
_SHEET, _FIGURES = "side-by-side.png", "figures.json"
WRITTEN = (
    "source.png",
    "replaced.png",
    "target.mp4",
    "true-swap.mp4",
    "swapped.mp4",
    "tracks.jsonl",
    _SHEET,
    *_REPORTS,
    _FIGURES,
)

_SHOWN = (
    ("psnr_face_db", "inside the face, from the true swap", "dB PSNR, more is nearer"),
    ("psnr_face_unswapped_db", "the same of the unswapped clip", "dB PSNR"),
    ("ssim_face", "structure inside the face", "SSIM, 1 is equal"),
    ("de00_face", "colour inside the face", "CIEDE2000, 1 is just seen"),
    ("de00_ring", "colour along the edge of the face", "CIEDE2000"),
    ("temporal_face", "wrong motion inside the face", "codes of 255"),
    ("identity_source", "likeness to the source", "cosine, 1 is the same person"),
    ("identity_target", "likeness to the person replaced", "cosine"),
)


def run(arguments: Namespace, output: Output) -> int:
    """Draws, swaps, compares. Raises OptionError for files that are in the way, and what swap_video raises."""
    demo = DemoOptions(kind=arguments.clip, seed=arguments.seed, seconds=arguments.seconds)
    folder = Path(arguments.folder)
    _check_free(folder, overwrite=arguments.overwrite)
    started = time.perf_counter()
    console = Console(stderr=True)
    with (
        logging_to(console, level_of(quiet=output.quiet, verbosity=arguments.verbose)),
        _work_beside(folder) as work,
        reporter_for(output, console) as reporter,
    ):
        measured = _make(Path(work), demo, arguments.device, reporter)
        folder.mkdir(exist_ok=True)
        for name in WRITTEN:
            (Path(work) / name).replace(folder / name)
    _show(measured.figures, folder, time.perf_counter() - started, output)
    return DONE


def _check_free(folder: Path, *, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"{folder} is a file, and the demo needs a folder", hint="name another")
    taken = [name for name in WRITTEN if (folder / name).exists()]
    if taken and not overwrite:
        raise OptionError(
            f"the output {folder / taken[0]} exists already", hint="add --overwrite, or name another folder"
        )


def _work_beside(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder for unfinished files, so near that they can be moved. Raises OptionError where none can be made."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent)
    except OSError as error:
        raise OptionError(
            f"{folder} cannot be made: {error.strerror or error}", hint="name a folder that may be written"
        ) from error


def _make(work: Path, demo: DemoOptions, device: str, report: Callable[[Progress], None]) -> Measured:
    """Everything, into an empty folder."""
    # Here, because they load FFmpeg, OpenCV and ONNX Runtime, and a mistyped option needs none of them.
    from trtswap import trial
    from trtswap.demo.builtin import build_engines, builtin_options
    from trtswap.demo.clips import plan_clip

    started = time.perf_counter()

    def told(stage: str) -> Callable[[int, int], None]:
        return lambda done, total: report(Progress(stage, done, total, 0, time.perf_counter() - started))

    clip = plan_clip(demo.kind, demo.seed, demo.frames, demo.size, rate=float(demo.rate))
    files = trial.Files.in_folder(work)
    trial.draw_files(clip, files, told("draw"))
    options = replace(builtin_options(SwapOptions(device=device)), monitor=MonitorOptions(mode="full"))
    reports = [work / name for name in _REPORTS]
    build_engines(options)
    trial.swap_files(clip, files, options, reports=reports, on_progress=report)
    measured = trial.measure_files(clip, files, on_frame=told("measure"))
    trial.write_sheet(work / _SHEET, measured.moments)
    facts = {
        "clip": demo.kind,
        "seed": demo.seed,
        "frames": demo.frames,
        "figures": _finite(measured.figures),
    }
    (work / _FIGURES).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return measured


def _finite(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def _show(figures: Mapping[str, float], folder: Path, seconds: float, output: Output) -> None:
    output.event("demo", exit_code=DONE, folder=str(folder), seconds=seconds, figures=_finite(figures))
    if output.json:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("against the true swap", "", "unit"):
        table.add_column(heading, justify="right" if not heading else "left")
    for name, words, unit in _SHOWN:
        table.add_row(words, f"{figures[name]:.2f}", unit)
    Console().print(table)
    output.result(f"{folder}: {', '.join(WRITTEN)} in {format_seconds(seconds)}")
