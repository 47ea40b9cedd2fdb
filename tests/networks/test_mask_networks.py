"""Mask networks against their description, read plainly in NumPy."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from support import reference
from support.face_networks import random_xseg
from support.tolerance import RESAMPLE_CODES

from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.mask import XSeg
from trtswap.types import PixelFormat

SPECS = load_specs()


@pytest.mark.parametrize("size", [128, 256, 512])
@pytest.mark.parametrize("batch", [1, "N"])
def test_xseg_sees_the_crop_at_its_own_size(size: int, batch: int | str, tmp_path: Path) -> None:
    seed = int(np.random.default_rng().integers(1 << 31))
    rng = np.random.default_rng(seed)
    surfaces = [reference.random_surface(rng, PixelFormat.NV12, 200, 150) for _ in range(2)]
    indices = np.array([1, 0, 1])
    placements = np.stack([reference.random_placement(rng, 200, 150, size, (2.0, 4.0)) for _ in indices])
    with OrtSession(
        random_xseg(tmp_path / "x.onnx", seed=seed, batch=batch), SPECS["xseg_1"], "cpu"
    ) as session:
        masks = XSeg(session).masks(surfaces, indices, placements, size)
        assert XSeg(session).masks([], np.zeros(0, int), np.zeros((0, 2, 3)), size).shape == (0, size, size)
        # pixel centres: (u + 1/2) / size = (u' + 1/2) / 256
        scale = 256 / size
        to_own = np.array([[scale, 0, scale / 2 - 0.5], [0, scale, scale / 2 - 0.5], [0, 0, 1]])
        for index, placement, mask in zip(indices, placements, masks, strict=True):
            whole = to_own @ np.vstack([placement, [0, 0, 1]])
            rgb = reference.crop(surfaces[index], whole[:2], (256, 256)) / 255
            raw = session.run({"input": rgb[None, ..., ::-1].astype(np.float32)})[0][0, ..., 0]
            expected = cv2.resize(np.clip(raw, 0, 1), (size, size), interpolation=cv2.INTER_LINEAR)
            assert expected.std() > 0.05
            np.testing.assert_allclose(mask, expected, atol=20 * RESAMPLE_CODES / 255, err_msg=f"seed {seed}")
    assert masks.dtype == np.float32
