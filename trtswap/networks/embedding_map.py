"""The matrix that takes ArcFace embeddings into inswapper's identity space; it hides in inswapper's file."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import onnx.numpy_helper

from trtswap.errors import NetworkContractError, NetworkError, StrPath
from trtswap.types import Array

_SHAPE = (512, 512)
_NAMES = ("buff2fs", "emap")


def read_embedding_map(path: StrPath) -> Array:
    """The embedding map of an inswapper file: float32 [512, 512], to be multiplied from the right.

    It is the last initializer of the graph if that is 512 x 512, else the one named buff2fs or emap. No node
    reads it. Where a file has several such unread matrices and they differ, the one chosen by this rule is
    used and a RuntimeWarning says so.
    Raises NetworkError when the file cannot be read, NetworkContractError when it has no such matrix.
    """
    graph = _graph(path)
    chosen = _choose(graph)
    if chosen is None:
        raise NetworkContractError(
            f"{path} has no embedding map: expected a 512 x 512 matrix as the last initializer, "
            f"or one named {' or '.join(_NAMES)}",
            path=path,
            hint="A tool that drops unused initializers destroys it; use the file as published.",
        )
    matrix = _matrix(chosen)
    read = {name for node in graph.node for name in node.input}
    rivals = [
        tensor for tensor in graph.initializer if tuple(tensor.dims) == _SHAPE and tensor.name not in read
    ]
    if any(not np.array_equal(matrix, _matrix(rival)) for rival in rivals):
        warnings.warn(
            f"{path} holds {len(rivals)} embedding maps that differ; using {chosen.name!r}",
            RuntimeWarning,
            stacklevel=2,
        )
    return matrix


def _graph(path: StrPath) -> onnx.GraphProto:
    try:
        return onnx.load(path).graph
    except Exception as error:  # protobuf's and onnx's own classes share no parent but this
        raise NetworkError(f"{path} cannot be read as an ONNX file: {error}") from error


def _choose(graph: onnx.GraphProto) -> onnx.TensorProto | None:
    candidates = [tensor for tensor in graph.initializer if tuple(tensor.dims) == _SHAPE]
    if candidates and candidates[-1] is graph.initializer[-1]:
        return candidates[-1]
    return next((tensor for tensor in reversed(candidates) if tensor.name in _NAMES), None)


def _matrix(tensor: onnx.TensorProto) -> Array:
    return np.asarray(onnx.numpy_helper.to_array(tensor), np.float32)
