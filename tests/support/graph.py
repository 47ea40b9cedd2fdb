"""A short way to write small ONNX graphs: nodes in order, constants as initializers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 13
IR_VERSION = 8

Shape = Sequence["int | str"]


class Graph:
    """Collects a graph. Methods return the name of what they add."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Shape, dtype: Any = np.float32) -> str:
        self._inputs.append(_value_info(name, shape, dtype))
        return name

    def output(self, tensor: str, name: str, shape: Shape, dtype: Any = np.float32) -> None:
        self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        self._outputs.append(_value_info(name, shape, dtype))

    def constant(self, array: Any, name: str | None = None) -> str:
        """An initializer: float32 from floats unless `array` is an array with a type of its own."""
        if not isinstance(array, np.ndarray):
            array = np.asarray(array)
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = name or f"constant_{len(self._initializers)}"
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """A node; an input that is no name is added as a constant."""
        names = [item if isinstance(item, str) else self.constant(item) for item in inputs]
        output = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, "network", self._inputs, self._outputs, self._initializers)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="trtswap tests",
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def save(self, path: Path) -> Path:
        path.write_bytes(self.model().SerializeToString())
        return path


def _value_info(name: str, shape: Shape, dtype: Any) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape))
