"""Writes a precision decision into a graph: float16 with float32 islands, and casts at their edges only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, helper, numpy_helper

from trtswap.inference import graph as graphs
from trtswap.inference.precision import Decision
from trtswap.types import Array

_FLOAT32_INPUTS = {"Resize": (1, 2), "Upsample": (1,)}
"""Inputs that are float32 whatever the precision of the node (regions and scales)."""


def to_half(model: ModelProto, decision: Decision, *, half_io: bool = False) -> ModelProto:
    """The float16 form of a network in the plain form of `graph.normalise`.

    Nodes in `decision.keep` compute in float32 and hand float32 to one another; every other node computes in
    float16. A value that crosses an edge between the two is cast once. Inputs and outputs stay float32, or are
    float16 with `half_io`.
    """
    if decision.everything and not half_io:
        return model
    converted = ModelProto()
    converted.CopyFrom(model)
    _Converter(converted, decision, half_io).convert()
    return converted


class _Converter:
    def __init__(self, model: ModelProto, decision: Decision, half_io: bool) -> None:
        self._model = model
        self._keep = decision.keep
        self._half_io = half_io
        self._types = graphs.elem_types(model)
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self._held: dict[str, int] = {}
        """Float tensors that exist, with the type they have."""
        self._casts: dict[tuple[str, int], str] = {}
        self._nodes: list[NodeProto] = []

    def convert(self) -> None:
        io = graphs.HALF if self._half_io else graphs.FLOAT
        for info in graphs.real_inputs(self._model):
            if info.type.tensor_type.elem_type == graphs.FLOAT:
                info.type.tensor_type.elem_type = io
                self._held[info.name] = io
        outputs = {info.name: info for info in self._model.graph.output}
        for node in self._model.graph.node:
            self._node(node, outputs)
        for info in outputs.values():
            if info.type.tensor_type.elem_type == graphs.FLOAT:
                info.type.tensor_type.elem_type = io
        copies = list(self._nodes)
        del self._model.graph.node[:]
        self._model.graph.node.extend(copies)
        del self._model.graph.value_info[:]
        self._drop_unread()

    def _node(self, original: NodeProto, outputs: Mapping[str, object]) -> None:
        node = NodeProto()
        node.CopyFrom(original)
        wanted = graphs.FLOAT if node.name in self._keep else graphs.HALF
        for index, name in enumerate(node.input):
            if name and self._is_float(name):
                fixed = index in _FLOAT32_INPUTS.get(node.op_type, ())
                node.input[index] = self._as(name, graphs.FLOAT if fixed else wanted)
        _retype_attributes(node, wanted)
        self._nodes.append(node)
        io = graphs.HALF if self._half_io else graphs.FLOAT
        for index, name in enumerate(node.output):
            if not name or self._types.get(name, graphs.FLOAT) != graphs.FLOAT:
                continue
            if name in outputs and wanted != io:
                inner = f"{name}__inner"
                node.output[index] = inner
                self._held[inner] = wanted
                self._cast(inner, name, io)
                self._held[name] = io
                self._casts[name, wanted] = inner
            else:
                self._held[name] = wanted

    def _is_float(self, name: str) -> bool:
        if name in self._constants:
            return int(self._constants[name].data_type) == graphs.FLOAT
        return name in self._held

    def _as(self, name: str, wanted: int) -> str:
        """The name under which a float tensor is to be had in the type `wanted`."""
        if name in self._constants:
            return name if wanted == graphs.FLOAT else self._half_constant(name)
        if self._held[name] == wanted:
            return name
        key = (name, wanted)
        if key not in self._casts:
            suffix = "half" if wanted == graphs.HALF else "float"
            self._casts[key] = self._cast(name, f"{name}__{suffix}", wanted)
        return self._casts[key]

    def _half_constant(self, name: str) -> str:
        key = (name, graphs.HALF)
        if key not in self._casts:
            array = numpy_helper.to_array(self._constants[name])
            tensor = numpy_helper.from_array(_rounded(array), f"{name}__half")
            self._model.graph.initializer.insert(0, tensor)
            self._casts[key] = tensor.name
        return self._casts[key]

    def _cast(self, source: str, target: str, to: int) -> str:
        self._nodes.append(helper.make_node("Cast", [source], [target], name=f"{target}__cast", to=to))
        return target

    def _drop_unread(self) -> None:
        read = {name for node in self._model.graph.node for name in node.input}
        items = self._model.graph.initializer
        for index in reversed(range(len(items))):
            if items[index].name not in read:
                del items[index]


def _retype_attributes(node: NodeProto, wanted: int) -> None:
    """Casts to float and constants inside attributes take the node's type."""
    if wanted == graphs.FLOAT:
        return
    for item in node.attribute:
        if node.op_type == "Cast" and item.name == "to" and item.i == graphs.FLOAT:
            item.i = graphs.HALF
        elif item.type == AttributeProto.TENSOR and item.t.data_type == graphs.FLOAT:
            item.t.CopyFrom(numpy_helper.from_array(_rounded(numpy_helper.to_array(item.t))))


def _rounded(array: Array) -> Array:
    """To float16; what is out of range becomes the largest finite value, as no decision lets it come to that."""
    limit = float(np.finfo(np.float16).max)
    rounded: Array = np.clip(array, -limit, limit).astype(np.float16)
    return rounded
