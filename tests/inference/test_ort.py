from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from support.graph import Graph
from support.networks import random_arcface, random_hyperswap, random_inswapper, random_yunet

from trtswap.errors import DeviceError, NetworkContractError, NetworkError, NetworkNotFoundError, OptionError
from trtswap.inference.ort import OrtSession
from trtswap.inference.session import Session
from trtswap.inference.spec import NetworkSpec, load_specs
from trtswap.types import Array

SPECS = load_specs()

BATCH_REASSOCIATION = 1e-4
"""float32 sums in another order, for batches of another size; on values of about 1."""


def direct(path: Path, inputs: dict[str, Array]) -> list[Array]:
    """ONNX Runtime itself, by the file's own names, one item at a time."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    count = len(next(iter(inputs.values())))
    parts = [
        session.run(None, {name: array[i : i + 1] for name, array in inputs.items()}) for i in range(count)
    ]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def random_inputs(spec: NetworkSpec, count: int, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    lengths = {"N": count, "W": spec.picture.size[0], "H": spec.picture.size[1]}
    return {
        tensor.name: rng.standard_normal(
            [lengths[item] if isinstance(item, str) else item for item in tensor.shape], np.float32
        )
        for tensor in spec.inputs
    }


Maker = Callable[[Path, int], Path]
NETWORKS: dict[str, tuple[str, Maker, int | None]] = {
    "yunet": ("yunet", lambda path, seed: random_yunet(path, seed=seed), 1),
    "yunet dynamic": ("yunet", lambda path, seed: random_yunet(path, seed=seed, dynamic=True), None),
    "arcface": ("arcface_w600k_r50", lambda path, seed: random_arcface(path, seed=seed), None),
    "inswapper": ("inswapper_128", lambda path, seed: random_inswapper(path, seed=seed), 1),
    "inswapper batch 2": ("inswapper_128", lambda path, seed: random_inswapper(path, seed=seed, batch=2), 2),
    "inswapper half": (
        "inswapper_128_fp16",
        lambda path, seed: random_inswapper(path, seed=seed, half=True),
        1,
    ),
    "hyperswap": ("hyperswap_1a_256", lambda path, seed: random_hyperswap(path, seed=seed, half=False), 1),
    "hyperswap any": (
        "hyperswap_1a_256",
        lambda path, seed: random_hyperswap(path, seed=seed, batch="N"),
        None,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_gives_what_its_items_give(name: str, tmp_path: Path) -> None:
    spec_name, make, max_batch = NETWORKS[name]
    spec = SPECS[spec_name]
    seed = int(np.random.default_rng().integers(1 << 31))
    path = make(tmp_path / "x.onnx", seed)
    inputs = random_inputs(spec, 3, seed)
    with OrtSession(path, spec, "cpu") as session:
        assert session.max_batch == max_batch
        assert session.provider == "cpu"
        outputs = session.run(inputs)
    own_names = {"input": "input.1"} if name == "arcface" else {}
    if max_batch == 2:
        fed = {key: np.concatenate([array, array[-1:]]) for key, array in inputs.items()}
        reference = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        halves = [reference.run(None, {k: v[i : i + 2] for k, v in fed.items()}) for i in (0, 2)]
        expected = [np.concatenate(parts)[:3] for parts in zip(*halves, strict=True)]
    else:
        expected = direct(path, {own_names.get(key, key): array for key, array in inputs.items()})
    assert len(outputs) == len(expected)
    for output, truth in zip(outputs, expected, strict=True):
        assert output.dtype == np.float32
        np.testing.assert_allclose(
            output, truth, atol=BATCH_REASSOCIATION, rtol=BATCH_REASSOCIATION, err_msg=f"seed {seed}"
        )


def test_half_precision_inputs_and_outputs_are_cast(tmp_path: Path) -> None:
    graph = Graph()
    crop = graph.input("input", ["N", 3, 112, 112], np.float16)
    pooled = graph.node("Flatten", graph.node("AveragePool", crop, kernel_shape=[14, 14], strides=[14, 14]))
    weights = np.eye(192, 512).astype(np.float16)
    graph.output(graph.node("MatMul", pooled, weights), "e", ["N", 512], np.float16)
    crops = random_inputs(SPECS["arcface_w600k_r50"], 2, 5)
    with OrtSession(graph.save(tmp_path / "x.onnx"), SPECS["arcface_w600k_r50"]) as session:
        output = session.run(crops)[0]
    assert output.dtype == np.float32
    means = crops["input"].reshape(2, 3, 8, 14, 8, 14).mean(axis=(3, 5)).reshape(2, 192)
    np.testing.assert_allclose(output[:, :192], means, atol=2e-3)  # float16 sums of 196 values of about 1


def test_other_input_layouts_and_types_are_accepted(tmp_path: Path) -> None:
    spec = SPECS["arcface_w600k_r50"]
    path = random_arcface(tmp_path / "x.onnx", seed=3)
    crops = random_inputs(spec, 2, 4)["input"]
    with OrtSession(path, spec) as session:
        plain = session.run({"input": crops})[0]
        fancy = session.run({"input": np.asfortranarray(crops.astype(np.float64))})[0]
    np.testing.assert_array_equal(plain, fancy)


def test_several_threads_share_a_session(tmp_path: Path) -> None:
    spec = SPECS["inswapper_128"]
    path = random_inswapper(tmp_path / "x.onnx", seed=11)
    batches = [random_inputs(spec, 2, seed) for seed in range(4)]
    results: dict[int, Array] = {}
    with OrtSession(path, spec, threads=1) as session:
        expected = [session.run(batch)[0] for batch in batches]

        def work(index: int) -> None:
            for _ in range(3):
                results[index] = session.run(batches[index])[0]

        workers = [threading.Thread(target=work, args=(index,)) for index in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    for index, truth in enumerate(expected):
        np.testing.assert_array_equal(results[index], truth)


def test_closing_twice_is_harmless_and_running_after_is_not(tmp_path: Path) -> None:
    spec = SPECS["arcface_w600k_r50"]
    session: Session = OrtSession(random_arcface(tmp_path / "x.onnx", seed=1), spec)
    session.close()
    session.close()
    with pytest.raises(NetworkError, match="is closed"):
        session.run(random_inputs(spec, 1, 0))


@pytest.mark.parametrize(
    "change",
    [
        lambda inputs: {"target": inputs["target"]},
        lambda inputs: {**inputs, "more": inputs["source"]},
        lambda inputs: {**inputs, "source": inputs["source"][:1]},
        lambda inputs: {**inputs, "source": inputs["source"][0]},
        lambda inputs: {**inputs, "target": inputs["target"][:, :, :64]},
        lambda inputs: {name: array[:0] for name, array in inputs.items()},
    ],
)
def test_inputs_that_do_not_fit_are_an_option_error(
    change: Callable[[dict[str, Array]], dict[str, Array]], tmp_path: Path
) -> None:
    spec = SPECS["inswapper_128"]
    path = random_inswapper(tmp_path / "x.onnx", seed=2)
    with (
        OrtSession(path, spec) as session,
        pytest.raises(OptionError, match=r"expected target \['N', 3, 128, 128\]"),
    ):
        session.run(change(random_inputs(spec, 2, 0)))


def test_a_file_of_another_network_is_a_contract_error(tmp_path: Path) -> None:
    path = random_hyperswap(tmp_path / "hyper.onnx", seed=0)
    with pytest.raises(NetworkContractError, match=r"hyper\.onnx .*expected .*128, 128.*found .*256, 256"):
        OrtSession(path, SPECS["inswapper_128"])


def test_a_batch_that_is_only_declared_dynamic_is_refused(tmp_path: Path) -> None:
    graph = Graph()
    crop = graph.input("input", ["N", 3, 112, 112])
    total = graph.node("ReduceMean", crop, axes=[0, 2, 3], keepdims=0)
    spread = graph.node("Expand", graph.node("ReduceSum", total, [0], keepdims=0), [1, 512])
    graph.output(spread, "e", ["M", 512])
    spec = SPECS["arcface_w600k_r50"]
    with OrtSession(graph.save(tmp_path / "x.onnx"), spec) as session:
        assert session.run(random_inputs(spec, 1, 0))[0].shape == (1, 512)
        with pytest.raises(NetworkContractError, match=r"shape \[1, 512\] for a batch of 2"):
            session.run(random_inputs(spec, 2, 0))


@pytest.mark.parametrize("content", [b"", b"not a network", b"<html></html>"])
def test_a_damaged_file_is_a_clear_error(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = random_arcface(tmp_path / "whole.onnx", seed=0).read_bytes()
    (tmp_path / "bad.onnx").write_bytes(content or whole[: len(whole) // 2])
    with pytest.raises(NetworkError, match=r"bad\.onnx cannot be loaded as a network") as caught:
        OrtSession(tmp_path / "bad.onnx", SPECS["arcface_w600k_r50"])
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert capfd.readouterr().err == ""


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NetworkNotFoundError, match=r"absent\.onnx does not exist"):
        OrtSession(tmp_path / "absent.onnx", SPECS["yunet"])


def test_cuda_is_a_device_error_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = random_arcface(tmp_path / "x.onnx", seed=0)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(DeviceError, match="cannot use CUDA") as caught:
        OrtSession(path, SPECS["arcface_w600k_r50"], "cuda")
    assert "onnxruntime-gpu" in str(caught.value.hint)
    with OrtSession(path, SPECS["arcface_w600k_r50"], "auto") as session:
        assert session.provider == "cpu"


def test_auto_falls_back_where_cuda_is_listed_but_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = random_arcface(tmp_path / "x.onnx", seed=0)
    real = onnxruntime.InferenceSession

    def broken(path: str, options: object, providers: list[str]) -> object:
        if providers[0] == "CUDAExecutionProvider":
            raise RuntimeError("libcudart.so: cannot open shared object file\nand a long trace")
        return real(path, options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", broken)
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    with OrtSession(path, SPECS["arcface_w600k_r50"], "auto") as session:
        assert session.provider == "cpu"
    with pytest.raises(DeviceError, match=r"libcudart\.so"):
        OrtSession(path, SPECS["arcface_w600k_r50"], "cuda")


def test_a_new_network_of_a_known_kind_is_only_a_spec(tmp_path: Path) -> None:
    spec = SPECS["inswapper_128"]
    tensors = tuple(
        replace(tensor, shape=tuple(64 if d == 128 else d for d in tensor.shape)) for tensor in spec.inputs
    )
    small = replace(
        spec,
        name="small",
        inputs=tensors,
        outputs=(replace(spec.outputs[0], shape=("N", 3, 64, 64)),),
        picture=replace(spec.picture, size=(64, 64)),
    )
    graph = Graph()
    target, source = graph.input("target", [1, 3, 64, 64]), graph.input("source", [1, 512])
    first = graph.node("Unsqueeze", graph.node("Slice", source, [0], [3], [1]), [2, 3])
    graph.output(graph.node("Add", target, first), "output", [1, 3, 64, 64])
    inputs = random_inputs(small, 2, 9)
    with OrtSession(graph.save(tmp_path / "x.onnx"), small) as session:
        output = session.run(inputs)[0]
    np.testing.assert_allclose(output, inputs["target"] + inputs["source"][:, :3, None, None], rtol=1e-6)
