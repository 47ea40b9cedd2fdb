"""What a serialised engine holds: its tensors under the spec's names, its profiles; and the device arrays it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trtswap import device
from trtswap.errors import EngineError, NetworkContractError, OptionError
from trtswap.inference.contract import Binding, DeclaredTensor, bind
from trtswap.inference.lane import EngineTensor, Profile
from trtswap.inference.spec_types import NetworkSpec, TensorSpec
from trtswap.types import DeviceArray


def deserialise(runtime: Any, plan: bytes, path: Path) -> Any:
    """The engine in a plan. Raises EngineError when it does not load here."""
    runtime.engine_host_code_allowed = True  # version-compatible plans carry the runtime they need
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise EngineError(
            f"the engine of {path} does not load: it was built for another GPU or another TensorRT, or is damaged",
            hint="build it again: trtswap build-engines --force",
        )
    return engine


def bound(
    trt: Any, engine: Any, spec: NetworkSpec, path: Path, outputs: Sequence[str] = ()
) -> tuple[tuple[EngineTensor, ...], tuple[EngineTensor, ...], Binding]:
    """The engine's tensors in the spec's order. outputs: their names in the order of the network's file, which an
    engine does not keep. Raises NetworkContractError."""
    shapes = _shapes(trt, engine)
    found: dict[bool, list[DeclaredTensor]] = {True: [], False: []}
    dtypes: dict[str, np.dtype[Any]] = {}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        dtypes[name] = np.dtype(trt.nptype(engine.get_tensor_dtype(name)))
        is_input = engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
        found[is_input].append(DeclaredTensor(name, str(dtypes[name]), shapes[name]))
    order = {name: number for number, name in enumerate(outputs)}
    found[False].sort(key=lambda declared: order.get(declared.name, len(order)))
    binding = bind(spec, found[True], found[False], path)

    def tensor(declared: DeclaredTensor, *, batched: bool = True) -> EngineTensor:
        shape = (declared.shape or ())[1 if batched else 0 :]
        if None in shape:
            raise NetworkContractError(
                f"tensor {declared.name} of the engine of {path} varies in more than the batch", path=path
            )
        lengths = tuple(int(item or 0) for item in shape)
        dtype = dtypes[declared.name]
        return EngineTensor(declared.name, dtype, lengths, math.prod(lengths) * dtype.itemsize)

    made = [
        _reshaped(tensor(item, batched=False), wanted) if changed else tensor(item)
        for item, wanted, changed in zip(binding.outputs, spec.outputs, binding.reshaped, strict=False)
    ]
    return tuple(tensor(item) for item in binding.inputs), tuple(made), binding


def _shapes(trt: Any, engine: Any) -> dict[str, tuple[int | None, ...]]:
    """Tensor name to shape, None for the batch. An output whose shape the network computes has none until a context
    knows the inputs'."""
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    shapes = {name: _lengths(engine.get_tensor_shape(name)) for name in names}
    if not any(None in shape[1:] for shape in shapes.values()):
        return shapes
    context = engine.create_execution_context()
    for name in names:
        if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT and None in shapes[name]:
            context.set_input_shape(name, tuple(engine.get_tensor_profile_shape(name, 0)[0]))
    for name, shape in shapes.items():
        if None in shape[1:]:
            known = _lengths(context.get_tensor_shape(name))
            shapes[name] = (shape[0], *known[1:])
    return shapes


def _lengths(dims: Sequence[int]) -> tuple[int | None, ...]:
    return tuple(int(item) if item >= 0 else None for item in tuple(dims))


def _reshaped(tensor: EngineTensor, wanted: TensorSpec) -> EngineTensor:
    """An output of one item without the batch axis, in the shape that the spec says."""
    known = math.prod(item for item in wanted.shape[1:] if isinstance(item, int))
    values = tensor.item_bytes // tensor.dtype.itemsize
    shape = tuple(item if isinstance(item, int) else values // known for item in wanted.shape[1:])
    return replace(tensor, shape=shape)


def profiles(engine: Any, inputs: Sequence[EngineTensor], batch: int | None) -> tuple[Profile, ...]:
    """The batches of each profile; one for `batch` where that is fixed."""
    if batch is not None:
        return (Profile(0, batch, batch),)
    found = []
    for index in range(engine.num_optimization_profiles):
        low, _, high = engine.get_tensor_profile_shape(inputs[0].name, index)
        found.append(Profile(index, int(low[0]), int(high[0])))
    return tuple(found)


def workspace_bytes(engine: Any) -> int:
    """What each context of an engine works in; 0 where this TensorRT does not tell."""
    for name in ("device_memory_size_v2", "device_memory_size"):
        size = getattr(engine, name, None)
        if size is not None:
            return int(size)
    return 0


def context_in(trt: Any, engine: Any, memory: int, size: int) -> Any:
    """An execution context that works at the address `memory`, in `size` bytes that are the caller's; None where there
    is no memory for the rest of it. Contexts may share an address as long as only one of them runs."""
    make = getattr(engine, "create_execution_context_without_device_memory", None)
    if make is not None:
        context = make()
    else:
        context = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
    if context is not None and size:
        if hasattr(context, "set_device_memory"):
            context.set_device_memory(memory, size)
        else:
            context.device_memory = memory
    return context


def address(array: DeviceArray, dtype: np.dtype[Any], here: device.Stream) -> int:
    """The address of a dense device array of the given type, which work on this thread's stream reads or writes.

    here: that stream, on the engine's GPU. Raises OptionError.
    """
    if (
        isinstance(array, device.GpuArray)
        and array.strides is None
        and array.dtype == dtype
        and array.device == here.gpu.index
    ):
        if array.block is not None:
            array.block.used_on(here)
        return array.ptr
    interface = array.__cuda_array_interface__
    if interface["typestr"] != dtype.str or interface.get("strides") is not None:
        strides = interface.get("strides")
        if interface["typestr"] != dtype.str or not _dense(interface["shape"], strides, dtype.itemsize):
            raise OptionError(
                f"a device array for an engine is dense and {dtype}, not {interface['typestr']} with strides {strides}"
            )
    return int(interface["data"][0])


def _dense(shape: Sequence[int], strides: Sequence[int] | None, itemsize: int) -> bool:
    expected = itemsize
    for length, stride in zip(reversed(shape), reversed(strides or ()), strict=False):
        if length > 1 and stride != expected:
            return False
        expected *= length
    return True
