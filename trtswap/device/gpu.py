"""GPUs and their primary contexts, through pycuda. Imports pycuda only when asked for a GPU."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import AbstractContextManager
from typing import Any

from trtswap.device.pool import Pool, Staging
from trtswap.errors import DeviceError


class Gpu:
    """One GPU and its primary context, which TensorRT, ONNX Runtime and the native operations use too.

    pool: its memory. staging: page-locked host memory for copies. events, streams: those that wait to be used again;
    pycuda could destroy them only in the thread that made them.
    """

    def __init__(self, index: int) -> None:
        # Before the driver starts: TensorRT's libraries hold thousands of kernels, of which few are used.
        os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")
        try:
            import pycuda.driver as driver
        except ImportError as error:
            raise DeviceError(
                f"GPU memory needs pycuda, which cannot be imported: {error}",
                hint="install it with `pip install trtswap[tensorrt]` on a machine with an NVIDIA driver",
            ) from error
        try:
            driver.init()
            if not 0 <= index < driver.Device.count():
                raise DeviceError(f"there is no GPU {index}: this machine has {driver.Device.count()}")
            self.context = driver.Device(index).retain_primary_context()
        except driver.Error as error:
            raise DeviceError(f"GPU {index} cannot be used: {error}") from error
        self.driver = driver
        self.index = index
        self.pool = Pool(self)
        self.staging = Staging(self)
        self.events: deque[Any] = deque()
        self.streams: deque[Any] = deque()
        self._current = _Current(self)

    def current(self) -> _Current:
        """Its context current in this thread, until the end of a `with`. Costs little where it is already."""
        return self._current


class _Local(threading.local):
    def __init__(self) -> None:
        self.stack: list[Gpu] = []


class _Current:
    """Makes a context current; may be entered again and again, in any thread."""

    __slots__ = ("_gpu",)

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def __enter__(self) -> None:
        stack = _local.stack
        if stack and stack[-1] is self._gpu:
            stack.append(self._gpu)
            return
        self._gpu.context.push()
        stack.append(self._gpu)

    def __exit__(self, *_: object) -> None:
        stack = _local.stack
        stack.pop()
        if not stack or stack[-1] is not self._gpu:
            self._gpu.context.pop()


_local = _Local()
_lock = threading.Lock()
_gpus: dict[int, Gpu] = {}


def open_gpu(index: int) -> Gpu:
    """The GPU of that number, opened once. Raises DeviceError."""
    gpu = _gpus.get(index)
    if gpu is None:
        with _lock:
            gpu = _gpus.get(index)
            if gpu is None:
                gpu = _gpus[index] = Gpu(index)
    return gpu


def forget() -> None:
    """Forgets every GPU that was opened: for tests that put another driver in the place of the first."""
    _gpus.clear()


def activate(device: int = 0) -> AbstractContextManager[None]:
    """The device's primary context current in this thread, until the end of a `with`. May be kept and entered again and
    again, in any thread. Raises DeviceError."""
    return open_gpu(device).current()


def driver(device: int = 0) -> Any:
    """The module pycuda.driver, with the device's primary context retained. Raises DeviceError."""
    return open_gpu(device).driver


def release_unused(device: int = 0) -> None:
    """Gives memory that waits to be used again back to the driver, on the GPU and page-locked."""
    gpu = open_gpu(device)
    gpu.pool.trim()
    gpu.staging.trim()


def memory_waiting(device: int = 0) -> int:
    """Bytes that wait in the pool."""
    return open_gpu(device).pool.held_bytes


def count() -> int:
    """How many GPUs there are. Raises DeviceError when not even the first can be used."""
    return int(open_gpu(0).driver.Device.count())


def describe(device: int = 0) -> tuple[str, str]:
    """The GPU's name and its compute capability, as "9.0". Raises DeviceError."""
    found = open_gpu(device).driver.Device(device)
    major, minor = found.compute_capability()
    return str(found.name()), f"{major}.{minor}"
