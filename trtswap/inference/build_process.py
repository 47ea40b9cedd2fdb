"""Starts the process that builds an engine, follows it, and stops it on every way out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from trtswap import errors
from trtswap.errors import EngineError, TrtSwapError
from trtswap.inference.builder import BuildRequest

_running: set[subprocess.Popen[str]] = set()
_stopping = threading.Event()

_START = "from trtswap.inference.build_worker import main; sys.exit(main())"
"""What the process runs, with this one's search path: the current folder may hold anything."""

_LAST_LINES = 5


def run_build(
    request: BuildRequest, plan: Path, device: int, on_progress: Callable[[str, int, int], None]
) -> bytes:
    """The serialised engine; `plan` is the file that carries it over and is gone afterwards.

    on_progress: phase, steps done, steps in all; called where TensorRT tells (10 and 11).
    Raises what the builder raised, and EngineError when its process ends without a word. Any exception here,
    KeyboardInterrupt too, ends that process at once.
    """
    if _stopping.is_set():
        raise EngineError("the build was stopped")
    worker = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {_START}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches this process, which then ends the other
    )
    _running.add(worker)
    try:
        if _stopping.is_set():  # since the look before it was started
            raise EngineError("the build was stopped")
        return _follow(worker, request, plan, device, on_progress)
    finally:
        _running.discard(worker)
        with suppress(OSError):
            worker.kill()
        worker.wait()
        for stream in (worker.stdin, worker.stdout, worker.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        for leftover in (plan, *plan.parent.glob(f".{plan.name}.*.part")):
            leftover.unlink(missing_ok=True)


def stop_all() -> None:
    """Ends every build of this process, in whatever thread it runs, and lets none begin."""
    _stopping.set()
    for worker in list(_running):
        with suppress(OSError):
            worker.kill()


def stopped() -> bool:
    """Whether `stop_all` was called."""
    return _stopping.is_set()


def _follow(
    worker: subprocess.Popen[str],
    request: BuildRequest,
    plan: Path,
    device: int,
    on_progress: Callable[[str, int, int], None],
) -> bytes:
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stderr is not None
    noise: list[str] = []
    reader = threading.Thread(target=_drain, args=(worker.stderr, noise), daemon=True)
    reader.start()
    wanted = {"request": asdict(request), "plan": str(plan), "device": device, "parent": os.getpid()}
    with suppress(BrokenPipeError):
        worker.stdin.write(json.dumps(wanted) + "\n")
        worker.stdin.flush()
    failure: TrtSwapError | None = None
    for line in worker.stdout:
        event = json.loads(line)
        if event["event"] == "progress":
            on_progress(event["phase"], event["done"], event["total"])
        elif event["event"] == "error":
            failure = _error(event)
    code = worker.wait()
    reader.join(1)
    if failure is not None:
        raise failure
    if code != 0:
        raise EngineError(
            _death(code, noise), hint="`trtswap doctor` says whether the installation is whole."
        )
    try:
        return plan.read_bytes()
    except OSError as error:
        raise EngineError(f"the built engine cannot be read back: {error}") from error


def _drain(stream: IO[str], lines: list[str]) -> None:
    for line in stream:
        if line.strip():
            lines.append(line.rstrip())
            del lines[:-_LAST_LINES]


def _error(event: dict[str, Any]) -> TrtSwapError:
    kind = getattr(errors, str(event["kind"]), EngineError)
    try:
        made = kind(event["message"], hint=event["hint"])
    except TypeError:  # a class that wants more
        made = EngineError(event["message"], hint=event["hint"])
    return made if isinstance(made, TrtSwapError) else EngineError(event["message"])


def _death(code: int, noise: list[str]) -> str:
    last = f": {noise[-1]}" if noise else ""
    if code < 0:
        with suppress(ValueError):
            return f"the builder was ended by {signal.Signals(-code).name}{last}"
    return f"the builder ended with code {code}{last}"
