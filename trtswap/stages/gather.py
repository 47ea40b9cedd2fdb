"""Frames, one by one, to batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from trtswap import tracing
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
