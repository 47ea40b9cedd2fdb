"""How people move: smooth noise, speech, blinks, glances. Each function gives one value for each frame."""

from __future__ import annotations

import numpy as np

from trtswap.types import Array


def drift(rng: np.random.Generator, frames: int, rate: float, period_s: float) -> Array:
    """Smooth noise float64 [frames], mean 0, deviation about 1, turning about once in `period_s` at `rate` frames/s."""
    time = np.arange(frames) / rate
    total = np.zeros(frames)
    for octave in range(3):
        frequency = 2**octave / period_s * rng.uniform(0.75, 1.3)
        total += 0.6**octave * np.sin(2 * np.pi * (frequency * time + rng.random()))
    result: Array = total * 1.05
    return result


def blinks(rng: np.random.Generator, frames: int, rate: float) -> Array:
    """Closure of the lids 0..1: a blink of about 0.25 s every 2 to 5 s, quicker to close than to open."""
    time = np.arange(frames) / rate
    closure = np.zeros(frames)
    at = float(rng.uniform(0.3, 2.0))
    while at < frames / rate:
        off = time - at
        pulse = np.where(off < 0, 1 + off / 0.09, 1 - off / 0.17)
        closure = np.maximum(closure, np.clip(pulse, 0, 1))
        at += float(rng.uniform(1.8, 5.0))
    return closure * closure * (3 - 2 * closure)


def glances(rng: np.random.Generator, frames: int, rate: float) -> Array:
    """Where the eyes look, degrees right and up: float64 [frames, 2]; held still, then moved within 0.05 s."""
    target = np.zeros(2)
    gaze = np.zeros((frames, 2))
    now = np.zeros(2)
    until = 0.0
    for frame in range(frames):
        if frame / rate >= until:
            target = rng.normal(0, 1, 2) * (7.0, 3.5)
            until = frame / rate + float(rng.uniform(0.4, 2.2))
        now = now + (target - now) * min(1.0, 20.0 / rate)
        gaze[frame] = now
    return gaze


def syllables(rng: np.random.Generator, frames: int, rate: float) -> dict[str, Array]:
    """The mouth of someone who talks, each float64 [frames], 0..1: jaw, wide, round, press, and loud, the voice's
    strength. Four to six syllables a second, with pauses between phrases."""
    time = np.arange(frames) / rate
    tracks = {name: np.zeros(frames) for name in ("jaw", "wide", "round", "press", "loud")}
    at, left = 0.1, int(rng.integers(5, 14))
    while at < frames / rate:
        length = float(rng.uniform(0.16, 0.26))
        bump = np.exp(-(((time - at - 0.5 * length) / (0.42 * length)) ** 2))
        tracks["jaw"] += float(rng.uniform(0.15, 0.75)) * bump
        tracks["loud"] += float(rng.uniform(0.5, 1.0)) * bump
        shape = str(rng.choice(("wide", "round", "jaw"), p=(0.35, 0.3, 0.35)))
        tracks[shape] += float(rng.uniform(0.2, 0.8)) * bump * (0.3 if shape == "jaw" else 1)
        if rng.random() < 0.25:
            tracks["press"] += np.exp(-(((time - at) / 0.05) ** 2))
        at, left = at + length, left - 1
        if left == 0:
            at, left = at + float(rng.uniform(0.3, 0.9)), int(rng.integers(5, 14))
    return {name: np.clip(track, 0, 1) for name, track in tracks.items()}
