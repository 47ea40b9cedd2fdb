"""What pycuda lacks, straight from the driver's library: CUDA graphs, and calls on streams known by number only.

The device's context must be current in all of it. Calls that only queue work keep the GIL: a thread that lets go of it
for microseconds waits far longer to get it back where other threads want it too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from trtswap.errors import DeviceError

_NO_TIMING = 2
_NON_BLOCKING = 1
_THREAD_LOCAL = 1
"""Capture mode: what other threads do to the device does not end the capture."""


class CapturedGraph:
    """Work queued on a stream once, replayed with one call."""

    def __init__(self, enqueue: Callable[[int], None]) -> None:
        """Runs what `enqueue` puts on the stream that it is given, waits for it, and captures the same. Raises
        DeviceError.

        So whatever a first time has to set is set. The stream is made for the capture and has nothing to do with CUDA's
        default one: work that a library queues there meanwhile, in another thread, would fail, and end a capture on a
        stream which the default one waits for.
        """
        cuda = _library()
        self._launch = _queueing().cuGraphLaunch
        self._executable = ctypes.c_void_p()
        graph = ctypes.c_void_p()
        stream = ctypes.c_void_p()
        _check(cuda.cuStreamCreate(ctypes.byref(stream), _NON_BLOCKING), "cuStreamCreate")
        try:
            enqueue(int(stream.value or 0))
            _check(cuda.cuStreamSynchronize(stream), "cuStreamSynchronize")
            _check(cuda.cuStreamBeginCapture_v2(stream, _THREAD_LOCAL), "cuStreamBeginCapture")
            try:
                enqueue(int(stream.value or 0))
            finally:
                code = cuda.cuStreamEndCapture(stream, ctypes.byref(graph))
            _check(code, "cuStreamEndCapture")
        finally:
            cuda.cuStreamDestroy_v2(stream)
        try:
            _check(
                cuda.cuGraphInstantiateWithFlags(
                    ctypes.byref(self._executable), graph, ctypes.c_ulonglong(0)
                ),
                "cuGraphInstantiateWithFlags",
            )
        finally:
            cuda.cuGraphDestroy(graph)

    def launch(self, stream: int) -> None:
        """Queues all of it on a stream. Raises DeviceError."""
        code = self._launch(self._executable, stream)
        if code:
            _check(code, "cuGraphLaunch")

    def close(self) -> None:
        """Frees it. May be repeated."""
        if self._executable:
            _library().cuGraphExecDestroy(self._executable)
            self._executable = ctypes.c_void_p()


class Fence:
    """A point in the work of one stream that another can wait for. May be recorded again and again."""

    def __init__(self) -> None:
        """Raises DeviceError."""
        cuda = _library()
        self._event = ctypes.c_void_p()
        _check(cuda.cuEventCreate(ctypes.byref(self._event), _NO_TIMING), "cuEventCreate")

    def record(self, stream: int) -> None:
        """After all that is queued on `stream` now. Raises DeviceError."""
        _check(_queueing().cuEventRecord(self._event, ctypes.c_void_p(stream)), "cuEventRecord")

    def hold(self, stream: int) -> None:
        """What is queued on `stream` from here on waits for the point. Raises DeviceError."""
        _check(_queueing().cuStreamWaitEvent(ctypes.c_void_p(stream), self._event, 0), "cuStreamWaitEvent")

    def wait(self) -> None:
        """Until the point is reached. Raises DeviceError."""
        _check(_library().cuEventSynchronize(self._event), "cuEventSynchronize")

    def close(self) -> None:
        """Frees it. May be repeated."""
        if self._event:
            _library().cuEventDestroy_v2(self._event)
            self._event = ctypes.c_void_p()


def copier() -> Callable[[ctypes.c_uint64, ctypes.c_uint64, ctypes.c_size_t, ctypes.c_void_p], None]:
    """What queues a copy on the device: target, source, bytes, stream. Both raise DeviceError."""
    call = _queueing().cuMemcpyDtoDAsync_v2

    def copy(
        target: ctypes.c_uint64, source: ctypes.c_uint64, size: ctypes.c_size_t, stream: ctypes.c_void_p
    ) -> None:
        code = call(target, source, size, stream)
        if code:
            _check(code, "cuMemcpyDtoDAsync")

    return copy


_loaded: Any = None
_loaded_queueing: Any = None


def _library() -> Any:
    """The driver, whose calls let go of the GIL: for those that wait."""
    global _loaded
    if _loaded is None:
        _loaded = _load(ctypes.CDLL)
    return _loaded


def _queueing() -> Any:
    """The driver, whose calls keep the GIL."""
    global _loaded_queueing
    if _loaded_queueing is None:
        _loaded_queueing = _load(ctypes.PyDLL)
        # So that a plain number can be passed, which is quicker than wrapping it.
        _loaded_queueing.cuGraphLaunch.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    return _loaded_queueing


def _load(kind: type[ctypes.CDLL]) -> Any:
    try:
        return kind("libcuda.so.1")
    except OSError as error:
        raise DeviceError(f"the NVIDIA driver's library does not load: {error}") from error


def _check(code: int, call: str) -> None:
    if code:
        raise DeviceError(f"{call} failed with the code {code}", cuda_name=str(code))
