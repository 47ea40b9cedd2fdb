"""The command `trtswap`: parses, calls, reports, and ends with an exit code."""

from __future__ import annotations

import importlib
import io
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TextIO, cast

from trtswap.cli.arguments import parse
from trtswap.cli.interrupts import interruptible
from trtswap.cli.output import UNEXPECTED, Output


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line (without the program's name; None takes sys.argv) and returns its exit code."""
    try:
        _keep_unprintable_names_printable()
        code = _run(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_unread_output()
        return UNEXPECTED
    return code


def _run(argv: list[str]) -> int:
    output = Output(json="--json" in argv)
    try:
        with interruptible():
            arguments = parse(argv)
            output = Output(arguments.json, arguments.quiet, arguments.verbose > 0)
            return _command(arguments.command)(arguments, output)
    except SystemExit as stop:  # argparse, after --help and --version
        return int(stop.code or 0)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        return output.failure(error)


def _command(name: str) -> Callable[[Namespace, Output], int]:
    """The function `run` of the command's module, in a process that is the command's from then on. Both are loaded only
    now to keep --help quick."""
    from trtswap.host_memory import claim_process

    claim_process()
    module = importlib.import_module(f"trtswap.cli.{name.replace('-', '_')}")
    return cast("Callable[[Namespace, Output], int]", module.run)


def _keep_unprintable_names_printable() -> None:
    """File names may hold bytes or characters that the terminal's encoding lacks; show them escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _discard_unread_output() -> None:
    """The reader has gone: leave nothing that Python would try to flush at exit."""
    for stream in (sys.stdout, sys.stderr):
        _flush_or_discard(stream)


def _flush_or_discard(stream: TextIO) -> None:
    try:
        stream.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
