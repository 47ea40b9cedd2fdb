"""What engines are proven on fits every network that is known, and shows faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.networks import analytic_yunet, random_inswapper, random_yunet
from support.pictures import face_placement, paint_face

from trtswap.errors import PictureError
from trtswap.geometry import template_points
from trtswap.inference.feed import checked_batch
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.calibration import aligned, calibration_of, faces_of, frames, shipped_faces
from trtswap.networks.detector import YuNet

SPECS = load_specs()


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that are read for more than their name: swappers with a map, detectors."""
    folder = tmp_path_factory.mktemp("networks")
    return {
        "inswapper": random_inswapper(folder / "i.onnx", seed=1),
        "yunet": random_yunet(folder / "y.onnx", seed=1),
    }


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if max(spec.picture.size) <= 512])
def test_every_network_gets_inputs_that_fit(name: str, networks: dict[str, Path]) -> None:
    spec = SPECS[name]
    if spec.role == "detector" and spec.kind != "detector/yunet":
        samples = {"input": frames(spec, shipped_faces())}
        samples = {spec.picture.input: samples["input"]}
    else:
        path = networks["yunet" if spec.role == "detector" else "inswapper"]
        samples = dict(calibration_of(spec, path).samples)
    assert checked_batch(spec, samples) >= 4
    for array in samples.values():
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        assert np.ptp(array) > 0 or array.ndim == 1
    if spec.picture.input:
        picture = samples[spec.picture.input]
        mean, std = np.array(spec.picture.mean), np.array(spec.picture.std)
        axis = -1 if spec.picture.layout == "NHWC" else 1
        shown = np.moveaxis(picture, axis, -1) * std + mean
        assert shown.min() >= -0.01
        assert shown.max() <= 1.01


def test_the_shipped_faces_are_aligned_by_their_points() -> None:
    """Eyes are darker than the cheeks below them, in the crop that a swapper sees."""
    spec = SPECS["inswapper_128"]
    crops = aligned(spec, shipped_faces()).mean(axis=1)
    assert len(crops) == 8
    points = template_points(str(spec.picture.template), spec.picture.size)
    darker = 0
    for crop in crops:
        for eye, mouth in ((points[0], points[3]), (points[1], points[4])):
            cheek = eye * 0.45 + mouth * 0.55
            values = [crop[int(y) - 2 : int(y) + 3, int(x) - 3 : int(x) + 4].mean() for x, y in (eye, cheek)]
            darker += values[0] < values[1]
    assert darker >= 12, f"{darker} of 16"


def test_a_users_pictures_are_searched_for_their_largest_face(tmp_path: Path) -> None:
    picture = np.full((480, 640, 3), 127, np.uint8)
    truth = paint_face(picture, face_placement((300, 240), 200))
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., ::-1])
    with OrtSession(analytic_yunet(tmp_path / "y.onnx"), SPECS["yunet"], "cpu") as session:
        (face,) = faces_of([tmp_path / "a.png"], YuNet(session))
        np.testing.assert_allclose(face.landmarks_px, np.asarray(truth), atol=1.0)
        cv2.imwrite(str(tmp_path / "b.png"), np.full((480, 640, 3), 127, np.uint8))
        with pytest.raises(PictureError, match=r"b\.png shows no face"):
            faces_of([tmp_path / "b.png"], YuNet(session))
        (tmp_path / "c.png").write_bytes(b"no picture")
        with pytest.raises(PictureError, match=r"c\.png is no picture"):
            faces_of([tmp_path / "c.png"], YuNet(session))
        with pytest.raises(PictureError, match=r"d\.png cannot be read"):
            faces_of([tmp_path / "d.png"], YuNet(session))


def test_boxes_are_compared_by_the_detectors_own_reading(tmp_path: Path) -> None:
    spec = SPECS["yunet"]
    path = analytic_yunet(tmp_path / "y.onnx", batch="N")
    picture = np.full((480, 640, 3), 127, np.uint8)
    paint_face(picture, face_placement((300, 240), 200))
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., ::-1])
    with OrtSession(path, spec, "cpu") as session:
        face = faces_of([tmp_path / "a.png"], YuNet(session))
        calibration = calibration_of(spec, path, face * 4)
        outputs = session.run(calibration.samples)
    same = calibration.judge(outputs, outputs)
    assert same.passed
    assert "boxes, IoU 1.0000" in same.text
    moved = [output.copy() for output in outputs]
    moved[6][..., 0] += 2.0  # the box of stride 8, two cells aside
    assert not calibration.judge(outputs, moved).passed
