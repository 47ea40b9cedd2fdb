"""Writes networks of convolutions with random weights that keep activations near 1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

Shape = Sequence["int | str"]


class Network:
    """Collects a graph; every method that adds a node returns the name of its output."""

    def __init__(self, seed: int, opset: int = 13) -> None:
        self.rng = np.random.default_rng(seed)
        self._opset = opset
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, shape: Shape) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))
        return name

    def output(self, tensor: str, name: str, shape: Shape) -> None:
        self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    def constant(self, value: Any, name: str | None = None) -> str:
        array = np.asarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = name or f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, operator: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        names = [item if isinstance(item, str) else self.constant(item) for item in inputs]
        made = [f"{operator.lower()}_{len(self._nodes)}_{index}" for index in range(outputs)]
        self._nodes.append(
            helper.make_node(operator, names, made, name=f"{operator}_{len(self._nodes)}", **attributes)
        )
        return made[0] if outputs == 1 else made

    def normal(self, *shape: int, scale: float) -> np.ndarray:
        return self.rng.standard_normal(shape, np.float32) * np.float32(scale)

    def conv(
        self,
        x: str,
        inner: int,
        outer: int,
        size: int,
        *,
        stride: int = 1,
        pad: int = 0,
        gain: float = 1.0,
        bias: bool = True,
    ) -> str:
        """He-normal times `gain`, which is 1 for what a rectifier follows."""
        weights = self.normal(outer, inner, size, size, scale=gain * (2 / (inner * size * size)) ** 0.5)
        extra = [np.zeros(outer, np.float32)] if bias else []
        return self.node(
            "Conv", x, weights, *extra, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[pad] * 4
        )

    def up_conv(
        self, x: str, inner: int, outer: int, size: int, *, stride: int, pad: int = 0, gain: float = 1.0
    ) -> str:
        weights = self.normal(
            inner, outer, size, size, scale=gain * (2 * stride**2 / (inner * size * size)) ** 0.5
        )
        return self.node(
            "ConvTranspose", x, weights, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[pad] * 4
        )

    def batch_norm(self, x: str, channels: int) -> str:
        """The identity, as a trained one is after folding."""
        ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
        return self.node("BatchNormalization", x, ones, zeros, zeros, ones, epsilon=1e-5)

    def linear(self, x: str, inner: int, outer: int, *, gain: float = 1.0, bias: Any = None) -> str:
        weights = self.normal(inner, outer, scale=gain * inner**-0.5)
        return self.node("Gemm", x, weights, np.zeros(outer, np.float32) if bias is None else bias)

    def double(self, x: str, mode: str = "linear") -> str:
        """Twice the height and width."""
        way = "half_pixel" if mode == "linear" else "asymmetric"
        extra = {"nearest_mode": "floor"} if mode == "nearest" else {}
        return self.node(
            "Resize", x, np.zeros(0, np.float32), np.array([1, 1, 2, 2], np.float32),
            mode=mode, coordinate_transformation_mode=way, **extra,
        )  # fmt: skip

    def save(self, path: Path) -> Path:
        graph = helper.make_graph(self._nodes, "network", self._inputs, self._outputs, self._weights)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", self._opset)],
            ir_version=8,
            producer_name="trtswap bench",
        )
        checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return path
