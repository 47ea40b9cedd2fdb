"""Scene cuts: on clips whose cuts are known, through everything that looks like one, and on footage.

The classes and their clips are those of support/scenes.py; bench/scenes.py runs many seeds of each.
"""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import cv2
import numpy as np
import pytest
from support.effects import noisy
from support.footage import shared_file
from support.pictures import face_placement, scene
from support.reference import random_surface
from support.scenes import DISTURBANCES, HARD, detected_cuts, make_case, scene_cuts
from support.targets import Target

from trtswap import video
from trtswap.stages.scene_match import pictures
from trtswap.stages.scenes import HEIGHT, WIDTH, SceneDetector, thumbnails
from trtswap.types import PixelFormat, Surface

SEED = 3
CALM = ["edge_720p.mp4", "fast_720p.mp4", "fullrange_360p.mp4", "no_face_360p.mp4", "odd_853x479.mkv",
        "small_face_1080p.mp4", "still_720p.mp4", "talk_1080p.mp4", "talk_360p.mp4", "tenbit_360p.mp4",
        "two_faces_720p.mp4", "vfr_360p.mkv", "vp9_360p.webm"]  # fmt: skip


@pytest.mark.parametrize("name", HARD)
def test_hard_cuts_are_found_at_their_frame(name: str) -> None:
    case = make_case(name, SEED)
    assert case.cuts
    assert scene_cuts(case.frames) == list(case.cuts)


@pytest.mark.parametrize("name", DISTURBANCES)
def test_what_is_no_cut_is_none(name: str) -> None:
    assert scene_cuts(make_case(name, SEED).frames) == []


@pytest.mark.parametrize(
    ("name", "cuts"), [("cuts_360p.mp4", [30, 45]), *((name, []) for name in CALM)], ids=["cuts", *CALM]
)
def test_footage(name: str, cuts: list[int]) -> None:
    with video.open_video(shared_file("media", name)) as source:
        assert detected_cuts([thumbnails([frame.surface])[0] for frame in source]) == cuts


@pytest.fixture(scope="module")
def shots() -> Any:
    """Thumbnails of three shots of 12 frames with fresh noise: float32 [3, 12, 3, h, w]."""
    rng = np.random.default_rng(5)
    looks = []
    for seed, (centre, size) in enumerate((((100, 80), 120), ((190, 100), 70), ((160, 90), 160))):
        picture, _ = scene(320, 180, [face_placement(centre, size)], seed=seed)
        looks.append(thumbnails([_surface(frame) for frame in noisy(rng, [picture] * 12, 3)]))
    return np.stack(looks)


def _surface(frame: Any) -> Surface:
    return Surface(PixelFormat.RGB8, (np.clip(np.rint(frame), 0, 255).astype(np.uint8),))


def test_a_decision_comes_one_frame_late(shots) -> None:
    detector = SceneDetector()
    answers = [detector.push(picture) for picture in pictures(np.concatenate([shots[0][:4], shots[1][:4]]))]
    assert answers == [None, False, False, False, False, True, False, False]
    assert detector.flush() is False


def test_the_last_frame_may_begin_a_scene(shots) -> None:
    assert detected_cuts([*shots[0][:6], shots[1][0]]) == [6]


def test_a_new_video_begins_after_flush(shots) -> None:
    detector = SceneDetector()
    for picture in pictures(shots[0]):
        detector.push(picture)
    detector.flush()
    first, second = pictures(shots[1][:2])
    assert detector.push(first) is None
    assert detector.push(second) is False
    assert detector.flush() is False


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_videos(shots, count: int) -> None:
    assert detected_cuts(shots[0][:count]) == []


def test_two_frames_of_two_scenes(shots) -> None:
    """Nothing before, nothing after: the second begins a scene."""
    assert detected_cuts([shots[0][0], shots[1][0]]) == [1]


@pytest.mark.parametrize("length", [2, 3])
def test_cuts_close_together(shots, length: int) -> None:
    """Shots of two frames are found; back to the first shot is a cut like any other."""
    clip = [*shots[0][:8], *shots[1][:length], *shots[2][:length], *shots[0][8:]]
    assert detected_cuts(clip) == [8, 8 + length, 8 + 2 * length]


def test_one_strange_frame_is_no_scene(shots) -> None:
    assert detected_cuts([*shots[0][:6], shots[1][0], *shots[0][6:]]) == []


@pytest.mark.parametrize("length", [1, 3, 20])
def test_white_without_detail_begins_no_scene_but_may_end_one(shots, length: int) -> None:
    white = np.full((length, *shots[0][0].shape), 255, np.float32)
    assert detected_cuts([*shots[0][:6], *white, *shots[0][6:]]) == []
    assert detected_cuts([*shots[0][:6], *white, *shots[1][6:]]) == [6 + length]


def test_nothing_to_see_is_one_scene() -> None:
    rng = np.random.default_rng(6)
    plain = [np.full((3, HEIGHT, WIDTH), level, np.float32) for level in (0, 0, 16, 128, 255, 255, 0)]
    assert detected_cuts(plain) == []
    assert (
        detected_cuts([16 + rng.uniform(0, 1, (3, HEIGHT, WIDTH)).astype(np.float32) for _ in range(9)]) == []
    )


def test_memory_does_not_grow(shots) -> None:
    """With cuts, flashes and returns, over 400 frames."""
    detector, order = SceneDetector(), np.random.default_rng(7).integers(0, 3, 400)

    def run(part: Any) -> int:
        for index, shot in enumerate(part):
            detector.push(pictures(shots[shot][index % 12][None])[0])
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        early = run(order[:100])
        late = run(order[100:])
    finally:
        tracemalloc.stop()
    assert late < early + 20_000


@pytest.mark.parametrize("format", list(PixelFormat))
@pytest.mark.parametrize("rotation_deg", [0, 90])
def test_thumbnails_are_the_picture_made_small(
    target: Target, format: PixelFormat, rotation_deg: int
) -> None:
    """Against a mean over areas of a soft picture, where sampling makes little difference."""
    seed = int(np.random.default_rng().integers(1 << 30))
    print("seed", seed)
    rng = np.random.default_rng(seed)
    grey = cv2.resize(
        rng.uniform(40, 200, (6, 8)).astype(np.float32), (641, 363), interpolation=cv2.INTER_CUBIC
    )
    planes = [np.clip(grey, 16, 235)]
    if format is not PixelFormat.RGB8:
        planes.append(np.full((182, 321, 2), 128.0))
    scale = 256 if format is PixelFormat.P010 else 1
    stored = [np.rint(plane).astype(format.dtype) * format.dtype.type(scale) for plane in planes]
    if format is PixelFormat.RGB8:
        stored = [np.repeat(stored[0][..., None], 3, axis=2)]
    surface = Surface(
        format, tuple(np.ascontiguousarray(plane) for plane in stored), rotation_deg=rotation_deg
    )
    small = thumbnails([target.put_surface(surface)] * 2)
    expected = cv2.resize(np.rint(planes[0]), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    if format is not PixelFormat.RGB8:
        expected = (expected - 16) * 255 / 219
    assert small.shape == (2, 3, HEIGHT, WIDTH)
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, np.broadcast_to(expected, small.shape), atol=1.5)


def test_thumbnails_of_several_sizes_and_of_none() -> None:
    rng = np.random.default_rng(8)
    surfaces = [random_surface(rng, PixelFormat.NV12, *size) for size in ((1, 1), (33, 17), (640, 90))]
    assert thumbnails([]).shape == (0, 3, HEIGHT, WIDTH)
    together = thumbnails(surfaces)
    assert 0 <= together.min() <= together.max() <= 255
    for surface, small in zip(surfaces, together, strict=True):
        np.testing.assert_array_equal(thumbnails([surface])[0], small)
