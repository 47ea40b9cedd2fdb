"""Starts the process that builds engines, follows it, and stops it on every way out."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, TypeVar

from trtswap import child, errors
from trtswap.errors import EngineError, TrtSwapError
from trtswap.inference.builder import BuildRequest, Progress

_running: set[_Worker] = set()
_idle: list[_Worker] = []
_keeping = 0
_lock = threading.Lock()
_stopping = threading.Event()

_LAST_LINES = 5
_LOOK_S = 0.2
"""How often the main thread wakes up while others build: a signal may be taken by one of them, at the moment when it
starts a process, and then does not wake the main thread, which alone can act on it."""

Result = TypeVar("Result")


@contextmanager
def kept_builders() -> Iterator[None]:
    """Within it a builder's process serves one engine after another of its thread: to start one, with all of TensorRT's
    kernels, takes longer than to build a small engine. Afterwards they are gone, with the memory they held."""
    global _keeping
    with _lock:
        _keeping += 1
    try:
        yield
    finally:
        with _lock:
            _keeping -= 1
            over = [] if _keeping else _idle[:]
            if not _keeping:
                _idle.clear()
        for worker in over:
            worker.end()


def run_build(request: BuildRequest, plan: Path, device: int, on_progress: Progress) -> bytes:
    """The serialised engine; `plan` is the file that carries it over and is gone afterwards.

    on_progress: phase, steps done, steps in all; called where TensorRT tells (10 and 11).
    Raises what the builder raised, and EngineError when its process ends without a word. Any exception here,
    KeyboardInterrupt too, ends that process at once.
    """
    if _stopping.is_set():
        raise EngineError("the build was stopped")
    worker = _waiting_one() or _Worker()
    useful = False
    try:
        if _stopping.is_set():  # since the look before it was started
            raise EngineError("the build was stopped")
        worker.build(request, plan, device, on_progress)
        useful = True
        return _read_back(plan)
    finally:
        if not (useful and _keep(worker)):
            worker.end()
        for leftover in (plan, *plan.parent.glob(f".{plan.name}.*.part")):
            leftover.unlink(missing_ok=True)


def side_by_side(builds: Sequence[Callable[[], Result]], jobs: int) -> list[Result]:
    """What several calls that build engines give, in order, at most `jobs` at a time. Any exception, KeyboardInterrupt
    too, ends them all."""
    started: list[Future[Result]] = []
    with ThreadPoolExecutor(jobs) as pool:
        try:
            started += [pool.submit(build) for build in builds]
            return [_awaited(future) for future in started]
        except BaseException:
            for future in started:
                future.cancel()
            stop_all()
            raise


def _awaited(future: Future[Result]) -> Result:
    while not future.done():
        wait([future], timeout=_LOOK_S)
    return future.result()


def stop_all() -> None:
    """Ends every build of this process, in whatever thread it runs, and lets none begin."""
    _stopping.set()
    for worker in list(_running):
        worker.kill()


def stopped() -> bool:
    """Whether `stop_all` was called."""
    return _stopping.is_set()


def _waiting_one() -> _Worker | None:
    """A builder that this thread started earlier: the system ends it together with that thread."""
    with _lock:
        for worker in _idle:
            if worker.thread is threading.current_thread():
                _idle.remove(worker)
                return worker
    return None


def _keep(worker: _Worker) -> bool:
    with _lock:
        if _keeping and not _stopping.is_set():
            _idle.append(worker)
            return True
    return False


def _read_back(plan: Path) -> bytes:
    try:
        return plan.read_bytes()
    except OSError as error:
        raise EngineError(f"the built engine cannot be read back: {error}") from error


class _Worker:
    """A builder's process."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self._process = subprocess.Popen(
            child.command("trtswap.inference.build_worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C reaches this process, which then ends the other
        )
        _running.add(self)
        self._noise: list[str] = []
        self._reader = threading.Thread(target=_drain, args=(self._process.stderr, self._noise), daemon=True)
        self._reader.start()

    def build(self, request: BuildRequest, plan: Path, device: int, on_progress: Progress) -> None:
        """Has the engine built and written to `plan`. Raises as `run_build`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wanted = {"request": asdict(request), "plan": str(plan), "device": device}
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(wanted) + "\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "progress":
                on_progress(event["phase"], event["done"], event["total"])
            elif event["event"] == "error":
                raise _error(event)
            elif event["event"] == "done":
                return
        code = self._process.wait()
        self._reader.join(1)
        raise EngineError(
            _death(code, self._noise), hint="`trtswap doctor` says whether the installation is whole."
        )

    def kill(self) -> None:
        """Ends it, from whatever thread."""
        with suppress(OSError):
            self._process.kill()

    def end(self) -> None:
        """Ends it and gives back its pipes."""
        _running.discard(self)
        self.kill()
        self._process.wait()
        self._reader.join(1)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


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
