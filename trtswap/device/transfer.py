"""Copies between host and GPU, through page-locked memory: queued on the thread's stream, beside all other work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trtswap.device.array import GpuArray, empty, empty_many
from trtswap.device.gpu import Gpu, open_gpu
from trtswap.device.pool import StagingBlock
from trtswap.device.streams import Event, current, index
from trtswap.types import Array, DeviceArray, Surface

_SLACK = 2
"""Results that lie within so many times their own size come back in one copy."""


class _Exposed:
    """Page-locked memory under an array, which keeps it."""

    def __init__(
        self, staged: StagingBlock, start: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._staged = staged
        self.__array_interface__ = {
            "shape": shape,
            "typestr": dtype.str,
            "data": (int(staged.memory.ctypes.data) + start, False),
            "version": 3,
        }


class Fetch:
    """Arrays on their way to the host, or there already (event None)."""

    def __init__(self, event: Event | None, arrays: list[Array]) -> None:
        self._event = event
        self._arrays = arrays

    def get(self) -> list[Array]:
        """Copies that belong to the caller, once they are there. Raises DeviceError when the work before failed."""
        return self.lent() if self._event is None else [array.copy() for array in self.lent()]

    def lent(self) -> list[Array]:
        """The same in page-locked memory, of which there is little: for who lets go of them soon, not for keeping."""
        if self._event is not None:
            self._event.wait()
        return self._arrays


def _exposed(staged: StagingBlock, views: Sequence[GpuArray], starts: Sequence[int]) -> list[Array]:
    """What will be there of arrays whose copies begin at `starts`."""
    return [
        np.asarray(_Exposed(staged, at, view.shape, view.dtype))
        for view, at in zip(views, starts, strict=False)
    ]


def is_on_device(array: Any) -> bool:
    """Whether an array lies in GPU memory."""
    if isinstance(array, (np.ndarray, GpuArray)):
        return isinstance(array, GpuArray)
    return hasattr(array, "__cuda_array_interface__")


def to_device(array: Array, *, device: int | None = None) -> GpuArray:
    """A copy of a host array on a GPU, queued on this thread's stream; the array may change at once.

    device: None means that of the stream. Raises DeviceError, DeviceMemoryError.
    """
    number = index() if device is None else device
    source = np.ascontiguousarray(array)
    target = empty(np.shape(array), source.dtype, device=number)
    if source.nbytes:
        _send(open_gpu(number), [(target, source)])
    return target


def fetch(arrays: Sequence[DeviceArray]) -> Fetch:
    """Starts to bring arrays to the host, behind the work queued on this thread's stream. Host arrays pass through.

    Arrays that lie together, as the outputs of an engine do, come in one copy. Raises DeviceError.
    """
    if not any(is_on_device(array) for array in arrays):
        return Fetch(None, list(arrays))
    views = [_as_gpu_array(array) for array in arrays]
    first, span = _span(views)
    gpu = open_gpu(views[0].device)
    stream = current(gpu.index)
    with gpu.current():
        staged = gpu.staging.take(span if first is not None else sum(_padded(view.nbytes) for view in views))
        starts, start = [], 0
        for view in views:
            view.touch()
            starts.append(start if first is None else view.ptr - first)
            start += _padded(view.nbytes)
        if first is not None and span:
            gpu.driver.memcpy_dtoh_async(staged.memory[:span], first, stream.raw)
        for view, at in zip(views, starts, strict=True) if first is None else ():
            _pull(gpu, staged.memory[at : at + view.nbytes], view)
        event = staged.used = stream.record()
    return Fetch(event, _exposed(staged, views, starts))


def to_host(array: DeviceArray) -> Array:
    """A copy on the host, after the work queued on this thread's stream. NumPy arrays pass through."""
    return fetch([array]).get()[0]


def upload(surface: Surface, *, device: int | None = None) -> Surface:
    """The same surface in GPU memory, queued on this thread's stream; the planes may change at once."""
    number = index() if device is None else device
    planes = [np.asarray(plane) for plane in surface.planes]
    targets = empty_many([(plane.shape, plane.dtype) for plane in planes], device=number)
    _send(open_gpu(number), list(zip(targets, planes, strict=True)))
    return replace(surface, planes=tuple(targets))


def download(surface: Surface) -> Surface:
    """The same surface in host memory, after the work queued on this thread's stream."""
    arrived, event = download_later(surface)
    event.wait()
    return arrived


def download_later(surface: Surface) -> tuple[Surface, Event]:
    """The same surface in page-locked host memory, and when it will be there."""
    views = [_as_gpu_array(plane) for plane in surface.planes]
    gpu = open_gpu(views[0].device)
    stream = current(gpu.index)
    starts = np.cumsum([0, *(_padded(view.nbytes) for view in views)]).tolist()
    first, span = _span(views)
    with gpu.current():
        staged = gpu.staging.take(max(starts[-1], span))
        for view in views:
            view.touch()
        if first is not None:
            starts = [view.ptr - first for view in views]
            gpu.driver.memcpy_dtoh_async(staged.memory[:span], first, stream.raw)
        else:
            for view, at in zip(views, starts, strict=False):
                _pull(gpu, staged.memory[at : at + view.nbytes], view)
        event = staged.used = stream.record()
    return replace(surface, planes=tuple(_exposed(staged, views, starts))), event


def beside(array: DeviceArray, other: DeviceArray) -> Any:
    """An array where another lies: itself, or of one on the host a copy on that GPU, queued on this thread's stream."""
    if not is_on_device(other) or not isinstance(array, np.ndarray):
        return array
    return to_device(array, device=other.device if isinstance(other, GpuArray) else None)


class Constant:
    """A host array wanted again and again beside arrays on the host or a GPU: copied once for each stream."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self._copies: dict[tuple[int, int], GpuArray] = {}

    def beside(self, other: DeviceArray) -> Any:
        """The array, or the copy on the GPU of the other."""
        if not is_on_device(other):
            return self.array
        number = other.device if isinstance(other, GpuArray) else index()
        key = (number, current(number).handle)
        if key not in self._copies:
            self._copies[key] = to_device(self.array, device=number)
        return self._copies[key]


def rectangle(plane: DeviceArray, rows: slice, columns: slice) -> Array:
    """Part of a plane [H, W] or [H, W, C] on the host, after the work queued on this thread's stream; rows may have a
    step. A host plane gives a view."""
    if isinstance(plane, np.ndarray):
        part: Array = plane[rows, columns]
        return part
    view = _as_gpu_array(plane)
    top, bottom, step = rows.indices(view.shape[0])
    left, right, _ = columns.indices(view.shape[1])
    pixel = view.dtype.itemsize * (view.shape[2] if view.ndim == 3 else 1)
    pitch = view.strides[0] if view.strides is not None else view.shape[1] * pixel
    count, width = len(range(top, bottom, step)), (right - left) * pixel
    gpu = open_gpu(view.device)
    stream = current(gpu.index)
    with gpu.current():
        view.touch()
        staged = gpu.staging.take(count * width)
        target = staged.memory[: count * width]
        _pull_rows(gpu, target, view.ptr + top * pitch + left * pixel, step * pitch, width, count)
        event = staged.used = stream.record()
    event.wait()
    found: Array = target.copy().view(view.dtype).reshape(count, right - left, *view.shape[2:])
    return found


def duplicates(arrays: Sequence[DeviceArray]) -> list[GpuArray]:
    """Dense copies on the GPU, in one piece, queued on this thread's stream; of arrays that lie so too in one copy."""
    views = [_as_gpu_array(array) for array in arrays]
    targets = empty_many([(view.shape, view.dtype) for view in views], device=views[0].device)
    first, span = _span(views)
    starts = [target.ptr - targets[0].ptr for target in targets]
    if first is None or starts != [view.ptr - first for view in views]:
        for target, view in zip(targets, views, strict=True):
            place(target, view)
        return targets
    gpu = open_gpu(views[0].device)
    for array in (views[0], targets[0]):  # one block is under all of each
        array.touch()
    with gpu.current():
        gpu.driver.memcpy_dtod_async(targets[0].ptr, first, span, current(gpu.index).raw)
    return targets


def place(target: DeviceArray, source: DeviceArray) -> None:
    """Copies an array into another of the same shape and type: on the host at once, else into dense memory of a GPU,
    queued on this thread's stream."""
    if isinstance(target, np.ndarray):
        target[...] = source
        return
    if not target.nbytes:
        return
    if isinstance(source, np.ndarray):
        _send(open_gpu(target.device), [(target, source)])
        return
    view = _as_gpu_array(source)
    gpu = open_gpu(target.device)
    stream = current(gpu.index)
    target.touch()
    view.touch()
    with gpu.current():
        if view.strides is None:
            gpu.driver.memcpy_dtod_async(target.ptr, view.ptr, view.nbytes, stream.raw)
            return
        width = view.nbytes // max(1, view.shape[0])
        copy = gpu.driver.Memcpy2D()
        copy.set_src_device(view.ptr)
        copy.set_dst_device(target.ptr)
        copy.src_pitch, copy.dst_pitch = view.strides[0], width
        copy.width_in_bytes, copy.height = width, view.shape[0]
        _start(copy, stream.raw)


def pinned(shape: tuple[int, ...], dtype: Any, *, device: int = 0) -> Array:
    """Uninitialised page-locked host memory of the caller's own, from and to which copies run beside other work.

    Raises DeviceError, DeviceMemoryError.
    """
    gpu = open_gpu(device)
    with gpu.current():
        memory = gpu.staging.take(int(np.prod(shape)) * np.dtype(dtype).itemsize)
    return np.asarray(_Exposed(memory, 0, tuple(shape), np.dtype(dtype)))


def _send(gpu: Gpu, pairs: Sequence[tuple[GpuArray, Array]]) -> None:
    """Host arrays to dense arrays of a GPU; to those that lie together in one copy."""
    stream = current(gpu.index)
    first, span = _span([target for target, _ in pairs])
    with gpu.current():
        staged = gpu.staging.take(span if first is not None else sum(_padded(a.nbytes) for _, a in pairs))
        start = 0
        for target, source in pairs:
            target.touch()
            at = start if first is None else target.ptr - first
            filled = staged.memory[at : at + source.nbytes]
            filled.view(source.dtype).reshape(source.shape)[...] = source
            if first is None:
                gpu.driver.memcpy_htod_async(target.ptr, filled, stream.raw)
            start += _padded(source.nbytes)
        if first is not None:
            gpu.driver.memcpy_htod_async(first, staged.memory[:span], stream.raw)
        staged.used = stream.record()


def _pull(gpu: Gpu, target: Array, view: GpuArray) -> None:
    if view.strides is None:
        gpu.driver.memcpy_dtoh_async(target, view.ptr, current(gpu.index).raw)
    else:
        width = view.nbytes // max(1, view.shape[0])
        _pull_rows(gpu, target, view.ptr, view.strides[0], width, view.shape[0])


def _pull_rows(gpu: Gpu, target: Array, address: int, pitch: int, width: int, count: int) -> None:
    copy = gpu.driver.Memcpy2D()
    copy.set_src_device(address)
    copy.set_dst_host(target)
    copy.src_pitch, copy.dst_pitch = pitch, width
    copy.width_in_bytes, copy.height = width, count
    _start(copy, current(gpu.index).raw)


def _start(copy: Any, stream: Any) -> None:
    """On the default stream pycuda only has the copy that is waited for."""
    if stream is None:
        copy(aligned=False)
    else:
        copy(stream)


def _as_gpu_array(array: DeviceArray) -> GpuArray:
    """Anything with the interface; of foreign arrays the producing stream is waited for by whoever names it."""
    if isinstance(array, GpuArray):
        return array
    fields = array.__cuda_array_interface__
    strides, dtype = fields.get("strides"), np.dtype(fields["typestr"])
    dense = tuple(
        dtype.itemsize * int(np.prod(fields["shape"][axis + 1 :])) for axis in range(len(fields["shape"]))
    )
    strides = None if strides is None or tuple(strides) == dense else tuple(strides)
    return GpuArray(fields["shape"], dtype, int(fields["data"][0]), None, device=index(), strides=strides)


def _span(views: Sequence[GpuArray]) -> tuple[int | None, int]:
    """Where dense arrays of one block begin and how far they reach, if that is not much more than they hold."""
    block = views[0].block
    start = min(view.ptr for view in views)
    end = max(view.ptr + view.nbytes for view in views)
    together = block is not None and all(view.block is block and view.strides is None for view in views)
    if together and end - start <= _SLACK * sum(view.nbytes for view in views) + 4096:
        return start, end - start
    return None, 0


def _padded(size: int) -> int:
    return -(-size // 256) * 256
