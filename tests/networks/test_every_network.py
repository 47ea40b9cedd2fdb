"""Every network that trtswap knows: its stand-in fits its description, its adapter takes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import stand_ins
from support.exercise import FACES, exercise

from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs

SPECS = {name: spec for name, spec in load_specs().items() if not spec.built_in}
"""The built-in ones are real files with tests of their own."""


def test_each_has_a_stand_in() -> None:
    assert set(stand_ins.MAKERS) == set(SPECS)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_stand_in_fits_spec_and_adapter(name: str, tmp_path: Path) -> None:
    """A batch through the adapter, on a file that takes one item at a time: nothing is lost or mixed."""
    spec = SPECS[name]
    path = stand_ins.make(name, tmp_path / spec.file_names[0], 1)
    with OrtSession(path, spec, "cpu") as session:
        found = exercise(session, 7)
    assert found
    for array in found:
        assert len(array) == FACES
        assert np.isfinite(array).all()
        if spec.role not in ("classifier", "mask"):
            assert np.ptp(array, axis=0).max() > 1e-6, "all items gave the same"
