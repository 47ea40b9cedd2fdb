"""Mask networks against their description, read plainly in NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support import plain, reference, stand_ins
from support.face_networks import random_xseg
from support.targets import Target
from support.tolerance import RESAMPLE_CODES

from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.mask import BiSeNet, XSeg, _runs
from trtswap.types import PixelFormat, Surface

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


@pytest.mark.parametrize("size", [128, 512])
@pytest.mark.parametrize("classes", [[1], [2, 3, 10], [*range(1, 7), 10, 11, 12, 13]])
def test_bisenet_regions(size: int, classes: list[int], tmp_path: Path) -> None:
    seed = int(np.random.default_rng().integers(1 << 31))
    rng = np.random.default_rng(seed)
    pictures = [plain.smooth_picture(rng, size, size) for _ in range(10)]  # more than are seen at once
    squares = [Surface(PixelFormat.RGB8, (picture,)) for picture in pictures]
    path = stand_ins.bisenet(tmp_path / "x.onnx", seed)
    with OrtSession(path, SPECS["bisenet_resnet_34"], "cpu") as session:
        masks = BiSeNet(session).masks(squares, classes)
        assert not len(BiSeNet(session).masks([], classes))
        for picture, mask in zip(pictures, masks, strict=True):
            large = cv2.resize(picture / 255, (512, 512), interpolation=cv2.INTER_LINEAR)
            tensor = (large - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
            scores = session.run({"input": tensor.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
            chosen = np.zeros((512, 512), np.float32)
            for row in range(512):
                for k in classes:
                    chosen[row][scores[:, row].argmax(axis=0) == k] = 1
            expected = cv2.resize(chosen, (size, size), interpolation=cv2.INTER_LINEAR)
            assert (np.abs(mask - expected) > 1e-4).mean() < 1e-3, f"seed {seed}"


class Saying:
    """A session that gives the scores it is told to, where its input is."""

    def __init__(self, scores: np.ndarray, target: Target) -> None:
        self.spec = SPECS["bisenet_resnet_34"]
        self._parts = iter(np.split(scores, range(8, len(scores), 8)))
        self._target = target

    def run(self, inputs: dict[str, Any]) -> list[Any]:
        part = next(self._parts)
        assert inputs["input"].shape == (len(part), 3, 512, 512)
        return [self._target.put(part)]


@pytest.mark.parametrize("classes", [[0], [18, 3, 4], [*range(1, 7), 10, 11, 12, 13]])
def test_the_likeliest_class_counts(classes: list[int], target: Target) -> None:
    rng = np.random.default_rng()
    scores = rng.standard_normal((9, 19, 512, 512), np.float32)
    square = target.put_surface(Surface(PixelFormat.RGB8, (np.zeros((512, 512, 3), np.uint8),)))
    masks = BiSeNet(Saying(scores, target)).masks([square] * 9, classes)  # type: ignore[arg-type]
    # Of two classes with the same score either may be meant.
    assert (masks != np.isin(scores.argmax(axis=1), classes)).mean() < 1e-5


def test_runs_of_numbers() -> None:
    assert _runs([]) == []
    assert _runs([1, 2, 3, 7, 9, 10]) == [(1, 4), (7, 8), (9, 11)]
