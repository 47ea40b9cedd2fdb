"""What happens where memory runs out: the batch is halved and the run goes on.

Groups of frames always begin at multiples of the batch, counted from the first frame: from the batch on that did not
fit, every stage that comes works on the very groups that a run at the smaller batch has, so that even a network whose
rounding depends on the batch gives the same bits. One frame that does not fit is worked on face by face, a single face
that does not fit ends the run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from trtswap import device
from trtswap.errors import DeviceMemoryError
from trtswap.networks.swapper import Patches
from trtswap.stages.batch import Batch
from trtswap.types import Array

Stage = Callable[[Iterable[Batch]], Iterator[Batch]]
Rows = TypeVar("Rows")

_log = logging.getLogger(__name__)
_PATIENCE_S = 20.0
_LOOK_AGAIN_S = 0.05


class Room:
    """How many frames are worked on together, for all stages of a run; only ever becomes less. notes: what the user
    should know of that."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._lock = threading.Lock()
        self.notes: list[str] = []

    @property
    def frames(self) -> int:
        """At most so many."""
        return self._frames

    def step(self, start: int) -> int:
        """How many frames belong to the group that begins with, or goes on at, frame number `start`."""
        frames = self._frames
        return frames - start % frames

    def shrink(self, frames: int, error: MemoryError) -> None:
        """So many did not fit: from now on half of the batch, or, so that groups begin where they do now, its largest
        divisor below."""
        with self._lock:
            if frames > self._frames:
                return  # another stage has met the limit meanwhile
            less = max((n for n in range(1, frames) if self._frames % n == 0), default=1)
            if less < self._frames:
                self._frames = less
                _log.warning("%s; going on with %d frames at a time", error, less)
                self.notes = [
                    f"memory ran out: the batch was reduced to {less}; --batch {less} avoids the attempts"
                ]

    def groups(self, batch: Batch) -> list[Batch]:
        """The batch, cut where groups of the present size begin."""
        first, total = batch.frames[0].index, len(batch.frames)
        if total <= self.step(first):
            return [batch]
        parts, start = [], 0
        while start < total:
            end = min(total, start + self.step(first + start))
            parts.append(batch.part(start, end))
            start = end
        return parts


def room_of(size: Room | int) -> Room:
    """A room of so many frames, unless it is one."""
    return size if isinstance(size, Room) else Room(size)


def fitted(stage: Stage, batches: Iterable[Batch], room: Room, *, patient: bool = False) -> Iterator[Batch]:
    """Runs a stage that makes one batch of each and remembers nothing, in smaller pieces when memory runs out.

    The stage is begun anew after that. It must not have changed frames when it raises MemoryError, which operations
    do not: they write once all memory is there. patient: a single frame waits until the stages behind have let
    others go. Raises DeviceMemoryError, MemoryError for what does not fit by itself.
    """
    worker = _Worker(stage)
    for batch in batches:
        waiting = deque([batch])
        del batch
        while waiting:
            piece, *others = room.groups(waiting.popleft())
            waiting.extendleft(reversed(others))
            del others
            try:
                done = worker.work(piece)
            except MemoryError as error:
                frames = len(piece.frames)
                if frames == 1:
                    done = _alone(worker, piece, error, patient=patient)
                else:
                    room.shrink(frames, error)
                    waiting.appendleft(piece)
                    continue
            del piece
            yield done
            del done


def in_halves(function: Callable[[Sequence[Rows]], Array], rows: Sequence[Rows]) -> Array:
    """What a function makes of rows, one result each: [N, ...]; of halves, one by one, where memory runs out."""
    try:
        return function(rows)
    except MemoryError:
        if len(rows) < 2:
            raise
    half = len(rows) // 2
    return np.concatenate([in_halves(function, rows[:half]), in_halves(function, rows[half:])])


class _Worker:
    """Gives a stage one batch at a time."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._next: deque[Batch] = deque()
        self._made: Iterator[Batch] | None = None

    def work(self, batch: Batch) -> Batch:
        if self._made is None:
            self._made = iter(self._stage(self._feed()))
        self._next.append(batch)
        try:
            return next(self._made)
        except BaseException:
            self._made = None  # a generator that has raised is at its end
            self._next.clear()
            raise

    def _feed(self) -> Iterator[Batch]:
        while True:
            yield self._next.popleft()


def _alone(worker: _Worker, batch: Batch, error: MemoryError, *, patient: bool) -> Batch:
    """A single frame, face by face where it has several."""
    deadline = time.monotonic() + _PATIENCE_S
    while patient and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_S)
        try:
            return worker.work(batch)
        except MemoryError as again:
            error = again
    if batch.face_count < 2:
        raise _clear(batch, error) from error
    _log.debug("frame %d: %s; its faces one by one", batch.frames[0].index, error)
    parts = []
    for face in range(batch.face_count):
        one = batch.face(face)
        try:
            parts.append(worker.work(one))
        except MemoryError as again:
            raise _clear(one, again) from again
    return _joined(batch, parts)


def _clear(batch: Batch, error: MemoryError) -> DeviceMemoryError:
    what = "one face" if batch.face_count else "one frame"
    return DeviceMemoryError(
        f"not even {what} at a time fits into memory (frame {batch.frames[0].index}): {error}",
        requested_bytes=getattr(error, "requested_bytes", None),
        hint="close other programs, use a smaller network, size or --boost, or --device cpu",
    )


def _joined(batch: Batch, parts: Sequence[Batch]) -> Batch:
    """The batch with what was made of its faces one by one."""
    first = parts[0]
    patches = first.patches
    if patches is not None:
        pixels = _stacked([part.patches.pixels for part in parts if part.patches is not None])
        patches = Patches(pixels, patches.scale, patches.offset)
    found: dict[str, Any] = {
        name: None if getattr(first, name) is None else _stacked([getattr(part, name) for part in parts])
        for name in ("placements", "masks", "maps")
    }
    return replace(batch, patches=patches, **found)


def _stacked(arrays: Sequence[Any]) -> Any:
    """Arrays [1, ...] as one, where they lie."""
    if not device.is_on_device(arrays[0]):
        return np.concatenate(arrays)
    whole = device.empty((len(arrays), *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in enumerate(arrays):
        device.place(whole[row : row + 1], array)
    return whole
