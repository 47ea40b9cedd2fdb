"""What a command writes, and the exit code it ends with. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import dataclass
from typing import Any, TextIO

from trtswap.errors import (
    DeviceError,
    InputError,
    NetworkError,
    OptionError,
    QualityError,
    SomeFailedError,
    TrtSwapError,
)

DONE = 0
UNEXPECTED = 1
INTERRUPTED = 130

_EXIT_CODES: dict[type[BaseException], int] = {
    OptionError: 2,
    InputError: 3,
    NetworkError: 4,
    QualityError: 5,
    DeviceError: 6,
    MemoryError: 6,
    SomeFailedError: 7,
    KeyboardInterrupt: INTERRUPTED,
}
_REPORT_HINT = (
    "this should not happen; please report it to the project, "
    "with the output of `trtswap doctor` and of this command with --verbose"
)


def exit_code(error: BaseException) -> int:
    """The exit code that an exception stands for: that of the nearest class with one, else 1."""
    return next((_EXIT_CODES[kind] for kind in type(error).__mro__ if kind in _EXIT_CODES), UNEXPECTED)


@dataclass(frozen=True)
class Output:
    """Writes for one command. json: results as JSON lines. quiet: no notes. verbose: tracebacks of errors."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False

    def result(self, text: str) -> None:
        """A result for people; left out with --json."""
        if not self.json:
            _write(sys.stdout, text)

    def event(self, event: str, **fields: Any) -> None:
        """One line of JSON; only with --json."""
        if self.json:
            _write(sys.stdout, json.dumps({"event": event, **fields}, allow_nan=False))

    def message(self, text: str) -> None:
        """A line on stderr."""
        _write(sys.stderr, text)

    def note(self, text: str) -> None:
        """Something the user should know; left out with --quiet."""
        if not self.quiet:
            self.message(f"note: {text}")

    def failure(self, error: BaseException) -> int:
        """Reports an exception and returns its exit code."""
        code = exit_code(error)
        message, hint = explain(error)
        if self.verbose:
            self.message("".join(traceback.format_exception(error)).rstrip())
        self.message("interrupted" if code == INTERRUPTED else f"error: {message}")
        if hint is not None:
            self.message(f"hint: {hint}")
        self.event(
            "error",
            exit_code=code,
            error=type(error).__name__,
            message=message,
            hint=hint,
            path=getattr(error, "path", None) if isinstance(error, TrtSwapError) else None,
        )
        return code


def _write(stream: TextIO, line: str) -> None:
    """In one piece: `print` writes the end of a line by itself, and another thread's line may come between."""
    stream.write(f"{line}\n")
    stream.flush()


def explain(error: BaseException) -> tuple[str, str | None]:
    """Message and hint of an exception."""
    if isinstance(error, TrtSwapError):
        return error.message, error.hint
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", None
    if isinstance(error, MemoryError):
        return "out of memory", "use a smaller --batch or --queue, or close other programs"
    if isinstance(error, ImportError):
        return f"{type(error).__name__}: {error}", "run `trtswap doctor`, which says what is not installed"
    return f"{type(error).__name__}: {error}", _REPORT_HINT
