"""One of the places in a session where a batch can run: a stream, execution contexts, buffers that stay put."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from trtswap import device
from trtswap.errors import DeviceError, DeviceMemoryError, NetworkError
from trtswap.inference.cuda_calls import CapturedGraph, Fence
from trtswap.inference.replay import Replay
from trtswap.types import Array, DeviceArray


@dataclass(frozen=True)
class EngineTensor:
    """An input or output of an engine. shape: of one item, without the batch."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    item_bytes: int


def layout_of(tensors: Iterable[EngineTensor], batch: int) -> device.Layout:
    """How the outputs of a batch lie in one piece."""
    return device.Layout(((batch, *tensor.shape), tensor.dtype) for tensor in tensors)


@dataclass(frozen=True)
class Profile:
    """The batches that one optimization profile takes; index: its number in the engine."""

    index: int
    low: int
    high: int


class _Ready:
    """An execution context with what was last set in it."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.batch = 0
        self.addresses: dict[str, int] = {}


class Lane:
    """Runs one batch at a time; used by one thread at a time. The device's context must be current in every method.

    make_context: of the engine's, one that works at an address, in memory of so many bytes, or None. Buffers and
    contexts, which share that memory, are made when a batch first needs them.
    """

    def __init__(
        self,
        gpu: int,
        make_context: Callable[[int], Any],
        workspace_bytes: int,
        inputs: Sequence[EngineTensor],
        outputs: Sequence[EngineTensor],
        profiles: Sequence[Profile],
        *,
        graphs: bool,
    ) -> None:
        self._gpu = gpu
        self._driver = device.driver(gpu)
        self._make_context = make_context
        self._workspace_bytes = workspace_bytes
        self._workspace: Any = None
        self._tensors = (*inputs, *outputs)
        self._inputs = tuple(inputs)
        self._outputs = tuple(outputs)
        self._profiles = sorted(
            profiles, key=lambda item: item.high - item.low
        )  # the narrowest that fits is taken
        self._use_graphs = graphs
        self._lent = ExitStack()
        # Not one of its own: memory that outlives the session remembers, and so keeps, the streams that used it.
        self.stream = self._lent.enter_context(device.borrowed(gpu))
        self._handle = self.stream.handle
        self._contexts: dict[int, _Ready] = {}
        self._replays: dict[int, Replay] = {}
        self._uses: dict[int, int] = {}
        self._fixed: dict[str, DeviceArray] = {}
        self._results: DeviceArray | None = None
        self._pinned: dict[str, Array] = {}
        self._capacity = 0
        self._last_stream: int | None = None
        self._fence: Fence | None = None

    def enqueue(
        self,
        batch: int,
        sources: Sequence[int],
        targets: Sequence[int],
        stream: int | None = None,
        *,
        together: bool = False,
    ) -> None:
        """Queues a batch: reads the addresses in `sources`, writes those in `targets`, waits for nothing.

        together: the targets lie in one piece, as `layout_of` divides it for the outputs of this batch. stream:
        where to queue, None for the lane's own, which CUDA's default stream and this one's work wait for in turn.
        Raises NetworkError, DeviceError, DeviceMemoryError.
        """
        handle = self._handle if stream is None else stream
        self._follow(handle)
        replay = self._replay(batch) if self._use_graphs else None
        if replay is None:
            self._execute(batch, (*sources, *targets), handle)
        else:
            replay.launch(sources, targets, handle, together=together)
        self._last_stream = handle

    def claim(self, arrays: Sequence[DeviceArray]) -> None:
        """Tells the memory of arrays that the lane's own stream uses it."""
        for array in arrays:
            if isinstance(array, device.GpuArray) and array.block is not None:
                array.block.used_on(self.stream)

    def run_host(self, batch: int, sources: Sequence[Array]) -> None:
        """Queues a batch of host arrays (contiguous, of the engine's types) and the way back of its outputs."""
        self._reserve(batch)
        self._follow(self._handle)  # the last batch may still read the buffers that are filled now
        addresses, targets = ([address for address, _ in own] for own in self._buffers(batch))
        for tensor, source, address in zip(self._inputs, sources, addresses, strict=True):
            staged = self._staging(tensor)[:batch]
            np.copyto(staged, source, casting="same_kind")
            self._driver.memcpy_htod_async(address, staged, self.stream.raw)
        self.enqueue(batch, addresses, targets)
        for tensor, address in zip(self._outputs, targets, strict=True):
            self._driver.memcpy_dtoh_async(self._staging(tensor)[:batch], address, self.stream.raw)

    def collect(self, batch: int) -> list[Array]:
        """The outputs of the last `run_host`, copied, once they are there. Raises NetworkError."""
        self.wait()
        return [self._staging(tensor)[:batch].copy() for tensor in self._outputs]

    def wait(self) -> None:
        """Until all work queued on the lane's own stream is done. Raises DeviceError."""
        self.stream.synchronize()

    def close(self) -> None:
        """Frees everything, after the work in progress."""
        with suppress(Exception):
            self.stream.synchronize()
        with suppress(Exception):
            self._settle()
        if self._fence is not None:
            self._fence.close()
        self._drop_replays()
        self._contexts.clear()
        if self._workspace is not None:
            self._workspace.free()
            self._workspace = None
        self._fixed.clear()
        self._results = None
        self._pinned.clear()
        self._lent.close()

    def _execute(self, batch: int, addresses: Sequence[int], handle: int) -> None:
        ready = self._ready(batch)
        if ready.batch != batch:
            for tensor in self._inputs:
                ready.context.set_input_shape(tensor.name, (batch, *tensor.shape))
            ready.batch = batch
        known = ready.addresses
        for tensor, address in zip(self._tensors, addresses, strict=True):
            if known.get(tensor.name) != address:
                ready.context.set_tensor_address(tensor.name, address)
                known[tensor.name] = address
        if not ready.context.execute_async_v3(handle):
            raise NetworkError("TensorRT could not queue the batch")

    def _replay(self, batch: int) -> Replay | None:
        """The graph of a batch size: none for its first two batches, which also warm it up."""
        replay = self._replays.get(batch)
        if replay is not None:
            return replay
        self._uses[batch] = self._uses.get(batch, 0) + 1
        if self._uses[batch] < 3:
            return None
        self._reserve(batch)
        self._settle()  # the last batch, perhaps on another stream, runs in the same context
        self.wait()
        inputs, outputs = self._buffers(batch)
        addresses = [address for address, _ in (*inputs, *outputs)]
        try:
            graph = CapturedGraph(lambda stream: self._execute(batch, addresses, stream))
        except (DeviceError, NetworkError):
            self._use_graphs = False  # an engine with parts that cannot be captured
            return None
        replay = self._replays[batch] = Replay(graph, inputs, outputs)
        return replay

    def _buffers(self, batch: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Address and bytes of each input and each output of a batch in the lane's own memory; the outputs lie as
        `layout_of` places them, so that one copy takes them there."""
        assert self._results is not None
        inputs = [(self._fixed[tensor.name].ptr, batch * tensor.item_bytes) for tensor in self._inputs]
        starts = layout_of(self._outputs, batch).starts
        outputs = [
            (self._results.ptr + start, batch * tensor.item_bytes)
            for tensor, start in zip(self._outputs, starts, strict=True)
        ]
        return inputs, outputs

    def _drop_replays(self) -> None:
        for replay in self._replays.values():
            replay.close()
        self._replays.clear()

    def _ready(self, batch: int) -> _Ready:
        profile = next((item for item in self._profiles if item.low <= batch <= item.high), None)
        if profile is None:
            raise NetworkError(f"the engine takes no batch of {batch}")
        ready = self._contexts.get(profile.index)
        if ready is None:
            context = self._make_context(self._working())
            if context is None:
                raise DeviceMemoryError(
                    f"GPU {self._gpu} has no memory for another batch of this engine",
                    hint="use a smaller batch, or close other programs that use the GPU",
                )
            if profile.index and not context.set_optimization_profile_async(profile.index, self._handle):
                raise NetworkError(f"TensorRT refuses the profile {profile.index}")
            ready = self._contexts[profile.index] = _Ready(context)
        return ready

    def _working(self) -> int:
        """The address of what contexts work in, which is taken now if it was not. It goes back to the driver with the
        lane: nothing else is likely to need a piece of that size."""
        if self._workspace is None and self._workspace_bytes:
            self._workspace = device.unpooled(self._workspace_bytes, device=self._gpu)
        return int(self._workspace or 0)

    def _reserve(self, batch: int) -> None:
        """Buffers of the lane's own for this batch and smaller ones. Graphs that used smaller ones are dropped."""
        if batch <= self._capacity:
            return
        self.wait()
        self._settle()
        self._drop_replays()
        capacity = next((item.high for item in self._profiles if item.low <= batch <= item.high), batch)
        with device.on(self.stream):  # where they are used first, not on the stream of the thread
            self._fixed = {
                tensor.name: device.empty((capacity, *tensor.shape), tensor.dtype, device=self._gpu)
                for tensor in self._inputs
            }
            size = layout_of(self._outputs, capacity).size
            self._results = device.empty((size,), np.uint8, device=self._gpu)
        self._pinned.clear()
        self._capacity = capacity

    def _staging(self, tensor: EngineTensor) -> Array:
        staged = self._pinned.get(tensor.name)
        if staged is None:
            staged = device.pinned((self._capacity, *tensor.shape), tensor.dtype, device=self._gpu)
            self._pinned[tensor.name] = staged
        return staged

    def _settle(self) -> None:
        """Until the last batch is done, on whatever stream."""
        if self._last_stream is None or self._last_stream == self._handle:
            return
        if self._fence is None:
            self._fence = Fence()
        self._fence.record(self._last_stream)
        self._fence.wait()

    def _follow(self, handle: int) -> None:
        """Lets the stream `handle` wait for the last batch where that was queued on another: they share memory."""
        if self._last_stream is None or self._last_stream == handle:
            return
        if self._fence is None:
            self._fence = Fence()
        self._fence.record(self._last_stream)
        self._fence.hold(handle)
