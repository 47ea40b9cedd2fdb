"""Memory that waits to be used again, on the GPU and, page-locked, on the host.

A steady stream of batches allocates nothing. A block of device memory remembers the streams that used it: it is handed
out again at once on a stream that alone used it, and elsewhere once their work is done, or with the new owner's stream
waiting for it on the device. So an array may be let go while work on it is still queued. A page-locked block is handed
out again when the copy that used it is done.
"""

from __future__ import annotations

import threading
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from trtswap.errors import DeviceMemoryError

if TYPE_CHECKING:
    from trtswap.device.gpu import Gpu
    from trtswap.device.streams import Event, Stream
    from trtswap.types import Array


_TRIES = 4
"""Blocks that are asked whether the work of others is done: each costs a call of the driver."""


class Block:
    """A piece of device memory that returns to its pool when nobody holds it. streams: those whose work touches it."""

    __slots__ = ("_memory", "_pool", "_size", "address", "streams")

    def __init__(self, pool: Pool, size: int, memory: Any, stream: Stream) -> None:
        self._pool = pool
        self._size = size
        self._memory = memory
        self.address = int(memory)
        self.streams: set[Stream] = {stream}

    def used_on(self, stream: Stream) -> None:
        """Work on `stream` touches it from now on."""
        self.streams.add(stream)

    def __del__(self) -> None:
        self._pool.give(self._size, self._memory, tuple(self.streams))


class _Waiting:
    """A block that waits. events: behind the work of its streams, where there are several."""

    __slots__ = ("events", "memory", "streams")

    def __init__(self, memory: Any, streams: tuple[Stream, ...]) -> None:
        self.memory = memory
        self.streams = streams
        self.events: tuple[Event, ...] = ()

    def belongs_to(self, stream: Stream) -> bool:
        """Whether `stream` alone used it, so that what is queued there next comes behind."""
        return self.streams[0] is stream and not self.events

    def fits(self, stream: Stream) -> bool:
        """Whether nothing has to be waited for on `stream`."""
        if self.events:  # of several streams, or of the default one
            return all(event.reached for event in self.of_others(stream))
        return self.streams[0].idle

    def of_others(self, stream: Stream) -> list[Event]:
        """The events of the other streams."""
        pairs = zip(self.streams, self.events, strict=True)
        return [event for other, event in pairs if other is not stream]


class Pool:
    """Device memory by size. pycuda's own pool ends the process when it frees memory without a current context; this
    one makes the context current whenever it frees."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._lock = threading.RLock()
        self._free: dict[int, deque[_Waiting]] = {}
        self._given: deque[tuple[int, _Waiting]] = deque()

    def take(self, size: int, stream: Stream) -> Block:
        """A block of at least `size` bytes for work on `stream`; its context must be current. Raises pycuda's
        MemoryError."""
        rounded = _rounded(size)
        with self._lock:
            memory = self._again(rounded, stream)
            if memory is None:
                memory = self._new(rounded)
        return Block(self, rounded, memory, stream)

    def give(self, size: int, memory: Any, streams: tuple[Stream, ...]) -> None:
        """Called when a block's last user is gone, in whatever thread, perhaps by the garbage collector in the middle
        of another call: hence no lock here, only operations that are atomic by themselves."""
        self._given.append((size, _Waiting(memory, streams)))

    def trim(self) -> None:
        """Gives what waits back to the driver, which waits for work on it."""
        with self._lock, self._gpu.current():
            self._sort()
            for waiting in self._free.values():
                while waiting:
                    waiting.pop().memory.free()

    @property
    def held_bytes(self) -> int:
        """What waits."""
        with self._lock:
            self._sort()
            return sum(size * len(waiting) for size, waiting in self._free.items())

    def _sort(self) -> None:
        """Those given back since, by size; for those of several streams, or of the default one, it is noted how far
        their work is."""
        now: dict[Stream, Event] = {}
        while True:
            try:
                size, item = self._given.popleft()
            except IndexError:
                return
            if len(item.streams) > 1 or item.streams[0].raw is None:
                for stream in item.streams:
                    if stream not in now:
                        now[stream] = stream.record()
                item.events = tuple(now[stream] for stream in item.streams)
            self._free.setdefault(size, deque()).append(item)

    def _again(self, size: int, stream: Stream) -> Any:
        """The memory of a block that waits, or None: one that may be used at once, or else one that went through
        several streams, once they are done with it."""
        self._sort()
        waiting = self._free.get(size, deque())
        chosen = next((item for item in waiting if item.belongs_to(stream)), None)
        if chosen is None:  # the oldest are done first
            chosen = next((item for item in islice(waiting, _TRIES) if item.fits(stream)), None)
        if chosen is None:
            chosen = next((item for item in waiting if item.events), None)
            if chosen is None or stream.raw is None:  # whom nothing can make wait for a block
                return None
            for event in chosen.of_others(stream):
                stream.wait(event)
        waiting.remove(chosen)
        return chosen.memory

    def _new(self, size: int) -> Any:
        try:
            return self._gpu.driver.mem_alloc(size)
        except self._gpu.driver.MemoryError:
            self.trim()
            return self._gpu.driver.mem_alloc(size)


class StagingBlock:
    """A piece of page-locked host memory. memory: uint8. used: behind the copy that reads or fills it."""

    __slots__ = ("_store", "memory", "used")

    def __init__(self, store: Staging, memory: Array, used: Event | None) -> None:
        self._store = store
        self.memory = memory
        self.used = used

    def __del__(self) -> None:
        self._store.give(self.memory, self.used)


class Staging:
    """Page-locked host memory by size."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._lock = threading.RLock()
        self._free: dict[int, deque[tuple[Array, Event | None]]] = {}

    def take(self, size: int) -> StagingBlock:
        """A block of at least `size` bytes that no copy uses; its context must be current. Raises DeviceMemoryError."""
        rounded = _rounded(size)
        with self._lock:
            waiting = self._free.get(rounded, deque())
            for _ in range(len(waiting)):
                memory, used = waiting.popleft()
                if used is None or used.reached:
                    return StagingBlock(self, memory, None)
                waiting.append((memory, used))
        return StagingBlock(self, self._new(rounded), None)

    def give(self, memory: Array, used: Event | None) -> None:
        """As Pool.give."""
        self._free.setdefault(memory.shape[0], deque()).append((memory, used))

    def trim(self) -> None:
        """Gives what waits back to the driver."""
        with self._lock, self._gpu.current():
            for waiting in list(self._free.values()):
                waiting.clear()

    def _new(self, size: int) -> Array:
        try:
            memory: Array = self._gpu.driver.pagelocked_empty((size,), np.dtype(np.uint8))
        except self._gpu.driver.MemoryError as error:
            raise DeviceMemoryError(
                "the host has no page-locked memory left", hint="use a smaller batch"
            ) from error
        return memory


def _rounded(size: int) -> int:
    """Sizes that lie close together share blocks: up to the next sixteenth of a power of two, at least 512 bytes."""
    step = max(512, 1 << max(0, size.bit_length() - 5))
    return -(-max(size, 1) // step) * step
