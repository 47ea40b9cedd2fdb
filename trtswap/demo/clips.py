"""Clips of people who talk and move, frame by frame with their truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from trtswap.demo.motion import blinks, drift, glances, syllables
from trtswap.demo.person import Person, draw_person
from trtswap.demo.render import Rendered, render
from trtswap.demo.state import Camera, Expression, FrameState, Head, Light, Occluder, OccluderKind, Pose
from trtswap.options import ClipKind
from trtswap.types import Array

KINDS: tuple[ClipKind, ...] = get_args(ClipKind)


@dataclass(frozen=True)
class Clip:
    """A clip before it is drawn. people: whom the states name. sources: head to the identity of the true swap.
    loudness: float64 [frames], 0..1, of the first one's voice."""

    people: tuple[Person, ...]
    states: tuple[FrameState, ...]
    sources: Mapping[int, Person]
    loudness: Array
    rate: float


@dataclass(frozen=True)
class _Track:
    heads: list[Head]
    loud: Array


def make_clip(
    kind: ClipKind, seed: int, frames: int, size: tuple[int, int], *, rate: float = 25.0
) -> Iterator[Rendered]:
    """The frames of a clip, drawn one by one as they are asked for, with the true swap of the first head.

    size: width, height in pixels. rate: frames per second. The same arguments give the same bytes.
    Raises ValueError for a kind not in KINDS, or for less than one frame.
    """
    clip = plan_clip(kind, seed, frames, size, rate=rate)
    return (render(clip.people, state, clip.sources) for state in clip.states)


def plan_clip(kind: ClipKind, seed: int, frames: int, size: tuple[int, int], *, rate: float = 25.0) -> Clip:
    """What `make_clip` draws. The identities come from `draw_person` at numbers that follow from `seed`."""
    if kind not in KINDS:
        raise ValueError(f"a clip is one of {', '.join(KINDS)}, not {kind!r}")
    if frames < 1:
        raise ValueError(f"a clip has at least one frame, not {frames}")
    rng = np.random.default_rng([seed, KINDS.index(kind), 0xC11])
    people = tuple(draw_person(10 * seed + k) for k in range(3))
    count = 2 if kind == "two people" else 1
    tracks = [_track(kind, rng, frames, rate, number, count) for number in range(count)]
    light, camera = _light(kind, rng), _camera(kind, rng)
    states = []
    sway = np.stack([drift(rng, frames, rate, 6.0), drift(rng, frames, rate, 7.0)], axis=-1) * 0.006 * size[1]
    scene = int(rng.integers(1 << 30))
    cut = int(frames * rng.uniform(0.4, 0.6)) if kind == "scene cut" else frames
    after = _track(kind, rng, frames, rate, 0, 1)
    for frame in range(frames):
        heads = [track.heads[frame] for track in tracks]
        lit = _lit(kind, light, frame / rate)
        second = frame >= cut
        if second:
            heads = [replace(after.heads[frame], person=2)]
            lit = replace(light, direction=(-light.direction[0], 0.4, 0.7), key=(0.8, 0.85, 1.0))
        before = after.heads[frame - 1] if second else tracks[0].heads[max(frame - 1, 0)]
        moved = (0.0, 0.0) if frame in (0, cut) else _motion(before.pose, heads[0].pose, size)
        states.append(
            FrameState(
                heads=tuple(heads),
                light=lit,
                camera=replace(camera, motion_px=moved),
                backdrop=scene + second,
                backdrop_px=(float(sway[frame, 0]), float(sway[frame, 1])),
                noise_seed=int(np.random.default_rng([seed, frame, 0x401]).integers(1 << 60)),
                size=size,
            )
        )
    return Clip(people, tuple(states), {0: people[1]}, tracks[0].loud, rate)


def _track(
    kind: ClipKind, rng: np.random.Generator, frames: int, rate: float, number: int, count: int
) -> _Track:
    speed = 0.28 if kind == "fast" else 1.0
    reach = 1.7 if kind == "fast" else 1.0

    def noise(period_s: float) -> Array:
        return drift(rng, frames, rate, period_s * speed)

    yaw = reach * (13 * noise(4.5) + 3 * noise(1.2)) + rng.uniform(-12, 12)
    if kind == "profile turn":
        phase = np.linspace(0, 2 * np.pi, frames) if frames > 1 else np.zeros(1)
        yaw = 78 * np.sin(phase) + 2 * noise(2.0)
    pitch, roll = reach * 4.5 * noise(3.0), reach * 3.5 * noise(4.0)
    height = {"small": 0.15, "two people": 0.42}.get(kind, float(rng.uniform(0.5, 0.68)))
    x = (number + 0.5 + 0.08) / count if count > 1 else float(rng.uniform(0.44, 0.56))
    across, down = noise(3.5) * 0.012 * reach, noise(3.0) * 0.010 * reach
    speech, lids, look = syllables(rng, frames, rate), blinks(rng, frames, rate), glances(rng, frames, rate)
    smile, brows = np.clip(0.35 * noise(5.0), 0, 1), 0.4 * noise(2.5)
    cover = _cover(kind, rng, frames, rate)
    heads = []
    for frame in range(frames):
        pose = Pose(
            float(np.clip(yaw[frame], -80, 80)), float(pitch[frame]), float(roll[frame]),
            x + float(across[frame]), (0.4 if kind == "small" else 0.45) + float(down[frame]), height,
        )  # fmt: skip
        expression = Expression(
            gaze_deg=(float(look[frame, 0]), float(look[frame, 1])),
            blink=float(lids[frame]),
            jaw=float(speech["jaw"][frame]) * 0.75,
            wide=float(speech["wide"][frame]),
            round=float(speech["round"][frame]),
            press=float(speech["press"][frame]) * 0.8,
            smile=float(smile[frame]),
            brows=float(np.clip(brows[frame] + 0.1, -0.4, 1)),
        )
        heads.append(Head(number * 2, pose, expression, cover[frame]))
    return _Track(heads, speech["loud"])


def _cover(kind: ClipKind, rng: np.random.Generator, frames: int, rate: float) -> list[tuple[Occluder, ...]]:
    if kind != "occluded":
        return [()] * frames
    what: OccluderKind = "hand" if rng.random() < 0.7 else "microphone"
    x, y, turn = (drift(rng, frames, rate, period) for period in (1.6, 1.9, 2.3))
    glasses = (Occluder("glasses"),) if rng.random() < 0.5 else ()
    start = float(rng.uniform(-20, 10))
    return [
        (*glasses, Occluder(what, start + 34 * float(x[k]), 10 + 30 * float(y[k]), 14 * float(turn[k])))
        for k in range(frames)
    ]


def _light(kind: ClipKind, rng: np.random.Generator) -> Light:
    direction = (float(rng.uniform(-0.9, 0.9)), float(rng.uniform(0.15, 0.8)), float(rng.uniform(0.5, 1.0)))
    warm = float(rng.uniform(-1, 1))
    key = (1.0 + 0.08 * warm, 0.97, 0.94 - 0.12 * warm)
    light = Light(direction, key, softness=float(rng.uniform(0.1, 1.0)))
    if kind == "dim":
        return replace(light, key=(0.13, 0.115, 0.10), sky=(0.04, 0.045, 0.055), ground=(0.02, 0.02, 0.02))
    return light


def _lit(kind: ClipKind, light: Light, time_s: float) -> Light:
    if kind != "coloured light":
        return light
    turn = 2 * np.pi * time_s / 3.0
    key = [0.5 + 0.45 * float(np.cos(turn + shift)) for shift in (0.0, 2.1, 4.2)]
    direction = (float(np.sin(turn * 0.7)), 0.4, 0.7)
    return replace(
        light,
        direction=direction,
        key=(key[0], key[1], key[2]),
        sky=(0.10, 0.12, 0.22),
        ground=(0.12, 0.05, 0.08),
    )


def _camera(kind: ClipKind, rng: np.random.Generator) -> Camera:
    noise = float(rng.uniform(4.0, 7.0)) if kind == "dim" else float(rng.uniform(0.8, 2.2))
    return Camera(float(rng.uniform(700, 1600)), float(rng.uniform(0.4, 0.8)), noise)


def _motion(before: Pose, now: Pose, size: tuple[int, int]) -> tuple[float, float]:
    """How far the face moves while a shutter of 180 degrees is open; the blur is the whole picture's."""
    radius = 0.4 * now.height * size[1]
    x = (now.x - before.x) * size[0] + np.radians(now.yaw_deg - before.yaw_deg) * radius
    y = (now.y - before.y) * size[1] - np.radians(now.pitch_deg - before.pitch_deg) * radius
    return 0.5 * float(x), 0.5 * float(y)
