"""A baked-in batch of 1 becomes any batch; what cannot be widened is told with its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from support.graph import Graph
from support.networks import random_hyperswap, random_inswapper, random_yunet

from trtswap.inference import graph as graphs
from trtswap.inference.batching import PROOF_TOLERANCE, UnbatchableError, fixed_batch, make_dynamic


def noise(model: onnx.ModelProto, seed: int = 0) -> Callable[[int], dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)

    def sample(count: int) -> dict[str, np.ndarray]:
        return {
            info.name: rng.standard_normal(
                (count, *(dim.dim_value for dim in info.type.tensor_type.shape.dim[1:])), np.float32
            )
            for info in graphs.real_inputs(model)
        }

    return sample


def hostile(graph: Graph) -> None:
    """Every way in which a batch of 1 gets baked in, one after the other."""
    x, style = graph.input("x", [1, 8, 12, 12]), graph.input("style", [1, 16])
    weights = np.random.default_rng(1).standard_normal((16, 8)).astype(np.float32)
    scale = graph.node("Reshape", graph.node("Gemm", style, weights), [1, 8, 1, 1])
    x = graph.node("Mul", x, scale)
    x = graph.node("Slice", x, [0, 2], [1, 12], [0, 2])
    x = graph.node("Resize", x, "", "", np.array([1, 8, 15, 18], np.int64), mode="linear")
    x = graph.node("Reshape", x, [1, 2, 4, 15, 18])
    x = graph.node("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = graph.node("Reshape", x, [-1, 8, 15, 18])
    graph.output(x, "picture", [1, 8, 15, 18])
    rows = graph.node("Reshape", graph.node("Transpose", x, perm=[0, 2, 3, 1]), [-1, 8])
    graph.output(graph.node("Sigmoid", rows), "rows", [270, 8])


def test_every_way_of_baking_a_batch_in_is_undone() -> None:
    graph = Graph()
    hostile(graph)
    original = graph.model()
    seed = int(np.random.default_rng().integers(1 << 31))
    batched = make_dynamic(graphs.normalise(original), noise(original))
    onnx.checker.check_model(batched.model, full_check=True)
    assert len(batched.rewritten) >= 4
    inputs = noise(original, seed)(5)
    single = onnxruntime.InferenceSession(original.SerializeToString(), providers=["CPUExecutionProvider"])
    many = onnxruntime.InferenceSession(batched.model.SerializeToString(), providers=["CPUExecutionProvider"])
    pictures, rows = many.run(None, inputs)
    assert rows.shape == (5, 270, 8)
    for item in range(5):
        expected = single.run(None, {name: array[item : item + 1] for name, array in inputs.items()})
        np.testing.assert_allclose(pictures[item], expected[0][0], atol=1e-5, err_msg=f"seed {seed}")
        np.testing.assert_allclose(rows[item], expected[1], atol=1e-5, err_msg=f"seed {seed}")


@pytest.mark.parametrize("make", [random_inswapper, random_hyperswap, random_yunet])
def test_networks_with_the_published_contracts(make: Callable[..., Path], tmp_path: Path) -> None:
    seed = int(np.random.default_rng().integers(1 << 31))
    model = graphs.normalise(graphs.load_model(make(tmp_path / "x.onnx", seed=seed)))
    assert fixed_batch(model) == 1
    batched = make_dynamic(model, noise(model, seed)).model
    assert fixed_batch(batched) is None
    assert all(info.type.tensor_type.shape.dim[0].dim_param == "N" for info in batched.graph.output)


def whole_tensor(graph: Graph) -> str:
    x = graph.input("x", [1, 3, 8, 8])
    return graph.node("Sub", x, graph.node("ReduceMean", x, keepdims=1))


def over_the_batch(graph: Graph) -> str:
    x = graph.input("x", [1, 3, 8, 8])
    return graph.node("Div", x, graph.node("ReduceL2", x, axes=[0, 1, 2, 3], keepdims=1))


def hidden(graph: Graph) -> str:
    """The same, where no attribute shows it."""
    x = graph.input("x", [1, 3, 8, 8])
    rows = graph.node("Reshape", x, [-1])
    return graph.node("Add", x, graph.node("Gather", rows, [0]))


def constant_beside(graph: Graph) -> str:
    x = graph.input("x", [1, 3, 8, 8])
    return graph.node("Concat", x, np.ones((1, 1, 8, 8), np.float32), axis=1)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (whole_tensor, "ReduceMean .* works on the whole tensor"),
        (over_the_batch, "ReduceL2 .* works on the whole tensor"),
        (hidden, "items influence each other|does not run on a batch"),
        (constant_beside, "does not run on a batch"),
    ],
)
def test_what_cannot_be_widened_is_told(make: Callable[[Graph], str], reason: str) -> None:
    graph = Graph()
    output = make(graph)
    graph.output(output, "y", [1, 4 if make is constant_beside else 3, 8, 8])
    model = graphs.normalise(graph.model())
    with pytest.raises(UnbatchableError, match=reason):
        make_dynamic(model, noise(model))


def test_a_larger_baked_batch_is_refused(tmp_path: Path) -> None:
    model = graphs.normalise(graphs.load_model(random_inswapper(tmp_path / "x.onnx", seed=1, batch=2)))
    with pytest.raises(UnbatchableError, match="batch of 2 is baked in"):
        make_dynamic(model, noise(model))


def test_a_dynamic_batch_that_mixes_items_is_refused() -> None:
    graph = Graph()
    x = graph.input("x", ["N", 3, 8, 8])
    graph.output(graph.node("Sub", x, graph.node("ReduceMean", x, axes=[0], keepdims=1)), "y", ["N", 3, 8, 8])
    model = graphs.normalise(graph.model())
    with pytest.raises(UnbatchableError, match="over all items of a batch"):
        make_dynamic(model, noise(model))


def test_the_proof_sees_a_small_influence() -> None:
    """One part in a thousand of another item is found, rounding is not."""
    assert 1e-6 < PROOF_TOLERANCE < 1e-3
    graph = Graph()
    x = graph.input("x", ["N", 4])
    leak = graph.node("CumSum", x, np.int64(0))
    graph.output(graph.node("Add", x, graph.node("Mul", leak, np.float32(1e-3))), "y", ["N", 4])
    model = graphs.normalise(graph.model())
    with pytest.raises(UnbatchableError, match="items influence each other"):
        make_dynamic(model, noise(model))


def test_the_original_is_left_alone() -> None:
    graph = Graph()
    hostile(graph)
    model = graphs.normalise(graph.model())
    before = model.SerializeToString(deterministic=True)
    make_dynamic(model, noise(model))
    assert model.SerializeToString(deterministic=True) == before
