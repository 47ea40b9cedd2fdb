"""What a tracker promises, rule by rule."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.walks import SIZE, Detector, Walker

from trtswap.stages.track import Tracker
from trtswap.types import Faces

EYES = 40.0
FACE_PX = SIZE * EYES


def one(x: float, y: float, eyes: float = EYES, score: float = 0.9) -> Faces:
    """One face without noise."""
    found, _ = Detector(np.random.default_rng(0), noise=0).see(
        [Walker(lambda _: np.array([x, y]), lambda _: eyes)], 0
    )
    return Faces(found.boxes_px, found.landmarks_px, np.array([score], np.float32))


def together(*faces: Faces) -> Faces:
    columns = (np.concatenate([getattr(f, n) for f in faces]) for n in ("boxes_px", "landmarks_px", "scores"))
    return Faces(*columns)


def ids_of(faces: Faces) -> list[int]:
    assert faces.track_ids is not None
    assert faces.track_ids.dtype == np.int32
    return [int(track) for track in faces.track_ids]


def test_a_cut_forgets_everything() -> None:
    tracker = Tracker(0.2)
    both = together(one(200, 200), one(600, 300))
    assert ids_of(tracker.push(both, cut=True, time_s=0.0)) == [0, 1]
    assert ids_of(tracker.push(both, cut=False, time_s=0.04)) == [0, 1]
    assert ids_of(tracker.push(both, cut=True, time_s=0.08)) == [2, 3]
    assert ids_of(tracker.push(both, cut=False, time_s=0.12)) == [2, 3]
    assert ids_of(tracker.push(Faces.empty(), cut=True, time_s=0.16)) == []
    assert ids_of(tracker.push(both, cut=False, time_s=0.20)) == [4, 5]


@pytest.mark.parametrize("fps", [24, 60])
@pytest.mark.parametrize(("gap_s", "lives_s"), [(0.0, 0.5), (0.2, 0.5), (1.0, 1.0)])
def test_a_track_dies_after_the_limit_and_not_before(fps: int, gap_s: float, lives_s: float) -> None:
    for missing, same in ((round(lives_s * fps), True), (round(lives_s * fps) + 2, False)):
        tracker, shown = Tracker(gap_s), [*[one(300, 300)] * 5, *[Faces.empty()] * missing, one(300, 300)]
        for frame, faces in enumerate(shown):
            tracked = tracker.push(faces, cut=False, time_s=frame / fps)
        assert (ids_of(tracked) == [0]) is same


def test_how_far_a_face_may_jump() -> None:
    for share, same in ((0.6, True), (1.2, False)):
        tracker = Tracker(0.2)
        for frame in range(10):
            tracker.push(one(300, 300), cut=False, time_s=frame / 30)
        moved = tracker.push(one(300 + share * FACE_PX, 300), cut=False, time_s=10 / 30)
        assert (ids_of(moved) == [0]) is same, share


def test_a_face_of_another_size_is_another_face() -> None:
    tracker = Tracker(0.2)
    tracker.push(one(300, 300), cut=False, time_s=0)
    assert ids_of(tracker.push(one(300, 300, eyes=3 * EYES), cut=False, time_s=0.04)) == [1]


@pytest.mark.parametrize("away", [0.15, 0.3])
def test_a_second_detection_of_a_face_steals_nothing(away: float) -> None:
    """The duplicate comes and goes, and has the better score."""
    tracker = Tracker(0.2)
    face, double = one(300, 300), one(300 + away * FACE_PX, 300, eyes=0.8 * EYES, score=0.95)
    shown = [[face], [face], [double, face], [double, face], [face], [double, face], [face], [face, double]]
    for frame, faces in enumerate(shown):
        ids = ids_of(tracker.push(together(*faces), cut=False, time_s=frame / 30))
        main = [seen is face for seen in faces].index(True)
        assert ids[main] == 0, f"frame {frame}: {ids}"


def test_a_face_goes_on_where_only_its_second_detection_is_left() -> None:
    tracker = Tracker(0.2)
    face, double = one(300, 300), one(300 + 0.15 * FACE_PX, 300, score=0.95)
    for frame, faces in enumerate([[face], [face], [double, face], [double, face]]):
        tracker.push(together(*faces), cut=False, time_s=frame / 30)
    assert ids_of(tracker.push(double, cut=False, time_s=4 / 30)) == [0]


def test_a_shadow_that_parts_is_a_face_of_its_own() -> None:
    """Somebody steps out from behind another."""
    tracker = Tracker(0.2)
    for frame in range(40):
        aside = 300 + max(0, frame - 5) * 0.06 * FACE_PX
        faces = [one(300, 300)] if frame < 9 else [one(300, 300), one(aside, 300)]
        ids = ids_of(tracker.push(together(*faces), cut=False, time_s=frame / 30))
        assert ids == [0, 1][: len(faces)]
    alone = tracker.push(one(aside, 300), cut=False, time_s=40 / 30)
    assert ids_of(alone) == [1]


@pytest.mark.parametrize(
    "times", [[0.0] * 6, [5.0, 4.0, 3.0, 2.0, 1.0, 0.0], [0, np.nan, 1, np.inf, 2, 900.0]]
)
def test_damaged_time_stamps_do_no_harm(times: list[float]) -> None:
    tracker = Tracker(0.2)
    for frame, time_s in enumerate(times):
        assert ids_of(tracker.push(one(300 + 3 * frame, 300), cut=False, time_s=time_s)) == [0]


def test_standing_time_stamps_do_not_keep_the_dead() -> None:
    tracker = Tracker(0.2)
    tracker.push(one(300, 300), cut=False, time_s=0)
    for _ in range(60):
        tracker.push(Faces.empty(), cut=False, time_s=0)
    assert ids_of(tracker.push(one(300, 300), cut=False, time_s=0)) == [1]


def test_embeddings_may_come_and_go_and_change_length() -> None:
    tracker = Tracker(0.2)
    base = together(one(200, 200), one(600, 300))
    rng = np.random.default_rng(0)
    for frame, width in enumerate([0, 512, 512, 0, 128, 128, 0, 512]):
        known = rng.standard_normal((2, width)).astype(np.float32) if width else None
        if known is not None:
            known[0] = 0 if frame == 2 else known[0]
        faces = Faces(base.boxes_px, base.landmarks_px, base.scores, known)
        assert ids_of(tracker.push(faces, cut=False, time_s=frame / 30)) == [0, 1]


@st.composite
def scenes(draw: st.DrawFn) -> list[tuple[Faces, bool]]:
    """Frames of faces anywhere, of any size, with degenerate boxes, with and without embeddings, and cuts."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    width = draw(st.sampled_from([0, 4]))
    frames = []
    for _ in range(draw(st.integers(1, 8))):
        count = int(rng.integers(0, 6))
        centres = rng.uniform(-100, 400, (count, 1, 2))
        landmarks = centres + rng.uniform(0, 100, (count, 1, 1)) * rng.standard_normal((count, 5, 2))
        boxes = np.concatenate([landmarks.min(axis=1), landmarks.max(axis=1)], axis=1)
        boxes += rng.choice([0, 200], (count, 1)) * rng.standard_normal((count, 4))
        known = rng.standard_normal((count, width)).astype(np.float32) if width else None
        scores = rng.uniform(0, 1, count).astype(np.float32)
        faces = Faces(boxes.astype(np.float32), landmarks.astype(np.float32), scores, known)
        frames.append((faces, bool(rng.random() < 0.2)))
    return frames


@given(scenes())
@settings(max_examples=60, deadline=None)
def test_ids_are_unique_and_never_used_again(frames: list[tuple[Faces, bool]]) -> None:
    tracker = Tracker(0.2)
    begun, before = 0, set()
    for number, (faces, cut) in enumerate(frames):
        tracked = tracker.push(faces, cut=cut, time_s=number / 30)
        ids = ids_of(tracked)
        assert len(set(ids)) == len(faces)
        new = sorted(set(ids) - before)
        assert new == list(range(begun, begun + len(new))), "ids count up"
        assert not cut or new == sorted(ids)
        begun += len(new)
        before |= set(ids)
        for name in ("boxes_px", "landmarks_px", "scores", "embeddings"):
            assert getattr(tracked, name) is getattr(faces, name)
        assert tracked.filled is not None
        assert tracked.filled.dtype == np.bool_
        assert not tracked.filled.any()


@given(scenes(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_faces_does_not_matter(frames: list[tuple[Faces, bool]], random: Any) -> None:
    first, second = Tracker(0.2), Tracker(0.2)
    for number, (faces, cut) in enumerate(frames):
        order = random.sample(range(len(faces)), len(faces))
        ids = ids_of(first.push(faces, cut=cut, time_s=number / 30))
        mixed = ids_of(second.push(faces.take(order), cut=cut, time_s=number / 30))
        assert mixed == [ids[row] for row in order]


def test_memory_does_not_grow_and_ten_faces_cost_little() -> None:
    """Strays are born and die all the time. Every array of the tracker has one row per live track."""
    rng = np.random.default_rng(3)
    walkers = [
        Walker(lambda t, n=n: np.array([120 + 240 * (n % 5) + 40 * np.sin(3 * t + n), 180 + 360 * (n // 5)]))
        for n in range(10)
    ]
    detector = Detector(rng, dropout=0.1, stray=0.5)
    frames = [detector.see(walkers, n / 30)[0] for n in range(250)]
    tracker, now = Tracker(0.2), 0

    def run() -> float:
        nonlocal now
        start = time.thread_time()
        for faces in frames:
            tracker.push(faces, cut=False, time_s=now / 30)
            now += 1
        return (time.thread_time() - start) / len(frames)

    run()
    tracemalloc.start()
    held = []
    for _ in range(6):
        run()
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    # Python itself keeps up to 2000 small tuples of 48 bytes; one array more a frame would be 150 kB and more.
    assert max(held) - min(held) < 120_000, held
    assert len(tracker._ids) < 10 + 30
    cost_ms = 1e3 * min(run() for _ in range(5))
    print(f"{cost_ms:.3f} ms a frame")
    assert cost_ms < 1.5, "measured 0.05 ms when nothing else ran"


def test_faces_are_all_there_is_to_pass() -> None:
    """A new field of Faces needs a line in the tests above. The sixty-eight points: see test_landmarks.py."""
    names = {field.name for field in fields(Faces)}
    known = {"boxes_px", "landmarks_px", "scores", "embeddings", "track_ids", "filled"}
    assert names == known | {"landmarks_68_px"}
