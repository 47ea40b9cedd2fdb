"""Several threads at one stage: nothing is lost, doubled or out of order, and every way out ends them all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from support.patience import PATIENCE_S, until

from trtswap.concurrency import Ahead
from trtswap.side_by_side import SideBySide


def named() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("trtswap-side")]


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    until(lambda: not named(), "all threads have ended")


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order(threads: int) -> None:
    """Of items that take all kinds of times and give none, one or several results."""
    rng = np.random.default_rng()
    waits = rng.uniform(0, 0.004, 60)
    counts = rng.integers(0, 4, 60)

    def stage(items: Iterator[int]) -> Iterator[tuple[int, int]]:
        for item in items:
            time.sleep(waits[item])
            for part in range(counts[item]):
                yield item, part

    with closing(SideBySide(range(60), stage, threads, "side")) as found:
        assert list(found) == [(item, part) for item in range(60) for part in range(counts[item])]
        assert list(found) == []


def test_threads_work_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=PATIENCE_S)

    def stage(items: Iterator[int]) -> Iterator[int]:
        for item in items:
            together.wait()
            yield item

    with closing(SideBySide(range(9), stage, 3, "side")) as found:
        assert list(found) == list(range(9))


def test_each_thread_has_a_stage_of_its_own() -> None:
    made: list[int] = []

    def stage(items: Iterator[int]) -> Iterator[tuple[int, int]]:
        made.append(threading.get_ident())
        for item in items:
            time.sleep(0.002)
            yield item, threading.get_ident()

    with closing(SideBySide(range(20), stage, 2, "side")) as found:
        results = list(found)
    assert [item for item, _ in results] == list(range(20))
    assert len(made) == 2
    assert {thread for _, thread in results} <= set(made)


def test_no_more_is_taken_than_there_is_room_for() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    with closing(SideBySide(source(), iter, 2, "side")) as found:
        for number in found:
            assert len(taken) <= number + 3  # what the consumer has in hand, and one for each thread
            if not number % 10:
                until(lambda: len(taken) == min(number + 3, 50), "the threads are ahead")  # noqa: B023


@pytest.mark.parametrize("at", [0, 1, 7])
@pytest.mark.parametrize("where", ["source", "stage"])
def test_an_error_comes_where_it_belongs(at: int, where: str) -> None:
    def source() -> Iterator[int]:
        for number in range(12):
            if where == "source" and number == at:
                raise KeyError("lost")
            yield number

    def stage(items: Iterator[int]) -> Iterator[int]:
        for item in items:
            time.sleep(0.002 * (item % 2))
            if where == "stage" and item == at:
                raise KeyError("lost")
            yield item

    found = SideBySide(source(), stage, 2, "side")
    got: list[int] = []

    with closing(found):
        with pytest.raises(KeyError, match="lost"):
            got.extend(found)
        assert got == list(range(at))
        assert list(found) == []


def test_a_stage_that_ends_early_ends_it_all() -> None:
    def stage(items: Iterator[int]) -> Iterator[int]:
        for item in items:
            yield item
            return

    with closing(SideBySide(range(9), stage, 2, "side")) as found:
        assert list(found) in ([0], [0, 1])  # the other thread may have one too


def test_an_empty_source() -> None:
    with closing(SideBySide([], iter, 2, "side")) as found:
        assert list(found) == []


def test_leaving_early_closes_stages_in_their_own_threads() -> None:
    closed: list[int] = []

    def stage(items: Iterable[int]) -> Iterator[int]:
        try:
            yield from items
        finally:
            closed.append(threading.get_ident())

    def source() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    with closing(SideBySide(source(), stage, 2, "side")) as found:
        assert [next(found) for _ in range(3)] == [0, 1, 2]
    assert len(set(closed)) == 2
    assert threading.get_ident() not in closed
    found.close()
    assert list(found) == []


def test_behind_a_queue_that_is_stopped_first() -> None:
    """As in a run: every thread is asked to stop, and then waited for; some of them wait for a source that gives no
    more."""
    gate = threading.Event()

    def slow() -> Iterator[int]:
        yield 0
        gate.wait(PATIENCE_S)

    before: Any = Ahead(slow(), 1, "side source")
    found = SideBySide(before, iter, 2, "side")
    assert next(found) == 0
    for thread in (before, found):
        thread.stop()
    gate.set()
    for thread in (before, found):
        thread.close()
