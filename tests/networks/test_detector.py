from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from support.footage import shared_file
from support.networks import analytic_yunet, box_of_landmarks, random_yunet
from support.pictures import background, face_placement, scene
from support.tolerance import RESAMPLE_CODES

from trtswap.geometry import letterbox_placement, transform_points
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.detector import YuNet
from trtswap.options import DetectOptions
from trtswap.types import Array, ChromaSiting, Colour, Faces, PixelFormat, Surface

SPEC = load_specs()["yunet"]
LANDMARK_PX = 0.3
"""How far analytic_yunet may be from the painted truth, in pixels of its 640 x 640 canvas."""

GOLDEN_PX = 0.011
"""The golden values were written down with two decimals."""


class Canned:
    """A session that is never run: for `decode`, which needs the spec only."""

    max_batch = None
    path = Path("canned.onnx")

    def __init__(self, size: tuple[int, int] = (640, 640)) -> None:
        self.spec = replace(SPEC, picture=replace(SPEC.picture, size=size))


def decoder(size: tuple[int, int] = (640, 640)) -> YuNet:
    return YuNet(Canned(size))  # type: ignore[arg-type]


def random_outputs(
    rng: np.random.Generator, size: tuple[int, int], batch: int, hits: int = 12
) -> list[Array]:
    """Outputs in which about `hits` cells of an item have a score; boxes and points near their cells."""
    outputs = []
    for kind, width in enumerate((1, 1, 4, 10)):
        for stride in (8, 16, 32):
            cells = (size[0] // stride) * (size[1] // stride)
            values = rng.standard_normal((batch, cells, width)).astype(np.float32)
            if kind < 2:
                chosen = rng.random((batch, cells, 1)) < hits / cells / 3
                values = np.where(chosen, rng.uniform(0.5, 1, values.shape), 0.01).astype(np.float32)
            outputs.append(values)
    for level in range(3):  # objectness only where there is a class score, so that hits are hits
        outputs[3 + level] = np.where(outputs[level] > 0.1, outputs[3 + level] + 0.5, 0).astype(np.float32)
    return outputs


def decoded_plainly(
    outputs: list[Array], item: int, size: tuple[int, int], score: float
) -> list[tuple[float, ...]]:
    """Every candidate of one item in network pixels, cell by cell as the network's description says."""
    found = []
    for level, stride in enumerate((8, 16, 32)):
        classes, objects, boxes, points = (outputs[level + 3 * kind][item] for kind in range(4))
        for row in range(size[1] // stride):
            for column in range(size[0] // stride):
                n = row * (size[0] // stride) + column
                s = float(classes[n, 0]) * float(objects[n, 0])
                if s < score:
                    continue
                x = column * stride + float(boxes[n, 0]) * stride
                y = row * stride + float(boxes[n, 1]) * stride
                w, h = (math.exp(float(boxes[n, k])) * stride for k in (2, 3))
                marks = [float(points[n, k]) * stride + (column, row)[k % 2] * stride for k in range(10)]
                found.append((s, x - w / 2, y - h / 2, x + w / 2, y + h / 2, *marks))
    return sorted(found, key=lambda candidate: -candidate[0])


def rows_of(faces: Faces) -> Array:
    return np.concatenate(
        [faces.scores[:, None], faces.boxes_px, faces.landmarks_px.reshape(-1, 10)], axis=1, dtype=np.float64
    )


@pytest.mark.parametrize("size", [(640, 640), (320, 192), (96, 640)])
def test_decoding_agrees_with_the_plain_description(size: tuple[int, int]) -> None:
    seed = int(np.random.default_rng().integers(1 << 31))
    outputs = random_outputs(np.random.default_rng(seed), size, batch=2)
    placements = np.broadcast_to(np.eye(2, 3), (2, 2, 3))
    faces = decoder(size).decode(outputs, placements, DetectOptions(score=0.4, overlap=1.0))
    for item in range(2):
        expected = np.array(decoded_plainly(outputs, item, size, 0.4)).reshape(-1, 15)
        np.testing.assert_allclose(
            rows_of(faces[item]), expected, rtol=1e-5, atol=1e-4, err_msg=f"seed {seed}"
        )


def one_hit(landmarks: Array, score: float = 1.0) -> list[Array]:
    """Outputs at 640 x 640 with one face, in cell 0 of stride 8; its box spans its landmarks."""
    outputs = [
        np.zeros((1, (640 // stride) ** 2, width), np.float32)
        for width in (1, 1, 4, 10)
        for stride in (8, 16, 32)
    ]
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    outputs[0][0, 0], outputs[3][0, 0] = score, 1
    outputs[6][0, 0] = [*((low + high) / 16), *np.log((high - low) / 8)]
    outputs[9][0, 0] = (landmarks / 8).ravel()
    return outputs


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_faces_come_back_to_stored_pixels(rotation_deg: int) -> None:
    landmarks = np.array([[500.0, 300], [700, 320], [610, 400], [520, 500], [690, 510]])
    placement, _ = letterbox_placement(1280, 720, rotation_deg, (640, 640))
    outputs = one_hit(transform_points(placement, landmarks))
    faces = decoder().decode(outputs, placement[None], DetectOptions())[0]
    np.testing.assert_allclose(faces.landmarks_px[0], landmarks, atol=1e-3)
    np.testing.assert_allclose(faces.boxes_px[0], [500, 300, 700, 510], atol=1e-3)


def test_the_threshold_includes_its_value_and_overlapping_faces_are_one() -> None:
    landmarks = np.array([[100.0, 100], [140, 100], [120, 120], [105, 140], [135, 140]])
    outputs = one_hit(landmarks, score=0.5)
    outputs[0][0, 1], outputs[3][0, 1] = 0.75, 1.0
    outputs[6][0, 1] = outputs[6][0, 0] - [1, 0, 0, 0]
    outputs[9][0, 1] = outputs[9][0, 0] - np.tile([1, 0], 5)
    placements = np.eye(2, 3)[None]
    assert decoder().decode(outputs, placements, DetectOptions(score=0.5))[0].scores.tolist() == [0.75]
    both = decoder().decode(outputs, placements, DetectOptions(score=0.5, overlap=1.0))[0]
    assert both.scores.tolist() == [0.75, 0.5]
    assert decoder().decode(outputs, placements, DetectOptions(score=0.8))[0].scores.tolist() == []


def test_candidates_that_are_no_faces_are_dropped() -> None:
    landmarks = np.array([[100.0, 100], [140, 100], [120, 120], [105, 140], [135, 140]])
    for output, value in ((0, np.nan), (6, 1000.0), (6, np.inf), (9, np.nan)):
        outputs = one_hit(landmarks)
        outputs[output][0, 0, -1] = value
        assert len(decoder().decode(outputs, np.eye(2, 3)[None], DetectOptions())[0]) == 0
    outputs = one_hit(landmarks)
    outputs[9][0, 0] = np.tile([15, 15], 5)
    assert len(decoder().decode(outputs, np.eye(2, 3)[None], DetectOptions())[0]) == 0


GOLDEN = {
    ("face_detection_yunet_2023mar.onnx", "bgr"): (
        0.8692, (178.17, 62.91, 268.07, 176.24),
        ((200.12, 101.82), (247.13, 102.62), (220.37, 124.54), (198.61, 142.77), (239.67, 143.64)),
    ),
    ("face_detection_yunet_2023mar.onnx", "rgb"): (
        0.8360, (178.45, 63.08, 273.28, 179.91),
        ((201.80, 102.90), (248.11, 103.57), (223.00, 126.44), (202.48, 144.84), (241.42, 145.42)),
    ),
    ("yunet_n_dynamic.onnx", "bgr"): (
        0.8754, (178.11, 64.95, 269.47, 176.37),
        ((203.35, 103.62), (247.52, 104.45), (224.10, 127.69), (203.96, 143.14), (242.91, 143.67)),
    ),
    ("yunet_n_dynamic.onnx", "rgb"): (
        0.8647, (177.97, 63.96, 269.27, 173.27),
        ((202.54, 102.86), (246.66, 102.67), (223.94, 126.25), (204.27, 141.34), (242.49, 141.10)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("file", "planes"), GOLDEN)
def test_golden_face(file: str, planes: str) -> None:
    picture = cv2.imread(str(shared_file("media", "astronaut.png")))
    canvas = np.zeros((640, 640, 3), np.float32)
    canvas[:512, :512] = picture if planes == "bgr" else picture[..., ::-1]
    with OrtSession(shared_file("models", file), SPEC, "cpu") as session:
        outputs = session.run({"input": canvas.transpose(2, 0, 1)[None]})
        faces = YuNet(session).decode(outputs, np.eye(2, 3)[None], DetectOptions())[0]
        assert session.max_batch == (None if "dynamic" in file else 1)
    score, box, points = GOLDEN[file, planes]
    assert faces.scores[0] == pytest.approx(score, abs=1e-4)
    np.testing.assert_allclose(faces.boxes_px[0], box, atol=GOLDEN_PX)
    np.testing.assert_allclose(faces.landmarks_px[0], points, atol=GOLDEN_PX)


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_golden_face_through_the_whole_adapter(rotation_deg: int) -> None:
    picture = cv2.imread(str(shared_file("media", "astronaut.png")))[..., ::-1]
    stored = np.ascontiguousarray(np.rot90(picture, -rotation_deg // 90))
    surface = Surface(PixelFormat.RGB8, (stored,), rotation_deg=rotation_deg)
    _, _, points = GOLDEN["face_detection_yunet_2023mar.onnx", "bgr"]
    placement, _ = letterbox_placement(512, 512, rotation_deg, (640, 640))
    with OrtSession(shared_file("models", "face_detection_yunet_2023mar.onnx"), SPEC, "cpu") as session:
        faces = YuNet(session).detect([surface])[0]
    np.testing.assert_allclose(transform_points(placement, faces.landmarks_px[0]), points, atol=0.02)


def test_inputs_are_shrunk_padded_raw_bgr(tmp_path: Path) -> None:
    rng = np.random.default_rng()
    pictures = [rng.integers(0, 256, shape, np.uint8) for shape in ((720, 1280, 3), (300, 500, 3))]
    with OrtSession(random_yunet(tmp_path / "x.onnx", seed=0), SPEC, "cpu") as session:
        tensor, _ = YuNet(session).inputs([Surface(PixelFormat.RGB8, (picture,)) for picture in pictures])
    expected = np.zeros((2, 640, 640, 3))
    expected[0, :360, :640] = cv2.resize(
        pictures[0].astype(np.float32), (640, 360), interpolation=cv2.INTER_LINEAR
    )
    expected[1, :300, :500] = pictures[1]
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor, expected[..., ::-1].transpose(0, 3, 1, 2), atol=RESAMPLE_CODES)


def test_no_surfaces_no_faces(tmp_path: Path) -> None:
    with OrtSession(random_yunet(tmp_path / "x.onnx", seed=0), SPEC, "cpu") as session:
        assert YuNet(session).detect([]) == []


def rgb_surface(picture: Array) -> Surface:
    return Surface(PixelFormat.RGB8, (picture,))


def compressed(picture: Array) -> Surface:
    """`picture` after H.264 at a mild quality, as the NV12 surface a decoder gives.

    libswscale averages chroma over 2 x 2 pixels, which puts it in their centre.
    """
    height, width = picture.shape[:2]
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"crf": "23", "preset": "veryfast"}
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p", dst_colorspace="itu709")
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoder = av.CodecContext.create("h264", "r")
    decoded = next(image for packet in [*packets, None] for image in decoder.decode(packet))
    planes = decoded.reformat(format="nv12").to_ndarray()
    luma, chroma = planes[:height].copy(), planes[height:].reshape(height // 2, width // 2, 2).copy()
    return Surface(PixelFormat.NV12, (luma, chroma), Colour(siting=ChromaSiting.CENTER))


@pytest.mark.parametrize("store", [rgb_surface, compressed])
@pytest.mark.parametrize(
    ("frame", "centre", "size", "angle"),
    [
        ((1920, 1080), (900.0, 500.0), 300.0, 0.0),
        ((1920, 1080), (400.3, 700.7), 150.0, 25.0),
        ((1280, 720), (700.5, 380.2), 420.0, -15.0),
        ((640, 360), (250.4, 190.0), 90.0, 8.0),
    ],
)
def test_analytic_yunet_finds_painted_faces(
    store: Callable[[Array], Surface],
    frame: tuple[int, int],
    centre: tuple[float, float],
    size: float,
    angle: float,
    tmp_path: Path,
) -> None:
    picture, landmarks = scene(*frame, [face_placement(centre, size, angle)], seed=3)
    surface = store(picture)
    with OrtSession(analytic_yunet(tmp_path / "x.onnx"), SPEC, "cpu") as session:
        faces = YuNet(session).detect([surface])[0]
    shrink = max(1.0, frame[0] / 640)
    assert faces.scores.tolist() == [1.0]
    np.testing.assert_allclose(faces.landmarks_px, landmarks, atol=LANDMARK_PX * shrink)
    np.testing.assert_allclose(faces.boxes_px[0], box_of_landmarks(landmarks[0]), atol=1.0 * shrink)


@pytest.mark.parametrize("batch", [1, "N"])
def test_analytic_yunet_finds_two_faces_and_none(batch: int | str, tmp_path: Path) -> None:
    left, right = face_placement((450, 500), 280, 5), face_placement((1500, 600), 220, -12)
    both, landmarks = scene(1920, 1080, [left, right], seed=1)
    one, _ = scene(1920, 1080, [right], seed=2)
    surfaces = [rgb_surface(both), rgb_surface(one), rgb_surface(background(1920, 1080, seed=5))]
    with OrtSession(analytic_yunet(tmp_path / "x.onnx", faces=2, batch=batch), SPEC, "cpu") as session:
        found = YuNet(session).detect(surfaces)
    assert [len(faces) for faces in found] == [2, 1, 0]
    order = np.argsort(found[0].landmarks_px[:, 0, 0])
    np.testing.assert_allclose(found[0].landmarks_px[order], landmarks, atol=3 * LANDMARK_PX)
    np.testing.assert_allclose(found[1].landmarks_px, landmarks[1:], atol=3 * LANDMARK_PX)
