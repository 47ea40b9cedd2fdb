"""A stage that remembers nothing, run by several threads on one item each, with results in the order of the items."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

from trtswap import tracing

Given = TypeVar("Given")
Made = TypeVar("Made")


class SideBySide(Generic[Given, Made], Iterator[Made]):
    """Runs a stage in several threads, which take turns at its source.

    stage: called once in each thread, with the items that fall to it; what it makes before it asks for the next one
    belongs to the last, any number of results. Of so many items as there are threads, and of the one that the consumer
    has in hand, results are waiting or being made. An exception is raised, once and as it is, where the consumer would
    have got what it is about; it ends the rest. `close` (or leaving the `with`) stops the threads after the items in
    hand, waits for them, and may be repeated; whoever gives the source ends it.
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
        self._taking = threading.Lock()
        """Held by the one whose turn it is at the source."""
        self._changed = threading.Condition()
        self._made: defaultdict[int, deque[Made]] = defaultdict(deque)
        self._errors: dict[int, BaseException] = {}
        self._finished: set[int] = set()
        self._taken = 0
        self._given = 0
        """The items that were taken, and those all of whose results were given on."""
        self._ended = self._stopped = False
        self._running = threads
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
            while not self._stopped:
                here = self._given
                if self._made[here]:
                    return self._made[here].popleft()
                if here in self._errors:
                    self._stop()
                    raise self._errors.pop(here)
                if here in self._finished:
                    self._finished.remove(here)
                    del self._made[here]
                    self._given += 1
                    self._changed.notify_all()
                elif self._ended and here == self._taken:
                    break
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

    def __enter__(self) -> SideBySide[Given, Made]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _stop(self) -> None:
        self._stopped = True
        self._made.clear()
        self._changed.notify_all()

    def _run(self) -> None:
        turn = _Turn()
        results = self._stage(self._own(turn))
        try:
            for result in results:
                with self._changed:
                    if self._stopped:
                        break
                    self._made[turn.number].append(result)
                    self._changed.notify_all()
                del result  # the consumer's alone now
        except BaseException as error:  # handed to the consumer, whatever it is
            self._fail(turn.number, error)
        finally:
            close = getattr(results, "close", None)
            if close is not None:
                close()
            self._leave(turn)

    def _own(self, turn: _Turn) -> Iterator[Given]:
        """The items of one thread."""
        while True:
            with self._taking:
                if not self._may_take():
                    return
                turn.number = self._taken
                try:
                    item = next(self._source)
                except StopIteration:
                    self._end()
                    return
                except BaseException:
                    self._end()
                    raise
                with self._changed:
                    self._taken += 1
            turn.busy = True
            yield item
            del item
            turn.busy = False
            with self._changed:
                self._finished.add(turn.number)
                self._changed.notify_all()

    def _may_take(self) -> bool:
        """Waits until there is room for the results of one more item; False when there is none to take."""

        def told() -> bool:
            return self._stopped or self._ended or self._taken - self._given <= len(self._threads)

        with self._changed:
            if not told():
                with tracing.span(f"queue {self._name} full", "wait"):
                    self._changed.wait_for(told)
            return not (self._stopped or self._ended)

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _fail(self, number: int, error: BaseException) -> None:
        with self._changed:
            self._errors[number] = error
            self._ended = True
            self._changed.notify_all()

    def _leave(self, turn: _Turn) -> None:
        """A thread ends, perhaps without having asked for a further item."""
        with self._changed:
            if turn.busy:
                self._finished.add(turn.number)
            self._running -= 1
            self._ended = self._ended or not self._running
            self._changed.notify_all()


class _Turn:
    """The number of the item that a thread took last, and whether it is at it."""

    number = 0
    busy = False
