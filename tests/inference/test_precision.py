"""What stays in float32 and why; the float16 graph, against true float16 arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator
from support.graph import Graph
from support.networks import analytic_yunet, random_hyperswap, random_inswapper, random_yunet
from support.overflowing import overflowing_swapper

from trtswap.inference import graph as graphs
from trtswap.inference.fidelity import psnr_db
from trtswap.inference.half import to_half
from trtswap.inference.host_run import HostNetwork
from trtswap.inference.precision import HALF_MAX, WIDEST, Decision, decide
from trtswap.inference.ranges import scan
from trtswap.types import Array


def norm_network(rng: np.random.Generator) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """A normalisation spelled out, with squares far over the range of float16 and an epsilon below it."""
    graph = Graph()
    x = graph.input("x", [1, 4, 8, 8])
    x = graph.node("Conv", x, (rng.standard_normal((4, 4, 1, 1)) * 400).astype(np.float32))
    mean = graph.node("ReduceMean", x, axes=[2, 3], keepdims=1)
    centred = graph.node("Sub", x, mean)
    square = graph.node("Mul", centred, centred)
    variance = graph.node("Add", graph.node("ReduceMean", square, axes=[2, 3], keepdims=1), np.float32(1e-8))
    x = graph.node("Div", centred, graph.node("Sqrt", variance))
    x = graph.node("Relu", graph.node("Mul", x, np.float32(0.5)))
    graph.output(
        graph.node("Conv", x, rng.standard_normal((3, 4, 1, 1)).astype(np.float32)), "y", [1, 3, 8, 8]
    )
    return graphs.normalise(graph.model()), {"x": rng.standard_normal((1, 4, 8, 8), np.float32)}


def kinds(model: onnx.ModelProto, decision: Decision) -> set[str]:
    return {node.op_type for node in model.graph.node if node.name in decision.keep}


def test_a_spelled_out_normalisation_is_one_island() -> None:
    model, inputs = norm_network(np.random.default_rng())
    decision = decide(model, scan(model, inputs))
    assert kinds(model, decision) == {"ReduceMean", "Sub", "Mul", "Add", "Sqrt", "Div"}
    assert "normalisation" in decision.summary()
    half = to_half(model, decision)
    assert sum(node.op_type == "Cast" for node in half.graph.node) <= 4  # in, out, input and output


def test_the_centre_of_a_heat_map_is_taken_in_float32() -> None:
    """Attention, which is the same without constants, and other products stay in half."""
    rng = np.random.default_rng()
    graph = Graph()
    x = graph.node(
        "Conv", graph.input("x", [1, 4, 32, 32]), rng.normal(0, 0.1, (2, 4, 1, 1)).astype(np.float32)
    )
    flat = graph.node("Reshape", x, np.array([1, 2, 1024]))
    weights = graph.node("Softmax", flat, axis=2)
    same = graph.node("Reshape", weights, np.array([1, 2, 1024]))
    grid = np.stack(np.meshgrid(np.arange(32.0), np.arange(32.0)), -1).reshape(1024, 2).astype(np.float32)
    graph.output(graph.node("MatMul", same, grid), "points", [1, 2, 2])
    attention = graph.node("MatMul", weights, graph.node("Transpose", flat, perm=[0, 2, 1]))
    graph.output(attention, "attention", [1, 2, 2])
    graph.output(graph.node("MatMul", flat, grid), "plain", [1, 2, 2])
    model = graphs.normalise(graph.model())
    inputs = {"x": rng.normal(0, 1, (1, 4, 32, 32)).astype(np.float32)}
    decision = decide(model, scan(model, inputs))
    products = [node.name in decision.keep for node in model.graph.node if node.op_type == "MatMul"]
    assert products == [True, False, False]
    assert "1 expectation" in decision.summary()
    expected = HostNetwork(model).run(inputs)[0]
    found = ReferenceEvaluator(to_half(model, decision)).run(None, inputs)[0]
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_islands_hold_where_true_float16_arithmetic_breaks() -> None:
    """Everything in half is far off; with the decision's islands it is close to float32."""
    model, inputs = norm_network(np.random.default_rng())
    expected = HostNetwork(model).run(inputs)[0]
    naive = to_half(model, Decision({}, 99))
    with np.errstate(all="ignore"):
        broken = ReferenceEvaluator(naive).run(None, inputs)[0]
    assert not psnr_db(expected, broken, float(np.ptp(expected))) > 20
    mended = ReferenceEvaluator(to_half(model, decide(model, scan(model, inputs)))).run(None, inputs)[0]
    assert psnr_db(expected, mended, float(np.ptp(expected))) > 55


def test_a_range_is_named_with_what_it_reaches(tmp_path: Path) -> None:
    model = graphs.normalise(graphs.load_model(overflowing_swapper(tmp_path / "x.onnx", seed=1)))
    rng = np.random.default_rng()
    inputs = {
        "target": rng.random((2, 3, 128, 128), np.float32),
        "source": rng.standard_normal((2, 512), np.float32),
    }
    ranges = scan(model, inputs)
    every = HostNetwork(model, every=True).run_all(inputs)
    over = {
        name
        for name, array in every.items()
        if array.dtype.kind == "f" and np.abs(array).max() > HALF_MAX / 2
    }
    assert over
    decision = decide(model, ranges)
    for node in model.graph.node:
        touches = over & {*node.input, *node.output}
        assert (node.name in decision.keep) == bool(touches), node.name
    assert all("reaches" in reason for reason in decision.keep.values())


def test_a_range_scan_sees_every_item() -> None:
    graph = Graph()
    graph.output(graph.node("Relu", graph.input("x", ["N", 4])), "y", ["N", 4])
    x = np.array([[1, 2, 3, 4], [-9, 1, 1, 1], [0, 0, 7, 0]], np.float32)
    ranges = scan(graphs.normalise(graph.model()), {"x": x})
    assert ranges["x"] == 9
    assert ranges["y"] == 7


def test_values_that_are_not_finite_stay_in_float32() -> None:
    graph = Graph()
    x = graph.node("Mul", graph.input("x", ["N", 4]), np.float32(1))
    graph.output(graph.node("Add", x, np.float32(1)), "y", ["N", 4])
    model = graphs.normalise(graph.model())
    decision = decide(model, scan(model, {"x": np.full((1, 4), np.inf, np.float32)}))
    assert decision.everything


@pytest.mark.parametrize("make", [random_inswapper, random_hyperswap, random_yunet, analytic_yunet])
def test_the_float16_graph_is_valid_and_close(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    seed = {} if make is analytic_yunet else {"seed": int(np.random.default_rng().integers(1 << 31))}
    model = graphs.normalise(graphs.load_model(make(tmp_path / "x.onnx", **seed)))
    rng = np.random.default_rng(1)
    inputs = {
        info.name: rng.random([dim.dim_value for dim in info.type.tensor_type.shape.dim], np.float32)
        for info in graphs.real_inputs(model)
    }
    expected = HostNetwork(model).run(inputs)
    ranges = scan(model, inputs)
    kept: set[str] = set()
    for width in range(WIDEST + 1):
        decision = decide(model, ranges, width=width)
        assert kept <= set(decision.keep), "widening keeps what was kept"
        kept = set(decision.keep)
        half = to_half(model, decision)
        onnx.checker.check_model(half, full_check=True)
        assert [info.type.tensor_type.elem_type for info in half.graph.output] == [TensorProto.FLOAT] * len(
            expected
        )
        for truth, output in zip(expected, HostNetwork(half).run(inputs), strict=True):
            np.testing.assert_allclose(output, truth, atol=0.02 * max(1, float(np.abs(truth).max())))
    assert decision.everything
    assert half == model


def test_a_value_read_on_both_sides_is_cast_once() -> None:
    graph = Graph()
    x = graph.node("Relu", graph.input("x", [1, 4]))
    first, second = graph.node("Exp", x), graph.node("Exp", x)
    third = graph.node("Mul", x, x)
    graph.output(graph.node("Add", graph.node("Add", first, second), third), "y", [1, 4])
    model = graphs.normalise(graph.model())
    decision = decide(model, {})
    assert kinds(model, decision) == {"Exp"}
    half = to_half(model, decision)
    casts = [node for node in half.graph.node if node.op_type == "Cast"]
    into_float = [node for node in casts if graphs.attribute(node, "to") == TensorProto.FLOAT]
    assert len(into_float) == 2  # x for both Exp, and the output


def test_half_inputs_and_outputs() -> None:
    model, inputs = norm_network(np.random.default_rng())
    half = to_half(model, decide(model, scan(model, inputs)), half_io=True)
    onnx.checker.check_model(half, full_check=True)
    output = HostNetwork(half).run({"x": inputs["x"].astype(np.float16)})[0]
    assert output.dtype == np.float16


def test_a_network_with_subgraphs_stays_as_it_is() -> None:
    branch = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["z"])],
        "b",
        [],
        [onnx.helper.make_tensor_value_info("z", 1, [1, 4])],
    )
    nodes = [
        onnx.helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch, name="if"),
    ]
    infos = [
        onnx.helper.make_tensor_value_info("x", 1, [1, 4]),
        onnx.helper.make_tensor_value_info("c", 9, [1]),
    ]
    graph = onnx.helper.make_graph(nodes, "g", infos, [onnx.helper.make_tensor_value_info("y", 1, [1, 4])])
    model = graphs.normalise(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)]))
    decision = decide(model, {})
    assert decision.everything
    assert to_half(model, decision) == model
