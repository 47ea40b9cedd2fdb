"""`trtswap bench`: how fast swaps run here, as a table or as JSON."""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from trtswap.cli.logs import level_of, logging_to
from trtswap.cli.machine import look_at_extras, look_at_libraries, look_at_native, look_at_system
from trtswap.cli.output import DONE, Output
from trtswap.cli.progress import Reporter, reporter_for
from trtswap.cli.settings import swap_options
from trtswap.errors import OptionError, StrPath
from trtswap.options import BenchOptions, DemoOptions, SwapOptions
from trtswap.types import Progress

if TYPE_CHECKING:
    from trtswap.benchmark import Benchmark

_NO_EFFECT = ("tracks", "dump_tracks", "debug_overlay", "report", "trace")
_LEAST_SHARE = 0.002
"""Of a run: what takes less is not shown."""


def run(arguments: Namespace, output: Output) -> int:
    """Measures and shows. Raises OptionError for half of a pair of files, and what `benchmark` raises."""
    for name in _NO_EFFECT:
        if getattr(arguments, name):
            raise OptionError(f"--{name.replace('_', '-')} has no effect in a benchmark", hint="leave it out")
    if (arguments.target is None) != (not arguments.source):
        raise OptionError(
            "a target needs a source and a source a target", hint="give both, or neither for the drawn clip"
        )
    options = swap_options(arguments)
    how = BenchOptions(frames=arguments.first, repeats=arguments.repeats)
    console = Console(stderr=True)
    with (
        logging_to(console, level_of(quiet=output.quiet, verbosity=arguments.verbose)),
        tempfile.TemporaryDirectory(prefix="trtswap-bench-") as folder,
        reporter_for(output, console) as reporter,
    ):
        # Here, because it loads FFmpeg, OpenCV and ONNX Runtime, and a mistyped option needs none of them.
        from trtswap.benchmark import benchmark

        sources: Sequence[StrPath] = arguments.source
        target: StrPath = arguments.target or ""
        if arguments.target is None:
            sources, target, options = _drawn(Path(folder), how, options, reporter)
        measured = benchmark(
            sources,
            target,
            reference=arguments.reference,
            options=options,
            bench=how,
            on_progress=reporter,
        )
    machine = _machine()
    fields = {**asdict(measured), "fps": measured.fps, "engine_share": measured.engine_share}
    output.event("bench", exit_code=DONE, target=arguments.target, machine=machine, **fields)
    if not output.json:
        _show(measured, machine, arguments.target or "the drawn clip, built-in networks")
    return DONE


def _drawn(
    folder: Path, how: BenchOptions, options: SwapOptions, reporter: Reporter
) -> tuple[list[StrPath], StrPath, SwapOptions]:
    """The clip of the demo, and the options for it."""
    from trtswap import trial
    from trtswap.demo.builtin import builtin_options
    from trtswap.demo.clips import plan_clip

    demo = DemoOptions()
    clip = plan_clip(demo.kind, demo.seed, how.frames or demo.frames, demo.size, rate=float(demo.rate))
    files, started = trial.Files.in_folder(folder), time.perf_counter()

    def told(done: int, total: int) -> None:
        reporter(Progress("draw", done, total, 0, time.perf_counter() - started))

    trial.draw_files(clip, files, told)
    return [files.source], files.target, builtin_options(options)


def _machine() -> dict[str, object]:
    """Versions and devices."""
    system, native = look_at_system(), look_at_native()
    packages = {**look_at_libraries(), **look_at_extras()}
    return {
        "trtswap": system.trtswap,
        "python": system.python,
        "os": system.os,
        "cpu": _cpu(),
        "threads": native.host_threads,
        "memory_bytes": system.memory_total_bytes,
        "gpus": [device["name"] for device in native.devices],
        "cuda_driver": native.cuda_driver,
        "driver": _driver(),
        "packages": {name: found.version for name, found in packages.items() if found.version},
    }


def _cpu(path: Path = Path("/proc/cpuinfo")) -> str | None:
    """Its name, None where the system does not tell."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _driver(path: Path = Path("/proc/driver/nvidia/version")) -> str | None:
    """The version of NVIDIA's kernel module, None where there is none."""
    try:
        words = path.read_text("utf-8", errors="replace").split()
    except OSError:
        return None
    return next((word for word in words if word[:1].isdigit() and word.count(".") >= 1), None)


def _show(measured: Benchmark, machine: dict[str, object], what: str) -> None:
    console = Console()
    width, height = measured.size_px
    console.print(
        f"{what}: {measured.frames} frames of {width}x{height}, {measured.faces} faces, batch {measured.batch}, "
        f"{len(measured.seconds)} runs",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for table in (_rates(measured), _networks(measured), _work(measured), _threads(measured)):
        console.print(table)
    gpus = ", ".join(map(str, machine["gpus"])) if isinstance(machine["gpus"], list) else ""
    packages = machine["packages"] if isinstance(machine["packages"], dict) else {}
    console.print(
        f"trtswap {machine['trtswap']}, Python {machine['python']}, "
        + ", ".join(f"{name} {version}" for name, version in packages.items())
        + f"\n{machine['cpu'] or 'unknown processor'}, {machine['threads']} threads; "
        + (f"{gpus}, driver {machine['driver']}" if gpus else "no GPU"),
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _table(title: str, *headings: str) -> Table:
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def _rates(measured: Benchmark) -> Table:
    table = _table("", "", "frames/s", "")
    spread = " .. ".join(
        f"{measured.frames / seconds:.1f}" for seconds in (max(measured.seconds), min(measured.seconds))
    )
    table.add_row("the whole way", f"{measured.fps:.1f}", f"slowest .. fastest {spread}")
    if measured.engine_only_fps is not None and measured.engine_share is not None:
        share = f"the whole way reaches {measured.engine_share:.0%}"
        table.add_row("engines alone", f"{measured.engine_only_fps:.1f}", share)
    table.add_row("decode alone", f"{measured.decode_fps:.1f}", "")
    table.add_row("encode alone", f"{measured.encode_fps:.1f}", f"{measured.encoded} frames")
    for name, value in measured.memory_mb.items():
        table.add_row(f"memory, {name}", f"{value:.0f} MB", "at most")
    return table


def _networks(measured: Benchmark) -> Table:
    table = _table("networks", "", "runs", "items", "batch", "alone ms/item", "in the run ms/item")
    for network in measured.networks:
        each = (1e3 * seconds / network.items for seconds in (network.alone_seconds, network.seconds))
        table.add_row(
            network.name, f"{network.runs:.0f}", f"{network.items:.0f}", str(network.batch),
            *(f"{value:.2f}" for value in each),
        )  # fmt: skip
    return table


def _work(measured: Benchmark) -> Table:
    table = _table("stages, without what they wait for", "", "times", "ms/frame", "of the run")
    for work in measured.work:
        if work.category != "wait" and work.share >= _LEAST_SHARE:
            each = 1e3 * work.seconds / measured.frames
            table.add_row(work.name, f"{work.spans:.0f}", f"{each:.2f}", f"{work.share:.0%}")
    return table


def _threads(measured: Benchmark) -> Table:
    table = _table("threads", "", "busy", "waiting")
    for thread in measured.threads:
        table.add_row(thread.name, f"{thread.busy:.0%}", f"{thread.waiting:.0%}")
    return table
