"""Stand-ins have the published contracts and sizes; a batch of them equals its items."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from trtswap.inference import graph as graphs
from trtswap.inference.batching import make_dynamic
from trtswap.inference.host_run import HostNetwork

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
import standins


def parameters(model: onnx.ModelProto) -> int:
    return sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)


def inputs_of(model: onnx.ModelProto, count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        info.name: rng.random(
            (count, *(dim.dim_value for dim in info.type.tensor_type.shape.dim[1:])), np.float32
        )
        for info in graphs.real_inputs(model)
    }


@pytest.mark.parametrize(("name", "millions"), [("scrfd_10g", 4.226), ("landmarker", 24.2)])
def test_size_values_and_batch(name: str, millions: float, tmp_path: Path) -> None:
    model = graphs.normalise(graphs.load_model(standins.STAND_INS[name](tmp_path / "x.onnx")))
    assert parameters(model) / 1e6 == pytest.approx(millions, rel=0.01)
    outputs = HostNetwork(model).run(inputs_of(model, 1))
    for output in outputs:
        assert np.isfinite(output).all()
        assert 0 < np.abs(output).max() < 1000, "activations stay sane"
    batched = make_dynamic(model, lambda count: inputs_of(model, count)).model
    for output in HostNetwork(batched).run(inputs_of(model, 2)):
        assert len(output) == 2


def test_the_recogniser_is_as_large_as_published(tmp_path: Path) -> None:
    path = standins.arcface_w600k_r50(tmp_path / "x.onnx")
    assert abs(path.stat().st_size - 174_388_474) < 50_000
    output = HostNetwork(graphs.load_model(path)).run(
        {"input.1": np.zeros((1, 3, 112, 112), np.float32) + 0.5}
    )[0]
    assert 0.01 < float(np.abs(output).mean()) < 100
