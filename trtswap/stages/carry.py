"""Where frames lie between decoding and encoding, and how batches pass from one thread to the next.

On the host there is nothing to do. On a GPU each thread of the chain works on a stream of its own; a batch that leaves
it carries an event, which the next thread's stream waits for, on the device. Frames go up after reading and come down
before writing, each in one copy that runs beside all other work.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np

from trtswap import device, native, ops
from trtswap.engine_options import device_index
from trtswap.errors import DeviceError, EngineError, OptionError
from trtswap.networks.sessions import usable_tensorrt
from trtswap.options import SwapOptions
from trtswap.stages.batch import Batch
from trtswap.types import Frame

_log = logging.getLogger(__name__)


class Route(Protocol):
    """What the chain of stages does with frames besides working on them."""

    on_gpu: bool
    decodes_on: int | None
    """The GPU that may decode, or None."""

    def leaving(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Around all that one thread does: batches that another takes over."""

    def arriving(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """In front of what a thread does with batches of another."""

    def accept(self, batch: Batch) -> Batch:
        """The same with one batch."""

    def up(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Behind reading: frames to where the stages work on them."""

    def down(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """In front of writing: frames on their way to the host."""

    def landed(self, batch: Batch) -> Iterator[Frame]:
        """The frames of a batch that came `down`, each as soon as it is on the host."""


class HostRoute:
    """Frames stay on the host."""

    on_gpu = False
    decodes_on: int | None = None

    def leaving(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """As they are."""
        return iter(batches)

    arriving = up = down = leaving

    def accept(self, batch: Batch) -> Batch:
        """As it is."""
        return batch

    def landed(self, batch: Batch) -> Iterator[Frame]:
        """As they are."""
        return iter(batch.frames)


class GpuRoute:
    """Frames lie on a GPU. Raises DeviceError where it cannot be used."""

    on_gpu = True

    def __init__(self, gpu: int, *, decodes: bool = True) -> None:
        self._gpu = gpu
        self.decodes_on: int | None = gpu if decodes else None
        if not native.core.cuda_built:
            raise DeviceError(
                "frames stay on the GPU only where trtswap was built with its CUDA kernels, and this one was not",
                hint="install it again where a CUDA toolkit is found, or leave --frames gpu out",
            )
        device.describe(gpu)

    def leaving(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """A stream of its own for the thread that iterates, and an event with each batch."""
        with device.use(self._gpu) as stream:
            for batch in batches:
                yield replace(batch, ready=stream.record())

    def arriving(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The thread's stream waits for each batch; the thread itself for none."""
        return map(self.accept, batches)

    def accept(self, batch: Batch) -> Batch:
        """The thread's stream waits for it."""
        if batch.ready is None:
            return batch
        device.current(self._gpu).wait(batch.ready)
        return replace(batch, ready=None)

    def up(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """One copy a frame; those that a decoder left on the GPU stay there."""
        for batch in batches:
            yield replace(batch, frames=self._sent(batch.frames))

    def _sent(self, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        with device.timed("frames up", frames=len(frames)):
            return tuple(
                frame
                if frame.surface.on_device
                else replace(frame, surface=device.upload(frame.surface, device=self._gpu))
                for frame in frames
            )

    def down(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """One copy a frame, on a stream beside the thread's, so that what comes next is not held up."""
        with device.borrowed(self._gpu) as copies:
            for batch in batches:
                copies.wait(device.current(self._gpu).record())
                with device.on(copies), device.timed("frames down", frames=len(batch.frames)):
                    surfaces = [device.download_later(frame.surface) for frame in batch.frames]
                frames = [
                    replace(frame, surface=surface)
                    for frame, (surface, _) in zip(batch.frames, surfaces, strict=True)
                ]
                yield replace(batch, frames=tuple(frames), arrivals=tuple(arrival for _, arrival in surfaces))

    def landed(self, batch: Batch) -> Iterator[Frame]:
        """Waits for the copy of each frame alone: it is encoded while the next one comes."""
        for frame, arrival in zip(batch.frames, batch.arrivals, strict=True):
            arrival.wait()
            yield frame


def route_of(options: SwapOptions) -> Route:
    """Where the frames of a run lie. "auto" is the GPU where TensorRT runs networks and trtswap's kernels run beside
    them, the host elsewhere, with the reason in the log. Raises DeviceError, and OptionError for options that
    contradict each other.
    """
    if options.frames == "host":
        return HostRoute()
    if options.frames == "auto":
        reason = why_on_host(options.device)
        if reason is not None:
            _log.info("frames stay on the host: %s", reason)
            return HostRoute()
    elif options.device == "cpu":
        raise OptionError(
            "frames cannot stay on the GPU while the networks run on the CPU",
            hint="leave --frames gpu or --device cpu out",
        )
    return GpuRoute(device_index(options.device) or 0, decodes=options.decoder == "auto")


def why_on_host(device_name: str = "auto") -> str | None:
    """Why frames had better not lie on the GPU, or None. device_name: as in SwapOptions.device."""
    if device_name == "cpu":
        return "the networks run on the CPU"
    gpu = device_index(device_name) or 0
    try:
        GpuRoute(gpu)
        usable_tensorrt(gpu)
        with device.use(gpu):
            device.to_host(ops.maxima(device.to_device(np.zeros((1, 1), np.float32), device=gpu)))
    except (DeviceError, EngineError) as error:
        return str(error)
    return None
