"""How often a monitor may measure, so that what it takes of a run stays small however fast the run is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHARE = 0.02
"""Of the time since the first frame."""
RAREST = 8
"""One of so many times something is measured whatever it takes, so that there are figures."""


class Pace:
    """Adds up the time that measuring takes of a run. clock: seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._started: float | None = None
        self._spent_s = 0.0
        self._passed_over = 0

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Around whatever is done for the monitor in a thread of the run."""
        start = self._clock()
        if self._started is None:
            self._started = start
        try:
            yield
        finally:
            self._spent_s += self._clock() - start

    def allows(self) -> bool:
        """Whether to measure this time."""
        elapsed_s = 0.0 if self._started is None else self._clock() - self._started
        if self._spent_s <= SHARE * elapsed_s or self._passed_over >= RAREST - 1:
            self._passed_over = 0
            return True
        self._passed_over += 1
        return False
