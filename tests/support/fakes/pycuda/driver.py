"""Device memory is host memory; every call that needs a current context insists on one.

Work on a stream is put off until something waits for it: an event, the stream, work on the default stream, a block of
memory that is freed. Whatever lacks a dependency therefore sees memory as it was before, and page-locked memory that is
changed too early reaches the device changed. Addresses are checked when the work runs. Copies are counted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

_local = threading.local()
_running = threading.RLock()
"""The device does one thing at a time."""

event_flags = SimpleNamespace(BLOCKING_SYNC=1, DISABLE_TIMING=2)
copies: list[tuple[str, int, int]] = []
"""What was copied: "htod", "dtoh" or "dtod", the bytes, the number of the stream."""
launched: list[tuple[str, int]] = []
"""Other work, with the number of its stream."""
allocated = 0


class Error(Exception):
    """As pycuda's."""


class MemoryError(Error):
    """As pycuda's."""


class LogicError(Error):
    """As pycuda's."""


def _stack() -> list[Any]:
    if not hasattr(_local, "stack"):
        _local.stack = []
    return _local.stack


def _need_context() -> None:
    if not _stack():
        raise LogicError("invalid device context")


class Context:
    handle = 0xC0

    def push(self) -> None:
        _stack().append(self)

    @staticmethod
    def pop() -> None:
        _stack().pop()

    @staticmethod
    def synchronize() -> None:
        raise AssertionError("nothing waits for the whole device")


_primary = Context()


class Device:
    def __init__(self, index: int) -> None:
        self._index = index

    @staticmethod
    def count() -> int:
        return 1

    def name(self) -> str:
        return "Fake GPU"

    def compute_capability(self) -> tuple[int, int]:
        return (9, 0)

    def retain_primary_context(self) -> Context:
        return _primary


def init() -> None: ...


# --- memory --------------------------------------------------------------------------------------------------------

_live: dict[int, np.ndarray] = {}


class DeviceAllocation:
    def __init__(self, size: int) -> None:
        global allocated
        self._memory: np.ndarray | None = np.full(size, 0xAB, np.uint8)
        self._address = int(self._memory.ctypes.data)
        with _running:
            _live[self._address] = self._memory
            allocated += size

    def __int__(self) -> int:
        return self._address

    def free(self) -> None:
        global allocated
        _need_context()
        assert self._memory is not None, "freed twice"
        with _running:
            _run_all()
            allocated -= self._memory.size
            del _live[self._address]
        self._memory = None


def mem_alloc(size: int) -> DeviceAllocation:
    _need_context()
    return DeviceAllocation(size)


def mem_get_info() -> tuple[int, int]:
    _need_context()
    return (1 << 34) - allocated, 1 << 34


def memory(address: int, size: int) -> np.ndarray:
    """Bytes of device memory; an address outside any allocation is an error."""
    for start, block in tuple(_live.items()):
        if start <= address and address + size <= start + block.size:
            return block[address - start : address - start + size]
    raise LogicError(f"illegal address {address:#x}, {size} bytes")


def pagelocked_empty(shape: Any, dtype: Any) -> np.ndarray:
    _need_context()
    return np.full(shape, 0xCD if np.dtype(dtype) == np.uint8 else 0, dtype)


# --- streams -------------------------------------------------------------------------------------------------------


class Stream:
    _next = 1000
    _all: ClassVar[list[Stream]] = []

    def __init__(self, flags: int = 0) -> None:
        _need_context()
        Stream._next += 1
        self.handle = Stream._next
        self._queue: deque[tuple[int, Callable[[], None]]] = deque()
        self._put = 0
        self.captured: list[Callable[[], None]] | None = None
        Stream._all.append(self)

    def _enqueue(self, work: Callable[[], None]) -> None:
        with _running:
            if self.captured is not None:
                self.captured.append(work)
                return
            self._put += 1
            self._queue.append((self._put, work))

    def _run(self, until: int) -> None:
        with _running:
            while self._queue and self._queue[0][0] <= until:
                _, work = self._queue.popleft()
                work()

    def synchronize(self) -> None:
        _need_context()
        self._run(self._put)

    def is_done(self) -> bool:
        _need_context()
        return not self._queue

    def wait_for_event(self, event: Event) -> None:
        _need_context()
        point = event._point
        if point is not None:
            self._enqueue(lambda: point[0]._run(point[1]))


class Event:
    def __init__(self, flags: int = 0) -> None:
        _need_context()
        self._point: tuple[Stream, int] | None = None
        self._timing = not flags & event_flags.DISABLE_TIMING
        self._passed: float | None = None

    def record(self, stream: Stream | None = None) -> Event:
        _need_context()
        if stream is None:
            launched.append(("event", 0))
            with _running:
                _run_all()
            self._point = None
        else:
            self._passed = None
            if self._timing:
                stream._enqueue(self._pass)
            self._point = (stream, stream._put)
        return self

    def _pass(self) -> None:
        self._passed = time.perf_counter()

    def time_till(self, other: Event) -> float:
        _need_context()
        assert self._passed is not None, "not reached yet"
        assert other._passed is not None, "not reached yet"
        return 1e3 * (other._passed - self._passed)

    def synchronize(self) -> None:
        _need_context()
        if self._point is not None:
            self._point[0]._run(self._point[1])

    def query(self) -> bool:
        _need_context()
        if self._point is None:
            return True
        stream, until = self._point
        return not stream._queue or stream._queue[0][0] > until


def _run_all() -> None:
    for stream in Stream._all:
        stream._run(stream._put)


def enqueue(stream: Any, work: Callable[[], None]) -> None:
    """Queues work on a stream or the number of one; on the default stream it runs at once, behind all other."""
    _need_context()
    found = stream
    if isinstance(stream, int):
        found = next((item for item in Stream._all if item.handle == stream), None)
        assert found is not None or stream == 0, f"no stream {stream}"
    if found is None:
        with _running:
            _run_all()
            work()
    else:
        found._enqueue(work)


# --- copies --------------------------------------------------------------------------------------------------------


def _number(stream: Stream | None) -> int:
    return 0 if stream is None else stream.handle


def _bytes(array: np.ndarray) -> np.ndarray:
    assert array.flags.c_contiguous
    return array.reshape(-1).view(np.uint8)


def memcpy_htod_async(target: int, source: np.ndarray, stream: Stream | None = None) -> None:
    copies.append(("htod", source.nbytes, _number(stream)))
    content = _bytes(source)

    def work() -> None:
        memory(target, content.size)[:] = content

    enqueue(stream, work)


def memcpy_dtoh_async(target: np.ndarray, source: int, stream: Stream | None = None) -> None:
    copies.append(("dtoh", target.nbytes, _number(stream)))
    content = _bytes(target)

    def work() -> None:
        content[:] = memory(source, content.size)

    enqueue(stream, work)


def memcpy_dtod_async(target: int, source: int, size: int, stream: Stream | None = None) -> None:
    copies.append(("dtod", size, _number(stream)))

    def work() -> None:
        memory(target, size)[:] = memory(source, size)

    enqueue(stream, work)


class Memcpy2D:
    src_pitch = dst_pitch = width_in_bytes = height = 0

    def __init__(self) -> None:
        self._source: Any = None
        self._target: Any = None

    def set_src_device(self, address: int) -> None:
        self._source = address

    def set_dst_device(self, address: int) -> None:
        self._target = address

    def set_dst_host(self, array: np.ndarray) -> None:
        self._target = _bytes(array)

    def __call__(self, stream: Stream | None = None, *, aligned: bool = True) -> None:
        assert stream is not None or not aligned
        source, target, width, rows = self._source, self._target, self.width_in_bytes, self.height
        pitches = self.src_pitch, self.dst_pitch
        assert min(pitches) >= width
        kind = "dtod" if isinstance(target, int) else "dtoh"
        copies.append((kind, width * rows, _number(stream)))

        def work() -> None:
            for row in range(rows):
                line = memory(source + row * pitches[0], width)
                start = row * pitches[1]
                if isinstance(target, int):
                    memory(target + start, width)[:] = line
                else:
                    target[start : start + width] = line

        enqueue(stream, work)
