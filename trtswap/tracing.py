"""A time line of a run, from events of our own, for chrome://tracing and Perfetto.

    with to_file("run.json", overwrite=False):
        swap_video(...)

Code tells what it does with `with span("encode", "video", frame=7):`; stages, which are iterators, with
`@stage("swap")` or `each`; numbers that go up and down with `count`. While nobody records, a span costs a fraction of a
microsecond and nothing is kept.

All times are of the host's clock: a span around work on a GPU ends when that is queued, unless it waits for the result.
How long the work itself took is told later, in rows of the GPU's streams (trtswap.device.timed), with `tell`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import IO, Any, Literal, ParamSpec, Protocol, TypeVar

from trtswap.errors import StrPath
from trtswap.host_memory import resident_bytes
from trtswap.whole_file import whole_text

Category = Literal["run", "stage", "network", "video", "wait", "gpu"]
Probe = Callable[[], "int | None"]
"""Tells bytes in use, None where unknown."""
Item = TypeVar("Item")
Given = ParamSpec("Given")

_SAMPLE_NS = 50_000_000
"""Memory is looked at so often, at most."""
_WAITING = 512
"""Lines held before they are written."""


@dataclass(frozen=True)
class Event:
    """Something that took time. row: the thread's number, thread: its name. own_ns: without the spans inside it."""

    name: str
    category: Category
    row: int
    thread: str
    start_ns: int
    end_ns: int
    own_ns: int
    facts: Mapping[str, Any]


class Sink(Protocol):
    """Takes what is recorded, one call at a time; spans come when they end, inner ones first."""

    def span(self, event: Event) -> None:
        """Takes a span."""

    def count(self, name: str, time_ns: int, values: Mapping[str, float]) -> None:
        """Takes numbers of a moment."""


class _Recorder:
    """Hands events to the sinks. One at a time in a process."""

    def __init__(self, sinks: tuple[Sink, ...], probes: Mapping[str, Probe]) -> None:
        self._sinks = sinks
        self._probes = {"resident": resident_bytes, **probes}
        self._lock = threading.Lock()
        self._sampled_ns = 0
        self._ended = False
        self.at_end: list[Callable[[], None]] = []
        self.local = threading.local()

    def add(self, event: Event) -> None:
        with self._lock:
            if self._ended:
                return
            for sink in self._sinks:
                sink.span(event)
            if event.end_ns - self._sampled_ns >= _SAMPLE_NS:
                self._sample(event.end_ns)

    def count(self, name: str, values: Mapping[str, float]) -> None:
        with self._lock:
            for sink in () if self._ended else self._sinks:
                sink.count(name, time.perf_counter_ns(), values)

    def finish(self) -> None:
        """Asks for what was timed and not told yet."""
        for ending in self.at_end:
            ending()

    def end(self) -> None:
        with self._lock:
            if not self._ended:
                self._sample(time.perf_counter_ns())
            self._ended = True

    def _sample(self, now_ns: int) -> None:
        self._sampled_ns = now_ns
        found = {name: probe() for name, probe in self._probes.items()}
        megabytes = {name: value / 1e6 for name, value in found.items() if value is not None}
        for sink in self._sinks if megabytes else ():
            sink.count("memory MB", now_ns, megabytes)


class Span:
    """A stretch of time in one thread; a context manager."""

    __slots__ = ("_above", "_category", "_facts", "_inside_ns", "_name", "_recorder", "_start_ns")

    def __init__(self, recorder: _Recorder, name: str, category: Category, facts: dict[str, Any]) -> None:
        self._recorder = recorder
        self._name = name
        self._category: Category = category
        self._facts = facts
        self._inside_ns = 0

    def note(self, **facts: Any) -> None:
        """Adds facts that were not known at the start."""
        self._facts.update(facts)

    def __enter__(self) -> Span:
        local = self._recorder.local
        self._above: Span | None = getattr(local, "span", None)
        local.span = self
        self._start_ns = time.perf_counter_ns()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        end_ns = time.perf_counter_ns()
        self._recorder.local.span = self._above
        if kind is not None:
            self._facts["error"] = kind.__name__
        took_ns = end_ns - self._start_ns
        if self._above is not None:
            self._above._inside_ns += took_ns
        thread = threading.current_thread()
        self._recorder.add(
            Event(
                self._name,
                self._category,
                thread.native_id or 0,
                thread.name,
                self._start_ns,
                end_ns,
                took_ns - self._inside_ns,
                self._facts,
            )
        )


class _Nothing:
    """The span of a run that nobody records."""

    __slots__ = ()

    def note(self, **facts: Any) -> None:
        """Does nothing."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None


_NOTHING = _Nothing()
_END = object()
_recorder: _Recorder | None = None


def recorded() -> bool:
    """Whether anybody records."""
    return _recorder is not None


def tell(event: Event) -> None:
    """Hands over something that was timed elsewhere; lost when nobody records any more."""
    recorder = _recorder
    if recorder is not None:
        recorder.add(event)


def at_end(finish: Callable[[], None]) -> None:
    """Has `finish` called, once, when the recording ends: it may still `tell`."""
    recorder = _recorder
    if recorder is not None:
        recorder.at_end.append(finish)


def span(name: str, category: Category = "run", **facts: Any) -> Span | _Nothing:
    """What is done inside the `with` this begins. facts: numbers and words that JSON can hold."""
    recorder = _recorder
    return _NOTHING if recorder is None else Span(recorder, name, category, facts)


def each(items: Iterable[Item], name: str, category: Category = "stage") -> Iterable[Item]:
    """The same items, each with a span around its making; `items` itself while nobody records.

    The span has the facts of the item where it tells any (`facts()`). An iterator that asks another one for its items
    encloses that one's spans: its own time is what they leave.
    """
    return items if _recorder is None else _each(items, name, category)


def stage(name: str) -> Callable[[Callable[Given, Iterator[Item]]], Callable[Given, Iterator[Item]]]:
    """Decorates a function that gives an iterator: its items get spans as with `each`."""

    def decorate(function: Callable[Given, Iterator[Item]]) -> Callable[Given, Iterator[Item]]:
        @wraps(function)
        def traced(*args: Given.args, **kwargs: Given.kwargs) -> Iterator[Item]:
            return iter(each(function(*args, **kwargs), name))

        return traced

    return decorate


def timed(name: str, category: Category = "run") -> Callable[[Callable[Given, Item]], Callable[Given, Item]]:
    """Decorates a function: each call is a span."""

    def decorate(function: Callable[Given, Item]) -> Callable[Given, Item]:
        @wraps(function)
        def traced(*args: Given.args, **kwargs: Given.kwargs) -> Item:
            with span(name, category):
                return function(*args, **kwargs)

        return traced

    return decorate


def _each(items: Iterable[Item], name: str, category: Category) -> Iterator[Item]:
    iterator = iter(items)
    while True:
        with span(name, category) as making:
            item: Any = next(iterator, _END)
            tell = getattr(item, "facts", None)
            if tell is not None:
                making.note(**tell())
        if item is _END:
            return
        yield item
        del item, tell  # so that the next one is made without holding this one


def count(name: str, **values: float) -> None:
    """Numbers as they are now, drawn as a curve."""
    if _recorder is not None:
        _recorder.count(name, values)


@contextmanager
def recording(*sinks: Sink, probes: Mapping[str, Probe] | None = None) -> Iterator[None]:
    """Sends everything that happens meanwhile, in all threads, to the sinks. probes: further memory to watch, by name.

    Raises RuntimeError while another recording is under way: there is one in a process.
    """
    global _recorder
    if _recorder is not None:
        raise RuntimeError("a recording is under way already")
    recorder = _recorder = _Recorder(sinks, probes or {})
    try:
        yield
    finally:
        recorder.finish()
        _recorder = None
        recorder.end()


@contextmanager
def to_file(
    path: StrPath | None, *, overwrite: bool, probes: Mapping[str, Probe] | None = None
) -> Iterator[None]:
    """Records to a file in Chrome's trace format, which appears when it is complete; None records nothing.

    Memory does not grow with the length of the run. Raises OptionError when the file may not be written.
    """
    if path is None:
        yield
        return
    with whole_text(path, overwrite=overwrite) as file:
        sink = ChromeFile(file)
        with recording(sink, probes=probes):
            yield
        sink.close()


class ChromeFile:
    """Writes events as JSON objects with a `traceEvents` list. Times are in microseconds from the first line."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._lines: list[str] = []
        self._rows: set[int] = set()
        self._origin_ns = time.perf_counter_ns()
        self._separator = ""
        file.write('{"displayTimeUnit":"ms","traceEvents":[\n')

    def span(self, event: Event) -> None:
        """Writes a span, and before the first of a thread its name."""
        if event.row not in self._rows:
            self._rows.add(event.row)
            name = event.thread.removeprefix("trtswap-")
            self._line("M", "thread_name", tid=event.row, args={"name": name})
        self._line(
            "X",
            event.name,
            cat=event.category,
            tid=event.row,
            ts=self._microseconds(event.start_ns),
            dur=(event.end_ns - event.start_ns) / 1e3,
            args=event.facts,
        )

    def count(self, name: str, time_ns: int, values: Mapping[str, float]) -> None:
        """Writes a point of a curve."""
        self._line("C", name, ts=self._microseconds(time_ns), args=values)

    def close(self) -> None:
        """Writes what is left and the end."""
        self._write()
        self._file.write("\n]}\n")

    def _microseconds(self, time_ns: int) -> float:
        return (time_ns - self._origin_ns) / 1e3

    def _line(self, phase: str, name: str, **fields: Any) -> None:
        entry = {"ph": phase, "name": name, "pid": os.getpid(), **fields}
        self._lines.append(json.dumps(entry, separators=(",", ":"), default=str))
        if len(self._lines) >= _WAITING:
            self._write()

    def _write(self) -> None:
        if self._lines:
            self._file.write(self._separator + ",\n".join(self._lines))
            self._separator = ",\n"
            self._lines.clear()
