"""Frames, one by one, to batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from trtswap import tracing
from trtswap.stages.batch import Batch
from trtswap.types import Frame


@tracing.stage("gather")
def gather(frames: Iterable[Frame], size: int) -> Iterator[Batch]:
    """Batches of `size` frames in order; the last may be smaller."""
    iterator = iter(tracing.each(frames, "decode", "video"))
    while chunk := tuple(islice(iterator, size)):
        yield Batch(chunk)
