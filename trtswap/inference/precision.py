"""The one decision about precision: which nodes of a network stay in float32, and why.

Two forms follow from it: half.py writes it into the graph, for strongly typed engines (TensorRT 10 and 11), and
builder.py sets it as per-layer constraints (TensorRT 8.6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto

from trtswap.inference import graph as graphs
from trtswap.inference.ranges import Ranges

HALF_MAX = 65504.0
HEADROOM = 2.0
"""Calibration inputs do not show the largest value there is: this factor is left."""

HALF_TINY = 2.0**-14
"""The smallest normal float16; a constant below it (an epsilon, say) loses its digits or becomes 0."""

WIDEST = 3
"""The last step of `widen`: everything in float32."""

_NORMALISATIONS = (
    "InstanceNormalization", "LayerNormalization", "GroupNormalization", "MeanVarianceNormalization",
    "LpNormalization", "RMSNormalization",
)  # fmt: skip
_REDUCTIONS = (
    "ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
    "ReduceProd", "CumSum",
)  # fmt: skip
_EXPONENTIALS = ("Exp", "Log", "Softmax", "LogSoftmax", "Pow", "Sqrt")
_DIVISIONS = ("Div", "Reciprocal")
_SQUARES = ("Mul", "Pow")
_MATRIX_UNITS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_PASSING = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Cast")
_FLOAT32_ONLY = ("NonMaxSuppression", "RoiAlign", "Einsum", "RandomNormal", "RandomUniform")


@dataclass(frozen=True)
class Decision:
    """keep: node name to the reason why it stays in float32. width: how far the float32 part was widened, 0 to WIDEST.
    total: nodes of the network that compute with floats."""

    keep: Mapping[str, str]
    total: int
    width: int = 0

    @property
    def everything(self) -> bool:
        """Whether nothing is left in half precision."""
        return len(self.keep) >= self.total

    def summary(self) -> str:
        """One line: how many nodes of how many, and why."""
        if self.everything:
            return f"all {self.total} nodes in float32"
        counts: dict[str, int] = {}
        for reason in self.keep.values():
            kind = reason.partition(":")[0]
            counts[kind] = counts.get(kind, 0) + 1
        why = ", ".join(
            f"{count} {kind}" for kind, count in sorted(counts.items(), key=lambda item: -item[1])
        )
        return f"{len(self.keep)} of {self.total} nodes in float32" + (f" ({why})" if why else "")


def decide(model: ModelProto, ranges: Ranges, *, width: int = 0) -> Decision:
    """The nodes that stay in float32.

    model: in the plain form of `graph.normalise`. ranges: of `ranges.scan` on calibration inputs.
    width: 0 keeps what is fragile; each step more widens that part: 1 by all neighbours and a safety factor of 64
    for ranges, 2 by all but convolutions and matrix products, WIDEST keeps everything.
    """
    nodes = list(_float_nodes(model))
    keep: dict[str, str] = {}
    if width >= WIDEST or graphs.has_subgraphs(model):
        reason = "widened: everything" if width >= WIDEST else "subgraph: the network has graphs inside nodes"
        return Decision(dict.fromkeys((node.name for node in nodes), reason), len(nodes), width)
    headroom = HEADROOM if width == 0 else 64.0
    for node, reason in _fragile(model, nodes, ranges, headroom):
        keep.setdefault(node.name, reason)
    if width >= 1:
        for node in _neighbours(model, nodes, keep):
            keep.setdefault(node.name, "widened: next to a float32 node")
    if width >= 2:
        for node in nodes:
            if node.op_type not in _MATRIX_UNITS:
                keep.setdefault(node.name, "widened: only convolutions and products are left in half")
    for node in _enclosed(model, nodes, keep):
        keep.setdefault(node.name, "enclosed: between float32 nodes")
    return Decision(keep, len(nodes), width)


def matrix_nodes(model: ModelProto, decision: Decision) -> tuple[str, ...]:
    """The convolutions and matrix products that run in float16: nearly all of a network's time."""
    return tuple(
        node.name
        for node in model.graph.node
        if node.op_type in _MATRIX_UNITS and node.name not in decision.keep
    )


def _float_nodes(model: ModelProto) -> Iterator[NodeProto]:
    """The nodes that make float32 tensors."""
    types = graphs.elem_types(model)
    for node in model.graph.node:
        if any(types.get(name, graphs.FLOAT) == graphs.FLOAT for name in node.output if name):
            yield node


def _fragile(
    model: ModelProto, nodes: list[NodeProto], ranges: Ranges, headroom: float
) -> Iterator[tuple[NodeProto, str]]:
    constants = graphs.initializers(model)
    yield from _spelled_out_norms(model)
    yield from _expectations(model, constants)
    for node in nodes:
        kind = _kind(node)
        if kind is not None:
            yield node, kind
        for name in (*node.input, *node.output):
            reason = _value_problem(name, constants.get(name), ranges, headroom)
            if reason is not None:
                yield node, reason


def _kind(node: NodeProto) -> str | None:
    """Why the operator itself is fragile."""
    for operators, reason in (
        (_NORMALISATIONS, "normalisation"),
        (_REDUCTIONS, "reduction"),
        (_EXPONENTIALS, "exponential"),
        (_DIVISIONS, "division"),
        (_FLOAT32_ONLY, "operator"),
    ):
        if node.op_type in operators:
            return f"{reason}: {node.op_type}"
    return None


def _value_problem(name: str, constant: np.ndarray | None, ranges: Ranges, headroom: float) -> str | None:
    if constant is not None:
        if constant.dtype.kind != "f" or not constant.size:
            return None
        magnitude = np.abs(constant)
        largest = float(magnitude.max())
        if not largest <= HALF_MAX:
            return f"range: constant {name} reaches {largest:.3g}"
        if constant.size == 1 and 0 < largest < HALF_TINY:
            return f"range: constant {name} is {largest:.3g}"
        return None
    seen = ranges.get(name)
    if seen is not None and not seen <= HALF_MAX / headroom:
        return f"range: {name} reaches {seen:.3g}"
    return None


def _spelled_out_norms(model: ModelProto) -> Iterator[tuple[NodeProto, str]]:
    """Normalisations in primitive nodes: the mean of a square, what is squared, and what follows up to the product
    with the inverse deviation."""
    made, readers = graphs.producers(model), graphs.consumers(model)
    for node in model.graph.node:
        square = made.get(node.input[0]) if node.op_type in ("ReduceMean", "GlobalAveragePool") else None
        if square is None or not _is_square(square):
            continue
        reason = "normalisation: spelled out"
        yield node, reason
        yield square, reason
        centred = made.get(square.input[0])
        if centred is not None and centred.op_type == "Sub":
            yield centred, reason
        yield from ((follower, reason) for follower in _after_variance(node, readers))


def _expectations(model: ModelProto, constants: Mapping[str, np.ndarray]) -> Iterator[tuple[NodeProto, str]]:
    """Products of a softmax with constants, such as the centre of a heat map: thousands of small shares are added up,
    which TensorRT may do in half precision, where they are lost beside what they have become together."""
    made = graphs.producers(model)
    for node in model.graph.node:
        if node.op_type not in ("MatMul", "Gemm") or not any(name in constants for name in node.input[:2]):
            continue
        for name in node.input[:2]:
            source = made.get(name)
            while source is not None and source.op_type in _PASSING:
                source = made.get(source.input[0])
            if source is not None and source.op_type == "Softmax":
                yield node, "expectation: a softmax times constants"


def _is_square(node: NodeProto) -> bool:
    return node.op_type == "Pow" or (node.op_type == "Mul" and len(set(node.input)) == 1)


def _after_variance(variance: NodeProto, readers: Mapping[str, list[NodeProto]]) -> Iterator[NodeProto]:
    """Add (epsilon), Sqrt, Div or Reciprocal, as far as they follow one another."""
    followers = readers.get(variance.output[0], [])
    for _ in range(4):
        for follower in followers:
            if follower.op_type in ("Add", "Sqrt", "Div", "Reciprocal", "Pow"):
                yield follower
        followers = [
            after
            for follower in followers
            if follower.op_type in ("Add", "Sqrt", "Reciprocal", "Pow")
            for after in readers.get(follower.output[0], [])
        ]


def _neighbours(model: ModelProto, nodes: list[NodeProto], keep: Mapping[str, str]) -> list[NodeProto]:
    """The nodes that hand over to a kept node or take over from one."""
    made = graphs.producers(model)
    kept_outputs = {name for node in nodes if node.name in keep for name in node.output}
    found = [made[name] for node in nodes if node.name in keep for name in node.input if name in made]
    found += [node for node in nodes if kept_outputs & set(node.input)]
    names = {node.name for node in nodes}
    return [node for node in found if node.name in names and node.name not in keep]


def _enclosed(model: ModelProto, nodes: list[NodeProto], keep: Mapping[str, str]) -> list[NodeProto]:
    """Cheap nodes between kept ones: a cast to half and back would cost digits and time for nothing."""
    made, readers = graphs.producers(model), graphs.consumers(model)
    found = []
    for node in nodes:
        if node.name in keep or node.op_type in _MATRIX_UNITS:
            continue
        before = [made[name] for name in node.input if name in made]
        after = [reader for name in node.output for reader in readers.get(name, [])]
        if before and after and all(other.name in keep for other in (*before, *after)):
            found.append(node)
    return found
