"""The session on TensorRT: device pointers in and out, several batches side by side, no host copy in between."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import numpy as np

from trtswap import device, tracing
from trtswap.errors import NetworkError, StrPath
from trtswap.inference.feed import KnownBatches
from trtswap.inference.free_lanes import FreeLanes
from trtswap.inference.lane import EngineTensor, Lane, layout_of
from trtswap.inference.spec_types import NetworkSpec
from trtswap.inference.tensorrt_library import TensorRT, make_logger
from trtswap.inference.trt_engine import (
    address,
    bound,
    context_in,
    deserialise,
    profiles,
    workspace_bytes,
)
from trtswap.types import Array, DeviceArray


class TrtSession:
    """A network as a TensorRT engine; see `Session`. May be used and closed in any thread.

    plan: the serialised engine of the network at `path`. gpu: its number. contexts: batches that may run side by side;
    a further thread waits. graphs: replay a batch size that comes for the third time as one CUDA graph. outputs: their
    names in the file's order; without them the engine's order counts.
    memory_bytes: of the device that it takes, about.
    Raises EngineError when the plan does not load here, NetworkContractError, DeviceError.
    """

    def __init__(
        self,
        library: TensorRT,
        plan: bytes,
        path: StrPath,
        spec: NetworkSpec,
        *,
        gpu: int = 0,
        contexts: int = 2,
        graphs: bool = True,
        outputs: Sequence[str] = (),
    ) -> None:
        self.path = Path(path)
        self.spec = spec
        self.gpu = gpu
        self._lock = threading.Lock()
        self._batches = KnownBatches(spec)
        self._context = device.activate(gpu)
        with self._context:
            self._logger = make_logger(library.module)
            self._runtime = library.module.Runtime(self._logger)
            self._engine = deserialise(self._runtime, plan, self.path)
            inputs, made, binding = bound(library.module, self._engine, spec, self.path, outputs)
            offered = profiles(self._engine, inputs, binding.batch)
            self._inputs = inputs
            self._outputs = made
            self._read = [(tensor.name, own.dtype) for tensor, own in zip(binding.fed, inputs, strict=True)]
            self._layouts: dict[int, device.Layout] = {}
            self._written = [own.dtype for own in made]
            self._largest = max(profile.high for profile in offered)
            workspace = workspace_bytes(self._engine)
            self.memory_bytes = len(plan) + contexts * workspace
            make_context = partial(context_in, library.module, self._engine, size=workspace)
            self._lanes = [
                Lane(gpu, make_context, workspace, inputs, made, offered, graphs=graphs)
                for _ in range(contexts)
            ]
        self._free = FreeLanes(self._lanes)
        _open_sessions.add(self)

    @property
    def max_batch(self) -> int | None:
        """The largest batch of the engine."""
        return self._largest

    def run(self, inputs: Mapping[str, Any]) -> list[Any]:
        """The outputs, in the spec's order, for a batch of one or more items.

        inputs: one array [N, ...] for each input of the spec, all NumPy, or all in this GPU's memory (anything with
        `__cuda_array_interface__`: contiguous, of the spec's dtype). Host arrays in give host arrays out, finished.
        Device arrays in give device arrays out, queued on this thread's stream (trtswap.device) and not waited for.
        A batch larger than the engine's runs in pieces, side by side where there are contexts.
        Raises OptionError for inputs that do not fit, NetworkError, DeviceError.
        """
        on_device = bool(inputs) and all(map(device.is_on_device, inputs.values()))
        if on_device and not tracing.recorded():
            return self.enqueue(inputs)
        batch = len(next(iter(inputs.values()), ()))
        with tracing.span(self.spec.name, "network", batch=batch):
            if not on_device:
                return self._run_host(cast("Mapping[str, Array]", inputs))
            with device.timed(self.spec.name, batch=batch):
                return self.enqueue(inputs)

    def enqueue(
        self,
        inputs: Mapping[str, DeviceArray],
        outputs: Sequence[DeviceArray] | None = None,
        *,
        stream: int | None = None,
    ) -> list[DeviceArray]:
        """The same for device arrays, on the CUDA stream with the handle `stream`; None is this thread's (without one:
        in order with CUDA's default stream). outputs: where to write; made when None. Nothing is waited for; on a
        stream that is not this thread's, keep inputs and outputs until the work is done. Raises as `run`.
        """
        here = device.current(self.gpu)
        stream = stream or here.handle or None
        count = self._batches.count(inputs)
        sources = [address(inputs[name], dtype, here) for name, dtype in self._read]
        together = outputs is None and count <= self._largest
        with self._context:
            if outputs is None:
                outputs = self._layout(count).empty(device=self.gpu)
                targets = [array.ptr for array in outputs]
            else:
                targets = [
                    address(array, dtype, here) for array, dtype in zip(outputs, self._written, strict=True)
                ]
            for start in range(0, count, self._largest):
                step = min(self._largest, count - start)
                lane = self._take()
                try:
                    if stream is None:
                        lane.claim((*inputs.values(), *outputs))
                    lane.enqueue(
                        step,
                        _at(start, sources, self._inputs),
                        _at(start, targets, self._outputs),
                        stream,
                        together=together,
                    )
                finally:
                    self._free.put(lane)
        return list(outputs)

    def _run_host(self, inputs: Mapping[str, Array]) -> list[Array]:
        count = self._batches.count(inputs)
        arrays = [np.ascontiguousarray(inputs[name], dtype) for name, dtype in self._read]
        pieces = [(start, min(self._largest, count - start)) for start in range(0, count, self._largest)]
        results: list[list[Array]] = []
        with self._context:
            while len(results) < len(pieces):
                waiting = pieces[len(results) :]
                lanes = self._take_some(len(waiting))
                try:
                    for lane, (start, step) in zip(lanes, waiting, strict=False):
                        with device.on(lane.stream), device.timed(self.spec.name, batch=step):
                            lane.run_host(step, [array[start : start + step] for array in arrays])
                    for lane, (_, step) in zip(lanes, waiting, strict=False):
                        results.append(lane.collect(step))
                finally:
                    for lane in lanes:
                        self._free.put(lane)
        joined = (
            results[0]
            if len(results) == 1
            else [np.concatenate(parts) for parts in zip(*results, strict=True)]
        )
        return [
            output.astype(tensor.dtype, copy=False)
            for tensor, output in zip(self.spec.outputs, joined, strict=False)
        ]

    def close(self) -> None:
        """Waits for work in progress and frees everything. May be repeated; never raises."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is None:
            return
        with suppress(Exception):
            for _ in self._lanes:
                self._free.take()
            with self._context:
                while self._lanes:
                    self._lanes.pop().close()
                del engine
                self._runtime = None
        self._free.close()

    def __enter__(self) -> TrtSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def _layout(self, count: int) -> device.Layout:
        """Of the outputs of `count` items."""
        known = self._layouts.get(count)
        if known is None:
            known = self._layouts[count] = layout_of(self._outputs, count)
        return known

    def _take(self) -> Lane:
        lane = self._free.take() if self._engine is not None else None
        if lane is None:
            raise NetworkError(f"the session of {self.path} is closed")
        return lane

    def _take_some(self, wanted: int) -> list[Lane]:
        """One lane at least, and as many of `wanted` as are free at once: waiting for more could wait for ever."""
        lanes = [self._take()]
        while len(lanes) < wanted:
            lane = self._free.take_now()
            if lane is None:
                break
            lanes.append(lane)
        return lanes


def _at(start: int, bases: list[int], tensors: Sequence[EngineTensor]) -> list[int]:
    """The addresses of an item in arrays that begin at `bases`."""
    if not start:
        return bases
    return [base + start * own.item_bytes for base, own in zip(bases, tensors, strict=True)]


_open_sessions: weakref.WeakSet[TrtSession] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """TensorRT's objects must go before the driver does."""
    for session in list(_open_sessions):
        session.close()
