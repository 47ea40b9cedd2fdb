"""Frames, one by one, to batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from trtswap import tracing
from trtswap.concurrency import Ahead
from trtswap.stages.batch import Batch
from trtswap.stages.fitting import Room, room_of
from trtswap.types import Frame


@tracing.stage("gather")
def gather(frames: Iterable[Frame], size: Room | int) -> Iterator[Batch]:
    """Batches of `size` frames in order; the last may be smaller, and others once the room shrinks."""
    room, taken = room_of(size), 0
    iterator = iter(tracing.each(frames, "decode", "video"))
    while chunk := tuple(islice(iterator, room.step(taken))):
        taken += len(chunk)
        yield Batch(chunk)
        del chunk


def singly(frames: Iterable[Frame]) -> Iterator[Batch]:
    """Batches of one frame each, for `gather_within`."""
    for frame in tracing.each(frames, "decode", "video"):
        yield Batch((frame,))
        del frame


@tracing.stage("gather")
def gather_within(
    frames: Ahead[Batch], size: Room | int, wait_s: float, accept: Callable[[Batch], Batch]
) -> Iterator[Batch]:
    """As `gather`, but no frame waits longer than `wait_s` seconds for others: what is there by then is a batch.

    frames: those of `singly`, made in a thread of their own. accept: what is done with a batch of another thread. A
    batch that was closed early is followed by one up to where it would have ended.
    """
    room, taken = room_of(size), 0
    for first in frames:
        chunk = [*accept(first).frames]
        del first
        deadline = time.monotonic() + wait_s
        wanted = room.step(taken)
        while len(chunk) < wanted:
            following = frames.within(max(0.0, deadline - time.monotonic()))
            if following is None:
                break
            chunk += accept(following).frames
            del following
        taken += len(chunk)
        batch = Batch(tuple(chunk))
        del chunk
        yield batch
        del batch
