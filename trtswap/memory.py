"""How much memory a device has, and who asks."""

from __future__ import annotations

from functools import partial

from trtswap import device
from trtswap.engine_options import device_index
from trtswap.errors import DeviceError
from trtswap.options import SwapOptions
from trtswap.tracing import Probe


def device_memory(gpu: int) -> tuple[int, int]:
    """Free bytes and all bytes of a GPU, whoever uses them. Raises DeviceError."""
    with device.activate(gpu):
        free, total = device.driver(gpu).mem_get_info()
    return int(free), int(total)


def device_probes(options: SwapOptions) -> dict[str, Probe]:
    """What tells the memory in use on the GPU of a run, for a time line; nothing where there is none."""
    if options.device == "cpu":
        return {}
    gpu = device_index(options.device) or 0
    try:
        device_memory(gpu)
    except DeviceError:
        return {}
    return {"device": partial(_in_use, gpu)}


def _in_use(gpu: int) -> int | None:
    try:
        free, total = device_memory(gpu)
    except DeviceError:
        return None
    return total - free
