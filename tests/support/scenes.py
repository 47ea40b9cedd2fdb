"""Short clips with known cuts, and clips with everything that only looks like one.

Every case follows from its class name, its seed and whether a photograph is given. `HARD` are the classes with cuts,
`DISTURBANCES` those without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from support.effects import barred, captioned, compressed, noisy, stored
from support.pictures import background, face_placement, paint_face
from support.worlds import HEIGHT, WIDTH, Camera, Picture, Shot, Studio, portrait, texture, view
from trtswap.stages.scene_match import pictures
from trtswap.stages.scenes import SceneDetector, thumbnails
from trtswap.types import PixelFormat, Surface

Clip = tuple[list[Picture], Sequence[int]]
"""Frames, float [H, W, 3], and the frames that begin a new scene."""


@dataclass(frozen=True)
class Case:
    """name: the class. frames: uint8 [H, W, 3] each. cuts: the frames that begin a new scene."""

    name: str
    seed: int
    frames: list[Any]
    cuts: tuple[int, ...] = ()


def make_case(name: str, seed: int, photograph: Picture | None = None) -> Case:
    """The case of class `name` with the given seed. photograph: uint8 [H, W, 3] used for some of the worlds."""
    rng = np.random.default_rng([seed, *name.encode()])
    frames, cuts = (HARD | DISTURBANCES)[name](Studio(rng, photograph))
    return Case(name, seed, [stored(frame) for frame in frames], tuple(int(cut) for cut in cuts))


def make_cases(
    seeds: Sequence[int], photograph: Picture | None = None, names: Sequence[str] = ()
) -> Iterator[Case]:
    """Every class, or those named, with every seed, one at a time."""
    return (make_case(name, seed, photograph) for name in names or HARD | DISTURBANCES for seed in seeds)


def surface(frame: Any) -> Surface:
    """The picture as an RGB8 surface."""
    return Surface(PixelFormat.RGB8, (frame,))


def scene_cuts(frames: Sequence[Any]) -> list[int]:
    """The frames that trtswap says begin a new scene."""
    return detected_cuts(thumbnails([surface(frame) for frame in frames]))


def detected_cuts(small: Sequence[Any]) -> list[int]:
    """The same of thumbnails."""
    detector = SceneDetector()
    answers = [detector.push(picture) for picture in (pictures(np.stack(small)) if len(small) else ())]
    assert answers[:1] in ([], [None])
    assert None not in answers[1:]
    answers = [*answers[1:], detector.flush()]
    return [index for index, answer in enumerate(answers) if answer]


def _different(studio: Studio) -> Clip:
    cuts = np.cumsum(studio.rng.integers(6, 12, 3))
    return _join([studio.any_shot() for _ in range(4)], cuts, int(cuts[-1]) + 8), cuts


def _same_backdrop(studio: Studio) -> Clip:
    """Painted faces on one backdrop, other framing: shot and reverse shot."""
    rng, shade, cuts = studio.rng, int(studio.rng.integers(1 << 30)), (9, 17)
    views = []
    for size in ((240, 330), (520, 700), (330, 450)):
        world, camera = portrait(rng, shade, size), studio.camera(60)
        views.append(view(world, camera))
    shots = [_constant(picture) for picture in views]
    return noisy(rng, _join(shots, cuts, 25), 2), cuts


def _reframed(studio: Studio) -> Clip:
    """One world from the same place, 1.5 to 2 times closer and elsewhere."""
    world, near = studio.world(), float(studio.rng.uniform(1.5, 2.0))
    wide = replace(studio.camera(40), scale=2.2)
    x, y = studio.rng.uniform(0.25, 0.5, 2) * studio.rng.choice([-1, 1], 2) * 2.2
    close = Camera(wide.x + x * WIDTH / 2, wide.y + y * HEIGHT / 2, 2.2 / near)
    shots = [_constant(view(world, camera)) for camera in (wide, close, wide)]
    return noisy(studio.rng, _join(shots, (9, 17), 25), 2), (9, 17)


def _black_between(studio: Studio) -> Clip:
    shots = [studio.any_shot(), _constant(_plain(float(studio.rng.uniform(0, 16)))), studio.any_shot()]
    return _join(shots, (9, 18), 26), (9, 18)


def _low_light(studio: Studio) -> Clip:
    frames, cuts = _different(studio)
    gain = studio.rng.uniform(0.06, 0.15)
    return noisy(studio.rng, [frame * gain + 3 for frame in frames], 3), cuts


def _noisy_cuts(studio: Studio) -> Clip:
    frames, cuts = _different(studio)
    return noisy(studio.rng, frames, studio.rng.uniform(20, 35)), cuts


def _compressed_cuts(studio: Studio) -> Clip:
    frames, cuts = _different(studio)
    return compressed(frames, studio.rng), cuts


def _moving_cuts(studio: Studio) -> Clip:
    """Between pans and shake."""
    shots = [studio.panning(0.04), studio.handheld(12), studio.panning(0.06, tilt=True)]
    return _join(shots, (9, 18), 27), (9, 18)


def _whip_pan_cuts(studio: Studio) -> Clip:
    """In the middle of a whip pan, from one world to another: the camera goes on as fast in the new one."""
    rng, worlds, camera = studio.rng, [studio.world(), studio.world()], studio.camera(30)
    steps, length = np.zeros(27), int(rng.integers(4, 9))
    steps[10 : 10 + length] = np.sin(np.linspace(0, np.pi, length + 2)[1:-1]) * rng.uniform(0.1, 0.3)
    cut = 10 + length // 2
    places = camera.x + (np.cumsum(steps) - steps.sum() / 2) * WIDTH * camera.scale * rng.choice([-1, 1])
    cameras = [replace(camera, x=x) for x in places]
    shutter = rng.choice([0.5, 1.0])
    frames = [
        view(worlds[int(t >= cut)], a, (replace(a, x=a.x + (b.x - a.x) * shutter), 12))
        for t, (a, b) in enumerate(pairwise(cameras))
    ]
    return noisy(rng, frames, 2), (cut,)


def _quick_cuts(studio: Studio) -> Clip:
    """Shots of three to five frames."""
    cuts = 8 + np.cumsum(studio.rng.integers(3, 6, 5))
    return _join([studio.any_shot() for _ in range(6)], cuts, int(cuts[-1]) + 8), cuts


def _letterbox_cuts(studio: Studio) -> Clip:
    frames, cuts = _different(studio)
    return [barred(frame, 23) for frame in frames], cuts


def _overlay_cuts(studio: Studio) -> Clip:
    """A logo and a caption stay."""
    frames, cuts = _different(studio)
    return [captioned(frame) for frame in frames], cuts


def _flash(studio: Studio) -> Clip:
    """One to three frames, weak to burnt out, decaying or not, sometimes twice."""
    rng = studio.rng
    frames = _play(studio.any_shot(), 30)
    for start in rng.permutation([8, 14, 20])[: rng.integers(1, 3)]:
        gain, lift, decay = rng.uniform(1.3, 5), rng.uniform(0, 120), rng.choice([0.5, 1.0])
        for step in range(rng.integers(1, 4)):
            share = decay**step
            frames[start + step] = frames[start + step] * (1 + (gain - 1) * share) + lift * share
    return noisy(rng, frames, 2), ()


def _fades(studio: Studio) -> Clip:
    """To a plain colour (mostly black) and up again to another shot."""
    rng, length = studio.rng, int(studio.rng.integers(5, 16))
    plain = _plain(float(rng.choice([0, 0, 16, 255])))
    down, hold = np.linspace(1, 0, length), np.zeros(int(rng.integers(1, 6)))
    shares = np.concatenate([np.ones(5), down, hold, down[::-1], np.ones(5)])
    shots = [studio.any_shot(), studio.any_shot()]
    middle = 5 + length
    return [plain + share * (shots[int(t > middle)](t) - plain) for t, share in enumerate(shares)], ()


def _dissolve(studio: Studio) -> Clip:
    length, first, second = int(studio.rng.integers(5, 20)), studio.any_shot(), studio.any_shot()
    shares = np.concatenate([np.zeros(6), np.linspace(0, 1, length + 2)[1:-1], np.ones(6)])
    return [first(t) * (1 - share) + second(t) * share for t, share in enumerate(shares)], ()


def _exposure_step(studio: Studio) -> Clip:
    """The exposure jumps, with and without clipping."""
    frames = _play(studio.any_shot(), 26)
    gains = np.repeat([1.0, *np.exp(studio.rng.uniform(-1.1, 0.9, 2))], (8, 9, 9))
    return noisy(studio.rng, [frame * gain for frame, gain in zip(frames, gains, strict=True)], 2), ()


def _gain_ramp(studio: Studio) -> Clip:
    frames, gains = _play(studio.any_shot(), 26), np.geomspace(1, np.exp(studio.rng.uniform(-2, 1.3)), 26)
    return [frame * gain for frame, gain in zip(frames, gains, strict=True)], ()


def _pan(studio: Studio) -> Clip:
    return _play(studio.panning(float(studio.rng.uniform(0.02, 0.10))), 24), ()


def _tilt(studio: Studio) -> Clip:
    return _play(studio.panning(float(studio.rng.uniform(0.02, 0.10)), tilt=True), 24), ()


def _whip_pan(studio: Studio) -> Clip:
    """Still, then up to a third of the width a frame with the blur of a 180 or 360 degree shutter, and still again."""
    rng, world, camera = studio.rng, studio.world(), studio.camera(30)
    steps = np.zeros(27)
    length = int(rng.integers(3, 8))
    steps[10 : 10 + length] = np.sin(np.linspace(0, np.pi, length + 2)[1:-1]) * rng.uniform(0.15, 0.35)
    places = camera.x + (np.cumsum(steps) - steps.sum() / 2) * WIDTH * camera.scale * rng.choice([-1, 1])
    cameras = [replace(camera, x=x) for x in places]
    shutter = rng.choice([0.5, 1.0])
    return [view(world, a, (replace(a, x=a.x + (b.x - a.x) * shutter), 12)) for a, b in pairwise(cameras)], ()


def _zoom(studio: Studio) -> Clip:
    """Two to eight percent a frame, in or out."""
    world, camera, rate = studio.world(), studio.camera(40), studio.rng.uniform(0.02, 0.08)
    sign = studio.rng.choice([-1, 1])
    cameras = [replace(camera, scale=1.6 * np.exp(sign * rate * (t - 8))) for t in range(17)]
    return [view(world, a) for a in cameras], ()


def _roll(studio: Studio) -> Clip:
    world, camera, rate = studio.world(), studio.camera(40), studio.rng.uniform(-5, 5)
    return [view(world, replace(camera, roll_deg=rate * (t - 10))) for t in range(20)], ()


def _handheld(studio: Studio) -> Clip:
    return noisy(studio.rng, _play(studio.handheld(float(studio.rng.uniform(8, 25))), 24), 4), ()


def _passing_object(studio: Studio) -> Clip:
    """Something 0.5 to 1.2 pictures wide crosses the picture at up to a third of its width a frame."""
    rng, shot, outside = studio.rng, studio.any_shot(), texture(studio.rng)
    width, speed = rng.uniform(0.5, 1.2) * WIDTH, rng.uniform(0.12, 0.33) * WIDTH
    skin, frames = view(outside, Camera(scale=1.5)), []
    for t in range(24):
        left = (t - 7) * speed - width
        inside = (np.arange(WIDTH) >= left) & (np.arange(WIDTH) < left + width)
        moved = np.roll(skin, round(left), axis=1)
        frames.append(np.where(inside[None, :, None], moved, shot(t)))
    return frames, ()


def _noise(studio: Studio) -> Clip:
    return noisy(studio.rng, _play(studio.any_shot(), 22), studio.rng.uniform(20, 50)), ()


def _dark_noise(studio: Studio) -> Clip:
    gain = studio.rng.uniform(0.03, 0.12)
    return noisy(studio.rng, [frame * gain + 3 for frame in _play(studio.any_shot(), 22)], 4), ()


def _compression(studio: Studio) -> Clip:
    return compressed(_play(studio.any_shot(), 22), studio.rng), ()


def _static(studio: Studio) -> Clip:
    return _play(studio.still(), 20), ()


def _letterbox(studio: Studio) -> Clip:
    return [barred(frame, 23) for frame in _play(studio.panning(0.05), 22)], ()


def _flicker(studio: Studio) -> Clip:
    """Every frame its own gain and tint."""
    frames, rng = _play(studio.any_shot(), 24), studio.rng
    return [frame * rng.uniform(0.55, 1.45) * rng.uniform(0.9, 1.1, 3) for frame in frames], ()


def _face_jumps(studio: Studio) -> Clip:
    """A face of up to two thirds of the height that moves by half its size from one frame to the next."""
    rng, backdrop = studio.rng, background(WIDTH, HEIGHT, seed=int(studio.rng.integers(1 << 30)), noise=0)
    size, person = float(rng.uniform(60, 120)), int(rng.integers(1 << 30))
    middle = (float(rng.uniform(110, 210)), float(rng.uniform(80, 100)))
    frames = []
    for t in range(24):
        if t % 6 == 5:
            angle = rng.uniform(0, 6.3)
            middle = (
                float(np.clip(middle[0] + 0.5 * size * np.cos(angle), 70, 250)),
                float(np.clip(middle[1] + 0.5 * size * np.sin(angle), 50, 130)),
            )
        picture = backdrop.copy()
        paint_face(picture, face_placement(middle, size), seed=person)
        frames.append(picture.astype(np.float32))
    return noisy(rng, frames, 2), ()


HARD: dict[str, Callable[[Studio], Clip]] = {
    "different shots": _different,
    "same backdrop": _same_backdrop,
    "reframed": _reframed,
    "to and from black": _black_between,
    "low light": _low_light,
    "under noise": _noisy_cuts,
    "under compression": _compressed_cuts,
    "in motion": _moving_cuts,
    "inside a whip pan": _whip_pan_cuts,
    "shots of 3 to 5 frames": _quick_cuts,
    "letterboxed": _letterbox_cuts,
    "under logo and caption": _overlay_cuts,
}
DISTURBANCES: dict[str, Callable[[Studio], Clip]] = {
    "flash": _flash,
    "fade": _fades,
    "dissolve": _dissolve,
    "exposure step": _exposure_step,
    "gain ramp": _gain_ramp,
    "pan": _pan,
    "tilt": _tilt,
    "whip pan": _whip_pan,
    "zoom": _zoom,
    "roll": _roll,
    "handheld": _handheld,
    "passing object": _passing_object,
    "heavy noise": _noise,
    "noise in the dark": _dark_noise,
    "compression": _compression,
    "static": _static,
    "letterbox and pan": _letterbox,
    "flicker": _flicker,
    "face jumps": _face_jumps,
}


def _play(shot: Shot, count: int) -> list[Picture]:
    return [shot(t) for t in range(count)]


def _join(shots: Sequence[Shot], cuts: Sequence[int], count: int) -> list[Picture]:
    """Shots one after the other."""
    return [shots[int(np.searchsorted(cuts, t, "right"))](t) for t in range(count)]


def _constant(picture: Picture) -> Shot:
    return lambda _: picture


def _plain(value: float) -> Picture:
    return np.full((HEIGHT, WIDTH, 3), value, np.float32)
