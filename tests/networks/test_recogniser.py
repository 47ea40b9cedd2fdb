from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.networks import analytic_arcface, arcface_embedding
from support.pictures import face_placement, scene
from support.tolerance import RESAMPLE_CODES

from trtswap.errors import NoFaceError
from trtswap.geometry import estimate_similarity, template_points
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.recogniser import ArcFace
from trtswap.types import Array, PixelFormat, Surface

SPEC = load_specs()["arcface_w600k_r50"]


def faces() -> tuple[list[Surface], Array, Array]:
    """Two surfaces with three faces between them: surfaces, the surface of each face, landmarks."""
    one, first = scene(500, 400, [face_placement((250, 200), 220, 12)], seed=1)
    two, others = scene(
        800, 450, [face_placement((200, 220), 150, -20), face_placement((600, 200), 260, 3)], seed=7
    )
    surfaces = [Surface(PixelFormat.RGB8, (picture,)) for picture in (one, two)]
    return surfaces, np.array([1, 0, 1]), np.concatenate([others[:1], first, others[1:]])


def crops_by_opencv(surfaces: list[Surface], indices: Array, landmarks: Array) -> Array:
    """ArcFace's input by OpenCV: aligned, bilinear, edges replicated, RGB planes, v / 127.5 - 1."""
    matrices = estimate_similarity(landmarks, template_points("arcface_112_v2", (112, 112)))
    crops = [
        cv2.warpAffine(
            surfaces[index].planes[0].astype(np.float32), matrix, (112, 112), borderMode=cv2.BORDER_REPLICATE
        )
        for index, matrix in zip(indices, matrices, strict=True)
    ]
    return np.stack(crops).transpose(0, 3, 1, 2) / 127.5 - 1


def test_inputs_are_aligned_rgb_crops(tmp_path: Path) -> None:
    surfaces, indices, landmarks = faces()
    with OrtSession(analytic_arcface(tmp_path / "x.onnx"), SPEC, "cpu") as session:
        tensor = ArcFace(session).inputs(surfaces, indices, landmarks)
    expected = crops_by_opencv(surfaces, indices, landmarks)
    np.testing.assert_allclose(tensor, expected, atol=RESAMPLE_CODES / 127.5)


@pytest.mark.parametrize("batch", [1, "N"])
def test_embeddings_are_raw_and_in_the_order_of_the_faces(batch: int | str, tmp_path: Path) -> None:
    surfaces, indices, landmarks = faces()
    with OrtSession(analytic_arcface(tmp_path / "x.onnx", batch=batch), SPEC, "cpu") as session:
        embeddings = ArcFace(session).embed(surfaces, indices, landmarks)
    expected = arcface_embedding(crops_by_opencv(surfaces, indices, landmarks))
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (3, 512)
    np.testing.assert_allclose(
        embeddings, expected, atol=1e-3
    )  # 192 averages, each good to 5e-4 / 14, times 0.1
    assert not np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=0.1)


def test_no_faces_no_embeddings(tmp_path: Path) -> None:
    with OrtSession(analytic_arcface(tmp_path / "x.onnx"), SPEC, "cpu") as session:
        assert ArcFace(session).embed([], np.zeros(0, int), np.zeros((0, 5, 2))).shape == (0, 512)


def test_a_face_without_extent_is_refused(tmp_path: Path) -> None:
    surfaces, indices, landmarks = faces()
    landmarks[2] = [100, 100]
    with (
        OrtSession(analytic_arcface(tmp_path / "x.onnx"), SPEC, "cpu") as session,
        pytest.raises(NoFaceError, match="face 2 cannot be aligned"),
    ):
        ArcFace(session).embed(surfaces, indices, landmarks)
