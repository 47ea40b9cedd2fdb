"""Gives a network with a baked-in batch of 1 a batch axis, and proves that a batch equals its items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto, helper

from trtswap.errors import NetworkError
from trtswap.inference import graph as graphs
from trtswap.inference.host_run import HostNetwork
from trtswap.types import Array

BATCH = "N"
VERSION = 1
"""Of the rewriting: part of the name under which a rewritten file is kept."""

PROOF_BATCH = 3
PROOF_TOLERANCE = 2e-4
"""Largest difference between a batch and its items, relative to the largest value of the output: float32 sums in
another order, as kernels for another size take them."""

_ENDLESS = np.iinfo(np.int64).max
_REDUCTIONS = (
    "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum",
    "ReduceLogSumExp", "ReduceSumSquare",
)  # fmt: skip
_ELEMENTWISE = (
    "Sigmoid", "Relu", "LeakyRelu", "Tanh", "Clip", "Exp", "Softplus", "HardSigmoid", "Identity", "Cast",
)  # fmt: skip


class UnbatchableError(NetworkError):
    """A network cannot take a batch. The message says why."""


@dataclass(frozen=True)
class Batched:
    """model: with the batch axis "N". rewritten: what was changed, one line each; empty when the file had one."""

    model: ModelProto
    rewritten: tuple[str, ...]


def fixed_batch(model: ModelProto) -> int | None:
    """The batch that all inputs of a model have baked in, None when it varies or they disagree."""
    lengths = set()
    for info in graphs.real_inputs(model):
        dims = info.type.tensor_type.shape.dim
        lengths.add(dims[0].dim_value if dims and dims[0].HasField("dim_value") else None)
    return lengths.pop() if len(lengths) == 1 else None


def make_dynamic(model: ModelProto, sample: Callable[[int], Mapping[str, Array]]) -> Batched:
    """The same network with a batch axis, proven on `sample(n)`, inputs for n items by the file's own names.

    model: in the plain form of `graph.normalise`. A network that has a batch axis already is proven too.
    Raises UnbatchableError with the reason.
    """
    changed = ModelProto()
    changed.CopyFrom(model)
    notes = widen(changed)
    problem = _mixing(changed, graphs.shapes(model) if fixed_batch(model) == 1 else None)
    if problem is not None:
        raise UnbatchableError(problem)
    prove(changed, sample)
    return Batched(changed, tuple(notes))


def widen(model: ModelProto) -> list[str]:
    """Gives `model` itself a batch axis, unproven; returns what was changed. Raises UnbatchableError."""
    batch = fixed_batch(model)
    if batch not in (None, 1):
        raise UnbatchableError(f"the batch of {batch} is baked in; only a batch of 1 can be widened")
    notes: list[str] = []
    if batch == 1:
        rewriter = _Rewriter(model)
        rewriter.rewrite()
        notes = rewriter.notes
    _declare(model)
    return notes


def prove(model: ModelProto, sample: Callable[[int], Mapping[str, Array]]) -> None:
    """Runs a batch and its items one by one through ONNX Runtime. Raises UnbatchableError when they differ."""
    inputs = sample(PROOF_BATCH)
    network = HostNetwork(model)
    try:
        together = network.run(inputs)
    except NetworkError as error:
        raise UnbatchableError(f"it does not run on a batch: {error}") from error
    singles = [
        network.run({name: array[item : item + 1] for name, array in inputs.items()})
        for item in range(PROOF_BATCH)
    ]
    for name, output, items in zip(network.outputs, together, zip(*singles, strict=True), strict=True):
        if len(output) != PROOF_BATCH or output.shape[1:] != items[0].shape[1:]:
            raise UnbatchableError(
                f"its output {name} has the shape {list(output.shape)} for a batch of {PROOF_BATCH}"
            )
        difference = _difference(output, np.concatenate(items))
        if not difference <= PROOF_TOLERANCE:
            raise UnbatchableError(
                f"its items influence each other: a batch and its items differ by {difference:.2g} of the "
                f"range of output {name}"
            )


def _difference(first: Array, second: Array) -> float:
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    scale = max(float(np.abs(second).max(initial=0)), 1e-6)
    return float(np.abs(first - second).max(initial=0)) / scale


def _declare(model: ModelProto) -> None:
    """Names the first axis of inputs and outputs."""
    for info in (*graphs.real_inputs(model), *model.graph.output):
        shape = info.type.tensor_type.shape
        if not shape.dim:
            continue
        shape.dim[0].Clear()
        shape.dim[0].dim_param = BATCH
    del model.graph.value_info[:]


def _mixing(model: ModelProto, before: Mapping[str, Sequence[int | None]] | None) -> str | None:
    """Why a node mixes the items of a batch, where that shows in its attributes."""
    constants = graphs.initializers(model)
    for node in model.graph.node:
        if node.op_type not in _REDUCTIONS or node.input[0] in constants:
            continue
        rank = len((before or graphs.shapes(model)).get(node.input[0], ()))
        axes = _axes(node, constants)
        if rank and (not axes or any(axis % rank == 0 for axis in axes)):
            return f"{node.op_type} {node.name} works on the whole tensor, over all items of a batch"
    return None


def _axes(node: NodeProto, constants: Mapping[str, Array]) -> list[int]:
    if len(node.input) > 1 and node.input[1] in constants:
        return [int(axis) for axis in constants[node.input[1]].ravel()]
    axes = graphs.attribute(node, "axes", ())
    return [int(axis) for axis in axes] if isinstance(axes, (list, tuple)) else []


class _Rewriter:
    """Changes the nodes that have the batch of 1 in a constant."""

    def __init__(self, model: ModelProto) -> None:
        self._model = model
        self._constants = graphs.initializers(model)
        self._shapes = graphs.shapes(model)
        self._readers = graphs.consumers(model)
        self._fresh = 0
        self.notes: list[str] = []

    def rewrite(self) -> None:
        for node in self._model.graph.node:
            if node.input and node.input[0] in self._constants:
                continue
            if node.op_type == "Reshape":
                self._reshape(node)
            elif node.op_type == "Slice":
                self._slice(node)
            elif node.op_type in ("Resize", "Upsample"):
                self._resize(node)

    def _constant(self, node: NodeProto, index: int) -> Array | None:
        return self._constants.get(node.input[index]) if len(node.input) > index else None

    def _give(self, node: NodeProto, index: int, value: Array, what: str) -> None:
        """A constant of its own for one input: the old one may have other readers."""
        name = f"batched_{self._fresh}"
        self._fresh += 1
        graphs.set_initializer(self._model, name, value)
        self._constants[name] = value
        node.input[index] = name
        self.notes.append(f"{node.op_type} {node.name}: {what}")

    def _reshape(self, node: NodeProto) -> None:
        shape = self._constant(node, 1)
        if shape is None or not shape.size:
            return
        target = [int(item) for item in shape]
        output = self._shapes.get(node.output[0], ())
        if target[0] == 1 and self._shapes.get(node.input[0], (1,))[0] == 1:
            self._give(node, 1, np.array([0, *target[1:]], np.int64), f"shape {target} keeps the batch")
        elif target[0] != 0 and output and output[0] != 1:
            self._split_rows(node, target)

    def _split_rows(self, node: NodeProto, target: list[int]) -> None:
        """A reshape that makes rows of all items ([-1, 4]) keeps them apart ([0, -1, 4]), if only elementwise nodes
        stand between it and the outputs."""
        names = [node.output[0]]
        outputs = {info.name: info for info in self._model.graph.output}
        reached = []
        while names:
            name = names.pop()
            if name in outputs:
                reached.append(outputs[name])
            for reader in self._readers.get(name, []):
                if reader.op_type not in _ELEMENTWISE or reader.input[0] != name:
                    return
                names.extend(reader.output)
        rest = target[1:] if len(target) > 1 else []
        self._give(node, 1, np.array([0, -1, *rest], np.int64), f"shape {target} keeps the items apart")
        for info in reached:
            dims = [dim.dim_value for dim in info.type.tensor_type.shape.dim]
            elem = info.type.tensor_type.elem_type
            info.CopyFrom(helper.make_tensor_value_info(info.name, elem, [1, *(dims or [None])]))

    def _slice(self, node: NodeProto) -> None:
        """A slice 0:1 along the batch takes all of it."""
        starts, ends, axes = (self._constant(node, index) for index in (1, 2, 3))
        if starts is None or ends is None:
            return
        along = list(axes.ravel()) if axes is not None else list(range(starts.size))
        wanted = ends.copy().ravel()
        for position, axis in enumerate(along):
            if axis == 0 and starts.ravel()[position] == 0 and wanted[position] == 1:
                wanted[position] = _ENDLESS if wanted.dtype == np.int64 else np.iinfo(wanted.dtype).max
        if not np.array_equal(wanted, ends.ravel()):
            self._give(node, 2, wanted, "the slice of the first item takes all")

    def _resize(self, node: NodeProto) -> None:
        """Fixed output sizes become scales, with 1 for the batch."""
        sizes = self._constant(node, 3)
        before = self._shapes.get(node.input[0], ())
        if node.op_type != "Resize" or sizes is None or sizes.size != len(before) or None in before:
            return
        scales = sizes.astype(np.float64) / np.array(before, np.float64)
        rounded = scales.astype(np.float32)
        short = np.floor(np.float32(1) * np.array(before, np.float32) * rounded) < sizes
        rounded[short] = np.nextafter(rounded[short], np.float32(np.inf))
        self._give(node, 2, rounded, f"sizes {sizes.tolist()} become scales")
        node.input[3] = ""
        while node.input and not node.input[-1]:
            del node.input[-1]
