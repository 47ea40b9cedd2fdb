"""SCRFD, RetinaFace and YOLOFace, and what all detectors do: sizes, angles, margins, pools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support import stand_ins
from support.footage import shared_file
from support.networks import analytic_yunet
from support.pictures import face_placement, scene
from support.tolerance import RESAMPLE_CODES

from trtswap import video
from trtswap.errors import OptionError
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.detector import GridDetector, Pooled, YuNet, overlap_limit
from trtswap.networks.loader import at_size
from trtswap.networks.registry import create_detector
from trtswap.options import DetectOptions
from trtswap.types import Array, Faces, PixelFormat, Surface

SPECS = load_specs()
YUNET_FILE = "face_detection_yunet_2023mar.onnx"


def rows_of(faces: Faces) -> Array:
    rows = np.concatenate(
        [faces.scores[:, None], faces.boxes_px, faces.landmarks_px.reshape(-1, 10)], axis=1, dtype=np.float64
    )
    return rows[np.lexsort(rows.T[::-1])]


def letterboxed(picture: Array, size: int) -> tuple[Array, float, float]:
    """B G R codes [size, size, 3] at the top left, and the factors back to the picture."""
    height, width = picture.shape[:2]
    if height > size or width > size:
        shrink = min(size / height, size / width)
        small = (int(width * shrink + 1e-9), int(height * shrink + 1e-9))
        picture = cv2.resize(picture.astype(np.float32), small, interpolation=cv2.INTER_LINEAR)
    canvas = np.zeros((size, size, 3), np.float32)
    canvas[: picture.shape[0], : picture.shape[1]] = picture[..., ::-1]
    return canvas, width / picture.shape[1], height / picture.shape[0]


def scrfd_plainly(outputs: list[Array], size: int, limit: float) -> list[list[float]]:
    found = []
    for level, stride in enumerate((8, 16, 32)):
        scores, boxes, points = (outputs[level + 3 * kind] for kind in range(3))
        for n in range(2 * (size // stride) ** 2):
            if scores[n, 0] < limit:
                continue
            cell = n // 2
            x, y = cell % (size // stride) * stride, cell // (size // stride) * stride
            left, top, right, bottom = (float(side) * stride for side in boxes[n])
            xs, ys = sorted((x - left, x + right)), sorted((y - top, y + bottom))
            marks = [float(points[n, k]) * stride + (x, y)[k % 2] for k in range(10)]
            found.append([float(scores[n, 0]), xs[0], ys[0], xs[1], ys[1], *marks])
    return found


def yolo_plainly(outputs: list[Array], _: int, limit: float) -> list[list[float]]:
    found = []
    for row in outputs[0][0].T.astype(float):
        x, y, w, h, score = row[:5]
        if score > limit:
            marks = [row[5 + 3 * k + axis] for k in range(5) for axis in (0, 1)]
            found.append([score, x - w / 2, y - h / 2, x + w / 2, y + h / 2, *marks])
    return found


@pytest.mark.parametrize(
    ("name", "size", "changes"),
    [
        ("scrfd_2.5g", 640, {}),
        ("scrfd_2.5g", 320, {}),
        ("retinaface_10g", 480, {"input_name": "input.1"}),
        ("retinaface_10g", 160, {"batch": "N", "batch_axis": True}),
        ("yoloface_8n", 640, {}),
        ("yoloface_8n", 640, {"batch": "N", "input_name": "images"}),
    ],
)
def test_detectors_agree_with_the_plain_description(
    name: str, size: int, changes: dict[str, Any], tmp_path: Path
) -> None:
    seed = int(np.random.default_rng().integers(1 << 31))
    rng = np.random.default_rng(seed)
    shapes = ((360, 640, 3), (700, 500, 3), (100, 90, 3))
    pictures = [rng.integers(0, 256, shape, np.uint8) for shape in shapes]
    path = stand_ins.MAKERS[name](tmp_path / "x.onnx", seed, **changes)
    limit = 0.6
    options = DetectOptions(score=limit, overlap=1.0)
    with OrtSession(path, at_size(SPECS[name], size), "cpu") as session:
        surfaces = [Surface(PixelFormat.RGB8, (picture,)) for picture in pictures]
        found = create_detector(session).detect(surfaces, options)
        for picture, faces in zip(pictures, found, strict=True):
            canvas, x_factor, y_factor = letterboxed(picture, size)
            tensor = canvas / 255 if name == "yoloface_8n" else (canvas - 127.5) / 128
            outputs = session.run({"input": np.ascontiguousarray(tensor.transpose(2, 0, 1)[None])})
            plainly = yolo_plainly if name == "yoloface_8n" else scrfd_plainly
            flat = [output if name == "yoloface_8n" else output[0] for output in outputs]
            expected = np.array(plainly(flat, size, limit)).reshape(-1, 15)
            scales = [1, *[x_factor, y_factor] * 7]
            # the half-pixel-centred resize moves everything by half the factor's excess
            shifts = [0, *[(x_factor - 1) / 2, (y_factor - 1) / 2] * 7]
            expected = expected * scales + shifts
            got = rows_of(faces)
            # random weights amplify the noise of sampling, so that a few cross the threshold
            sure = expected[expected[:, 0] > limit + 0.01]
            assert len(sure) > 3, f"seed {seed}"
            for row in sure[:: max(1, len(sure) // 50)]:
                nearest = got[np.abs(got - row).max(axis=1).argmin()]
                np.testing.assert_allclose(nearest[0], row[0], atol=0.01, err_msg=f"seed {seed}")
                np.testing.assert_allclose(nearest[1:], row[1:], atol=1.0 * x_factor, err_msg=f"seed {seed}")
            assert abs(len(got) - len(expected)) <= 0.02 * len(expected) + 3, f"seed {seed}"


def test_a_size_that_is_not_offered() -> None:
    with pytest.raises(OptionError, match="works at 160, 320, 480, 512, 640 pixels, not 200"):
        at_size(SPECS["scrfd_2.5g"], 200)
    with pytest.raises(OptionError, match="works at 640 pixels, not 320"):
        at_size(SPECS["yoloface_8n"], 320)


@pytest.mark.parametrize("angle_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("margin", [(0, 0, 0, 0), (30, 100, 7, 12)])
def test_inputs_with_margin_and_angle(
    angle_deg: int, margin: tuple[int, int, int, int], tmp_path: Path
) -> None:
    """Turned, then bordered, then shrunk, each by OpenCV or NumPy."""
    rng = np.random.default_rng()
    picture = rng.integers(0, 256, (500, 300, 3), np.uint8)
    turned = np.rot90(picture, angle_deg // 90)
    height, width = turned.shape[:2]
    top, right, bottom, left = (
        int(share * side / 200) for share, side in zip(margin, (height, width, height, width), strict=True)
    )
    bordered = cv2.copyMakeBorder(
        np.ascontiguousarray(turned), top, bottom, left, right, cv2.BORDER_REPLICATE
    )
    expected, _, _ = letterboxed(bordered, 320)
    spec = at_size(SPECS["scrfd_2.5g"], 320)
    with OrtSession(stand_ins.scrfd(tmp_path / "x.onnx", 1), spec, "cpu") as session:
        detector = create_detector(session)
        assert isinstance(detector, GridDetector)
        surface = Surface(PixelFormat.RGB8, (picture,))
        tensor, placements = detector.inputs([surface], DetectOptions(margin=margin), angle_deg)
    np.testing.assert_allclose(
        tensor[0] * 128 + 127.5, expected.transpose(2, 0, 1), atol=RESAMPLE_CODES + 0.01
    )
    assert placements.shape == (1, 2, 3)


@pytest.mark.parametrize("turn_deg", [90, 180, 270])
def test_a_turned_face_is_found_by_its_angle(turn_deg: int) -> None:
    upright = cv2.imread(str(shared_file("media", "astronaut.png")))[..., ::-1]
    turned = np.ascontiguousarray(np.rot90(upright, turn_deg // 90))
    surfaces = [Surface(PixelFormat.RGB8, (np.ascontiguousarray(item),)) for item in (upright, turned)]
    with OrtSession(shared_file("models", YUNET_FILE), SPECS["yunet"], "cpu") as session:
        detector = YuNet(session)
        straight = detector.detect(surfaces[:1])[0]
        (found,) = detector.detect(surfaces[1:], DetectOptions(angles=(0, 360 - turn_deg)))
    assert len(straight) == len(found) == 1
    x, y = straight.landmarks_px[0].T
    size = 511  # a point turned counter-clockwise about the picture's centre, 512 pixels square
    expected = {90: (y, size - x), 180: (size - x, size - y), 270: (size - y, x)}[turn_deg]
    np.testing.assert_allclose(found.landmarks_px[0], np.stack(expected, axis=1), atol=0.05)


def test_pooled_detectors_find_what_either_finds(tmp_path: Path) -> None:
    left, right = face_placement((250, 200), 200), face_placement((900, 250), 240)
    picture, landmarks = scene(1200, 500, [left, right], seed=3)
    halves = [picture.copy(), picture.copy()]
    halves[0][:, 600:] = 105
    halves[1][:, :600] = 105

    class Half(YuNet):
        """Sees one half of the picture."""

        def __init__(self, session: Any, half: Array) -> None:
            super().__init__(session)
            self.half = half

        def search(self, surfaces: Any, options: DetectOptions) -> Any:  # noqa: ARG002
            return super().search([Surface(PixelFormat.RGB8, (self.half,))], options)

    with OrtSession(analytic_yunet(tmp_path / "x.onnx"), SPECS["yunet"], "cpu") as session:
        pool = Pooled([Half(session, halves[0]), Half(session, halves[1]), Half(session, halves[1])])
        (faces,) = pool.detect([Surface(PixelFormat.RGB8, (picture,))])
    assert len(faces) == 2
    order = np.argsort(faces.landmarks_px[:, 0, 0])
    np.testing.assert_allclose(faces.landmarks_px[order], landmarks, atol=1.0)


def test_the_overlap_follows_the_ways_of_looking() -> None:
    for angles, expected in (((0,), 0.4), ((0, 90), 0.3), ((0, 90, 180), 0.2), ((0, 90, 180, 270), 0.1)):
        assert overlap_limit(DetectOptions(angles=angles)) == pytest.approx(expected)
        assert overlap_limit(DetectOptions(angles=angles), pooled=True) == pytest.approx(0.1)
        assert overlap_limit(DetectOptions(angles=angles, overlap=0.6)) == 0.6


def test_the_margin_finds_a_face_that_leaves_the_frame() -> None:
    """edge_720p: at first half of the face is in the frame, at last a quarter."""
    truth = json.loads(shared_file("media", "truth.json").read_text())
    points = np.array(truth["points5_in_astronaut_png"])
    box = np.array([[178.17, 62.91], [268.07, 176.24]])  # the detector's on the whole photograph
    halves = hits = total = 0
    with (
        OrtSession(shared_file("models", YUNET_FILE), SPECS["yunet"], "cpu") as session,
        video.open_video(shared_file("media", "edge_720p.mp4")) as reader,
    ):
        detector = YuNet(session)
        for frame, placement in zip(reader, truth["clips"]["edge_720p.mp4"], strict=True):
            matrix = np.array(placement)
            expected = points @ matrix[:, :2].T + matrix[:, 2]
            eyes = np.linalg.norm(expected[1] - expected[0])
            (faces,) = detector.detect([frame.surface], DetectOptions(margin=(20, 20, 20, 20)))
            hit = any(np.abs(face - expected).max() < 0.5 * eyes for face in faces.landmarks_px)
            sides = (box @ matrix[:, :2].T + matrix[:, 2])[:, 0]
            if sides.mean() >= 0:  # half of it, or more, is visible
                halves, total = halves + hit, total + 1
            hits += hit
    print(f"{halves} of {total} half visible, {hits} of 60 in all")
    assert total >= 40
    assert halves >= 0.95 * total
    assert hits >= 50, "53 measured; 48 with a black border, 46 with none"
