"""Enhancers against their description, with and without a weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import plain, stand_ins
from support.tolerance import CROP_SHARE

from trtswap.errors import NetworkContractError
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.registry import create_enhancer
from trtswap.types import PixelFormat, Surface

SPECS = load_specs()
TABLE = {
    "codeformer": ("ffhq_512", 512),
    "gfpgan_1.2": ("ffhq_512", 512),
    "gfpgan_1.3": ("ffhq_512", 512),
    "gfpgan_1.4": ("ffhq_512", 512),
    "gpen_bfr_256": ("arcface_128", 256),
    "gpen_bfr_512": ("ffhq_512", 512),
    "gpen_bfr_1024": ("ffhq_512", 1024),
    "gpen_bfr_2048": ("ffhq_512", 2048),
    "restoreformer_plus_plus": ("ffhq_512", 512),
}


def test_the_table_is_complete() -> None:
    assert {spec.name for spec in SPECS.values() if spec.role == "enhancer"} == set(TABLE)


@pytest.mark.parametrize(
    ("name", "changes"),
    [(name, {}) for name in sorted(set(TABLE) - {"codeformer"})]
    + [
        ("codeformer", {"weight": np.float64}),
        ("codeformer", {"weight": np.float64, "names": ("x", "w")}),
        ("codeformer", {"weight": np.float32, "batch": "N"}),
        ("gfpgan_1.4", {"weight": np.float64}),
    ],
)
def test_enhancers_agree_with_the_plain_description(
    name: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    seed = int(np.random.default_rng().integers(1 << 31))
    rng = np.random.default_rng(seed)
    template, size = TABLE[name]
    path = stand_ins.restorer(tmp_path / "x.onnx", seed, size=size, **changes)
    pictures = [plain.smooth_picture(rng, 500, 400) for _ in range(2)]
    points = np.array(plain.TEMPLATES["arcface_128"]) * 220 + rng.uniform(50, 150, (2, 1, 2))
    weight = float(rng.uniform(0.2, 1))
    with OrtSession(path, SPECS[name], "cpu") as session:
        restorer = create_enhancer(session)
        placements = restorer.placements(points)
        surfaces = [Surface(PixelFormat.RGB8, (picture,)) for picture in pictures]
        patches = restorer.restore(surfaces, np.array([1, 0]), placements, weight)
        nothing = restorer.restore(surfaces, np.zeros(0, int), placements[:0], weight)
        assert (len(nothing), restorer.size) == (0, size)
        for face, picture in enumerate(pictures[::-1]):
            crop = plain.aligned(picture, points[face], template, size)
            tensor = np.moveaxis(crop * 2 - 1, -1, 0)[None].astype(np.float32)
            raw = session.run({"input": tensor, "weight": np.array([weight], np.float32)})[0][0]
            expected = (np.clip(raw, -1, 1) + 1) / 2
            got = np.clip(patches.pixels[face] * patches.scale + patches.offset, 0, 1)
            error = np.abs(got - expected)
            assert error.mean() < CROP_SHARE, f"seed {seed}"
            assert error.max() < 12 * CROP_SHARE, f"seed {seed}"


def test_the_weight_arrives(tmp_path: Path) -> None:
    path = stand_ins.restorer(tmp_path / "x.onnx", 3, size=512, weight=np.float64)
    picture = plain.smooth_picture(np.random.default_rng(), 300, 300)
    with OrtSession(path, SPECS["codeformer"], "cpu") as session:
        assert session.max_batch == 1
        restorer = create_enhancer(session)
        placements = restorer.placements(np.array([plain.TEMPLATES["ffhq_512"]]) * 250)
        feed = ([Surface(PixelFormat.RGB8, (picture,))], np.array([0]), placements)
        first, second = (restorer.restore(*feed, weight).pixels for weight in (0.2, 0.9))
    assert np.abs(first - second).max() > 0.05


def test_another_input_is_no_weight(tmp_path: Path) -> None:
    path = stand_ins.restorer(tmp_path / "x.onnx", 3, size=256, weight=np.int64, names=("input", "steps"))
    with pytest.raises(NetworkContractError, match="weight"):
        OrtSession(path, SPECS["gpen_bfr_256"], "cpu")
