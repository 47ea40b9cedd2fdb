"""Writes the trained networks as ONNX files, their weights in float16.

    python tools/demo/export.py TRAINED trtswap/demo/networks

Every float32 weight of some size becomes a float16 initialiser behind a Cast: half the file, and the arithmetic of the
graph stays that of float32. Runtimes fold the casts when they load.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import nets
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

SMALL = 32
"""Tensors with fewer values stay as they are."""

PARTS: dict[str, tuple[type[nn.Module], list[str], list[str], list[tuple[int, ...]]]] = {
    "detector": (
        nets.Detector,
        ["input"],
        [f"{name}_{stride}" for name in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)],
        [(1, 3, 640, 640)],
    ),
    "landmarker": (nets.Landmarker, ["input"], ["landmarks", "heatmaps"], [(1, 3, 256, 256)]),
    "encoder": (nets.Encoder, ["input"], ["embedding"], [(1, 3, 112, 112)]),
    "swapper": (nets.Swapper, ["target", "source"], ["output"], [(1, 3, 128, 128), (1, 512)]),
    "occlusion": (nets.Occlusion, ["input"], ["output"], [(1, 256, 256, 3)]),
}
FILES = {
    "detector": "demo_detector.onnx",
    "landmarker": "demo_landmarker.onnx",
    "encoder": "demo_recogniser.onnx",
    "swapper": "demo_swapper.onnx",
    "occlusion": "demo_occlusion.onnx",
}


def normalised(net: nn.Module) -> list[tuple[nn.Module, str, str, str]]:
    """Every convolution that a normalisation follows: what both stand in, its name in the network, and theirs there."""
    return [
        (module, path, name, after)
        for path, module in net.named_modules()
        if isinstance(module, nn.Sequential)
        for (name, layer), (after, norm) in pairwise(module.named_children())
        if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    ]


def fused(net: nn.Module) -> nn.Module:
    """The network with its batch normalisations folded into the convolutions before them."""
    for module, _, name, after in normalised(net):
        folded = nn.utils.fuse_conv_bn_eval(module.get_submodule(name), module.get_submodule(after))
        setattr(module, name, folded)
        setattr(module, after, nn.Identity())
    return net


def halved(model: onnx.ModelProto) -> None:
    """Weights in float16, each cast to float32 where it is read."""
    kept, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            kept.append(tensor)
            continue
        name = f"{tensor.name}_float16"
        kept.append(numpy_helper.from_array(values.astype(np.float16), name))
        casts.append(
            helper.make_node("Cast", [name], [tensor.name], f"{tensor.name}_cast", to=TensorProto.FLOAT)
        )
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])


def export(role: str, folder: Path, out: Path) -> Path:
    """Writes the network of a role; returns the file."""
    kind, inputs, outputs, shapes = PARTS[role]
    trained = torch.load(folder / f"{role}.pt", map_location="cpu", weights_only=True)
    net = kind()
    net.load_state_dict(trained["net"])
    net = fused(net.eval())
    path = out / FILES[role]
    dynamic = {name: {0: "N"} for name in (*inputs, *outputs)}
    torch.onnx.export(
        net, tuple(torch.rand(shape) for shape in shapes), str(path), input_names=inputs, output_names=outputs,
        dynamic_axes=dynamic, opset_version=17, dynamo=False,
    )  # fmt: skip
    model = onnx.load(path)
    halved(model)
    if role == "swapper":
        mapping = torch.load(folder / "encoder.pt", map_location="cpu", weights_only=True)["embedding_map"]
        model.graph.initializer.append(numpy_helper.from_array(mapping.numpy().astype(np.float16), "emap"))
    model.producer_name, model.producer_version, model.doc_string = "trtswap", "", "Apache-2.0"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trained", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for role in PARTS:
        path = export(role, options.trained, options.out)
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
