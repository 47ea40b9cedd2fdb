"""Every network that trtswap knows: its stand-in fits its description, its adapter takes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import stand_ins

from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks import registry

SPECS = load_specs()


def test_each_has_a_stand_in() -> None:
    assert set(stand_ins.MAKERS) == set(SPECS)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_stand_in_fits_spec_and_adapter(name: str, tmp_path: Path) -> None:
    spec = SPECS[name]
    path = stand_ins.make(name, tmp_path / spec.file_names[0], 1)
    with OrtSession(path, spec, "cpu") as session:
        if spec.role == "swapper":
            converted = spec.swap is not None and spec.swap.converter is not None
            registry.create_swapper(session, object() if converted else None)  # type: ignore[arg-type]
        else:
            registry.create(spec.kind, session)
        width, height = spec.picture.size
        feed = {
            tensor.name: np.random.default_rng(1)
            .random([{"N": 2, "H": height, "W": width}.get(item, item) for item in tensor.shape])  # type: ignore[arg-type]
            .astype(np.float32)
            for tensor in spec.inputs
        }
        outputs = session.run(feed)
    for tensor, output in zip(spec.outputs, outputs, strict=False):
        assert output.dtype == np.float32
        assert output.ndim == len(tensor.shape)
        assert len(output) == 2
        for expected, length in zip(tensor.shape, output.shape, strict=True):
            assert isinstance(expected, str) or expected == length
