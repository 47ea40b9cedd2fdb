"""Makes files to resume training from, out of the ONNX files that `export` wrote.

    python tools/demo/restore.py engines/weights TRAINED encoder swapper

A normalisation was folded into the convolution before it. Here it only shifts, until training settles it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from export import FILES, PARTS, normalised
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
    for module, path, name, after in normalised(net):
        norm = module.get_submodule(after)
        state[f"{path}.{after}.weight"] = torch.sqrt(norm.running_var + norm.eps)
        state[f"{path}.{after}.bias"] = weights[f"{path}.{name}.bias"]
    state.update({name: weights[name] for name in state.keys() & weights.keys()})
    net.load_state_dict(state)


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
        saved = {"net": net.state_dict()}
        if role == "encoder":
            saved["embedding_map"] = weights_of(options.folder / FILES["swapper"])["emap"]
        torch.save(saved, options.out / f"{role}.pt")


if __name__ == "__main__":
    main()
