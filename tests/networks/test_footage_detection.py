"""The real YuNet on every clip of known truth. Needs the media and the file beside the repository."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from support.footage import shared_file

from trtswap import video
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.detector import YuNet
from trtswap.types import PixelFormat, Surface

SPEC = load_specs()["yunet"]
BOUNDS = {
    "talk_1080p.mp4": 0.07,
    "talk_360p.mp4": 0.07,
    "small_face_1080p.mp4": 0.25,
    "still_720p.mp4": 0.07,
    "fast_720p.mp4": 0.10,
    "cuts_360p.mp4": 0.10,
    "two_faces_720p.mp4": 0.08,
    "vfr_360p.mkv": 0.07,
    "tenbit_360p.mp4": 0.08,
    "odd_853x479.mkv": 0.08,
    "vp9_360p.webm": 0.08,
    "fullrange_360p.mp4": 0.08,
}
"""Median of the mean distance of the five points to the truth, in eye distances; measured 0.04 to 0.06, 0.14 where the
face is 20 pixels wide for the network. The truth is the same network's reading of the sharp photograph."""


@pytest.mark.parametrize("clip", BOUNDS)
def test_the_face_is_found_in_every_frame_that_has_one(clip: str) -> None:
    truth = json.loads(shared_file("media", "truth.json").read_text())
    points = np.array(truth["points5_in_astronaut_png"])
    found = []
    with (
        OrtSession(shared_file("models", "yunet_n_dynamic.onnx"), SPEC, "cpu") as session,
        video.open_video(shared_file("media", clip)) as reader,
    ):
        detector = YuNet(session)
        for index, (frame, placement) in enumerate(zip(reader, truth["clips"][clip], strict=False)):
            absent = placement is None or (clip.startswith("cuts") and 30 <= index < 45)
            if index % 6 or absent:
                continue
            matrix = np.array(placement)
            expected = points @ matrix[:, :2].T + matrix[:, 2]
            (faces,) = detector.detect([frame.surface])
            assert len(faces) > 0, f"frame {index}"
            distances = np.linalg.norm(faces.landmarks_px - expected, axis=2).mean(axis=1)
            found.append(distances.min() / np.linalg.norm(expected[1] - expected[0]))
    assert len(found) >= 5
    assert np.median(found) < BOUNDS[clip]
    assert max(found) < 0.5


def test_the_truth_is_rough_itself() -> None:
    """How far one reading of the photograph lies from the mean of many, in places, sizes and turns at random, and how
    far the truth does: 0.049 and 0.025 eye distances of 400 readings. The mean of 150 is off by 0.003."""
    points = np.array(json.loads(shared_file("media", "truth.json").read_text())["points5_in_astronaut_png"])
    photograph = cv2.imread(str(shared_file("media", "astronaut.png")))[..., ::-1]
    eyes = np.linalg.norm(points[1] - points[0])
    rng = np.random.default_rng()
    readings = []
    with OrtSession(shared_file("models", "yunet_n_dynamic.onnx"), SPEC, "cpu") as session:
        detector = YuNet(session)
        for _ in range(150):
            angle, scale = rng.uniform(-0.17, 0.17), rng.uniform(30, 60) / eyes
            turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            matrix = np.column_stack([turn, rng.uniform(260, 380, 2) - turn @ points.mean(axis=0)])
            filtered = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            picture = cv2.warpAffine(photograph, matrix, (640, 640), flags=filtered)
            (faces,) = detector.detect([Surface(PixelFormat.RGB8, (picture,))])
            assert len(faces)
            found = (faces.landmarks_px - matrix[:, 2]) @ np.linalg.inv(turn).T
            readings.append(found[np.linalg.norm(found - points, axis=2).mean(axis=1).argmin()])
    mean = np.mean(readings, axis=0)
    apart = np.linalg.norm(readings - mean, axis=2).mean(axis=1) / eyes
    assert np.median(apart) > 0.035
    assert 0.01 < np.linalg.norm(points - mean, axis=1).mean() / eyes < 0.04


def test_where_there_is_no_face_none_is_found() -> None:
    with (
        OrtSession(shared_file("models", "yunet_n_dynamic.onnx"), SPEC, "cpu") as session,
        video.open_video(shared_file("media", "no_face_360p.mp4")) as reader,
    ):
        detector = YuNet(session)
        counts = [len(detector.detect([frame.surface])[0]) for frame in reader]
    assert sum(counts) == 0
