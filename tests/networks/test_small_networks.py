"""fan_68_5, peppa_wutz, FairFace and converters against their descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import plain, stand_ins

from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.classifier import FairFace, Traits
from trtswap.networks.converter import CrossFace
from trtswap.networks.five_to_68 import FiveTo68
from trtswap.networks.landmarker import BestOf, Fan, Peppa, face_angles_deg
from trtswap.types import Array, Faces, PixelFormat, Surface

SPECS = load_specs()


def test_sixty_eight_points_from_five(tmp_path: Path) -> None:
    rng = np.random.default_rng()
    points = (
        np.array(plain.TEMPLATES["ffhq_512"]) * 200
        + rng.normal(0, 4, (4, 5, 2))
        + rng.uniform(0, 900, (4, 1, 2))
    )
    with OrtSession(stand_ins.fan_68_5(tmp_path / "x.onnx", 3), SPECS["fan_68_5"], "cpu") as session:
        guessed = FiveTo68(session).guess(points.astype(np.float32))
        assert FiveTo68(session).guess(points[:0]).shape == (0, 68, 2)
        for face, five in enumerate(points):
            matrix = np.vstack([plain.matrix(five, "ffhq_512", 1), [0, 0, 1]])
            fractions = np.concatenate([five, np.ones((5, 1))], axis=1) @ matrix.T
            found = session.run({"input": fractions[None, :, :2].astype(np.float32)})[0][0]
            expected = np.concatenate([found, np.ones((68, 1))], axis=1) @ np.linalg.inv(matrix).T
            np.testing.assert_allclose(guessed[face], expected[:, :2], atol=0.05)


def test_the_jaw_tells_how_a_face_is_turned() -> None:
    dense = np.zeros((3, 68, 2), np.float32)
    dense[:, 16] = [(30, 20), (-20, 30), (5, -60)]
    five = np.zeros((3, 5, 2), np.float32)
    five[:, 1] = 10, 0
    faces = Faces(np.zeros((3, 4), np.float32), five, np.ones(3, np.float32), landmarks_68_px=dense)
    assert face_angles_deg([faces]).tolist() == [0, 90, 270]


@pytest.mark.parametrize("shape", [(204,), (68, 3), (204, 1, 1)])
def test_peppa_in_any_shape(shape: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng()
    picture = plain.smooth_picture(rng, 400, 300)
    boxes = np.array([[50, 40, 210, 240], [120, 30, 300, 200]], np.float32)
    five = np.zeros((2, 5, 2), np.float32)
    five[:, 1] = 10, 0
    faces = Faces(boxes, five, np.ones(2, np.float32))
    path = stand_ins.peppa(tmp_path / "x.onnx", 3, shape=shape)
    with OrtSession(path, SPECS["peppa_wutz"], "cpu") as session:
        assert session.max_batch == 1
        surface = Surface(PixelFormat.RGB8, (picture,))
        points, scores = Peppa(session).locate([surface], [faces])
        for face, box in enumerate(boxes):
            tensor = plain.box_crop(picture, box, 0).astype(np.float32)
            raw = session.run({"input": tensor[None]})[0].reshape(68, 3)
            inverse = np.linalg.inv(plain.box_matrix(box, 0))
            expected = np.concatenate([raw[:, :2] * 4, np.ones((68, 1))], axis=1) @ inverse.T
            np.testing.assert_allclose(points[face], expected[:, :2], atol=0.3)
            wanted = np.interp(raw[:, 2].mean(), [0, 0.95], [0, 1])
            assert scores[face] == pytest.approx(wanted, abs=1e-3)


class Canned:
    def __init__(self, mark: float, scores: list[float]) -> None:
        self.mark, self.scores = mark, np.array(scores, np.float32)

    def locate(self, *_: Any) -> tuple[Array, Array]:
        return np.full((len(self.scores), 68, 2), self.mark, np.float32), self.scores


def test_the_first_landmarker_counts_unless_another_is_clearly_surer() -> None:
    best = BestOf([Canned(1, [0.5, 0.5, 0.9, 0.1]), Canned(2, [0.69, 0.71, 0.95, 0.15])])
    points, scores = best.locate([], [])
    assert points[:, 0, 0].tolist() == [1, 2, 1, 1]
    np.testing.assert_allclose(scores, [0.5, 0.71, 0.9, 0.1])
    assert Fan.full_score == 0.9


def test_converters_take_one_embedding_at_a_time(tmp_path: Path) -> None:
    rng = np.random.default_rng()
    path = stand_ins.crossface(tmp_path / "x.onnx", 3, batch="N")
    with OrtSession(path, SPECS["crossface_ghost"], "cpu") as session:
        for _ in range(3):
            raw = rng.standard_normal(512) * 20
            converted = CrossFace(session).convert(raw)
            # what it gives for an embedding does not depend on its length
            np.testing.assert_allclose(CrossFace(session).convert(raw / 7), converted, rtol=1e-3, atol=1e-4)
            expected = session.run({"input": raw[None].astype(np.float32)})[0][0]
            np.testing.assert_allclose(converted, expected)


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_fairface_classes(dtype: Any, tmp_path: Path) -> None:
    seed = int(np.random.default_rng().integers(1 << 31))
    rng = np.random.default_rng(seed)
    genders = {0: "male", 1: "female"}
    ages = dict(
        enumerate([(0, 2), (3, 9), (10, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69), (70, 100)])
    )
    races = dict(enumerate(["white", "black", "latino", "asian", "asian", "indian", "arabic"]))
    path = stand_ins.fairface(tmp_path / "x.onnx", seed, dtype=dtype, batch="N")
    pictures = [rng.integers(0, 256, (40, 40, 3), np.uint8) for _ in range(6)]
    points = np.array([plain.TEMPLATES["arcface_112_v2"]] * 6) * 36 + 1
    with OrtSession(path, SPECS["fairface"], "cpu") as session:
        surfaces = [Surface(PixelFormat.RGB8, (picture,)) for picture in pictures]
        found = FairFace(session).classify(surfaces, np.arange(6), points)
        assert FairFace(session).classify([], np.arange(0), points[:0]) == []
        agree = 0
        for picture, landmarks, traits in zip(pictures, points, found, strict=True):
            crop = plain.aligned(picture, landmarks, "arcface_112_v2", 224)
            tensor = (crop - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
            race, gender, age = (
                int(output[0])
                for output in session.run({"input": np.moveaxis(tensor, -1, 0)[None].astype(np.float32)})
            )
            agree += traits == Traits(genders[gender], ages[age], races[race])
    assert agree >= 5, f"seed {seed}: a class may change by the noise of sampling, hardly two"
