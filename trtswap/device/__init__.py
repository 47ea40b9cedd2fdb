"""GPU memory, streams and copies from Python, through pycuda. Imports pycuda only when asked for a GPU.

The native operations need none of this: they take any array with `__cuda_array_interface__`. Memory belongs to the
device's primary context, which TensorRT, ONNX Runtime and the operations use too; it may be freed in any thread, at any
time: it goes to nobody else before the work queued on it is done (pool.py).
"""

from __future__ import annotations

from trtswap.device.array import GpuArray, Layout, empty, empty_many, unpooled
from trtswap.device.gpu import activate, count, describe, driver, memory_waiting, release_unused
from trtswap.device.streams import Event, Stream, borrowed, current, handle, index, on, use
from trtswap.device.timing import timed
from trtswap.device.transfer import (
    Constant,
    Fetch,
    beside,
    download,
    download_later,
    duplicates,
    fetch,
    is_on_device,
    pinned,
    place,
    rectangle,
    to_device,
    to_host,
    upload,
)

__all__ = [
    "Constant",
    "Event",
    "Fetch",
    "GpuArray",
    "Layout",
    "Stream",
    "activate",
    "beside",
    "borrowed",
    "count",
    "current",
    "describe",
    "download",
    "download_later",
    "driver",
    "duplicates",
    "empty",
    "empty_many",
    "fetch",
    "handle",
    "index",
    "is_on_device",
    "memory_waiting",
    "on",
    "pinned",
    "place",
    "rectangle",
    "release_unused",
    "timed",
    "to_device",
    "to_host",
    "unpooled",
    "upload",
    "use",
]
