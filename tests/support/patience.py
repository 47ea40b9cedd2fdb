"""Waiting for what happens in another thread or process, however slow the machine is at that moment."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 120.0
"""How long a test waits before it says that something never happens: many times what it takes on a busy machine, and
less than the limit of a test."""

FOREVER_S = 3600.0
"""What is to be stopped lasts so long: nobody takes its own end for a stop."""


def until(happened: Callable[[], bool], what: str, going: Callable[[], bool] = lambda: True) -> None:
    """Waits until it happened; fails after PATIENCE_S, or at once where it cannot happen any more.

    going: whether that which makes it happen is still at work.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        able = going()  # before the look: what ends after it has happened is no failure
        if happened():
            return
        assert able, f"{what}: it ended before"
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:.0f} s"
        time.sleep(0.005)


def least(measure: Callable[[], float], limit: float, tries: int = 20) -> float:
    """The least of up to so many measurements, which end with the first below the limit: what others do on the machine
    only ever adds."""
    found = measure()
    for _ in range(tries - 1):
        if found < limit:
            break
        found = min(found, measure())
    return found
