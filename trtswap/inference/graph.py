"""Reads ONNX files and brings them into one plain form: named nodes, constants as initializers, float32 throughout."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from trtswap.errors import NetworkError, NetworkNotFoundError, StrPath
from trtswap.types import Array

OLDEST_OPSET = 7
FLOAT, HALF = int(TensorProto.FLOAT), int(TensorProto.FLOAT16)

_SMALL = 64
_FIXED_SHAPE = ("Cast", "Identity")


def load_model(path: StrPath) -> ModelProto:
    """The network in an ONNX file, external data included.

    Raises NetworkNotFoundError, and NetworkError for a file that is no ONNX network, or one of an operator set that
    this version of onnx does not know.
    """
    path = Path(path)
    if not path.is_file():
        raise NetworkNotFoundError(f"{path} does not exist", searched=(path.parent,))
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's and onnx's own classes share no parent but this
        raise NetworkError(
            f"{path} cannot be read as an ONNX file: {str(error).strip().partition(chr(10))[0]}",
            hint="Compare its size and SHA-256 with the published file; it may be damaged or incomplete.",
        ) from error
    if not model.graph.node or not model.graph.output:
        raise NetworkError(f"{path} is not an ONNX network: it has no nodes or no outputs")
    opset, newest = opset_of(model), onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= opset <= newest:
        raise NetworkError(
            f"{path} uses the ONNX operator set {opset}; this installation takes {OLDEST_OPSET} to {newest}",
            hint="Update the packages onnx and onnxruntime, or export the network with another operator set.",
        )
    return model


def opset_of(model: ModelProto) -> int:
    """The version of the standard operator set that a model imports, 0 when it imports none."""
    return max((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), default=0)


def normalise(model: ModelProto) -> ModelProto:
    """A copy in the plain form: every node has its own name; constants are initializers; float16 and float64
    weights, casts and tensors are float32; casts that change nothing are gone. Inputs and outputs become float32.

    Arithmetic is that of the file except for its precision.
    """
    plain = ModelProto()
    plain.CopyFrom(model)
    _constants_to_initializers(plain)
    _to_float32(plain)
    _fold(plain)
    _drop_unread(plain)
    _name_nodes(plain)
    del plain.graph.value_info[:]
    return plain


def initializers(model: ModelProto) -> dict[str, Array]:
    """Every initializer by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def set_initializer(model: ModelProto, name: str, value: Array) -> None:
    """Replaces the initializer `name`, or adds it in front, so that the last one stays the last."""
    tensor = numpy_helper.from_array(np.ascontiguousarray(value), name)
    for existing in model.graph.initializer:
        if existing.name == name:
            existing.CopyFrom(tensor)
            return
    model.graph.initializer.insert(0, tensor)


def producers(model: ModelProto) -> dict[str, NodeProto]:
    """Tensor name to the node that makes it."""
    return {name: node for node in model.graph.node for name in node.output if name}


def consumers(model: ModelProto) -> dict[str, list[NodeProto]]:
    """Tensor name to the nodes that read it."""
    found: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in dict.fromkeys(node.input):
            if name:
                found.setdefault(name, []).append(node)
    return found


def elem_types(model: ModelProto) -> dict[str, int]:
    """Tensor name to element type, for inputs, initializers and all that shape inference can tell."""
    inferred = _inferred(model)
    infos: Iterable[ValueInfoProto] = (
        *inferred.graph.input,
        *inferred.graph.value_info,
        *inferred.graph.output,
    )
    types = {info.name: int(info.type.tensor_type.elem_type) for info in infos}
    types.update((tensor.name, int(tensor.data_type)) for tensor in model.graph.initializer)
    return types


def shapes(model: ModelProto) -> dict[str, tuple[int | None, ...]]:
    """Tensor name to shape as far as shape inference knows it; None for a length that varies."""
    inferred = _inferred(model)
    found: dict[str, tuple[int | None, ...]] = {
        tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer
    }
    for info in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        if info.type.tensor_type.HasField("shape"):
            found[info.name] = tuple(
                int(dim.dim_value) if dim.HasField("dim_value") else None
                for dim in info.type.tensor_type.shape.dim
            )
    return found


def _inferred(model: ModelProto) -> ModelProto:
    """The model with what shape inference finds out; weights, which it need not see, become inputs on the way."""
    light = ModelProto()
    light.ir_version = model.ir_version
    light.opset_import.extend(model.opset_import)
    light.graph.name = "light"
    light.graph.node.extend(model.graph.node)
    light.graph.input.extend(model.graph.input)
    light.graph.output.extend(model.graph.output)
    light.graph.value_info.extend(model.graph.value_info)
    listed = {info.name for info in model.graph.input}
    for tensor in model.graph.initializer:
        if tensor.data_type != FLOAT or math.prod(tensor.dims) <= _SMALL:
            light.graph.initializer.append(tensor)
        elif tensor.name not in listed:
            light.graph.input.append(
                helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
            )
    try:
        return onnx.shape_inference.infer_shapes(light, data_prop=True)
    except Exception:  # operators it does not know
        return light


def has_subgraphs(model: ModelProto) -> bool:
    """Whether a node holds a graph of its own (If, Loop, Scan)."""
    return any(
        attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS)
        for node in model.graph.node
        for attribute in node.attribute
    )


def attribute(node: NodeProto, name: str, default: object = None) -> object:
    """The value of an attribute, or `default`."""
    for item in node.attribute:
        if item.name == name:
            return helper.get_attribute_value(item)
    return default


def real_inputs(model: ModelProto) -> list[ValueInfoProto]:
    """The inputs that are not initializers, in order (old files list both)."""
    constant = {tensor.name for tensor in model.graph.initializer}
    return [info for info in model.graph.input if info.name not in constant]


def _constants_to_initializers(model: ModelProto) -> None:
    kept = []
    for node in model.graph.node:
        value = attribute(node, "value") if node.op_type == "Constant" else None
        if isinstance(value, TensorProto):
            tensor = TensorProto()
            tensor.CopyFrom(value)
            tensor.name = node.output[0]
            model.graph.initializer.insert(0, tensor)
        else:
            kept.append(node)
    replace_nodes(model, kept)


def _to_float32(model: ModelProto) -> None:
    other = (HALF, int(TensorProto.DOUBLE))
    for tensor in model.graph.initializer:
        if tensor.data_type in other:
            array = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for info in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if info.type.tensor_type.elem_type in other:
            info.type.tensor_type.elem_type = FLOAT
    for node in model.graph.node:
        for item in node.attribute:
            if node.op_type == "Cast" and item.name == "to" and item.i in other:
                item.i = FLOAT
            elif item.type == AttributeProto.TENSOR and item.t.data_type in other:
                item.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(item.t).astype(np.float32)))


def _fold(model: ModelProto) -> None:
    """Casts and copies of constants become constants; casts from float32 to float32 and copies go away."""
    constant = {tensor.name: tensor for tensor in model.graph.initializer}
    types = elem_types(model)
    outputs = {info.name for info in model.graph.output}
    alias: dict[str, str] = {}
    kept = []
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = alias.get(name, name)
        if node.op_type not in _FIXED_SHAPE or node.domain not in ("", "ai.onnx"):
            kept.append(node)
            continue
        source, target = node.input[0], node.output[0]
        to = _cast_type(node) if node.op_type == "Cast" else None
        if source in constant and target not in outputs:
            array = numpy_helper.to_array(constant[source])
            if to is not None:
                array = array.astype(helper.tensor_dtype_to_np_dtype(to))
            tensor = numpy_helper.from_array(array, target)
            model.graph.initializer.insert(0, tensor)
            constant[target] = tensor
        elif target not in outputs and (to is None or types.get(source) == to):
            alias[target] = source
        else:
            kept.append(node)
    replace_nodes(model, kept)


def _cast_type(node: NodeProto) -> int:
    to = attribute(node, "to")
    return to if isinstance(to, int) else 0


def _drop_unread(model: ModelProto) -> None:
    """Leaves out the initializers that no node reads, and their names among the inputs of old files."""
    read = {name for node in model.graph.node for name in node.input}
    read |= {info.name for info in model.graph.output}
    unread = {tensor.name for tensor in model.graph.initializer} - read
    for items in (model.graph.initializer, model.graph.input):
        for index in reversed(range(len(items))):
            if items[index].name in unread:
                del items[index]


def _name_nodes(model: ModelProto) -> None:
    """A name that tells the operator and is taken once: reasons and precision constraints refer to it."""
    taken: set[str] = set()
    for index, node in enumerate(model.graph.node):
        name = node.name
        if not name or name in taken:
            name = f"{node.op_type}_{index}"
        while name in taken:
            name += "_"
        node.name = name
        taken.add(name)


def replace_nodes(model: ModelProto, nodes: Iterable[NodeProto]) -> None:
    """Puts other nodes in the place of a model's own."""
    copies = list(_copies(nodes))
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _copies(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    for node in nodes:
        copy = NodeProto()
        copy.CopyFrom(node)
        yield copy
