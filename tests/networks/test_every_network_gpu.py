"""Every kind of network through its adapter on TensorRT, against the same on ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import stand_ins
from support.exercise import exercise
from support.targets import gpu_package

from trtswap.engine_options import EngineOptions
from trtswap.inference.build_process import kept_builders
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(560)]

SPECS = load_specs()
NAMES = (
    "2dfan4",
    "arcface_w600k_r50",
    "bisenet_resnet_34",
    "blendswap_256",
    "codeformer",
    "crossface_ghost",
    "fairface",
    "fan_68_5",
    "ghost_2_256",
    "gpen_bfr_256",
    "hyperswap_1b_256",
    "inswapper_128",
    "peppa_wutz",
    "scrfd_2.5g",
    "simswap_unofficial_512",
    "uniface_256",
    "xseg_2",
    "yoloface_8n",
    "yunet",
)
"""One of each kind; those left out share kind and contract with one of these."""

RELATIVE = 0.02
"""Of the root mean square of an output: engines in float32 multiply in TF32, ten bits of mantissa."""


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Path, Any]]]:
    """Stand-ins and their sessions on TensorRT."""
    gpu_package("tensorrt")
    from trtswap.inference.engine import Quiet, Recipe, open_session
    from trtswap.inference.tensorrt_library import load_tensorrt
    from trtswap.networks.calibration import calibration_of

    folder = tmp_path_factory.mktemp("engines")
    os.environ["TRTSWAP_CACHE"] = str(folder / "cache")
    library = load_tensorrt()
    options = EngineOptions(
        precision="fp32", optimization_level=0, max_batch=2, workspace_mib=512, contexts=1, graphs=False
    )

    def build(name: str) -> tuple[Path, Any]:
        spec = SPECS[name]
        path = stand_ins.make(name, folder / f"{name}.onnx", 1)
        recipe = Recipe(library, spec, path, options, 0, lambda: calibration_of(spec, path))
        try:
            return path, open_session(recipe, Quiet())
        except Exception as error:  # told by the test of that network
            return path, error

    with kept_builders():
        built = {name: build(name) for name in NAMES}
    yield built
    for _, session in built.values():
        if not isinstance(session, Exception):
            session.close()


def test_each_kind_is_among_them() -> None:
    assert {SPECS[name].kind for name in NAMES} >= {spec.kind for spec in SPECS.values()} - {
        "swapper/hififace"
    }


@pytest.mark.parametrize("name", NAMES)
def test_tensorrt_gives_what_onnx_runtime_gives(name: str, engines: dict[str, tuple[Path, Any]]) -> None:
    path, session = engines[name]
    if isinstance(session, Exception):
        raise session
    found = exercise(session, 7)
    with OrtSession(path, SPECS[name], "cpu") as plainly:
        expected = exercise(plainly, 7)
    assert len(found) == len(expected)
    for got, want in zip(found, expected, strict=True):
        assert got.shape == want.shape
        error = np.sqrt(np.mean((got - want) ** 2))
        assert error <= RELATIVE * np.sqrt(np.mean(want**2)) + 1e-6
