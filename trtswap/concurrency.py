"""Threads between stages, a bounded queue that ends cleanly on every way out; how often threads take turns; and work
that is waited for later."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Generic, TypeVar

from trtswap import tracing

Item = TypeVar("Item")


class Ahead(Generic[Item], Iterator[Item]):
    """Runs an iterable in a thread of its own, at most `size` items ahead of the consumer.

    Items come in order. An exception of the iterable is raised, once and as it is, where the consumer would have got
    the next item. `close` (or leaving the `with`) stops the thread after the item it is making, waits for it, and
    may be repeated; an iterable that is a generator is closed in its own thread.
    """

    def __init__(self, source: Iterable[Item], size: int, name: str) -> None:
        if size < 1:
            raise ValueError(f"a queue holds at least one item, not {size}")
        self._source = source
        self._name = name
        self._size = size
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._ended = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=f"trtswap-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        iterator = iter(self._source)
        error: BaseException | None = None
        try:
            for item in iterator:
                if not self._put(item):
                    break
                del item  # the queue's alone now: one item less in memory while the next is made
        except BaseException as raised:  # handed to the consumer, whatever it is
            error = raised
        finally:
            try:
                close = getattr(iterator, "close", None)
                if close is not None:
                    close()
            except BaseException as raised:
                error = error or raised
            with self._changed:
                self._error = error
                self._ended = True
                self._changed.notify_all()

    def _put(self, item: Item) -> bool:
        with self._changed:
            self._wait("full", lambda: self._stopped or len(self._items) < self._size)
            if self._stopped:
                return False
            self._items.append(item)
            tracing.count(f"queue {self._name}", batches=len(self._items))
            self._changed.notify_all()
            return True

    def _wait(self, state: str, done: Callable[[], bool]) -> None:
        """Until it is done; the condition is held. state: of the queue, for the time line."""
        if not done():
            with tracing.span(f"queue {self._name} {state}", "wait"):
                self._changed.wait_for(done)

    def __iter__(self) -> Ahead[Item]:
        return self

    def __next__(self) -> Item:
        with self._changed:
            self._wait("empty", lambda: self._stopped or self._ended or len(self._items) > 0)
            if self._stopped:
                raise StopIteration
            if self._items:
                item = self._items.popleft()
                tracing.count(f"queue {self._name}", batches=len(self._items))
                self._changed.notify_all()
                return item
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def within(self, seconds: float) -> Item | None:
        """The next item if it is there in so many seconds, 0 for now, else None; None too where there is no further
        one, or an error comes in its place: `next` tells."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._ended or len(self._items) > 0, seconds)
            if self._stopped or not self._items:
                return None
        return next(self)

    def stop(self) -> None:
        """Asks the thread to end, without waiting; the consumer gets no more items."""
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Stops the thread and waits until it has ended."""
        self.stop()
        self._thread.join()

    def __enter__(self) -> Ahead[Item]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_TURN_S = 5e-4
"""Python lets a thread that computes keep the others waiting for ten times as long."""

_lock = threading.Lock()
_prompt = 0
_usual_s = 0.0


@contextmanager
def prompt_threads() -> Iterator[None]:
    """Until the end of the block, or of the last of several, threads of this process take turns at least every half
    millisecond: one that has work for a GPU does not wait long for another that computes."""
    global _prompt, _usual_s
    with _lock:
        if not _prompt:
            _usual_s = sys.getswitchinterval()
            sys.setswitchinterval(min(_usual_s, _TURN_S))
        _prompt += 1
    try:
        yield
    finally:
        with _lock:
            _prompt -= 1
            if not _prompt:
                sys.setswitchinterval(_usual_s)


class Later(Generic[Item]):
    """Does a piece of work in a thread of its own from now on. `value` waits for it, and raises what it raised."""

    def __init__(self, work: Callable[[], Item], name: str) -> None:
        self._done: list[Item] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        self._thread.start()

    def value(self) -> Item:
        """What the work gave."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._done[0]

    def _run(self, work: Callable[[], Item]) -> None:
        try:
            self._done.append(work())
        except Exception as error:
            self._error = error
