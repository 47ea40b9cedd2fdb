"""Reading network files, and the plain form that everything else works on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.graph import Graph
from support.networks import random_hyperswap, random_inswapper

from trtswap.errors import NetworkError, NetworkNotFoundError
from trtswap.inference import graph as graphs
from trtswap.inference.host_run import HostNetwork


def test_half_weights_followed_by_casts_become_plain_float32(tmp_path: Path) -> None:
    rng = np.random.default_rng()
    weights = rng.standard_normal((4, 3, 3, 3)).astype(np.float16)
    graph = Graph()
    x = graph.input("x", ["N", 3, 8, 8])
    graph.output(graph.node("Conv", x, graph.node("Cast", weights, to=1)), "y", ["N", 4, 6, 6])
    plain = graphs.normalise(graphs.load_model(graph.save(tmp_path / "x.onnx")))
    assert [node.op_type for node in plain.graph.node] == ["Conv", "Identity"]
    (kept,) = graphs.initializers(plain).values()
    assert kept.dtype == np.float32
    np.testing.assert_array_equal(kept, weights.astype(np.float32))


@pytest.mark.parametrize("make", [random_inswapper, random_hyperswap])
def test_a_half_precision_file_computes_the_same_in_the_plain_form(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = make(tmp_path / "x.onnx", seed=int(np.random.default_rng().integers(1 << 31)), half=True)
    model = graphs.load_model(path)
    plain = graphs.normalise(model)
    onnx.checker.check_model(plain, full_check=True)
    assert not any(node.op_type == "Cast" for node in plain.graph.node[:-2])
    assert all(tensor.data_type != TensorProto.FLOAT16 for tensor in plain.graph.initializer)
    rng = np.random.default_rng(0)
    inputs = {
        info.name: rng.random([dim.dim_value for dim in info.type.tensor_type.shape.dim], np.float32)
        for info in model.graph.input
    }
    for half, full in zip(HostNetwork(model).run(inputs), HostNetwork(plain).run(inputs), strict=True):
        np.testing.assert_allclose(half, full, atol=5e-3)  # the file's own arithmetic is float16


def test_every_node_gets_a_name_of_its_own(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.input("x", [1, 4])
    for _ in range(3):
        x = graph.node("Relu", x)
    graph.output(x, "y", [1, 4])
    model = graph.model()
    model.graph.node[0].name = model.graph.node[1].name = "same"
    onnx.save(model, tmp_path / "x.onnx")
    names = [node.name for node in graphs.normalise(graphs.load_model(tmp_path / "x.onnx")).graph.node]
    assert len(set(names)) == len(names) == 4
    assert all(names)


def test_constant_nodes_and_old_style_inputs_are_folded(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.ones(4, np.float32), "w")
    nodes = [
        helper.make_node("Constant", [], ["two"], value=numpy_helper.from_array(np.float32(2))),
        helper.make_node("Mul", ["x", "w"], ["xw"]),
        helper.make_node("Mul", ["xw", "two"], ["y"]),
    ]
    infos = [helper.make_tensor_value_info(name, 1, shape) for name, shape in (("x", [1, 4]), ("w", [4]))]
    graph = helper.make_graph(nodes, "g", infos, [helper.make_tensor_value_info("y", 1, [1, 4])], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "x.onnx")
    plain = graphs.normalise(graphs.load_model(tmp_path / "x.onnx"))
    assert [info.name for info in graphs.real_inputs(plain)] == ["x"]
    x = np.arange(4, dtype=np.float32)[None]
    np.testing.assert_array_equal(HostNetwork(plain).run({"x": x})[0], 2 * x)


@pytest.mark.parametrize("content", [b"", b"not a network", b"<html>404</html>", b"\x08\x07"])
def test_a_file_that_is_no_network(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(NetworkError, match=r"bad\.onnx") as caught:
        graphs.load_model(tmp_path / "bad.onnx")
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NetworkNotFoundError, match="does not exist"):
        graphs.load_model(tmp_path / "absent.onnx")


@pytest.mark.parametrize("opset", [3, 999])
def test_an_unsupported_operator_set_is_named(opset: int, tmp_path: Path) -> None:
    model = random_model()
    model.opset_import[0].version = opset
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(NetworkError, match=f"operator set {opset}; this installation takes") as caught:
        graphs.load_model(tmp_path / "x.onnx")
    assert caught.value.hint


def random_model() -> onnx.ModelProto:
    graph = Graph()
    graph.output(graph.node("Relu", graph.input("x", [1, 4])), "y", [1, 4])
    return graph.model()
