"""Tracks over made-up scenes with known truth. Single rules: test_track_rules.py. Footage: test_track_footage.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from support.walks import SIZE, Detector, Walker, check_identities, line

from trtswap.stages.track import Tracker

EYES = 40.0
FACE_PX = SIZE * EYES
Seen = list[tuple[Any, list[int]]]


def watch(
    walkers: Sequence[Walker], detector: Detector, fps: float, seconds: float = 3.0, uneven: bool = False
) -> Seen:
    """Track ids and truth of every frame. The first 0.1 s have no dropouts: before a face has been seen to move,
    nobody can tell it from a neighbour. uneven: frame times vary by half."""
    tracker, seen, now_s, dropout = Tracker(0.2), [], 0.0, detector.dropout
    while now_s < seconds:
        detector.dropout = dropout if now_s > 0.1 else 0.0
        faces, whose = detector.see(walkers, now_s)
        tracked = tracker.push(faces, cut=False, time_s=now_s)
        assert tracked.track_ids is not None
        seen.append((tracked.track_ids, whose))
        now_s += (detector.rng.uniform(0.5, 1.5) if uneven else 1.0) / fps
    detector.dropout = dropout
    return seen


def crossing(rng: np.random.Generator, people: int, embeddings: bool) -> list[Walker]:
    """Faces that meet in the middle of the picture and of 3 s, from all sides, at 2 to 5 sizes a second."""
    eyes = rng.uniform(10, 60)
    walkers = []
    for number in range(people):
        angle = 2 * np.pi * (number + rng.uniform(-0.15, 0.15)) / people + 0.2
        ahead = np.array([np.cos(angle), np.sin(angle)])
        many = people > 2
        meets_s = 1.5 + rng.uniform(-0.3, 0.3) * (1 if many else 0.2)
        aside = rng.uniform(-0.5, 0.5) * SIZE * eyes * (1 if many else 0.6) * np.array([-ahead[1], ahead[0]])
        step = ahead * rng.uniform(2, 5) * SIZE * eyes
        start = np.array([640, 360]) + aside - step * meets_s
        own = eyes * np.exp(rng.uniform(-0.15, 0.15))
        likeness = rng.standard_normal(128) if embeddings else None
        walkers.append(Walker(line(start, start + step, 1.0), lambda _, own=own: own, likeness=likeness))
    return walkers


@pytest.mark.parametrize("fps", [24, 30, 60, 120])
@pytest.mark.parametrize("people", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("embeddings", [False, True])
def test_crossings(fps: int, people: int, embeddings: bool) -> None:
    """Nearer faces hide farther ones. Five and six that meet at one moment without embeddings are all seen: hidden
    behind each other in one place, geometry cannot tell them."""
    for seed in range(3):
        rng = np.random.default_rng(1000 * people + seed)
        detector = Detector(rng, noise=(0.01, 0.02, 0.03)[seed], hides=embeddings or people < 5)
        check_identities(watch(crossing(rng, people, embeddings), detector, fps), people)


@pytest.mark.parametrize("fps", [24, 60])
@pytest.mark.parametrize("people", [2, 4, 6])
def test_crossings_with_dropouts_strays_and_uneven_frames(fps: int, people: int) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        detector = Detector(rng, noise=0.03, dropout=0.1, stray=0.1)
        check_identities(watch(crossing(rng, people, True), detector, fps, uneven=True), people)


def turning_back(rng: np.random.Generator, embeddings: bool) -> list[Walker]:
    """Two faces meet and each goes back where it came from."""

    def place(side: int) -> Callable[[float], Any]:
        return lambda time_s: np.array([640 + side * abs(time_s - 1.5) * 2.2 * FACE_PX, 360.0])

    known = [rng.standard_normal(128) if embeddings else None for _ in range(2)]
    return [Walker(place(side), likeness=likeness) for side, likeness in zip((-1, 1), known, strict=True)]


@pytest.mark.parametrize("fps", [24, 60])
def test_embeddings_decide_where_geometry_cannot(fps: int) -> None:
    """Faces that turn back behind something look as if they had crossed there."""
    mistaken = 0
    for seed in range(6):
        detector = Detector(np.random.default_rng(seed), blind_s=(1.3, 1.7))
        check_identities(watch(turning_back(detector.rng, True), detector, fps), 2)
        try:
            check_identities(watch(turning_back(detector.rng, False), detector, fps), 2)
        except AssertionError:
            mistaken += 1
    assert mistaken > 0, "the scene is no test of embeddings"


def _swinging(time_s: float, number: int) -> Any:
    return np.array([300 + 400 * number + 0.4 * FACE_PX * np.sin(4 * np.pi * time_s), 360.0])


MOTIONS: dict[str, list[Walker]] = {
    "shaken": [Walker(lambda t, n=n: _swinging(t, n)) for n in range(3)],
    "sudden": [Walker(lambda t: np.array([100 + min(max(t - 1, 0), 0.7) * 6 * FACE_PX, 360.0]))],
    "panned": [Walker(lambda t, n=n: np.array([200 + 250 * n + 300 * np.sin(4 * t), 360])) for n in range(3)],
    "zoomed": [
        Walker(lambda t, n=n: np.array([640 + 130 * (n - 1) * 2**t, 360]), lambda t: EYES * 2**t)
        for n in range(3)
    ],
    "rolled": [
        Walker(
            lambda _: np.array([640.0, 360.0]),
            lambda t: EYES * np.exp(0.3 * np.sin(4 * t)),
            lambda t: 1.2 * np.sin(5 * t),
        )
    ],
    "crowded": [
        Walker(lambda t, n=n: np.array([150 + n % 5 * FACE_PX, 200 + n // 5 * 1.2 * FACE_PX]) + 6 * np.sin(t))
        for n in range(10)
    ],
}


@pytest.mark.parametrize("fps", [24, 30, 60, 120])
@pytest.mark.parametrize("name", MOTIONS)
def test_motions_with_noise_and_dropouts(name: str, fps: int) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        detector = Detector(rng, noise=0.03, dropout=0.1)
        seen = watch(MOTIONS[name], detector, fps, seconds=2.0, uneven=seed == 2)
        check_identities(seen, len(MOTIONS[name]))


@pytest.mark.parametrize("name", ["shaken", "panned", "rolled"])
def test_strays_get_ids_of_their_own(name: str) -> None:
    """Without dropouts the truth can always be told, whatever else is seen."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        seen = watch(MOTIONS[name], Detector(rng, stray=0.3), 30)
        check_identities(seen, len(MOTIONS[name]))
        owned = {i for ids, whose in seen for i, who in zip(ids.tolist(), whose, strict=True) if who >= 0}
        strays = {i for ids, whose in seen for i, who in zip(ids.tolist(), whose, strict=True) if who < 0}
        assert strays
        assert not strays & owned
