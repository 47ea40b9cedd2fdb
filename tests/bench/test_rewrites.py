"""Rewrites for speed leave the arithmetic as it is."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.graph import Graph

from trtswap.inference import graph as graphs
from trtswap.inference.host_run import HostNetwork

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from rewrites import fold_norms, split_reflections

CHANNELS = 6


def style_norm(graph: Graph, x: str, style: str, *, swapped: bool) -> str:
    """(x - mean) / deviation * scale + shift; swapped: the other order of products and sums."""
    rng = np.random.default_rng(1)
    mean = graph.node("ReduceMean", x, axes=[2, 3], keepdims=1)
    centred = graph.node("Sub", x, mean)
    square = graph.node("Mul", centred, centred)
    variance = graph.node("ReduceMean", square, axes=[2, 3], keepdims=1)
    deviation = graph.node("Sqrt", graph.node("Add", variance, np.float32(1e-8)))
    weights = rng.standard_normal((8, 2 * CHANNELS)).astype(np.float32)
    both = graph.node("Unsqueeze", graph.node("MatMul", style, weights), [2, 3])
    scale = graph.node("Slice", both, [0], [CHANNELS], [1])
    shift = graph.node("Slice", both, [CHANNELS], [2 * CHANNELS], [1])
    normal = graph.node("Div", centred, deviation)
    product = graph.node("Mul", scale, normal) if swapped else graph.node("Mul", normal, scale)
    return graph.node("Add", shift, product) if swapped else graph.node("Add", product, shift)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_spelled_out_normalisation_becomes_one_scale_and_shift(swapped: bool) -> None:
    graph = Graph()
    x, style = graph.input("x", ["N", CHANNELS, 9, 7]), graph.input("style", ["N", 8])
    y = graph.node("Relu", style_norm(graph, x, style, swapped=swapped))
    graph.output(style_norm(graph, y, style, swapped=swapped), "y", ["N", CHANNELS, 9, 7])
    model = graphs.normalise(graph.model())
    seed = int(np.random.default_rng().integers(1 << 31))
    rng = np.random.default_rng(seed)
    inputs = {
        "x": rng.standard_normal((3, CHANNELS, 9, 7), np.float32) * 5 + 3,
        "style": rng.standard_normal((3, 8), np.float32),
    }
    expected = HostNetwork(model).run(inputs)[0]
    assert fold_norms(model) == 2
    onnx.checker.check_model(model, full_check=True)
    np.testing.assert_allclose(HostNetwork(model).run(inputs)[0], expected, atol=1e-4, err_msg=f"seed {seed}")
    assert fold_norms(model) == 0


def test_a_norm_whose_parts_have_other_readers_is_left() -> None:
    graph = Graph()
    x, style = graph.input("x", ["N", CHANNELS, 9, 7]), graph.input("style", ["N", 8])
    y = style_norm(graph, x, style, swapped=False)
    model = graph.model()
    product = next(node for node in reversed(model.graph.node) if node.op_type == "Mul")
    graph.output(y, "y", ["N", CHANNELS, 9, 7])
    graph.output(product.output[0], "also", ["N", CHANNELS, 9, 7])
    model = graphs.normalise(graph.model())
    assert fold_norms(model) == 0


@pytest.mark.parametrize("pads", [(1, 1, 1, 1), (3, 3, 3, 3), (0, 2, 1, 0)])
def test_a_reflection_becomes_slices_side_by_side(pads: tuple[int, int, int, int]) -> None:
    top, left, bottom, right = pads
    graph = Graph()
    x = graph.input("x", ["N", 3, 8, 6])
    padded = graph.node("Pad", x, np.array([0, 0, top, left, 0, 0, bottom, right], np.int64), mode="reflect")
    graph.output(padded, "y", ["N", 3, 8 + top + bottom, 6 + left + right])
    model = graphs.normalise(graph.model())
    assert split_reflections(model) == 1
    onnx.checker.check_model(model, full_check=True)
    values = np.random.default_rng().standard_normal((2, 3, 8, 6), np.float32)
    expected = np.pad(values, ((0, 0), (0, 0), (top, bottom), (left, right)), mode="reflect")
    np.testing.assert_array_equal(HostNetwork(model).run({"x": values})[0], expected)


@pytest.mark.parametrize("mode", ["constant", "edge"])
def test_other_paddings_are_left(mode: str) -> None:
    graph = Graph()
    x = graph.input("x", ["N", 3, 8, 6])
    padded = graph.node("Pad", x, np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), mode=mode)
    graph.output(padded, "y", ["N", 3, 10, 8])
    assert split_reflections(graphs.normalise(graph.model())) == 0
