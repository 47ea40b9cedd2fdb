"""The thread that has looks judged, in itself or in a process of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from trtswap import tracing
from trtswap.quality.assess import Assessor
from trtswap.quality.judge_process import JudgeProcess
from trtswap.quality.look import Look
from trtswap.quality.tally import Tally

_WAITING = 16


class Judge:
    """Takes looks in order and has them judged beside the caller; so many wait at most."""

    def __init__(self, tally: Tally, on_error: Callable[[BaseException], None]) -> None:
        self._tally = tally
        self._on_error = on_error
        self._assessor = Assessor(tally)
        self._process: JudgeProcess | None = None
        self._waiting: queue.Queue[Look | None] = queue.Queue(_WAITING)
        self._dropping = False
        self._thread = threading.Thread(target=self._run, name="trtswap-monitor", daemon=True)
        self._thread.start()

    def put(self, look: Look, *, wait: bool) -> None:
        """Hands over a look; without `wait` it is counted as skipped when too many wait already."""
        if not self._thread.is_alive():
            return
        try:
            self._waiting.put(look, block=wait)
        except queue.Full:
            self._tally.counts["skipped"] += 1

    def close(self, *, finish: bool) -> None:
        """Ends the thread, after all that waits or at once. May be repeated."""
        if self._thread.is_alive():
            self._dropping = not finish
            self._waiting.put(None)
            self._thread.join()

    def _run(self) -> None:
        try:
            while (look := self._waiting.get()) is not None:
                if not self._dropping:
                    self._guarded(self._judge, look)
            if self._process is not None and not self._dropping:
                self._guarded(self._conclude, self._process)
        finally:
            if self._process is not None:
                self._process.end()

    def _guarded(self, step: Callable[..., None], argument: object) -> None:
        try:
            step(argument)
        except Exception as error:  # told by the monitor; what still comes is taken and forgotten
            self._dropping = True
            self._on_error(error)

    def _conclude(self, process: JudgeProcess) -> None:
        tally, problem = process.finish()
        self._tally.merge(tally)
        if problem is not None:
            raise RuntimeError(problem)

    def _judge(self, look: Look) -> None:
        with tracing.span("judge", "stage", frame=look.index):
            look.arrive()
            if look.apart and self._process is None:
                self._process = JudgeProcess()
            if self._process is None:
                self._assessor.assess(look)
            else:
                self._process.send(look)
