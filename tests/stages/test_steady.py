"""Frames through the temporal classes: every one comes out once, in order, with its own faces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from support import pictures

from trtswap.options import SmoothOptions
from trtswap.stages.batch import Batch
from trtswap.stages.steady import steady
from trtswap.types import Faces, Frame, PixelFormat, Surface

WIDTH, HEIGHT = 160, 90
SCENES = (20, 33)
"""Frames at which the picture changes to another background."""


def surface_of(picture: np.ndarray) -> Surface:
    return Surface(PixelFormat.RGB8, (picture,))


def footage(frames: int, batch: int, *, missed: tuple[int, ...] = ()) -> Iterator[Batch]:
    """One face that moves steadily, its landmarks exact, over three scenes; not detected in the frames `missed`."""
    rng = np.random.default_rng(5)
    tiles = rng.integers(40, 200, (3, HEIGHT // 10, WIDTH // 10, 3), np.uint8)
    backgrounds = [np.kron(tile, np.ones((10, 10, 1), np.uint8)) for tile in tiles]
    items = []
    for index in range(frames):
        scene = sum(index >= cut for cut in SCENES)
        picture = backgrounds[scene].copy()
        placement = pictures.face_placement((40 + 1.5 * index, 45), 50)
        points = pictures.paint_face(picture, placement).astype(np.float32)
        box = np.array([[*points.min(0) - 10, *points.max(0) + 10]], np.float32)
        faces = Faces.empty() if index in missed else Faces(box, points[None], np.array([0.9], np.float32))
        items.append((Frame(surface_of(picture), index, 512 * index, Fraction(1, 15360)), faces))
    for start in range(0, frames, batch):
        part = items[start : start + batch]
        yield Batch(tuple(frame for frame, _ in part), tuple(faces for _, faces in part))


@pytest.mark.parametrize("method", ["symmetric", "one-euro", "ema", "individual", "off"])
@pytest.mark.parametrize("batch", [1, 4, 7])
def test_every_frame_comes_out_once_in_order(method, batch: int) -> None:
    frames = 45
    out = list(steady(footage(frames, batch), SmoothOptions(method), 30.0, batch))
    assert [frame.index for part in out for frame in part.frames] == list(range(frames))
    assert all(len(part.frames) == batch for part in out[:-1])
    for part in out:
        assert (
            len(part.frames) == len(part.faces) == len(part.detected) == len(part.tracked) == len(part.cuts)
        )


def test_cuts_are_found_and_tracks_end_there() -> None:
    out = list(steady(footage(45, 4), SmoothOptions(), 30.0, 4))
    cuts = [flag for part in out for flag in part.cuts]
    assert [index for index, flag in enumerate(cuts) if flag] == list(SCENES)
    tracks = [int(faces.track_ids[0]) for part in out for faces in part.faces]
    edges = [index for index in range(1, 45) if tracks[index] != tracks[index - 1]]
    assert edges == list(SCENES)


def test_steady_motion_passes_and_detections_are_kept() -> None:
    out = list(steady(footage(45, 4), SmoothOptions(), 30.0, 4))
    for part in out:
        for faces, detected in zip(part.faces, part.detected, strict=True):
            assert np.abs(faces.landmarks_px - detected.landmarks_px).max() < 0.05


@pytest.mark.parametrize("method", ["symmetric", "off"])
def test_a_missed_face_is_carried_on_but_not_over_a_cut(method) -> None:
    missed = (9, 10, 19, 20)  # the last two lie on both sides of a cut
    options = SmoothOptions(method)
    found = [
        faces for part in steady(footage(45, 4, missed=missed), options, 30.0, 4) for faces in part.faces
    ]
    whole = [faces for part in steady(footage(45, 4), options, 30.0, 4) for faces in part.faces]
    for index in (9, 10):
        assert found[index].filled.tolist() == [True]
        assert np.abs(found[index].landmarks_px - whole[index].landmarks_px).max() < 0.5
    for index in (19, 20):
        assert len(found[index]) == 0
    assert sum(int(faces.filled.sum()) for faces in found) == 2


def with_slips(batches: Iterator[Batch], at: dict[int, int]) -> Iterator[Batch]:
    """Adds a false face to some frames: `at` says in how many from which on."""
    frames = {start + k: place for place, (start, length) in enumerate(at.items()) for k in range(length)}
    corners = np.array([(125, 60), (5, 5), (125, 5)], np.float32)
    for part in batches:
        found = []
        for frame, faces in zip(part.frames, part.faces, strict=True):
            if frame.index in frames:
                corner = corners[frames[frame.index]]
                box = np.concatenate([corner, corner + np.array([20, 25])])[None]
                boxes = np.concatenate([faces.boxes_px, box]).astype(np.float32)
                small = (faces.landmarks_px[0] - faces.landmarks_px[0].mean(axis=0)) * 0.4 + corner + (10, 12)
                points = np.concatenate([faces.landmarks_px, small[None]]).astype(np.float32)
                faces = Faces(boxes, points, np.array([0.9, 0.6], np.float32))
            found.append(faces)
        yield replace(part, faces=tuple(found))


@pytest.mark.parametrize("method", ["symmetric", "one-euro"])
def test_slips_of_the_detector_are_left_out(method) -> None:
    """A false face of one or two frames goes; one of three is believed; where nothing is looked ahead all are."""
    at = {4: 1, 12: 2, 24: 3}
    found = [
        faces
        for part in steady(with_slips(footage(45, 4), at), SmoothOptions(method), 30.0, 4)
        for faces in part.faces
    ]
    assert [index for index, faces in enumerate(found) if len(faces) > 1] == [24, 25, 26]
    assert all(len(faces) >= 1 for faces in found)
    causal = SmoothOptions("one-euro", gap_s=0)
    found = [
        faces for part in steady(with_slips(footage(45, 4), at), causal, 30.0, 4) for faces in part.faces
    ]
    assert [index for index, faces in enumerate(found) if len(faces) > 1] == [4, 12, 13, 24, 25, 26]


def test_a_picture_passes() -> None:
    (out,) = steady(footage(1, 1), SmoothOptions(), None, 1)
    assert len(out.frames) == 1
    assert np.abs(out.faces[0].landmarks_px - out.detected[0].landmarks_px).max() < 1e-3
    assert out.cuts == (False,)


def test_few_frames_are_held() -> None:
    """However long the video: the cut's one frame, the gap's, the smoother's lag and a batch."""
    given = taken = most = 0

    def source() -> Iterator[Batch]:
        nonlocal given
        for part in footage(120, 2):
            given += 2
            yield part

    for part in steady(source(), SmoothOptions(lag_s=0.25, gap_s=0.2), 30.0, 2):
        most = max(most, given - taken)
        taken += len(part.frames)
    assert taken == 120
    assert most <= 1 + 6 + 8 + 2 * 2
