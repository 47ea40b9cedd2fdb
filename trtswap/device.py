"""GPU memory from Python, through pycuda. Imports pycuda only when asked for memory.

The native operations need none of this: they take any array with `__cuda_array_interface__`. Memory belongs to the
device's primary context, which TensorRT, ONNX Runtime and the operations use too; it may be freed in any thread.

Freed memory goes to a pool per device, so that a steady stream of batches allocates nothing. A block is handed out
again as soon as its array is gone: keep an array until the work that reads it is done, or queued on the stream that
gets the next one.
"""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np

from trtswap.errors import DeviceError, DeviceMemoryError
from trtswap.types import Array, DeviceArray, Surface

_ALIGNMENT = 256


class _Device:
    """One GPU and its primary context."""

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
        self.pool = _Pool(self)

    @contextmanager
    def current(self) -> Iterator[None]:
        self.context.push()
        try:
            yield
        finally:
            self.context.pop()


class _Pool:
    """Device memory that waits to be used again, by size. pycuda's own pool ends the process when it frees memory
    without a current context; this one makes the context current whenever it frees."""

    def __init__(self, gpu: _Device) -> None:
        self._gpu = gpu
        self._free: dict[int, deque[Any]] = {}

    def take(self, size: int) -> _Block:
        """A block of at least `size` bytes; its context must be current. Raises pycuda's MemoryError."""
        rounded = _rounded(size)
        with suppress(KeyError, IndexError):
            return _Block(self, rounded, self._free[rounded].pop())
        try:
            memory = self._gpu.driver.mem_alloc(rounded)
        except self._gpu.driver.MemoryError:
            self.trim()
            memory = self._gpu.driver.mem_alloc(rounded)
        return _Block(self, rounded, memory)

    def give(self, size: int, memory: Any) -> None:
        """Called when a block's last user is gone, in whatever thread, perhaps by the garbage collector in the middle
        of another call: hence no lock here, only operations that are atomic by themselves."""
        self._free.setdefault(size, deque()).append(memory)

    def trim(self) -> None:
        """Gives what waits back to the driver."""
        with self._gpu.current():
            for waiting in list(self._free.values()):
                with suppress(IndexError):
                    while True:
                        waiting.pop().free()

    @property
    def held_bytes(self) -> int:
        """What waits."""
        return sum(size * len(waiting) for size, waiting in list(self._free.items()))


class _Block:
    """A piece of device memory that returns to its pool when nobody holds it."""

    __slots__ = ("_memory", "_pool", "_size", "address")

    def __init__(self, pool: _Pool, size: int, memory: Any) -> None:
        self._pool = pool
        self._size = size
        self._memory = memory
        self.address = int(memory)

    def __int__(self) -> int:
        return self.address

    def __del__(self) -> None:
        self._pool.give(self._size, self._memory)


def _rounded(size: int) -> int:
    """Sizes that lie close together share blocks: up to the next sixteenth of a power of two, at least 512 bytes."""
    step = max(512, 1 << max(0, size.bit_length() - 5))
    return -(-max(size, 1) // step) * step


_lock = threading.Lock()
_devices: dict[int, _Device] = {}


def _open(index: int) -> _Device:
    with _lock:
        if index not in _devices:
            _devices[index] = _Device(index)
        return _devices[index]


@contextmanager
def activate(device: int = 0) -> Iterator[None]:
    """Makes the device's primary context current in this thread. Raises DeviceError."""
    with _open(device).current():
        yield


def empty(shape: tuple[int, ...], dtype: Any, *, device: int = 0) -> DeviceArray:
    """Uninitialised memory on a GPU as pycuda.gpuarray.GPUArray. Raises DeviceError, DeviceMemoryError."""
    from pycuda.gpuarray import GPUArray

    gpu = _open(device)
    dtype = np.dtype(dtype)
    wanted = math.prod(shape) * dtype.itemsize
    with gpu.current():
        try:
            block = gpu.pool.take(wanted)
            return GPUArray(shape, dtype, base=block, gpudata=block.address)
        except gpu.driver.MemoryError as error:
            raise DeviceMemoryError(
                f"GPU {device} has no {wanted} bytes left", requested_bytes=wanted, hint="use a smaller batch"
            ) from error


def empty_many(wanted: Sequence[tuple[tuple[int, ...], Any]], *, device: int = 0) -> list[DeviceArray]:
    """Uninitialised arrays of the given shapes and dtypes in one piece of memory, which lasts as long as any of them.

    Raises DeviceError, DeviceMemoryError.
    """
    from pycuda.gpuarray import GPUArray

    sizes = [math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in wanted]
    starts = [0, *accumulate(-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes)]
    whole = empty((starts[-1],), np.uint8, device=device)
    with _open(device).current():
        return [
            GPUArray(shape, dtype, base=whole.base, gpudata=whole.ptr + start)
            for (shape, dtype), start in zip(wanted, starts, strict=False)
        ]


def to_device(array: Array, *, device: int = 0) -> DeviceArray:
    """A copy of a host array on a GPU. Returns when the copy is done."""
    gpu = _open(device)
    source = np.ascontiguousarray(array)
    target = empty(source.shape, source.dtype, device=device)
    with gpu.current():
        target.set(source)
    return target


def to_host(array: DeviceArray, *, device: int = 0) -> Array:
    """A copy of a GPUArray on the host, after all work queued on the default stream. NumPy arrays pass through."""
    if isinstance(array, np.ndarray):
        return array
    with _open(device).current():
        result: Array = array.get()
        return result


def upload(surface: Surface, *, device: int = 0) -> Surface:
    """The same surface in GPU memory."""
    return replace(surface, planes=tuple(to_device(plane, device=device) for plane in surface.planes))


def download(surface: Surface, *, device: int = 0) -> Surface:
    """The same surface in host memory."""
    return replace(surface, planes=tuple(to_host(plane, device=device) for plane in surface.planes))


def pinned(shape: tuple[int, ...], dtype: Any, *, device: int = 0) -> Array:
    """Uninitialised page-locked host memory, from and to which copies run beside other work.

    Raises DeviceError, DeviceMemoryError.
    """
    gpu = _open(device)
    with gpu.current():
        try:
            memory: Array = gpu.driver.pagelocked_empty(shape, np.dtype(dtype))
        except gpu.driver.MemoryError as error:
            raise DeviceMemoryError(
                "the host has no page-locked memory left", hint="use a smaller batch"
            ) from error
        return memory


def driver(device: int = 0) -> Any:
    """The module pycuda.driver, with the device's primary context retained. Raises DeviceError."""
    return _open(device).driver


def release_unused(device: int = 0) -> None:
    """Gives memory that waits in the pool back to the driver."""
    _open(device).pool.trim()


def memory_waiting(device: int = 0) -> int:
    """Bytes that wait in the pool."""
    return _open(device).pool.held_bytes


def count() -> int:
    """How many GPUs there are. Raises DeviceError when not even the first can be used."""
    return int(_open(0).driver.Device.count())


def describe(device: int = 0) -> tuple[str, str]:
    """The GPU's name and its compute capability, as "9.0". Raises DeviceError."""
    found = _open(device).driver.Device(device)
    major, minor = found.compute_capability()
    return str(found.name()), f"{major}.{minor}"
