"""Gaps bridged over made-up motion with known truth, with and without pictures."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.gaps import EYES, FPS, NONE, fill, ids, presence, shown, tracked
from support.walks import Walker

from trtswap.stages.gaps import GapFiller
from trtswap.types import Faces


@pytest.mark.parametrize(
    ("gap_frames", "pattern", "expected"),
    [
        (0, "xx-x-", "xx-x-"),
        (1, "x-x--x-x", "xox--xox"),
        (3, "x---x----x", "xooox----x"),
        (3, "---x---x---", "---xooox---"),
        (5, "x-x--x---x----x-----x------x", "xoxooxoooxooooxooooox------x"),
    ],
)
def test_short_gaps_are_filled_and_long_ones_are_not(gap_frames: int, pattern: str, expected: str) -> None:
    assert shown(fill(GapFiller(gap_frames), presence(pattern))) == expected


@pytest.mark.parametrize("cut", range(1, 6))
def test_never_across_a_cut(cut: int) -> None:
    """Even if somebody gave the same id on both sides."""
    frames = presence("xx--xx")
    expected = "xxooxx" if cut in (1, 5) else "xx--xx"
    assert shown(fill(GapFiller(4), frames, cuts=[cut])) == expected


def test_no_gap_frames_no_delay() -> None:
    filler = GapFiller(0)
    for faces in presence("x-x"):
        (given_back,) = filler.push(faces, cut=False)
        assert given_back.landmarks_px is faces.landmarks_px
    assert filler.flush() == []
    assert filler.max_lag == 0


def test_a_cut_releases_all_frames_before_it() -> None:
    filler = GapFiller(4)
    counts = [
        len(filler.push(faces, cut=n == 3, surface=None)) for n, faces in enumerate(presence("xxxxxxxx"))
    ]
    assert counts == [0, 0, 0, 3, 0, 0, 0, 1]
    assert len(filler.flush()) == 4
    assert filler.flush() == []


def test_faces_need_ids() -> None:
    with pytest.raises(ValueError, match="track ids"):
        GapFiller(2).push(Faces.empty(), cut=False)


def test_what_is_filled() -> None:
    """The values between, the nearer embedding, ids in order, before what was detected."""
    walkers = [Walker(lambda t, n=n: np.array([200.0 + 300 * n + 90 * t, 300])) for n in range(3)]
    frames = [tracked(walkers, n, [4, 2, 7]) for n in range(5)]
    rng = np.random.default_rng(0)
    frames = [replace(f, embeddings=rng.standard_normal((3, 8)).astype(np.float32)) for f in frames]

    def row(frame: int, track: int) -> int:
        return ids(frames[frame]).index(track)

    whole = list(frames)
    for number in (1, 2, 3):
        frames[number] = frames[number].take([row(number, 7)])
    result = fill(GapFiller(3), frames)
    for number in (1, 2, 3):
        faces, share = result[number], number / 4
        assert ids(faces) == [2, 4, 7]
        assert faces.filled is not None
        assert faces.embeddings is not None
        assert faces.filled.tolist() == [True, True, False]
        for place, track in enumerate((2, 4)):
            first, last = row(0, track), row(4, track)
            score = (1 - share) * whole[0].scores[first] + share * whole[4].scores[last]
            np.testing.assert_allclose(faces.scores[place], score, rtol=1e-6)
            near = whole[0].embeddings[first] if number <= 2 else whole[4].embeddings[last]  # type: ignore[index]
            np.testing.assert_array_equal(faces.embeddings[place], near)
            truth = ids(whole[number]).index(track)
            np.testing.assert_allclose(faces.boxes_px[place], whole[number].boxes_px[truth], atol=1e-3)
            np.testing.assert_allclose(
                faces.landmarks_px[place], whole[number].landmarks_px[truth], atol=1e-3
            )
        np.testing.assert_array_equal(faces.embeddings[2], frames[number].embeddings[0])  # type: ignore[index]


def test_scale_and_roll_are_interpolated_evenly() -> None:
    """Constant zoom and turn are reproduced exactly: straight lines between landmarks would cut the corner."""
    walker = Walker(lambda _: np.array([300.0, 300]), lambda t: EYES * 3**t, lambda t: 8 * t)
    frames = [tracked([walker], n, [0]) for n in range(8)]
    result = fill(GapFiller(6), [frames[0], *[NONE] * 6, frames[7]])
    for number in range(1, 7):
        truth = walker.landmarks(number / FPS)
        np.testing.assert_allclose(result[number].landmarks_px[0], truth, atol=2e-3)


def test_even_acceleration_is_followed() -> None:
    """By the detections before the gap. Without them the error is what a straight line must make: a T^2 / 8."""
    walker = Walker(lambda t: np.array([300 + 0.5 * 4000 * t * t, 300.0]))  # 40 sizes/s^2
    gap, span_s = range(8, 13), 6 / FPS
    frames = [NONE if n in gap else tracked([walker], n, [0]) for n in range(16)]

    def worst(first: int) -> float:
        result = fill(GapFiller(5), frames[first:])
        return max(
            float(np.linalg.norm(result[n - first].landmarks_px[0] - walker.landmarks(n / FPS), axis=1).max())
            for n in gap
        )

    assert worst(0) < 0.01 * EYES
    np.testing.assert_allclose(worst(7), 4000 * span_s**2 / 8, rtol=0.05)


@given(
    gap_frames=st.integers(0, 5),
    present=st.lists(st.sets(st.integers(0, 3)), max_size=20),
    cuts=st.sets(st.integers(0, 19), max_size=3),
)
@settings(max_examples=80, deadline=None)
def test_exactly_the_short_gaps_are_filled(gap_frames: int, present: list[set[int]], cuts: set[int]) -> None:
    """Against a plain statement of the rule; detections pass through unchanged."""
    walkers = [Walker(lambda t, n=n: np.array([100.0 + 200 * n, 300 + 50 * t])) for n in range(4)]
    frames = [
        tracked([walkers[who] for who in sorted(ids)], n, sorted(ids)) if ids else NONE
        for n, ids in enumerate(present)
    ]
    result = fill(GapFiller(gap_frames), frames, cuts=sorted(cuts))
    assert len(result) == len(frames)
    for n, (got, detected) in enumerate(zip(result, frames, strict=True)):
        filled = [
            track
            for track in range(4)
            if track not in present[n]
            and any(
                track in present[a]
                and track in present[b]
                and b - a - 1 <= gap_frames
                and not any(a < cut <= b for cut in cuts)
                for a in range(n)
                for b in range(n + 1, len(present))
            )
        ]
        assert got.filled is not None
        assert ids(got) == filled + ids(detected)
        assert got.filled.tolist() == [True] * len(filled) + [False] * len(detected)
        for name in ("boxes_px", "landmarks_px", "scores"):
            np.testing.assert_array_equal(getattr(got, name)[len(filled) :], getattr(detected, name))


def test_memory_does_not_grow_and_ten_faces_cost_little() -> None:
    """Everything is in one deque of fixed length; the tracks come and go."""
    walkers = [Walker(lambda t, n=n: np.array([100.0 + 100 * n, 300 + 9 * np.sin(t)])) for n in range(10)]
    rng = np.random.default_rng(0)
    frames = []
    for n in range(250):
        seen = [who for who in range(10) if rng.random() > 0.1]
        frames.append(tracked([walkers[who] for who in seen], n, [who + n // 50 * 10 for who in seen]))
    filler = GapFiller(6)

    def once() -> float:
        start = time.thread_time()
        for faces in frames:
            filler.push(faces, cut=False)
        return (time.thread_time() - start) / len(frames)

    once()
    tracemalloc.start()
    held = []
    for _ in range(10):
        once()
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    # Python itself keeps up to 2000 small tuples of 48 bytes; one array more a frame would be 150 kB and more.
    assert max(held) - min(held) < 120_000, held
    assert filler._moments.maxlen == 14
    cost_ms = 1e3 * min(once() for _ in range(5))
    print(f"{cost_ms:.3f} ms a frame with one face of ten missing")
    assert cost_ms < 1.5, "measured 0.08 ms when nothing else ran"
