"""The native motion of tracks against the same model in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import motion as plain

from trtswap.stages import motion
from trtswap.stages.assign import assign
from trtswap.types import Faces

RELATIVE = 1e-9
"""Both compute in float64; sums in another order, exp and log differ in the last bits."""


def crowd(rng: np.random.Generator, count: int) -> Faces:
    """Faces all over a frame, of sizes from a speck to all of it; one in ten has points that nearly coincide."""
    centres = rng.uniform(0, 1000, (count, 1, 2))
    sizes = np.exp(rng.uniform(0, 6, (count, 1, 1)))
    spread = np.where(rng.random((count, 1, 1)) < 0.1, 1e-6, 1.0)
    landmarks = centres + sizes * spread * rng.normal(0, 0.3, (count, 5, 2))
    boxes = np.concatenate(
        [(centres - sizes / 2)[:, 0], (centres + sizes * rng.uniform(-0.6, 0.6))[:, 0]], axis=1
    )
    return Faces(boxes.astype(np.float32), landmarks.astype(np.float32), np.ones(count, np.float32))


def near(rng: np.random.Generator, faces: Faces) -> Faces:
    """Some of the faces a little farther on, in another order, and strange ones."""
    kept = faces.take(rng.permutation(len(faces))[: rng.integers(0, len(faces) + 1)])
    step_px = rng.normal(0, 0.3, (len(kept), 1, 2)) * np.ptp(kept.landmarks_px, axis=1, keepdims=True)
    strange = crowd(rng, int(rng.integers(0, 3)))
    landmarks = np.concatenate([kept.landmarks_px + step_px.astype(np.float32), strange.landmarks_px])
    boxes = np.concatenate([kept.boxes_px, strange.boxes_px])
    return Faces(boxes, landmarks, np.ones(len(boxes), np.float32))


def test_what_is_seen() -> None:
    faces = crowd(np.random.default_rng(1), 200)
    np.testing.assert_allclose(motion.observe(faces), plain.observe(faces), rtol=RELATIVE, atol=RELATIVE)
    assert motion.observe(Faces.empty()).shape == (0, plain.SEEN_COLUMNS)


def test_new_tracks_come_behind_the_others() -> None:
    seen = plain.observe(crowd(np.random.default_rng(2), 5))
    tracks = motion.begin(motion.begin(motion.nothing(), seen[:2]), seen[2:])
    np.testing.assert_array_equal(tracks, plain.begin(seen))
    np.testing.assert_array_equal(motion.keep(tracks, [3, 0]), plain.begin(seen[[3, 0]]))
    assert motion.keep(tracks, []).shape == motion.nothing().shape


def followed(tracks: Any, seen: Any, elapsed_s: float, likeness: Any, weights: Any) -> list[int]:
    """What `motion.follow` promises, in NumPy."""
    plain.predict(tracks, elapsed_s)
    benefits = np.maximum(plain.affinities(tracks, seen) + likeness, 0) * weights[:, None]
    rows, columns = assign(benefits)
    plain.update(tracks, rows, seen[columns])
    owners = np.full(len(seen), -1)
    owners[columns] = rows
    return owners.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("aided", [False, True])
def test_tracks_follow_what_is_seen(seed: int, aided: bool) -> None:
    rng = np.random.default_rng(seed)
    faces = crowd(rng, int(rng.integers(1, 8)))
    tracks = motion.begin(motion.nothing(), motion.observe(faces))
    expected = tracks.copy()
    matched = 0
    for _ in range(30):
        seen, elapsed_s = motion.observe(near(rng, faces)), float(rng.uniform(0.01, 0.2))
        likeness, weights = np.zeros((len(tracks), len(seen))), np.ones(len(tracks))
        if aided:
            likeness, weights = rng.normal(0, 3, likeness.shape), rng.choice([0.25, 1], len(tracks))
        given = (likeness, weights) if aided else ()
        owners = motion.follow(tracks, seen, elapsed_s, *given)
        assert owners == followed(expected, seen, elapsed_s, likeness, weights)
        np.testing.assert_allclose(tracks, expected, rtol=RELATIVE, atol=RELATIVE)
        np.testing.assert_array_equal(motion.unseen_s(tracks), tracks[:, plain.UNSEEN_S])
        matched += len(seen) - owners.count(-1)
    assert matched > 10


def test_tables_of_another_form_are_refused() -> None:
    seen = motion.observe(crowd(np.random.default_rng(3), 2))
    tracks = motion.begin(motion.nothing(), seen)
    with pytest.raises(ValueError, match="seen"):
        motion.follow(tracks, seen[:, 1:], 0.04)
    with pytest.raises(ValueError, match="likeness"):
        motion.follow(tracks, seen, 0.04, np.zeros((2, 3)))
    with pytest.raises(ValueError, match="weights"):
        motion.follow(tracks, seen, 0.04, None, np.ones(3))
    with pytest.raises(TypeError, match="follow_tracks"):
        motion.follow(tracks.astype(np.float32), seen, 0.04)
