"""Tracked faces with gaps, and what a GapFiller makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from support.walks import Detector, Walker
from trtswap.stages.gaps import GapFiller
from trtswap.types import Faces

EYES = 40.0
FPS = 30


def tracked(walkers: Sequence[Walker], frame: int, ids: Sequence[int], noise: float = 0.0) -> Faces:
    """The walkers as tracked faces."""
    detector = Detector(np.random.default_rng(frame), noise=noise, hides=False)
    faces, order = detector.see(walkers, frame / FPS)
    return replace(faces, track_ids=np.array([ids[who] for who in order], np.int32))


def fill(
    filler: GapFiller, frames: Sequence[Faces], cuts: Sequence[int] = (), surfaces: Any = None
) -> list[Faces]:
    """Everything the filler gives back, checking its delay."""
    given_back: list[Faces] = []
    for number, faces in enumerate(frames):
        surface = None if surfaces is None else surfaces[number]
        given_back += filler.push(faces, cut=number in cuts, surface=surface)
        assert number + 1 - len(given_back) <= filler.max_lag
    return given_back + filler.flush()


def ids(faces: Faces) -> list[int]:
    assert faces.track_ids is not None
    return [int(track) for track in faces.track_ids]


NONE = replace(Faces.empty(), track_ids=np.zeros(0, np.int32))


def presence(pattern: str, track: int = 0) -> list[Faces]:
    """One still face in the frames marked x."""
    walker = Walker(lambda _: np.array([300.0, 300.0]))
    return [tracked([walker], n, [track]) if mark == "x" else NONE for n, mark in enumerate(pattern)]


def shown(frames: Sequence[Faces]) -> str:
    """x detected, o filled, - nothing."""
    marks = []
    for faces in frames:
        assert faces.filled is not None
        marks.append("-" if not len(faces) else "o" if faces.filled[0] else "x")
    return "".join(marks)
