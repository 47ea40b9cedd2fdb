from __future__ import annotations

import pytest

from trtswap.errors import NetworkContractError
from trtswap.inference.contract import DeclaredTensor, bind
from trtswap.inference.spec import load_specs

SPECS = load_specs()
SWAPPER, HYPERSWAP, ARCFACE, YUNET = (
    SPECS[name] for name in ("inswapper_128", "hyperswap_1a_256", "arcface_w600k_r50", "yunet")
)


def tensor(name: str, *shape: int | None, dtype: str = "float32") -> DeclaredTensor:
    return DeclaredTensor(name, dtype, shape)


TARGET, SOURCE, OUTPUT = (
    tensor("target", 1, 3, 128, 128),
    tensor("source", 1, 512),
    tensor("output", 1, 3, 128, 128),
)


def yunet_outputs(batch: int | None = 1, edge: int | None = 640) -> list[DeclaredTensor]:
    return [
        tensor(f"{kind}_{stride}", batch, edge and (edge // stride) ** 2, width)
        for kind, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        for stride in (8, 16, 32)
    ]


def test_inputs_are_matched_by_name_in_any_order() -> None:
    for declared in ([TARGET, SOURCE], [SOURCE, TARGET]):
        binding = bind(SWAPPER, declared, [OUTPUT], "x.onnx")
        assert binding.inputs == (TARGET, SOURCE)
        assert binding.batch == 1


def test_inputs_of_other_names_are_matched_by_shape() -> None:
    target, source = tensor("in.0", None, 3, 128, 128), tensor("in.1", None, 512)
    binding = bind(SWAPPER, [source, target], [OUTPUT], "x.onnx")
    assert binding.inputs == (target, source)
    assert binding.batch is None
    assert (
        bind(ARCFACE, [tensor("data", None, 3, 112, 112)], [tensor("o", 1, 512)], "x").inputs[0].name
        == "data"
    )


def test_accepted_names_are_tried_in_order() -> None:
    with pytest.raises(NetworkContractError):
        bind(ARCFACE, [tensor("input.1", 1, 3, 112, 112), tensor("input", 1, 3, 112, 112)], [], "x")
    assert (
        bind(ARCFACE, [tensor("input.1", 1, 3, 112, 112)], [tensor("683", 1, 512)], "x").inputs[0].name
        == "input.1"
    )


def test_dynamic_lengths_and_undeclared_shapes_fit() -> None:
    binding = bind(YUNET, [tensor("input", None, 3, None, None)], yunet_outputs(None, None), "x.onnx")
    assert binding.batch is None
    assert bind(
        ARCFACE, [DeclaredTensor("input", "float16", None)], [DeclaredTensor("e", "float16", None)], "x"
    )


def test_the_batch_of_outputs_is_not_held_against_the_inputs() -> None:
    assert bind(ARCFACE, [tensor("input", None, 3, 112, 112)], [tensor("683", 1, 512)], "x").batch is None
    assert bind(ARCFACE, [tensor("input", 4, 3, 112, 112)], [tensor("683", None, 512)], "x").batch == 4


def test_optional_and_further_outputs() -> None:
    inputs = [tensor("source", 1, 512), tensor("target", 1, 3, 256, 256)]
    output, mask = tensor("output", 1, 3, 256, 256), tensor("mask", 1, 1, 256, 256)
    assert bind(HYPERSWAP, inputs, [output], "x").outputs == (output,)
    assert bind(HYPERSWAP, inputs, [output, mask, tensor("more", 7)], "x").outputs == (output, mask)


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected", "found"),
    [
        ([TARGET], [OUTPUT], "source [N, 512]", "found target float32 [1, 3, 128, 128]"),
        ([TARGET, SOURCE, tensor("w", 1)], [OUTPUT], "target [N, 3, 128, 128]", "w float32 [1]"),
        ([tensor("target", 1, 3, 256, 256), SOURCE], [OUTPUT], "[N, 3, 128, 128]", "[1, 3, 256, 256]"),
        ([tensor("target", 4, 3, 128, 128), SOURCE], [OUTPUT], "target [N, 3", "source float32 [1, 512]"),
        ([tensor("target", 1, 3, 128, 128, dtype="uint8"), SOURCE], [OUTPUT], "target", "target uint8"),
        ([tensor("a", 1, 512), tensor("b", 1, 512)], [OUTPUT], "target", "b float32 [1, 512]"),
        ([TARGET, SOURCE], [], "output [N, 3, 128, 128]", "found none"),
        ([TARGET, SOURCE], [tensor("output", 1, 128, 128, 3)], "[N, 3, 128, 128]", "[1, 128, 128, 3]"),
        ([TARGET, SOURCE], [tensor("output", 3, 128, 128)], "[N, 3, 128, 128]", "[3, 128, 128]"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    inputs: list[DeclaredTensor], outputs: list[DeclaredTensor], expected: str, found: str
) -> None:
    with pytest.raises(NetworkContractError) as caught:
        bind(SWAPPER, inputs, outputs, "folder/x.onnx")
    text = str(caught.value)
    assert "folder/x.onnx" in text
    assert expected in text.partition("; found")[0]
    assert found.removeprefix("found ") in text.partition("; found ")[2]
    assert caught.value.path == "folder/x.onnx"


def test_a_detector_of_another_size_is_refused() -> None:
    with pytest.raises(NetworkContractError, match="at 640x640"):
        bind(YUNET, [tensor("input", 1, 3, 320, 320)], yunet_outputs(1, 320), "x.onnx")


def test_one_symbol_has_one_length() -> None:
    outputs = yunet_outputs()
    outputs[3] = tensor("obj_8", 1, 1600, 1)
    with pytest.raises(NetworkContractError, match="outputs of x"):
        bind(YUNET, [tensor("input", 1, 3, 640, 640)], outputs, "x.onnx")
