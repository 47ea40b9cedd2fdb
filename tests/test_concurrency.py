"""Ahead: order, bounds, errors, and every way out."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import pytest
from support.patience import PATIENCE_S, until

from trtswap.concurrency import Ahead, Later, prompt_threads


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("trtswap-")]


def test_items_come_in_order_and_the_thread_ends() -> None:
    with Ahead(range(1000), 3, "test") as items:
        assert list(items) == list(range(1000))
    assert running() == []


def test_it_runs_ahead_but_no_further_than_its_size() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with Ahead(source(), 2, "test") as items:
        assert next(items) == 0
        until(lambda: len(made) >= 4, "four items made")
        time.sleep(0.05)
        assert made == [0, 1, 2, 3]  # one taken, two waiting, one in hand


def test_an_error_arrives_once_in_its_place_with_its_traceback() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise KeyError("lost")

    with Ahead(source(), 4, "test") as items:
        assert next(items) == 1
        with pytest.raises(KeyError, match="lost") as caught:
            next(items)
        assert any(entry.name == "source" for entry in caught.traceback)
        with pytest.raises(StopIteration):
            next(items)
    assert running() == []


def test_errors_pass_through_a_chain() -> None:
    def source() -> Iterator[int]:
        yield from range(3)
        raise OSError("disk")

    with Ahead(source(), 1, "a") as first, Ahead((n * 2 for n in first), 1, "b") as second:
        got: list[int] = []
        with pytest.raises(OSError, match="disk"):
            got.extend(iter(second))
        assert got == [0, 2, 4]
    assert running() == []


def test_leaving_early_closes_the_source_in_its_thread() -> None:
    closed_in: list[str] = []

    def source() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed_in.append(threading.current_thread().name)

    with Ahead(source(), 2, "test") as items:
        next(items)
    assert closed_in == ["trtswap-test"]
    assert running() == []


def test_an_error_of_the_consumer_does_not_hang() -> None:
    def consume() -> None:
        with Ahead(iter(int, 1), 1, "a") as first, Ahead((n for n in first), 1, "b") as second:
            next(second)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        consume()
    assert running() == []


def test_closing_twice_is_harmless() -> None:
    items = Ahead(range(3), 1, "test")
    items.close()
    items.close()
    assert list(items) == []


def test_a_queue_holds_something() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Ahead([], 0, "test")


def test_later_gives_what_the_work_gave_or_raised() -> None:
    started = threading.Event()

    def work() -> int:
        started.set()
        return 7

    later = Later(work, "test")
    assert started.wait(PATIENCE_S)
    assert (later.value(), later.value()) == (7, 7)
    failing = Later(lambda: 1 // 0, "test")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            failing.value()


def test_threads_take_turns_more_often_while_any_run_lasts() -> None:
    usual = sys.getswitchinterval()
    with prompt_threads():
        with prompt_threads():
            assert sys.getswitchinterval() == pytest.approx(min(usual, 5e-4), rel=0.02)
        assert sys.getswitchinterval() == pytest.approx(min(usual, 5e-4), rel=0.02)
    assert sys.getswitchinterval() == pytest.approx(usual, rel=0.02)
    sys.setswitchinterval(1e-4)
    try:
        with prompt_threads():
            assert sys.getswitchinterval() == pytest.approx(1e-4, rel=0.02), "whoever wants less keeps it"
        assert sys.getswitchinterval() == pytest.approx(1e-4, rel=0.02)
    finally:
        sys.setswitchinterval(usual)
