"""GPU memory from Python, through pycuda. Imports pycuda only when asked for memory.

The native operations need none of this: they take any array with `__cuda_array_interface__`. Memory belongs to the
device's primary context, which TensorRT, ONNX Runtime and the operations use too; it may be freed in any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from trtswap.errors import DeviceError, DeviceMemoryError
from trtswap.types import Array, DeviceArray, Surface


class _Device:
    """One GPU and its primary context."""

    def __init__(self, index: int) -> None:
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

    @contextmanager
    def current(self) -> Iterator[None]:
        self.context.push()
        try:
            yield
        finally:
            self.context.pop()


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
    with gpu.current():
        try:
            return GPUArray(shape, np.dtype(dtype))
        except gpu.driver.MemoryError as error:
            wanted = int(np.prod(shape)) * np.dtype(dtype).itemsize
            raise DeviceMemoryError(
                f"GPU {device} has no {wanted} bytes left", requested_bytes=wanted, hint="use a smaller batch"
            ) from error


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
