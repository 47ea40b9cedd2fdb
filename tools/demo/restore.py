"""Makes files to resume training from, out of the ONNX files that `export` wrote.

    python tools/demo/restore.py engines/weights TRAINED encoder swapper

A normalisation was folded into the convolution before it. Here it only shifts, until training settles it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
from export import FILES, PARTS
from onnx import numpy_helper
from torch import Tensor, nn


def weights_of(path: Path) -> dict[str, Tensor]:
    """Every weight of a file, in float32."""
    return {
        tensor.name.removesuffix("_float16"): torch.from_numpy(
            numpy_helper.to_array(tensor).astype(np.float32)
        )
        for tensor in onnx.load(path).graph.initializer
    }


def restore(net: nn.Module, weights: dict[str, Tensor]) -> None:
    """Gives the network a file's weights."""
    state = net.state_dict()
    for conv, norm in normalised(net):
        state[f"{norm}.weight"] = torch.sqrt(state[f"{norm}.running_var"] + 1e-5)
        state[f"{norm}.bias"] = weights[f"{conv}.bias"]
    state.update({name: weights[name] for name in state.keys() & weights.keys()})
    net.load_state_dict(state)


def normalised(net: nn.Module) -> Iterator[tuple[str, str]]:
    """The names of every convolution that a normalisation follows, and of that."""
    for prefix, module in net.named_modules():
        if isinstance(module, nn.Sequential):
            for (conv, layer), (norm, after) in pairwise(module.named_children()):
                if isinstance(layer, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
                    yield f"{prefix}.{conv}", f"{prefix}.{norm}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("roles", nargs="+", choices=tuple(PARTS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for role in options.roles:
        net = PARTS[role][0]()
        restore(net, weights_of(options.folder / FILES[role]))
        more = (
            {"embedding_map": weights_of(options.folder / FILES["swapper"])["emap"]}
            if role == "encoder"
            else {}
        )
        torch.save({"net": net.state_dict(), **more}, options.out / f"{role}.pt")


if __name__ == "__main__":
    main()
