"""How far the engines are: a line each on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from rich.progress import TaskID

    from trtswap.cli.output import Output

JSON_INTERVAL_S = 0.5


class EngineReporter(Protocol):
    """What `inference.engine.Reporter` is, and the end."""

    def stage(self, text: str) -> None: ...
    def progress(self, phase: str, done: int, total: int) -> None: ...
    def step(self, text: str) -> None: ...
    def finished(self, text: str) -> None:
        """The network is done."""


@contextmanager
def reporting(output: Output, console: Console) -> Iterator[Callable[[str], EngineReporter]]:
    """Within, makes the reporter of a network by its name. `console` writes to stderr."""
    if output.quiet or output.json or not console.is_terminal or console.is_dumb_terminal:
        yield lambda name: Lines(name, output)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[network]}", style="bold"),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as bar:
        yield lambda name: Bar(name, bar)


class Bar:
    """One line of a live display. The bar moves where TensorRT tells how far it is, and beats where it does not."""

    def __init__(self, name: str, bar: Progress) -> None:
        self._name = name
        self._bar = bar
        self._task: TaskID = bar.add_task("waiting", network=name, total=None)

    def stage(self, text: str) -> None:
        """What is being done."""
        self._bar.update(self._task, description=text, total=None, completed=0)

    def progress(self, phase: str, done: int, total: int) -> None:
        """The builder's own progress."""
        self._bar.update(
            self._task, total=max(total, 1), completed=done, description=f"building: {phase}"[:60]
        )

    def step(self, text: str) -> None:
        """A line above the display."""
        self._bar.console.print(f"{self._name}: {text}", markup=False, highlight=False)

    def finished(self, text: str) -> None:
        """Stops the clock."""
        self._bar.update(self._task, description=text, total=1, completed=1)
        self._bar.stop_task(self._task)


class Lines:
    """A line for each stage and step on stderr, and their JSON on stdout with --json."""

    def __init__(self, name: str, output: Output) -> None:
        self._name = name
        self._output = output
        self._started = time.perf_counter()
        self._last = 0.0

    def stage(self, text: str) -> None:
        """What is being done, with the time since the start."""
        elapsed = time.perf_counter() - self._started
        if not self._output.quiet:
            self._output.message(f"{self._name} [{elapsed:.0f} s]: {text}")
        self._output.event("stage", network=self._name, stage=text, elapsed_s=round(elapsed, 1))

    def progress(self, phase: str, done: int, total: int) -> None:
        """The builder's own progress, twice a second at most."""
        now = time.perf_counter()
        if now - self._last >= JSON_INTERVAL_S or done == total:
            self._last = now
            self._output.event("progress", network=self._name, phase=phase, done=done, total=total)

    def step(self, text: str) -> None:
        """One line worth keeping."""
        if not self._output.quiet:
            self._output.message(f"{self._name}: {text}")
        self._output.event("step", network=self._name, text=text)

    def finished(self, text: str) -> None:
        """The end."""
        self.stage(text)
