"""Rewrites that leave what a network computes as it is, tried for speed by engine_variants.py; engines lack them."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, helper

from trtswap.inference import graph as graphs


def fold_norms(model: ModelProto) -> int:
    """Normalisations in primitive nodes, (y - mean) / deviation * scale + shift, become y * s + b with s and b of one
    value per channel: one pass over the large tensor instead of four. Returns how many."""
    made, readers = graphs.producers(model), graphs.consumers(model)
    replaced: dict[str, list[NodeProto]] = {}
    gone: set[str] = set()
    for add in list(model.graph.node):
        found = _norm(add, made, readers)
        if found is None:
            continue
        centred, divided, scaled, scale, shift = found
        y, mean, deviation = centred.input[0], centred.input[1], divided.input[1]
        factor, moved, offset, product = (f"{add.name}__{part}" for part in ("s", "ms", "b", "ys"))
        replaced[add.name] = [
            helper.make_node("Div", [scale, deviation], [factor], name=factor),
            helper.make_node("Mul", [mean, factor], [moved], name=moved),
            helper.make_node("Sub", [shift, moved], [offset], name=offset),
            helper.make_node("Mul", [y, factor], [product], name=product),
            helper.make_node("Add", [product, offset], [add.output[0]], name=add.name),
        ]
        gone |= {divided.name, scaled.name}
    nodes = []
    for node in model.graph.node:
        if node.name in replaced:
            nodes.extend(replaced[node.name])
        elif node.name not in gone:
            nodes.append(node)
    graphs.replace_nodes(model, nodes)
    return len(replaced)


def _norm(
    add: NodeProto, made: dict[str, NodeProto], readers: dict[str, list[NodeProto]]
) -> tuple[NodeProto, NodeProto, NodeProto, str, str] | None:
    """Sub, Div, Mul of a normalisation that ends in `add`, its scale and its shift."""
    if add.op_type != "Add":
        return None
    for index in (0, 1):
        scaled = made.get(add.input[index])
        if scaled is None or scaled.op_type != "Mul" or len(readers.get(scaled.output[0], ())) != 1:
            continue
        for side in (0, 1):
            divided = made.get(scaled.input[side])
            if divided is None or divided.op_type != "Div" or len(readers.get(divided.output[0], ())) != 1:
                continue
            centred, deviation = made.get(divided.input[0]), made.get(divided.input[1])
            if (
                centred is None
                or deviation is None
                or deviation.op_type != "Sqrt"
                or centred.op_type != "Sub"
            ):
                continue
            mean = made.get(centred.input[1])
            if mean is not None and mean.op_type in ("ReduceMean", "GlobalAveragePool"):
                return centred, divided, scaled, scaled.input[1 - side], add.input[1 - index]
    return None


def split_reflections(model: ModelProto) -> int:
    """Reflection padding of height and width becomes slices laid side by side, which TensorRT runs in the layout of its
    convolutions. Returns how many."""
    constants, sizes = graphs.initializers(model), graphs.shapes(model)
    nodes: list[NodeProto] = []
    count = 0
    for node in model.graph.node:
        pads = constants.get(node.input[1]) if node.op_type == "Pad" and len(node.input) > 1 else None
        shape = sizes.get(node.input[0], ()) if node.op_type == "Pad" else ()
        if (
            pads is None
            or graphs.attribute(node, "mode") != b"reflect"
            or pads.size != 8
            or any(pads[[0, 1, 4, 5]])
            or len(shape) != 4
            or None in shape[2:]
        ):
            nodes.append(node)
            continue
        name = node.input[0]
        for axis, last in ((2, False), (3, True)):
            length = int(shape[axis] or 0)
            name = _reflect(
                model, nodes, node, name, axis, length, int(pads[axis]), int(pads[axis + 4]), last
            )
        count += 1
    graphs.replace_nodes(model, nodes)
    return count


def _reflect(
    model: ModelProto,
    nodes: list[NodeProto],
    pad: NodeProto,
    source: str,
    axis: int,
    length: int,
    before: int,
    after: int,
    last: bool,
) -> str:
    """One axis: row `before`, .., row 1, all rows, row length - 2, .., row length - 1 - `after`."""
    rows = [*range(before, 0, -1), None, *range(length - 2, length - 2 - after, -1)]
    pieces = []
    for number, row in enumerate(rows):
        if row is None:
            pieces.append(source)
            continue
        piece = f"{pad.name}__{axis}_{number}"
        parts = [f"{piece}__{part}" for part in ("from", "to", "axis")]
        for part, value in zip(parts, (row, row + 1, axis), strict=True):
            graphs.set_initializer(model, part, np.array([value], np.int64))
        nodes.append(helper.make_node("Slice", [source, *parts], [piece], name=piece))
        pieces.append(piece)
    joined = pad.output[0] if last else f"{pad.name}__{axis}"
    nodes.append(helper.make_node("Concat", pieces, [joined], name=f"{joined}__concat", axis=axis))
    return joined
