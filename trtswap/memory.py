"""What a run may take, what it needs, and the batch and queues that fit: decided before the first frame.

A plain sum, of bytes:

    frames    those in flight x (width x height x 1.5, or 3 in 10 bits and RGB)
    inputs    batch x what the networks take in and give out
    networks  on a GPU the engines and their contexts, as the sessions tell, and `DEVICE_BASE`; on the host what the
              process takes already
    working   on the host `HOST_ITEM` for each network and item: ONNX Runtime does not tell
    blending  faces of a batch x half the frame's height squared x 16

Frames in flight: those a queue holds and those in hand in each thread, what the smoothing looks ahead, and what colours
and masks do. What it leaves out is in docs/performance.md, with measurements.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from trtswap import device
from trtswap.engine_options import device_index
from trtswap.errors import DeviceError
from trtswap.host_memory import available_bytes, resident_bytes
from trtswap.options import MemoryTier, SwapOptions
from trtswap.tracing import Probe
from trtswap.types import PixelFormat, VideoInfo

GB = 10**9
HOST_ITEM = 40_000_000
"""Measured for the built-in networks: 6 to 33 MB."""
DEVICE_BASE = 900_000_000
"""What CUDA, code that is loaded, and the decoder take of a GPU besides. On an H200: docs/performance.md."""
FACES = 4
"""Of a frame, at most, where several are swapped."""
_USUAL_RATE = 25.0
_MASKS_AHEAD = 2
_WORKSPACE_PIXEL = 16
Place = Literal["host", "device"]


@dataclass(frozen=True)
class Tier:
    """What may be taken: so many bytes, and no more than this share of what is free."""

    most: int
    share: float


TIERS: Mapping[MemoryTier, Tier] = {
    "strict": Tier(2 * GB, 0.5),
    "moderate": Tier(3 * GB, 0.7),
    "normal": Tier(4 * GB, 0.9),
}


@dataclass(frozen=True)
class Networks:
    """What the sessions of a run tell. device_bytes: engines and contexts. item_bytes: all inputs and outputs of one
    item. on_host: how many run there. landmarks: whether one of them places landmarks."""

    device_bytes: int = 0
    item_bytes: int = 0
    on_host: int = 0
    landmarks: bool = False


@dataclass(frozen=True)
class Plan:
    """What was decided. needs, limits: place to bytes. fits: whether the one is below the other; if not, it is the
    least there is."""

    batch: int
    queue: int
    needs: dict[Place, int]
    limits: dict[Place, int]
    fits: bool

    def notes(self, options: SwapOptions) -> list[str]:
        """What the user should know of it."""
        if not self.fits:
            return ["even one frame at a time may take more memory than --memory allows"]
        if options.batch is not None and self.batch < options.batch:
            return [
                f"the batch is {self.batch}, not {options.batch}, to fit into memory; --memory-limit allows more"
            ]
        return []

    def told(self, options: SwapOptions) -> str:
        """In one line."""
        parts = [
            f"{self.needs[place] / GB:.2f} of {limit / GB:.2f} GB on the {place}"
            for place, limit in self.limits.items()
        ]
        return f"memory {options.memory}: batch {self.batch}, queue {self.queue}; about {', '.join(parts)}"


def networks_of(sessions: Iterable[Any]) -> Networks:
    """What the sessions tell of themselves."""
    found = Networks()
    for session in sessions:
        tensors = (*session.spec.inputs, *session.spec.outputs)
        item = sum(
            4 * math.prod(size for size in tensor.shape[1:] if isinstance(size, int)) for tensor in tensors
        )
        told = int(getattr(session, "memory_bytes", 0))
        on_host = not hasattr(session, "enqueue")
        found = Networks(
            found.device_bytes + told,
            found.item_bytes + item,
            found.on_host + int(on_host),
            found.landmarks or session.spec.kind.startswith("landmarker/"),
        )
    return found


def surface_bytes(info: VideoInfo) -> int:
    """Of one frame."""
    per_pixel = 1.5 if info.format is PixelFormat.NV12 else 3
    return math.ceil(info.width_px * info.height_px * per_pixel)


def frames_in_flight(
    options: SwapOptions, frame_rate: float | None, batch: int, queue: int, *, landmarks: bool = False
) -> int:
    """At most, between decoding and encoding. landmarks: whether a network places them."""
    rate = frame_rate or _USUAL_RATE
    smooth = options.smooth
    ahead = smooth.method in ("symmetric", "individual")
    lag = math.ceil(smooth.lag_s * rate) if ahead else 0
    steadying = 1 + round(smooth.gap_s * rate) + lag + batch
    colours = lag + (2 if options.frames == "gpu" else 1) * batch if options.blend.colour != "off" else 0
    masks = _MASKS_AHEAD + batch if ahead else 0
    threads = 4 if options.enhance.network != "none" else 3
    waiting = batch if options.batch_wait_s else 0
    if options.frames == "gpu":  # in the threads that find faces and place landmarks, and behind them
        waiting += (4 if landmarks else 2) * batch
    return threads * batch * (queue + 1) + batch + waiting + steadying + colours + masks


def needed(
    options: SwapOptions, info: VideoInfo, networks: Networks, batch: int, queue: int, *, resident: int
) -> dict[Place, int]:
    """Bytes on the host, and on the device where networks or frames are. resident: what the process has already."""
    rate = float(info.frame_rate) if info.frame_rate else None
    several = options.select.mode == "all"
    items = batch * (FACES if several else 1)
    in_flight = frames_in_flight(options, rate, batch, queue, landmarks=networks.landmarks)
    frames = in_flight * surface_bytes(info)
    inputs = items * networks.item_bytes
    blending = items * (info.height_px // 2) ** 2 * _WORKSPACE_PIXEL
    on_gpu = options.frames == "gpu"
    host = resident + frames + inputs + networks.on_host * items * HOST_ITEM
    if networks.on_host or not networks.device_bytes:
        return {"host": host + blending}
    inside = DEVICE_BASE + networks.device_bytes + inputs + (frames + blending if on_gpu else 0)
    return {"host": host + (0 if on_gpu else blending), "device": inside}


def plan(options: SwapOptions, info: VideoInfo, networks: Networks) -> Plan:
    """The largest batch and queues, at most those of the options, that fit what may be taken. Asks the machine."""
    resident = resident_bytes() or 0
    return fitting(options, info, networks, _limits(options, networks, resident), resident=resident)


def fitting(
    options: SwapOptions,
    info: VideoInfo,
    networks: Networks,
    limits: dict[Place, int],
    *,
    resident: int = 0,
) -> Plan:
    """The same for given limits. First the queues become shorter, then the batch is halved, to a divisor of it."""
    batch = options.together
    while True:
        for queue in range(options.queue, 0, -1):
            needs = needed(options, info, networks, batch, queue, resident=resident)
            fits = all(needs.get(place, 0) <= limit for place, limit in limits.items())
            if fits or (batch, queue) == (1, 1):
                return Plan(batch, queue, needs, {p: limits[p] for p in limits if p in needs}, fits)
        batch = max(
            n for n in range(1, batch // 2 + 1) if options.together % n == 0
        )  # segments stay whole batches


def _limits(options: SwapOptions, networks: Networks, resident: int) -> dict[Place, int]:
    """What may be taken on the host beside what the process has already, and on the device beside what others took."""
    tier = TIERS[options.memory]
    most = options.memory_limit or tier.most
    found: dict[Place, int] = {}
    free = available_bytes()
    if free is not None:
        found["host"] = min(most + resident, int(tier.share * (free + resident)))
    if networks.device_bytes:
        gpu = device_index(options.device) or 0
        try:
            left, _ = device_memory(gpu)
        except DeviceError:
            return found
        found["device"] = min(most, int(tier.share * (left + networks.device_bytes + DEVICE_BASE)))
    return found


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
