"""Streams and events: which work waits for which, without anybody waiting for the whole device.

Each thread of a run works on a stream of its own (`use`); what names no stream is queued there: operations, engines,
copies, memory. A thread without one works on CUDA's default stream, in order with all others. An event tells another
stream, or the host, when what was queued before it is done.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from trtswap.device.gpu import Gpu, open_gpu
from trtswap.errors import DeviceError


class Event:
    """A point in the work of a stream. Its handle is used again when nobody holds it."""

    __slots__ = ("_gpu", "_handle")

    def __init__(self, gpu: Gpu, handle: Any) -> None:
        self._gpu = gpu
        self._handle = handle

    @property
    def handle(self) -> Any:
        """pycuda's event."""
        return self._handle

    @property
    def reached(self) -> bool:
        """Whether all before the point is done; does not wait."""
        with self._gpu.current():
            try:
                return bool(self._handle.query())
            except self._gpu.driver.Error as error:
                raise DeviceError(f"the GPU failed: {error}") from error

    def wait(self) -> None:
        """Blocks this thread until all before the point is done. Raises DeviceError when the work failed."""
        with self._gpu.current():
            try:
                self._handle.synchronize()
            except self._gpu.driver.Error as error:
                raise DeviceError(f"the GPU failed: {error}") from error

    def __del__(self) -> None:
        self._gpu.events.append(self._handle)


class Stream:
    """Work of one GPU in order, beside that of other streams. Made for good: nothing ever waits for it to be freed.

    raw: pycuda's stream, None for CUDA's default one. handle: its number. Raises DeviceError.
    """

    def __init__(self, device: int = 0, *, default: bool = False) -> None:
        self.gpu = open_gpu(device)
        self.raw: Any = None
        if not default:
            with self.gpu.current():
                self.raw = self.gpu.driver.Stream()
        self.handle = 0 if default else int(self.raw.handle)

    def record(self) -> Event:
        """The point behind all that is queued now."""
        with self.gpu.current():
            handle = None
            with suppress(IndexError):
                handle = self.gpu.events.pop()
            if handle is None:
                flags = self.gpu.driver.event_flags
                # Who waits sleeps: a thread that spins would take a core from the encoder.
                handle = self.gpu.driver.Event(flags.DISABLE_TIMING | flags.BLOCKING_SYNC)
            handle.record(self.raw)
        return Event(self.gpu, handle)

    def wait(self, event: Event) -> None:
        """What is queued here from now on waits for the point. The default stream waits for all others anyway."""
        if self.raw is not None:
            with self.gpu.current():
                self.raw.wait_for_event(event.handle)

    @property
    def idle(self) -> bool:
        """Whether all that was queued is done; does not wait. The default stream is never known to be."""
        if self.raw is None:
            return False
        with self.gpu.current():
            try:
                return bool(self.raw.is_done())
            except self.gpu.driver.Error as error:
                raise DeviceError(f"the GPU failed: {error}") from error

    def synchronize(self) -> None:
        """Blocks this thread until all that is queued now is done. Raises DeviceError when it failed."""
        self.record().wait()


class _Local(threading.local):
    def __init__(self) -> None:
        self.stack: list[Stream] = []


_local = _Local()
_defaults: dict[int, Stream] = {}


@contextmanager
def use(device: int = 0) -> Iterator[Stream]:
    """A stream of its own for all that this thread queues on the GPU until the end of the block. Raises DeviceError."""
    with borrowed(device) as stream, on(stream):
        yield stream


@contextmanager
def on(stream: Stream) -> Iterator[None]:
    """All that this thread queues until the end of the block goes to that stream."""
    _local.stack.append(stream)
    try:
        yield
    finally:
        _local.stack.remove(stream)


@contextmanager
def borrowed(device: int = 0) -> Iterator[Stream]:
    """A stream that nobody else uses until the end of the block. Raises DeviceError."""
    gpu = open_gpu(device)
    stream: Stream | None = None
    with suppress(IndexError):
        stream = gpu.streams.pop()
    if stream is None:
        stream = Stream(device)
    try:
        yield stream
    finally:
        gpu.streams.append(stream)


def current(device: int | None = None) -> Stream:
    """The stream of this thread. device: None means that of the stream in use, or the first. Raises DeviceError."""
    for stream in reversed(_local.stack):
        if device is None or stream.gpu.index == device:
            return stream
    index = device or 0
    gpu = open_gpu(index)
    known = _defaults.get(index)
    if known is None or known.gpu is not gpu:
        known = _defaults[index] = Stream(index, default=True)
    return known


def handle() -> int:
    """The CUDA handle of this thread's stream, 0 for the default one; opens no GPU."""
    return _local.stack[-1].handle if _local.stack else 0


def index() -> int:
    """The number of the GPU that this thread works on; opens none."""
    return _local.stack[-1].gpu.index if _local.stack else 0
