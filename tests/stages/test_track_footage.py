"""Tracks and gaps over real footage and the real detector."""

from __future__ import annotations

import numpy as np
import pytest
from support.footage import shared_file

from trtswap import video
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.detector import YuNet
from trtswap.options import DetectOptions
from trtswap.stages.track import Tracker
from trtswap.types import Faces


def tracks_of(name: str, cuts: tuple[int, ...] = ()) -> list[Faces]:
    """The tracked faces of every frame of a clip, cuts given."""
    clip = shared_file("media", name)
    network = shared_file("models", "face_detection_yunet_2023mar.onnx")
    tracker, tracked = Tracker(0.2), []
    with OrtSession(network, load_specs()["yunet"], "cpu") as session, video.open_video(clip) as reader:
        detector = YuNet(session)
        for frame in reader:
            (faces,) = detector.detect([frame.surface], DetectOptions(score=0.5))
            tracked.append(tracker.push(faces, cut=frame.index in cuts, time_s=frame.time_s))
    return tracked


def ids_of(frames: list[Faces]) -> list[set[int]]:
    return [set() if faces.track_ids is None else set(faces.track_ids.tolist()) for faces in frames]


@pytest.mark.parametrize(
    "name", ["talk_360p.mp4", "still_720p.mp4", "fast_720p.mp4", "edge_720p.mp4", "vfr_360p.mkv"]
)
def test_one_person_is_one_track(name: str) -> None:
    ids = ids_of(tracks_of(name))
    assert set().union(*ids) == {0}
    assert sum(map(bool, ids)) >= 45


def test_two_persons_are_two_tracks() -> None:
    """Told apart by where they are, as they never meet. A wrong detection of two frames is a third track."""
    frames = tracks_of("two_faces_720p.mp4")
    left, right = set(), set()
    for faces in frames:
        assert faces.track_ids is not None
        for track, score, box in zip(faces.track_ids.tolist(), faces.scores, faces.boxes_px, strict=True):
            if score > 0.7:
                (left if box[0] < 640 else right).add(track)
    assert len(left) == len(right) == 1
    assert left != right
    assert all(len(ids & (left | right)) == 2 for ids in ids_of(frames))


def test_new_ids_after_cuts() -> None:
    ids = ids_of(tracks_of("cuts_360p.mp4", cuts=(30, 45)))
    assert set().union(*ids[:30]) == {0}
    assert set().union(*ids[30:45]) == set()
    assert set().union(*ids[45:]) == {1}


def test_a_huge_wrong_detection_does_not_disturb_a_small_face() -> None:
    """It flickers over half the frame, often with the better score, and is a track of its own."""
    small, huge = set(), set()
    for faces in tracks_of("small_face_1080p.mp4"):
        assert faces.track_ids is not None
        widths = np.ptp(faces.boxes_px[:, [0, 2]], axis=1)
        for track, width in zip(faces.track_ids.tolist(), widths, strict=True):
            (huge if width > 400 else small).add(track)
    assert len(small) == 1
    assert huge
    assert not huge & small
