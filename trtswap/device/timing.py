"""How long work takes on a GPU, for time lines: events before and behind it on its stream, read once both have passed.

Nobody waits for them in a run: what has passed is told when more is timed on the same stream, the rest when the
recording ends. Times are the GPU's, set against the host's clock once for each stream.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from trtswap import tracing
from trtswap.device.gpu import Gpu
from trtswap.device.streams import Stream, borrowed, current

_ROWS = 1 << 40
"""Numbers of rows of streams, apart from those of threads."""


class timed:  # noqa: N801  used as a function
    """What this thread queues on its stream inside the `with` takes a span in the stream's row, if anybody records.

    facts: as in `tracing.span`. A thread without a stream of its own is not timed.
    """

    __slots__ = ("_began", "_facts", "_line", "_name")

    def __init__(self, name: str, **facts: Any) -> None:
        self._name = name
        self._facts = facts
        self._line: _Line | None = None

    def __enter__(self) -> None:
        if tracing.recorded():
            self._line = _line_of_thread()
            if self._line is not None:
                self._began = self._line.mark()

    def __exit__(self, *_: object) -> None:
        if self._line is not None:
            self._line.add(_Piece(self._name, self._facts, self._began, self._line.mark()))


@dataclass(frozen=True)
class _Piece:
    """Work between two of pycuda's events."""

    name: str
    facts: dict[str, Any]
    began: Any
    ended: Any


@dataclass
class _Line:
    """What is timed on one stream. One thread at a time adds to it."""

    stream: Stream
    row: int
    waiting: deque[_Piece] = field(default_factory=deque)
    unused: deque[Any] = field(default_factory=deque)
    last: Any = None
    """The latest event whose time is known, and that time, in nanoseconds of the host's clock."""
    last_ns: float = 0.0

    @property
    def gpu(self) -> Gpu:
        return self.stream.gpu

    def mark(self) -> Any:
        """A point in the stream's work."""
        with self.gpu.current():
            event = None
            with suppress(IndexError):
                event = self.unused.popleft()
            if event is None:
                event = self.gpu.driver.Event(0)
            event.record(self.stream.raw)
        return event

    def start(self) -> None:
        """Sets the stream's clock: on an idle stream beside it, so that nothing is waited for."""
        with borrowed(self.gpu.index) as beside, self.gpu.current():
            event = self.gpu.driver.Event(0)
            event.record(beside.raw)
            event.synchronize()
            self.last, self.last_ns = event, float(time.perf_counter_ns())

    def add(self, piece: _Piece) -> None:
        """Takes a piece, and tells those that are done."""
        self.waiting.append(piece)
        with self.gpu.current():
            while self.waiting and self.waiting[0].ended.query():
                self._tell(self.waiting.popleft())

    def finish(self) -> None:
        """Tells the rest, once it is done."""
        with self.gpu.current():
            while self.waiting:
                self.waiting[0].ended.synchronize()
                self._tell(self.waiting.popleft())

    def _tell(self, piece: _Piece) -> None:
        began_ns = self.last_ns + 1e6 * self.last.time_till(piece.began)
        ended_ns = began_ns + 1e6 * piece.began.time_till(piece.ended)
        self.unused += (self.last, piece.began)
        self.last, self.last_ns = piece.ended, ended_ns
        start, end = round(began_ns), round(ended_ns)
        name = f"GPU {self.gpu.index} stream {self.row - _ROWS}"
        tracing.tell(tracing.Event(piece.name, "gpu", self.row, name, start, end, end - start, piece.facts))


_lines: dict[Stream, _Line] = {}
_lock = threading.Lock()


def _line_of_thread() -> _Line | None:
    stream = current()
    if stream.raw is None:
        return None
    line = _lines.get(stream)
    if line is None:
        with _lock:
            if not _lines:
                tracing.at_end(_finish)
            line = _lines[stream] = _Line(stream, _ROWS + 1 + len(_lines))
        line.start()
    return line


def _finish() -> None:
    """The end of a recording; the work that was timed is all queued."""
    with _lock:
        lines = list(_lines.values())
        _lines.clear()
    for line in lines:
        with suppress(line.gpu.driver.Error):
            line.finish()
