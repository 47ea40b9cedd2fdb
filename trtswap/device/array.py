"""Arrays in GPU memory: shape, type, address. No arithmetic; the native operations do that."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from trtswap.device.gpu import open_gpu
from trtswap.device.pool import Block
from trtswap.device.streams import current, index
from trtswap.errors import DeviceMemoryError

_ALIGNMENT = 256


class GpuArray:
    """Memory on a GPU that anything with `__cuda_array_interface__` can read; it lasts as long as any view of it.

    shape, dtype: as NumPy's. ptr: the address. block: what keeps it. strides: bytes, None where dense. Whoever asks for
    the interface is taken to queue work on the thread's stream; the memory goes to nobody else before that is done.
    """

    __slots__ = ("block", "device", "dtype", "ptr", "shape", "strides")

    def __init__(
        self,
        shape: Sequence[int],
        dtype: Any,
        ptr: int,
        block: Block | None,
        *,
        device: int = 0,
        strides: tuple[int, ...] | None = None,
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self.ptr = ptr
        self.block = block
        self.device = device
        self.strides = strides

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        self.touch()
        return {
            "shape": self.shape,
            "strides": self.strides,
            "typestr": self.dtype.str,
            "data": (self.ptr, False),
            "version": 3,
        }

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            "an array on a GPU is not read as one on the host by itself: device.to_host brings it"
        )

    @property
    def ndim(self) -> int:
        """Axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Elements."""
        elements: int = math.prod(self.shape)
        return elements

    @property
    def nbytes(self) -> int:
        """Bytes of the elements, without padding."""
        return self.size * int(self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | int) -> GpuArray:
        """A row of the first axis, or some consecutive ones, as a view."""
        row = self.strides[0] if self.strides is not None else self.nbytes // max(1, self.shape[0])
        if not isinstance(rows, slice):
            at = range(self.shape[0])[rows]
            strides = None if self.strides is None else self.strides[1:]
            return self._view(self.shape[1:], self.dtype, self.ptr + at * row, strides)
        start, stop, step = rows.indices(self.shape[0])
        if step != 1:
            raise ValueError("rows on a GPU are consecutive")
        shape = (max(0, stop - start), *self.shape[1:])
        return self._view(shape, self.dtype, self.ptr + start * row, self.strides)

    def reshape(self, *shape: int) -> GpuArray:
        """A dense array in another shape of as many elements; one length may be -1."""
        if self.strides is not None:
            raise ValueError("only dense arrays change their shape")
        known = math.prod(length for length in shape if length >= 0)
        lengths = tuple(length if length >= 0 else self.size // max(1, known) for length in shape)
        if math.prod(lengths) != self.size:
            raise ValueError(f"{self.size} elements do not fit the shape {shape}")
        return self._view(lengths, self.dtype, self.ptr, None)

    def touch(self) -> None:
        """Work on this thread's stream reads or writes it."""
        if self.block is not None:
            self.block.used_on(current(self.device))

    def copy(self) -> GpuArray:
        """Dense memory of its own, queued on this thread's stream."""
        from trtswap.device.transfer import duplicates

        return duplicates([self])[0]

    def _view(
        self, shape: tuple[int, ...], dtype: Any, ptr: int, strides: tuple[int, ...] | None
    ) -> GpuArray:
        return GpuArray(shape, dtype, ptr, self.block, device=self.device, strides=strides)


def empty(shape: Sequence[int], dtype: Any, *, device: int | None = None) -> GpuArray:
    """Uninitialised memory on a GPU, for work on this thread's stream. device: None means that of the stream.

    Raises DeviceError, DeviceMemoryError.
    """
    number = index() if device is None else device
    dtype = np.dtype(dtype)
    block = _block(math.prod(shape) * dtype.itemsize, number)
    return GpuArray(shape, dtype, block.address, block, device=number)


def empty_many(wanted: Iterable[tuple[tuple[int, ...], Any]], *, device: int | None = None) -> list[GpuArray]:
    """Uninitialised arrays of the given shapes and dtypes in one piece of memory, which lasts as long as any of them.

    Raises DeviceError, DeviceMemoryError.
    """
    return Layout(wanted).empty(device=device)


class Layout:
    """How arrays of the given shapes and dtypes lie in one piece of memory; worth keeping by who makes them often.

    starts: the bytes before each. size: of the whole, in bytes.
    """

    def __init__(self, wanted: Iterable[tuple[tuple[int, ...], Any]]) -> None:
        arrays = [(tuple(shape), np.dtype(dtype)) for shape, dtype in wanted]
        sizes = (math.prod(shape) * dtype.itemsize for shape, dtype in arrays)
        *starts, self.size = accumulate((-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes), initial=0)
        self.starts = tuple(starts)
        self._arrays = [(shape, dtype, start) for (shape, dtype), start in zip(arrays, starts, strict=True)]

    def empty(self, *, device: int | None = None) -> list[GpuArray]:
        """As `empty_many`."""
        number = index() if device is None else device
        block = _block(self.size, number)
        first = block.address
        return [
            GpuArray(shape, dtype, first + start, block, device=number)
            for shape, dtype, start in self._arrays
        ]


def unpooled(size: int, *, device: int) -> Any:
    """Memory of the driver's own, which whoever asks for it frees with `free`, the context current; int() is its
    address. Raises DeviceError, DeviceMemoryError."""
    gpu = open_gpu(device)
    try:
        return gpu.pool.new(size)
    except gpu.driver.MemoryError as error:
        raise _full(device, size) from error


def _block(size: int, number: int) -> Block:
    """Memory for work on this thread's stream."""
    gpu = open_gpu(number)
    try:
        return gpu.pool.take(size, current(number))
    except gpu.driver.MemoryError as error:
        raise _full(number, size) from error


def _full(number: int, size: int) -> DeviceMemoryError:
    return DeviceMemoryError(
        f"GPU {number} has no {size} bytes left", requested_bytes=size, hint="use a smaller batch"
    )
