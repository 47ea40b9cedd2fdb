"""Frames, one by one, to batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from trtswap.stages.batch import Batch
from trtswap.types import Frame


def gather(frames: Iterable[Frame], size: int) -> Iterator[Batch]:
    """Batches of `size` frames in order; the last may be smaller."""
    iterator = iter(frames)
    while chunk := tuple(islice(iterator, size)):
        yield Batch(chunk)
