"""Runs a network held in memory on ONNX Runtime's CPU, in float32: the reference of every proof."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto

from trtswap.errors import NetworkError
from trtswap.inference import graph as graphs
from trtswap.inference.threads import physical_cores
from trtswap.types import Array

_FATAL_ONLY = 4
_INLINE_BYTES = 1 << 30


class HostNetwork:
    """A network on the CPU, by the file's own names.

    every: also gives every tensor in between, by name (`run_all`). Raises NetworkError when ONNX Runtime refuses it.
    """

    def __init__(self, model: ModelProto, *, every: bool = False) -> None:
        self.inputs = tuple(info.name for info in graphs.real_inputs(model))
        self.outputs = tuple(info.name for info in model.graph.output)
        self._session: Any = _session(_exposed(model) if every else model)
        self._names = [item.name for item in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The outputs, in the file's order. Raises NetworkError."""
        return self._run(list(self.outputs), inputs)

    def run_all(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Every tensor that a node makes, by name. Raises NetworkError."""
        return dict(zip(self._names, self._run(self._names, inputs), strict=True))

    def _run(self, names: list[str], inputs: Mapping[str, Array]) -> list[Array]:
        feed = {name: np.ascontiguousarray(inputs[name]) for name in self.inputs}
        try:
            return [np.asarray(output) for output in self._session.run(names, feed)]
        except Exception as error:  # ONNX Runtime's own classes share no parent but this
            raise NetworkError(f"ONNX Runtime: {_first_line(error)}") from error


def _exposed(model: ModelProto) -> ModelProto:
    """The model with every tensor among its outputs."""
    exposed = ModelProto()
    exposed.CopyFrom(model)
    known = {info.name for info in exposed.graph.output}
    for node in exposed.graph.node:
        for name in node.output:
            if name and name not in known:
                known.add(name)
                exposed.graph.output.append(onnx.ValueInfoProto(name=name))
    return exposed


def _session(model: ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    options.intra_op_num_threads = physical_cores()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        if model.ByteSize() < _INLINE_BYTES:
            return _start(model.SerializeToString(), options)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            onnx.save(model, path, save_as_external_data=True)
            return _start(str(path), options)
    except Exception as error:  # as above
        raise NetworkError(f"ONNX Runtime cannot load the network: {_first_line(error)}") from error


def _start(source: bytes | str, options: Any) -> Any:
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
