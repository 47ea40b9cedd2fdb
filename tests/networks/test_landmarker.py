"""Landmarkers against their description, read plainly in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support import fake_gpu, plain
from support.face_networks import analytic_fan, dense_points, random_fan
from support.fake_core import pretend_operations
from support.networks import box_of_landmarks
from support.pictures import face_placement, scene
from support.tolerance import RESAMPLE_CODES

from trtswap import device
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks import landmarker
from trtswap.networks.landmarker import Fan, face_angles_deg, five_of_68
from trtswap.types import Array, Faces, PixelFormat, Surface

SPEC = load_specs()["2dfan4"]


def faces_of(boxes: Array, angles_deg: Array) -> Faces:
    """Faces whose eyes lie in a line turned clockwise by the angles."""
    turns = np.radians(angles_deg)
    axis = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    eyes = np.stack([middle - 10 * axis, middle + 10 * axis], axis=1)
    points = np.concatenate([eyes, np.repeat(middle[:, None], 3, axis=1)], axis=1)
    return Faces(boxes.astype(np.float32), points.astype(np.float32), np.ones(len(boxes), np.float32))


@pytest.mark.parametrize("batch", [1, "N"])
def test_points_and_scores_agree_with_the_plain_description(batch: int | str, tmp_path: Path) -> None:
    seed = int(np.random.default_rng().integers(1 << 31))
    rng = np.random.default_rng(seed)
    # Bright enough that no crop is brightened, however much of it is black: that goes through bytes, which may flip.
    pictures = [rng.integers(60, 256, shape, np.uint8) for shape in ((300, 400, 3), (200, 150, 3))]
    boxes = [
        rng.uniform([-0.1, -0.1, 0.6, 0.6], [0.3, 0.3, 1.1, 1.1], (count, 4))
        * np.tile(picture.shape[1::-1], 2)
        for count, picture in zip((3, 1), pictures, strict=True)
    ]
    angles = [rng.integers(0, 4, count) * 90 + rng.uniform(-44, 44, count) for count in (3, 1)]
    with OrtSession(random_fan(tmp_path / "x.onnx", seed=seed, batch=batch), SPEC, "cpu") as session:
        faces = [faces_of(*pair) for pair in zip(boxes, angles, strict=True)]
        surfaces = [Surface(PixelFormat.RGB8, (picture,)) for picture in pictures]
        fan = Fan(session)
        points, scores = fan.locate(surfaces, faces)
        row = 0
        for surface, some_boxes, some_angles in zip(surfaces, boxes, angles, strict=True):
            for box, angle in zip(np.float32(some_boxes), some_angles, strict=True):
                quarter = round(angle / 90) * 90 % 360
                matrix = plain.box_matrix(box, quarter)
                # The crop within what sampling may differ by; the rest, which would amplify that, on this very crop.
                tensor = fan.crops([surface], np.array([0]), matrix[None, :2])
                crop = plain.box_crop(surface.planes[0], box, quarter)
                np.testing.assert_allclose(tensor[0], crop, atol=RESAMPLE_CODES / 255, err_msg=f"seed {seed}")
                cells, maps = session.run({"input": tensor})
                homogeneous = np.concatenate([cells[0, :, :2] * 4.0, np.ones((68, 1))], axis=1)
                expected = (homogeneous @ np.linalg.inv(matrix).T)[:, :2]
                np.testing.assert_allclose(points[row], expected, atol=0.01, err_msg=f"seed {seed}")
                peak = np.mean([maps[0, k].max() for k in range(68)])
                assert scores[row] == pytest.approx(np.interp(peak, [0, 0.9], [0, 1]), abs=1e-5)
                row += 1
    assert row == len(points) == len(scores)
    assert points.dtype == scores.dtype == np.float32


def test_inputs_are_bgr_and_black_beyond_the_frame(tmp_path: Path) -> None:
    rng = np.random.default_rng()
    picture = rng.integers(40, 256, (90, 120, 3), np.uint8)
    box = np.array([[-20.0, 30, 60, 140]])
    faces = faces_of(box, np.array([90.0]))
    with OrtSession(random_fan(tmp_path / "x.onnx", seed=1), SPEC, "cpu") as session:
        fan = Fan(session)
        placements = plain.box_matrix(box[0], 90)[None, :2]
        tensor = fan.crops([Surface(PixelFormat.RGB8, (picture,))], np.array([0]), placements)
        assert fan.locate([], [])[0].shape == (0, 68, 2)
    assert face_angles_deg([faces]).tolist() == [90]
    expected = plain.box_crop(picture, box[0], 90)
    assert (expected == 0).mean() > 0.2
    np.testing.assert_allclose(tensor[0], expected, atol=RESAMPLE_CODES / 255)


class Fed:
    """A session that keeps what it is fed; device arrays go through the host to it and back."""

    def __init__(self, session: OrtSession) -> None:
        self._session = session
        self.spec = session.spec
        self.crops: list[Array] = []

    def run(self, inputs: dict[str, Any]) -> list[Any]:
        on_device = device.is_on_device(inputs["input"])
        self.crops.append(device.to_host(inputs["input"]).copy())
        outputs = self._session.run({"input": self.crops[-1]})
        return [device.to_device(output) for output in outputs] if on_device else outputs


WHOLE = np.array([[30.5, 30.5, 225.5, 225.5]])
"""A box whose crop is a picture of 256 x 256 pixels as it is: 195 pixels of it."""


def test_a_dark_crop_is_brightened_as_lightness_says(tmp_path: Path) -> None:
    rng = np.random.default_rng()
    picture = rng.integers(0, 30, (256, 256, 3), np.uint8)
    with OrtSession(random_fan(tmp_path / "x.onnx", seed=1), SPEC, "cpu") as session:
        fed = Fed(session)
        Fan(fed).locate([Surface(PixelFormat.RGB8, (picture,))], [faces_of(WHOLE, np.zeros(1))])
    expected = plain.box_crop(picture, WHOLE[0], 0)
    np.testing.assert_allclose(fed.crops[0][0], expected, atol=1e-6)
    assert fed.crops[0].mean() > 1.3 * picture.mean() / 255


@pytest.fixture(params=["pretended", pytest.param("real", marks=pytest.mark.gpu)])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    if request.param == "real":
        yield
        return
    fake_gpu.pretend(monkeypatch, "8.6.1", tmp_path / "cache")
    pretend_operations(monkeypatch)
    yield
    fake_gpu.forget()


@pytest.mark.usefixtures("gpu")
def test_on_a_gpu_a_batch_runs_once_unless_it_grows_dark(tmp_path: Path) -> None:
    """Whether crops are dark comes with the outputs; where the last ones were, it is asked first. The points are those
    of the host."""
    rng = np.random.default_rng()
    brightness = {"light": (60, 256), "dark": (0, 30), "about": (31, 34)}
    order = ("light", "dark", "dark", "light", "about", "light")
    runs = []
    with OrtSession(random_fan(tmp_path / "x.onnx", seed=1, batch="N"), SPEC, "cpu") as session, device.use():
        fed = Fed(session)
        there, here = Fan(fed), Fan(session)
        faces = [faces_of(WHOLE, np.zeros(1))] * 2
        for kind in order:
            pictures = [rng.integers(*brightness[name], (256, 256, 3), np.uint8) for name in ("light", kind)]
            surfaces = [Surface(PixelFormat.RGB8, (picture,)) for picture in pictures]
            known = len(fed.crops)
            found = there.locate([device.upload(surface) for surface in surfaces], faces)
            for got, expected in zip(found, here.locate(surfaces, faces), strict=True):
                np.testing.assert_allclose(got, expected, atol=0.02)
            runs.append(len(fed.crops) - known)
    assert runs == [1, 2, 1, 1, 1, 1]


def test_only_light_crops_are_taken_for_light() -> None:
    """The short cut past the lightness of every pixel: all greys, many colours, crops about the limit."""
    rng = np.random.default_rng()
    colours = np.stack(np.meshgrid(*[np.append(np.arange(0, 255, 9), 255)] * 3), axis=-1).reshape(1, -1, 3)
    lightness = cv2.cvtColor(colours.astype(np.uint8), cv2.COLOR_RGB2LAB)[..., 0]
    assert (colours @ (0.2126, 0.7152, 0.0722) - lightness).max() < landmarker._BELOW_GREY - 1
    light = []
    for _ in range(200):
        crop = rng.uniform(0, rng.uniform(0.05, 0.4), (3, 32, 32)).astype(np.float32)
        crop *= rng.uniform(0, 1, (3, 1, 1)).astype(np.float32) ** rng.uniform(0, 2)
        pixels = np.rint(np.moveaxis(crop, 0, -1) * 255).astype(np.uint8)
        exact = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)[..., 0].mean() >= 30
        light.append(landmarker._surely_light(crop))
        assert exact or not light[-1]
    assert any(light)
    assert not all(light)


def test_five_of_sixty_eight() -> None:
    points = np.random.default_rng().uniform(0, 100, (3, 68, 2))
    five = five_of_68(points)
    for face in range(3):
        np.testing.assert_allclose(five[face, 0], sum(points[face, k] for k in range(36, 42)) / 6)
        np.testing.assert_allclose(five[face, 1], sum(points[face, k] for k in range(42, 48)) / 6)
        for place, k in ((2, 30), (3, 48), (4, 54)):
            np.testing.assert_array_equal(five[face, place], points[face, k])


@pytest.mark.parametrize("angle_deg", [0.0, 20.0, 90.0, -170.0])
def test_painted_faces_are_found_at_any_angle(angle_deg: float, tmp_path: Path) -> None:
    picture, landmarks = scene(600, 500, [face_placement((300, 240), 260, angle_deg)], seed=4)
    box = box_of_landmarks(landmarks[0])[None]
    faces = Faces(box.astype(np.float32), (landmarks + 3).astype(np.float32), np.ones(1, np.float32))
    with OrtSession(analytic_fan(tmp_path / "x.onnx"), SPEC, "cpu") as session:
        points, scores = Fan(session).locate([Surface(PixelFormat.RGB8, (picture,))], [faces])
    np.testing.assert_allclose(five_of_68(points), landmarks, atol=1.0)
    np.testing.assert_allclose(points, dense_points(landmarks), atol=2.5)
    assert scores.tolist() == pytest.approx([1.0])
