"""How large the values of every tensor become on real inputs: a float32 run on the CPU, every tensor an output."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import ModelProto

from trtswap.inference.host_run import HostNetwork
from trtswap.types import Array

Ranges = Mapping[str, float]
"""Tensor name to the largest magnitude seen; inf or nan where the float32 run itself was not finite."""


def scan(model: ModelProto, inputs: Mapping[str, Array], *, step: int = 1) -> dict[str, float]:
    """The ranges on `inputs`, [n, ...] each by the file's own names, `step` items at a time.

    The network's inputs are included. Raises NetworkError when ONNX Runtime cannot run the network.
    """
    network = HostNetwork(model, every=True)
    ranges: dict[str, float] = {}
    count = len(next(iter(inputs.values())))
    for start in range(0, count, step):
        piece = {name: array[start : start + step] for name, array in inputs.items()}
        for name, array in (*piece.items(), *network.run_all(piece).items()):
            if array.dtype.kind == "f" and array.size:
                ranges[name] = _larger(ranges.get(name, 0.0), _magnitude(array))
    return ranges


def _magnitude(array: Array) -> float:
    return max(abs(float(array.max())), abs(float(array.min())))


def _larger(first: float, second: float) -> float:
    return float(np.maximum(first, second))  # nan wins
