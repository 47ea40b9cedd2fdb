"""Frames to batches, and how long the first frame of one waits for others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from support.patience import until

from trtswap.concurrency import Ahead
from trtswap.errors import VideoError
from trtswap.stages.carry import HostRoute
from trtswap.stages.gather import gather, gather_within, singly
from trtswap.types import Frame, PixelFormat, Surface

LONG_S = 60.0


def frames(count: int, first: int = 0) -> Iterator[Frame]:
    for number in range(first, first + count):
        surface = Surface(PixelFormat.RGB8, (np.zeros((2, 2, 3), np.uint8),))
        yield Frame(surface, index=number, pts=number, time_base=Fraction(1, 25))


def sizes(batches: Iterator) -> list[int]:  # type: ignore[type-arg]
    found = [[frame.index for frame in batch.frames] for batch in batches]
    assert [index for batch in found for index in batch] == list(range(sum(map(len, found))))
    return list(map(len, found))


@pytest.mark.parametrize(("count", "expected"), [(0, []), (3, [3]), (8, [4, 4]), (9, [4, 4, 1])])
def test_full_batches_and_what_is_left(count: int, expected: list[int]) -> None:
    assert sizes(gather(frames(count), 4)) == expected
    with Ahead(singly(frames(count)), 4, "decode") as ahead:
        assert sizes(gather_within(ahead, 4, LONG_S, HostRoute().accept)) == expected


def test_a_late_frame_is_not_waited_for() -> None:
    gate = threading.Event()

    def source() -> Iterator[Frame]:
        yield from frames(3)
        assert gate.wait(LONG_S)
        yield from frames(13, 3)

    with Ahead(singly(source()), 16, "decode") as ahead:
        batches = gather_within(ahead, 8, 0.05, HostRoute().accept)
        first = next(batches)
        assert 1 <= len(first.frames) <= 3
        taken = len(first.frames)
        while taken < 3:
            taken += len(next(batches).frames)
        gate.set()
        until(lambda: len(ahead._items) == 13, "all frames made")
        # Up to where the batch would have ended, then full ones again; what is there is taken without waiting.
        assert [len(batch.frames) for batch in batches] == [5, 8]


def test_slow_frames_are_waited_for_as_long_as_that() -> None:
    def source() -> Iterator[Frame]:
        for frame in frames(12):
            time.sleep(0.002)
            yield frame

    with Ahead(singly(source()), 4, "decode") as ahead:
        assert sizes(gather_within(ahead, 4, LONG_S, HostRoute().accept)) == [4, 4, 4]


def test_an_error_comes_behind_the_frames_before_it() -> None:
    def source() -> Iterator[Frame]:
        yield from frames(6)
        raise VideoError("the pipe broke", path="pipe")

    with Ahead(singly(source()), 4, "decode") as ahead:
        batches = gather_within(ahead, 4, LONG_S, HostRoute().accept)
        assert [len(next(batches).frames) for _ in range(2)] == [4, 2]
        with pytest.raises(VideoError, match="the pipe broke"):
            next(batches)
