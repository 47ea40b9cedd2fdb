"""From a network's file to the graph that engines are built from: plain form, fixed picture size, a batch axis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, ValueInfoProto, helper

from trtswap.errors import EngineError, StrPath
from trtswap.inference import batching, cache
from trtswap.inference import graph as graphs
from trtswap.inference.contract import Binding, DeclaredTensor, bind
from trtswap.inference.spec_types import NetworkSpec
from trtswap.types import Array

RECIPE = 3
"""Version of the preparation; part of every plan's key."""


@dataclass(frozen=True)
class Prepared:
    """model: float32, plain, with the batch axis "N" unless `batched` says why not. binding: its tensors under the
    spec's names. batched: "file", "rewritten", or the reason why the network runs one item at a time."""

    model: ModelProto
    binding: Binding
    batched: str

    @property
    def any_batch(self) -> bool:
        """Whether it takes a batch."""
        return self.batched in ("file", "rewritten")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the file's outputs, in its order."""
        return tuple(declared.name for declared in self.binding.outputs)

    def named(self, samples: Mapping[str, Array]) -> dict[str, Array]:
        """Samples under the file's names instead of the spec's."""
        return {
            declared.name: samples[tensor.name]
            for tensor, declared in zip(self.binding.fed, self.binding.inputs, strict=True)
        }


def prepare(path: StrPath, spec: NetworkSpec, digest: str) -> Prepared:
    """The prepared network, from the cache where it was prepared before (`digest`: SHA-256 of the file).

    Raises NetworkError and its kin for a file that is no network or not `spec`'s, EngineError when the cache cannot be
    written.
    """
    width, height = spec.picture.size
    folder = cache.make_writable(cache.cache_folder() / "networks")
    kept = folder / f"{digest[:24]}-{width}x{height}-r{RECIPE}b{batching.VERSION}.onnx"
    cached = _read(kept)
    if cached is not None:
        return Prepared(cached[0], _bind(cached[0], spec, path), cached[1])
    model = graphs.normalise(graphs.load_model(path))
    binding = _bind(model, spec, path)
    _fix_sizes(model, spec, binding)
    _keep_outputs(model, binding)
    batched = "file" if batching.fixed_batch(model) is None else "rewritten"
    try:
        model = batching.make_dynamic(model, lambda count: _random_inputs(model, count)).model
    except batching.UnbatchableError as error:
        batched = error.message
        _fix_batch(model)
    _write(kept, model, batched)
    return Prepared(model, _bind(model, spec, path), batched)


def _bind(model: ModelProto, spec: NetworkSpec, path: StrPath) -> Binding:
    return bind(
        spec,
        [_declared(info) for info in graphs.real_inputs(model)],
        [_declared(info) for info in model.graph.output],
        path,
    )


def _declared(info: ValueInfoProto) -> DeclaredTensor:
    tensor = info.type.tensor_type
    try:
        dtype = str(np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)))
    except (KeyError, TypeError):
        dtype = f"type {tensor.elem_type}"
    shape = (
        tuple(int(dim.dim_value) if dim.dim_value > 0 else None for dim in tensor.shape.dim)
        if tensor.HasField("shape") and tensor.shape.dim
        else None
    )
    return DeclaredTensor(info.name, dtype, shape)


def _fix_sizes(model: ModelProto, spec: NetworkSpec, binding: Binding) -> None:
    """Every length of the inputs but the batch becomes the one the spec runs at."""
    width, height = spec.picture.size
    lengths = {"W": width, "H": height}
    infos = {info.name: info for info in graphs.real_inputs(model)}
    for tensor, declared in zip(binding.fed, binding.inputs, strict=True):
        shape = infos[declared.name].type.tensor_type.shape
        varies = [not dim.dim_value > 0 for dim in shape.dim[1:]]
        for axis, dimension in enumerate(tensor.shape[1:], 1):
            length = lengths.get(dimension) if isinstance(dimension, str) else dimension
            if length is not None and varies[axis - 1]:
                shape.dim[axis].Clear()
                shape.dim[axis].dim_value = length
    del model.graph.value_info[:]


def _keep_outputs(model: ModelProto, binding: Binding) -> None:
    """Drops the outputs that the spec does not name: an engine would compute and write them all the same."""
    wanted = {declared.name for declared in binding.outputs}
    for index in reversed(range(len(model.graph.output))):
        if model.graph.output[index].name not in wanted:
            del model.graph.output[index]


def _fix_batch(model: ModelProto) -> None:
    for info in (*graphs.real_inputs(model), *model.graph.output):
        shape = info.type.tensor_type.shape
        if shape.dim:
            shape.dim[0].Clear()
            shape.dim[0].dim_value = 1


def _random_inputs(model: ModelProto, count: int) -> dict[str, Array]:
    """Noise of another kind for each item, so that items that influence each other show it."""
    rng = np.random.default_rng(20260101)
    scales = 0.25 + 0.75 * np.arange(1, count + 1) / count
    inputs = {}
    for info in graphs.real_inputs(model):
        shape = [dim.dim_value or 1 for dim in info.type.tensor_type.shape.dim][1:]
        noise = rng.random((count, *shape), np.float32) - 0.25
        inputs[info.name] = noise * scales.reshape(-1, *[1] * len(shape)).astype(np.float32)
    return inputs


def _read(path: Path) -> tuple[ModelProto, str] | None:
    """A network prepared before. A file without its note, or a damaged one, counts as none."""
    try:
        note = json.loads(path.with_suffix(".json").read_text("utf-8"))
        if note["bytes"] != path.stat().st_size:
            return None
        return onnx.load(path), str(note["batched"])
    except Exception:  # whatever is wrong with it, it can be made again
        return None


def _write(path: Path, model: ModelProto, batched: str) -> None:
    content = serialise(model)
    with suppress(OSError):
        path.with_suffix(".json").unlink()
    cache.write_whole(path, content)
    note = {"bytes": len(content), "batched": batched}
    cache.write_whole(path.with_suffix(".json"), json.dumps(note).encode())


def serialise(model: ModelProto) -> bytes:
    """A model as bytes. Raises EngineError for one of 2 GiB or more, which ONNX keeps in several files."""
    try:
        return bytes(model.SerializeToString())
    except Exception as error:  # protobuf's class depends on its version
        raise EngineError(f"the network is too large for one ONNX file: {error}") from error
