"""What the modules of operations share: the extension, surfaces as it takes them, and memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from trtswap import device, tracing
from trtswap.types import DeviceArray, Matrix, PixelFormat, Range, Surface

try:
    from trtswap import _core
except ImportError as error:
    raise ImportError(
        "the native extension trtswap._core is missing or does not fit this Python: install trtswap with "
        "`pip install .`; inside its source tree run `trtswap` or `pytest`, not `python -m`, which would import the "
        f"unbuilt sources ({error})"
    ) from error

__all__ = [
    "NativeSurface",
    "allocate",
    "allocate_like",
    "core",
    "native_surface",
    "stream_of",
    "timed",
    "workspace",
]

Given = ParamSpec("Given")
Result = TypeVar("Result")

core = _core
NativeSurface = tuple[int, tuple[Any, ...], int, bool, float, float]

_FORMATS = {PixelFormat.NV12: 0, PixelFormat.P010: 1, PixelFormat.RGB8: 2}
_MATRICES = {Matrix.BT601: 0, Matrix.BT709: 1, Matrix.BT2020: 2}
_GROWTH = 1.25


def stream_of(stream: int | None) -> int:
    """The CUDA handle that work is queued on: as given, or this thread's."""
    return device.handle() if stream is None else stream


def timed(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Decorates an operation whose first argument tells where it works, surfaces or an array: on a GPU the time that it
    takes there is told to whoever records."""

    @wraps(function)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        if not tracing.recorded():
            return function(*args, **kwargs)
        where: Any = args[0]
        first = where[0] if isinstance(where, (list, tuple)) and where else where
        if not getattr(first, "on_device", False) and not device.is_on_device(first):
            return function(*args, **kwargs)
        with device.timed(function.__name__, items=len(where)):
            return function(*args, **kwargs)

    return call


def native_surface(surface: Surface) -> Any:
    """The surface as the extension takes it. One in GPU memory is read once and kept so with the surface."""
    kept = surface.__dict__.get("_parsed")
    if kept is not None:
        for plane in surface.planes:
            if isinstance(plane, device.GpuArray):
                plane.touch()
    else:
        fields = _fields(surface)
        if isinstance(surface.planes[0], np.ndarray):
            return fields
        kept = core.parse_surface(fields)
        if kept is None:  # planes that name the stream they come from, which has to be waited for each time
            return fields
        object.__setattr__(surface, "_parsed", kept)
    return kept


def _fields(surface: Surface) -> NativeSurface:
    colour = surface.colour
    x, y = colour.siting.offset_px
    full = colour.range is Range.FULL
    return (_FORMATS[surface.format], surface.planes, _MATRICES[colour.matrix], full, x, y)


def allocate(shape: tuple[int, ...], dtype: str, surfaces: Sequence[Surface]) -> Any:
    """A new array where the surfaces are."""
    if dtype not in ("float32", "float16"):
        raise ValueError(f"dtype is float32 or float16, not {dtype!r}")
    if surfaces and surfaces[0].on_device:
        return device.empty(shape, dtype, device=_gpu_of(surfaces[0].planes[0]))
    return np.empty(shape, dtype)


def allocate_like(array: Any, shape: Sequence[int], dtype: Any) -> Any:
    """A new array where `array` is."""
    if device.is_on_device(array):
        return device.empty(tuple(shape), dtype, device=_gpu_of(array))
    return np.empty(tuple(shape), dtype)


def _gpu_of(array: DeviceArray) -> int:
    return array.device if isinstance(array, device.GpuArray) else device.index()


class _Workspaces(threading.local):
    """The memory one thread's operations work in: a block per device and stream, kept and grown as needed."""

    def __init__(self) -> None:
        self.blocks: dict[tuple[int, int], DeviceArray] = {}


_workspaces = _Workspaces()


def workspace(stream: int) -> Any:
    """What an operation on `stream` calls, as workspace(bytes, device): memory that stays its own until the next
    operation of this thread on that stream. device is -1 on the host. Nothing is allocated once a size was seen."""

    def take(size: int, device_index: int) -> Any:
        key = (device_index, stream)
        block = _workspaces.blocks.get(key)
        if block is None or block.shape[0] < size:
            wanted = (max(1, int(size * _GROWTH)),)
            if device_index < 0:
                block = np.empty(wanted, np.uint8)
            else:
                _workspaces.blocks.pop(key, None)  # before the new one, so that both need not fit
                block = device.empty(wanted, np.uint8, device=device_index)
            _workspaces.blocks[key] = block
        return block

    return take
