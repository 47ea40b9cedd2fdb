"""How far a run is: a bar on a terminal, a line now and then elsewhere, JSON lines for programs."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from trtswap.cli.output import Output
    from trtswap.types import Progress

JSON_INTERVAL_S = 0.5
LINE_INTERVAL_S = 10.0

_STAGES = {
    "draw": "drawing",
    "prepare": "preparing",
    "resume": "catching up",
    "swap": "swapping",
    "finish": "finishing",
    "measure": "measuring",
}


class Reporter(Protocol):
    """A context manager to call with each Progress."""

    def __enter__(self) -> Reporter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __call__(self, progress: Progress) -> None: ...


def reporter_for(output: Output, console: Console, **about: str) -> Reporter:
    """The reporter that suits the options and the terminal. `console` writes to stderr. about: what every JSON event
    tells besides."""
    if output.quiet:
        return Silent()
    if output.json:
        return JsonLines(output, **about)
    if console.is_terminal and not console.is_dumb_terminal:
        return TerminalBar(console)
    return PlainLines(output)


class Pace(NamedTuple):
    """Frames per second since the stage began, and the seconds left at that rate; None while unknown."""

    frames_per_s: float | None
    remaining_s: float | None


class PaceMeter:
    """Works out the pace of the current stage from the Progress values alone."""

    def __init__(self) -> None:
        self._stage: str | None = None
        self._first_frames = 0
        self._first_s = 0.0

    def update(self, progress: Progress) -> Pace:
        """The pace at `progress`, measured from the first one of the same stage."""
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._first_frames, self._first_s = progress.frames_done, progress.elapsed_s
        frames = progress.frames_done - self._first_frames
        seconds = progress.elapsed_s - self._first_s
        if frames <= 0 or seconds <= 0:
            return Pace(None, None)
        rate = frames / seconds
        if progress.frames_total is None:
            return Pace(rate, None)
        return Pace(rate, max(progress.frames_total - progress.frames_done, 0) / rate)


class Throttle:
    """Lets a Progress through when its stage is new, its frames are complete, or `interval_s` has passed."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last: Progress | None = None

    def passes(self, progress: Progress) -> bool:
        """Whether to report `progress`."""
        last = self._last
        due = (
            last is None
            or progress.stage != last.stage
            or (_complete(progress) and not _complete(last))
            or progress.elapsed_s - last.elapsed_s >= self._interval_s
        )
        if due:
            self._last = progress
        return due


def _complete(progress: Progress) -> bool:
    return progress.frames_done == progress.frames_total


def format_seconds(seconds: float) -> str:
    """As M:SS or H:MM:SS, to the nearest second."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def describe(progress: Progress, pace: Pace) -> str:
    """What follows the stage's name: frames, rate, time left, faces. Nothing while preparing."""
    if progress.stage == "prepare":
        return ""
    if progress.frames_total is None:
        parts = [f"{progress.frames_done} frames"]
    else:
        parts = [f"{progress.frames_done}/{progress.frames_total} frames"]
    if pace.frames_per_s is not None:
        parts.append(f"{pace.frames_per_s:.1f} frames/s")
    if pace.remaining_s is not None:
        parts.append(f"{format_seconds(pace.remaining_s)} left")
    if progress.stage in ("swap", "finish"):
        parts.append(f"{progress.faces_swapped} faces swapped")
    return ", ".join(parts)


class _Reporting:
    """A reporter with nothing to open or close."""

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Silent(_Reporting):
    """Reports nothing."""

    def __call__(self, progress: Progress) -> None:
        """Does nothing."""


class JsonLines(_Reporting):
    """One "progress" event on stdout at most every `JSON_INTERVAL_S`."""

    def __init__(self, output: Output, **about: str) -> None:
        self._output = output
        self._about = about
        self._meter = PaceMeter()
        self._throttle = Throttle(JSON_INTERVAL_S)

    def __call__(self, progress: Progress) -> None:
        """Writes the event when it is due."""
        pace = self._meter.update(progress)
        if not self._throttle.passes(progress):
            return
        self._output.event(
            "progress",
            stage=progress.stage,
            frames_done=progress.frames_done,
            frames_total=progress.frames_total,
            faces_swapped=progress.faces_swapped,
            elapsed_s=_rounded(progress.elapsed_s),
            frames_per_s=_rounded(pace.frames_per_s),
            remaining_s=_rounded(pace.remaining_s),
            **self._about,
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


class PlainLines(_Reporting):
    """One line on stderr at most every `LINE_INTERVAL_S`."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._meter = PaceMeter()
        self._throttle = Throttle(LINE_INTERVAL_S)

    def __call__(self, progress: Progress) -> None:
        """Writes the line when it is due."""
        pace = self._meter.update(progress)
        if self._throttle.passes(progress):
            stage = _STAGES.get(progress.stage, progress.stage)
            text = describe(progress, pace)
            self._output.message(f"{stage}: {text}" if text else stage)


class TerminalBar:
    """A bar that redraws itself on the terminal's last line and disappears when done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._meter = PaceMeter()
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[text]}", markup=False),
            console=console,
            expand=True,
            transient=True,
        )
        self._task = self._bar.add_task(_STAGES["prepare"], total=None, text="")

    def __enter__(self) -> TerminalBar:
        self._bar.start()
        # A second Ctrl-C ends the process without __exit__; a hidden cursor would then stay hidden.
        self._console.show_cursor(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Moves the bar."""
        self._bar.update(
            self._task,
            description=_STAGES.get(progress.stage, progress.stage),
            completed=progress.frames_done,
            total=progress.frames_total,
            text=describe(progress, self._meter.update(progress)),
        )
