"""A stage that remembers nothing, run by several threads on one item each, with results in the order of the items."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from trtswap import tracing

Given = TypeVar("Given")
Made = TypeVar("Made")


class SideBySide(Generic[Given, Made], Iterator[Made]):
    """Runs a stage in several threads, which take turns at its source.

    stage: called once in each thread, with the items that fall to it; what it makes before it asks for the next one
    belongs to the last, any number of results. Of so many items as there are threads, and of the one that the consumer
    has in hand, results are waiting or being made. An exception is raised, once and as it is, where the consumer would
    have got what it is about; it ends the rest, as does a stage that ends early. `close` stops the threads after the
    items in hand, waits for them, and may be repeated; whoever gives the source ends it.
    """

    def __init__(
        self,
        source: Iterable[Given],
        stage: Callable[[Iterator[Given]], Iterator[Made]],
        threads: int,
        name: str,
    ) -> None:
        self._source = iter(source)
        self._stage = stage
        self._name = name
        self._turn = threading.Lock()
        """Held by the one who takes from the source."""
        self._changed = threading.Condition()
        self._works: deque[_Work[Made]] = deque()
        """In the order of the items; the consumer is at the first."""
        self._ended = self._stopped = False
        self._threads = [
            threading.Thread(target=self._run, name=f"trtswap-{name} {number + 1}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def __iter__(self) -> SideBySide[Given, Made]:
        return self

    def __next__(self) -> Made:
        with self._changed:
            while not self._stopped and (self._works or not self._ended):
                first = self._works[0] if self._works else _Work[Made]()
                if first.made:
                    return first.made.popleft()
                if first.error is not None:
                    self._stop()
                    raise first.error
                if first.done:
                    self._works.popleft()
                    self._changed.notify_all()
                else:
                    with tracing.span(f"queue {self._name} empty", "wait"):
                        self._changed.wait()
        raise StopIteration

    def stop(self) -> None:
        """Asks the threads to end, without waiting; the consumer gets no more."""
        with self._changed:
            self._stop()

    def close(self) -> None:
        """Stops the threads and waits until they have ended."""
        self.stop()
        for thread in self._threads:
            thread.join()

    def _stop(self) -> None:
        self._stopped = True
        self._works.clear()
        self._changed.notify_all()

    def _run(self) -> None:
        work = _Work[Made](done=True)

        def own() -> Iterator[Given]:
            nonlocal work
            while (taken := self._take()) is not None:
                work, item = taken
                del taken
                yield item
                del item
                with self._changed:
                    work.done = True
                    self._changed.notify_all()

        results, error = self._stage(own()), None
        try:
            for result in results:
                with self._changed:
                    if self._stopped:
                        break
                    work.made.append(result)
                    self._changed.notify_all()
                del result  # the consumer's alone now
        except BaseException as raised:  # handed to the consumer, whatever it is
            error = raised
        finally:
            close = getattr(results, "close", None)
            if close is not None:
                close()
            with self._changed:
                if work.done and error is not None:  # it came in place of a further item
                    work = _Work()
                    self._works.append(work)
                work.done, work.error = True, error
                self._ended = True
                self._changed.notify_all()

    def _take(self) -> tuple[_Work[Made], Given] | None:
        """An item, and where what is made of it goes; waits until there is room. None when there is none to take."""
        with self._turn:
            if not self._has_room():
                return None
            try:
                item = next(self._source)
            except BaseException as error:
                with self._changed:
                    self._ended = True
                    self._changed.notify_all()
                if isinstance(error, StopIteration):
                    return None
                raise
            work = _Work[Made]()
            with self._changed:
                self._works.append(work)
            return work, item

    def _has_room(self) -> bool:
        """Waits until results of one more item may wait; False when no item is wanted any more."""

        def told() -> bool:
            return self._stopped or self._ended or len(self._works) <= len(self._threads)

        with self._changed:
            if not told():
                with tracing.span(f"queue {self._name} full", "wait"):
                    self._changed.wait_for(told)
            return not (self._stopped or self._ended)


class _Work(Generic[Made]):
    """What is made of one item. done: that is all. error: what it ended with."""

    def __init__(self, *, done: bool = False) -> None:
        self.made: deque[Made] = deque()
        self.done = done
        self.error: BaseException | None = None
