"""The lanes of a session that nobody uses just now."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from trtswap.inference.lane import Lane


class FreeLanes:
    """Gives the lane used last first; may be asked in any thread."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self._lanes = list(lanes)
        self._lock = threading.Lock()
        self._returned = threading.Condition(self._lock)
        self._waiting = 0
        self._closed = False

    def take(self) -> Lane | None:
        """A lane, once one is free; None when closed."""
        with self._lock:
            while not self._closed:
                if self._lanes:
                    return self._lanes.pop()
                self._waiting += 1
                try:
                    self._returned.wait()
                finally:
                    self._waiting -= 1
        return None

    def take_now(self) -> Lane | None:
        """A lane, or None while none is free and when closed."""
        with self._lock:
            return self._lanes.pop() if self._lanes and not self._closed else None

    def put(self, lane: Lane) -> None:
        """Back again."""
        with self._lock:
            self._lanes.append(lane)
            if self._waiting:
                self._returned.notify()

    def close(self) -> None:
        """From now on there is none; whoever waits is told."""
        with self._lock:
            self._closed = True
            self._returned.notify_all()
