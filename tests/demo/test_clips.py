"""Clips: their motion and their files."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from trtswap.demo.clip_file import voice, write_clip
from trtswap.demo.clips import KINDS, ClipKind, make_clip, plan_clip
from trtswap.demo.motion import blinks, drift, syllables

SIZE = (96, 72)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_the_same_twice(kind: ClipKind) -> None:
    first = [
        (f.picture.tobytes(), None if f.swap is None else f.swap.tobytes())
        for f in make_clip(kind, 3, 4, SIZE)
    ]
    second = [
        (f.picture.tobytes(), None if f.swap is None else f.swap.tobytes())
        for f in make_clip(kind, 3, 4, SIZE)
    ]
    assert first == second
    assert len(first) == 4
    assert all(swap is not None and swap != picture for picture, swap in first)


def test_clips_are_what_they_are_called() -> None:
    plans = {kind: plan_clip(kind, 1, 100, (640, 360)) for kind in KINDS}
    assert max(abs(state.heads[0].pose.yaw_deg) for state in plans["profile turn"].states) > 70
    assert all(state.heads[0].pose.height < 0.2 for state in plans["small"].states)
    assert all(len(state.heads) == 2 for state in plans["two people"].states)
    assert len({state.heads[0].person for state in plans["scene cut"].states}) == 2
    assert all(state.heads[0].occluders for state in plans["occluded"].states)
    assert max(plans["dim"].states[0].light.key) < 0.2
    keys = np.array([state.light.key for state in plans["coloured light"].states])
    assert np.ptp(keys, axis=0).min() > 0.5

    def speed(kind: ClipKind) -> float:
        yaw = [state.heads[0].pose.yaw_deg for state in plans[kind].states]
        return float(np.abs(np.diff(yaw)).mean())

    assert speed("fast") > 3 * speed("talking")


def test_cut_carries_no_motion_over() -> None:
    states = plan_clip("scene cut", 2, 40, (640, 360)).states
    cut = next(k for k, state in enumerate(states) if state.heads[0].person == 2)
    assert states[cut].camera.motion_px == (0.0, 0.0)
    assert states[cut].backdrop != states[cut - 1].backdrop


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="a clip is one of"):
        make_clip("dancing", 0, 5, SIZE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one frame"):
        make_clip("talking", 0, 0, SIZE)


def test_motion_is_smooth_and_human() -> None:
    rng = np.random.default_rng(4)
    noise = drift(rng, 2000, 25.0, 4.0)
    assert 0.6 < noise.std() < 1.4
    assert np.abs(np.diff(noise)).max() < 0.4
    closed = blinks(rng, 2500, 25.0)
    starts = np.count_nonzero((closed[1:] > 0.3) & (closed[:-1] <= 0.3))
    assert 15 < starts < 60
    assert closed.min() >= 0
    assert closed.max() <= 1
    jaw = syllables(rng, 500, 25.0)["jaw"]
    peaks = np.count_nonzero((jaw[1:-1] > jaw[:-2]) & (jaw[1:-1] >= jaw[2:]) & (jaw[1:-1] > 0.1))
    assert 30 < peaks < 120


def test_voice_follows_the_loudness() -> None:
    loud = np.concatenate([np.zeros(25), np.ones(25)])
    sound = voice(loud, 25, 0)
    assert sound.shape == (2 * 48_000,)
    assert np.abs(sound).max() <= 1
    assert sound[60_000:].std() > 10 * sound[:36_000].std()


def test_file_has_pictures_and_sound(tmp_path: Path) -> None:
    path, swap = tmp_path / "clip.mp4", tmp_path / "swap.mp4"
    write_clip(path, "talking", 7, 10, SIZE, swap_path=swap)
    expected = list(make_clip("talking", 7, 10, SIZE))
    for file, name in ((path, "picture"), (swap, "swap")):
        with av.open(str(file)) as container:
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        with av.open(str(file)) as container:
            samples = sum(frame.samples for frame in container.decode(audio=0))
        assert len(decoded) == 10
        assert abs(samples - 0.4 * 48_000) <= 2048
        for picture, frame in zip(decoded, expected, strict=True):
            assert np.abs(picture.astype(float) - getattr(frame, name)).mean() < 6.0


def test_odd_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even"):
        write_clip(tmp_path / "x.mp4", "talking", 0, 1, (95, 72))
