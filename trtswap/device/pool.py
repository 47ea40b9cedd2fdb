"""Memory that waits to be used again, on the GPU and, page-locked, on the host.

A steady stream of batches allocates nothing. A block of device memory remembers the streams that used it: it is handed
out again at once on a stream that alone used it, and elsewhere once their work is done, or with the new owner's stream
waiting for it on the device. So an array may be let go while work on it is still queued. A page-locked block is handed
out again when the copy that used it is done.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from functools import lru_cache
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
    """A block that waits and was used on several streams, or the default one. events: behind their work."""

    __slots__ = ("events", "memory", "streams")

    def __init__(self, memory: Any, streams: tuple[Stream, ...], events: tuple[Event, ...]) -> None:
        self.memory = memory
        self.streams = streams
        self.events = events

    def fits(self, stream: Stream) -> bool:
        """Whether nothing has to be waited for on `stream`."""
        return all(event.reached for event in self.of_others(stream))

    def of_others(self, stream: Stream) -> list[Event]:
        """The events of the other streams."""
        pairs = zip(self.streams, self.events, strict=True)
        return [event for other, event in pairs if other is not stream]


class _Shelf:
    """Blocks of one size that wait: those that one stream alone used, by stream, and the others."""

    def __init__(self) -> None:
        self.own: dict[Stream, deque[Any]] = {}
        self.shared: deque[_Waiting] = deque()

    def __len__(self) -> int:
        return len(self.shared) + sum(map(len, self.own.values()))

    def take(self, stream: Stream) -> Any:
        """The memory of a block that may be used at once on `stream`, or else of one that went through several streams,
        once they are done with it; or None."""
        own = self.own.get(stream)
        if own:
            return own.popleft()
        for number, item in enumerate(islice(self.shared, _TRIES)):  # the oldest are done first
            if item.fits(stream):
                del self.shared[number]
                return item.memory
        for other, waiting in self.own.items():
            if waiting and other.idle:
                return waiting.popleft()
        if not self.shared or stream.raw is None:  # nothing can make the default stream wait for a block
            return None
        item = self.shared.popleft()
        for event in item.of_others(stream):
            stream.wait(event)
        return item.memory

    def empty(self) -> Iterator[Any]:
        """All that waits, taken out."""
        for waiting in self.own.values():
            while waiting:
                yield waiting.pop()
        while self.shared:
            yield self.shared.pop().memory


class Pool:
    """Device memory by size. pycuda's own pool ends the process when it frees memory without a current context; this
    one makes the context current whenever it frees."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._lock = threading.RLock()
        self._free: defaultdict[int, _Shelf] = defaultdict(_Shelf)
        self._given: deque[tuple[int, Any, tuple[Stream, ...]]] = deque()

    def take(self, size: int, stream: Stream) -> Block:
        """A block of at least `size` bytes for work on `stream`. Raises pycuda's MemoryError."""
        rounded = _rounded(size)
        with self._lock:
            self._sort()
            memory = self._free[rounded].take(stream)
            if memory is None:
                memory = self.new(rounded)
        return Block(self, rounded, memory, stream)

    def give(self, size: int, memory: Any, streams: tuple[Stream, ...]) -> None:
        """Called when a block's last user is gone, in whatever thread, perhaps by the garbage collector in the middle
        of another call: hence no lock here, only operations that are atomic by themselves."""
        self._given.append((size, memory, streams))

    def trim(self) -> None:
        """Gives what waits back to the driver, which waits for work on it."""
        with self._lock, self._gpu.current():
            self._sort()
            for shelf in self._free.values():
                for memory in shelf.empty():
                    memory.free()

    @property
    def held_bytes(self) -> int:
        """What waits."""
        with self._lock:
            self._sort()
            return sum(size * len(shelf) for size, shelf in self._free.items())

    def _sort(self) -> None:
        """Those given back before this, by size; for those of several streams, or of the default one, it is noted how
        far their work is: one event a stream does for all of them, as it comes behind all that was queued before."""
        now: dict[Stream, Event] = {}
        for _ in range(len(self._given)):
            size, memory, streams = self._given.popleft()
            shelf = self._free[size]
            if len(streams) == 1 and streams[0].raw is not None:
                shelf.own.setdefault(streams[0], deque()).append(memory)
                continue
            for stream in streams:
                if stream not in now:
                    now[stream] = stream.record()
            shelf.shared.append(_Waiting(memory, streams, tuple(now[stream] for stream in streams)))

    def new(self, size: int) -> Any:
        """Memory from the driver, for which what waits here is given back if need be. Raises pycuda's MemoryError."""
        with self._gpu.current():
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


@lru_cache(maxsize=1024)
def _rounded(size: int) -> int:
    """Sizes that lie close together share blocks: up to the next sixteenth of a power of two, at least 512 bytes."""
    step = max(512, 1 << max(0, size.bit_length() - 5))
    return -(-max(size, 1) // step) * step
