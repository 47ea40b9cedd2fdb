"""Who gets which lane of a session, and who waits."""

from __future__ import annotations

import threading
from typing import Any

from support.patience import PATIENCE_S, until

from trtswap.inference.free_lanes import FreeLanes


def free(*lanes: Any) -> FreeLanes:
    return FreeLanes(lanes)


def takers(lanes: FreeLanes, number: int) -> tuple[list[threading.Thread], list[Any]]:
    """Threads that take a lane each, all waiting, and what they got."""
    got: list[Any] = []
    threads = [threading.Thread(target=lambda: got.append(lanes.take())) for _ in range(number)]
    for thread in threads:
        thread.start()
    until(lambda: lanes._waiting == number, "threads that wait for a lane")
    assert got == []
    return threads, got


def ended(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(PATIENCE_S)
    return not any(thread.is_alive() for thread in threads)


def test_the_lane_used_last_comes_first() -> None:
    lanes = free("a", "b", "c")
    assert [lanes.take() for _ in range(3)] == ["c", "b", "a"]
    for lane in ("b", "c", "a"):
        lanes.put(lane)  # type: ignore[arg-type]
    assert [lanes.take(), lanes.take_now(), lanes.take()] == ["a", "c", "b"]
    assert lanes.take_now() is None


def test_each_lane_that_returns_serves_one_who_waits() -> None:
    lanes = free()
    threads, got = takers(lanes, 3)
    for lane in ("a", "b", "c"):
        lanes.put(lane)  # type: ignore[arg-type]
    assert ended(threads)
    assert sorted(got) == ["a", "b", "c"]
    assert lanes.take_now() is None


def test_closing_tells_all_who_wait_and_all_who_come() -> None:
    lanes = free()
    threads, got = takers(lanes, 3)
    lanes.close()
    assert ended(threads)
    assert got == [None] * 3
    lanes.put("a")  # type: ignore[arg-type]
    assert lanes.take() is None
    assert lanes.take_now() is None


def test_many_threads_never_share_a_lane() -> None:
    lanes = free("a", "b")
    used: set[Any] = set()
    shared: list[Any] = []

    def work() -> None:
        for _ in range(2000):
            lane: Any = lanes.take()
            if lane in used:
                shared.append(lane)
            used.add(lane)
            used.discard(lane)
            lanes.put(lane)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert ended(threads)
    assert shared == []
    assert {lanes.take_now(), lanes.take_now(), lanes.take_now()} == {"a", "b", None}
