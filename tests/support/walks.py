"""Made-up faces that walk through a picture, with known truth: what a detector would report of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trtswap.geometry import TEMPLATES, non_max_suppression
from trtswap.types import Faces

FACE = TEMPLATES["arcface_112_v2"] - TEMPLATES["arcface_112_v2"].mean(axis=0)
FACE = FACE / np.linalg.norm(FACE[1] - FACE[0])
"""Five points about their mean, the eyes 1 apart."""
BOX = np.array([(-1.1, -1.4), (1.1, 1.4)])
"""The corners of the box around it, in eye distances; 2.5 across on average."""
SIZE = 2.5
"""The side of that box, about: what a size is in the tracker."""
OVERLAP = 0.4
"""Intersection over union beyond which a detector keeps one of two boxes."""


@dataclass
class Walker:
    """One person. place: seconds to centre, px. eyes: seconds to eye distance, px. angle: seconds to roll, radians."""

    place: Callable[[float], Any]
    eyes: Callable[[float], float] = lambda _: 40.0
    angle: Callable[[float], float] = lambda _: 0.0
    shape: Any = field(default_factory=lambda: FACE)
    likeness: Any = None

    def landmarks(self, time_s: float) -> Any:
        """float64 [5, 2]."""
        turn = self.angle(time_s)
        rotation = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
        return self.place(time_s) + self.eyes(time_s) * self.shape @ rotation.T

    def box(self, time_s: float) -> Any:
        """float64 [4]."""
        return (np.asarray(self.place(time_s)) + self.eyes(time_s) * BOX).ravel()


@dataclass
class Detector:
    """How well faces are seen. noise: of each landmark, a share of the eye distance. dropout: share of the detections
    that are missing. stray: probability of a wrong detection in a frame. hides: the nearer of two faces that overlap
    hides the other, the first of the list being the nearest. blind_s: from when to when nothing is seen."""

    rng: np.random.Generator
    noise: float = 0.02
    dropout: float = 0.0
    stray: float = 0.0
    hides: bool = True
    blind_s: tuple[float, float] = (0.0, 0.0)
    frame: tuple[float, float] = (1280.0, 720.0)

    def see(self, walkers: Sequence[Walker], time_s: float) -> tuple[Faces, list[int]]:
        """The detections in random order, and whose each is; -1 for a wrong one."""
        boxes = np.array([walker.box(time_s) for walker in walkers])
        rows = np.arange(len(walkers))
        if self.hides:
            rows = non_max_suppression(boxes, -rows, OVERLAP)
        blind = self.blind_s[0] < time_s < self.blind_s[1]
        rows = [row for row in rows if self.rng.random() >= self.dropout and not blind]
        found = [(walkers[row], int(row)) for row in rows]
        if self.rng.random() < self.stray:
            found.append((self._stray(walkers[0]), -1))
        self.rng.shuffle(found)
        return self._faces([walker for walker, _ in found], time_s), [row for _, row in found]

    def _stray(self, like: Walker) -> Walker:
        place = self.rng.uniform((0, 0), self.frame)
        eyes = like.eyes(0) * np.exp(self.rng.uniform(-1, 1.5))
        known = None if like.likeness is None else self.rng.standard_normal(len(like.likeness))
        return Walker(lambda _: place, lambda _: eyes, likeness=known)

    def _faces(self, walkers: Sequence[Walker], time_s: float) -> Faces:
        if not walkers:
            return Faces.empty()
        eyes = np.array([walker.eyes(time_s) for walker in walkers])[:, None]
        landmarks = np.stack([walker.landmarks(time_s) for walker in walkers])
        landmarks += self.noise * eyes[..., None] * self.rng.standard_normal(landmarks.shape)
        boxes = np.stack([walker.box(time_s) for walker in walkers])
        boxes += 2 * self.noise * eyes * self.rng.standard_normal(boxes.shape)
        known = None
        if walkers[0].likeness is not None:
            known = np.stack([self._seen_likeness(walker.likeness) for walker in walkers])
        scores = self.rng.uniform(0.6, 0.95, len(walkers)).astype(np.float32)
        return Faces(boxes.astype(np.float32), landmarks.astype(np.float32), scores, known)

    def _seen_likeness(self, likeness: Any) -> Any:
        """An embedding of any length, with a cosine of about 0.7 to the person's own."""
        noise = self.rng.standard_normal(len(likeness))
        mixed = likeness / np.linalg.norm(likeness) + 1.0 * noise / np.linalg.norm(noise)
        return (self.rng.uniform(5, 25) * mixed).astype(np.float32)


def line(start: Any, end: Any, seconds: float) -> Callable[[float], Any]:
    """Straight and even motion from start to end in so many seconds, and on."""
    first, last = np.asarray(start, np.float64), np.asarray(end, np.float64)
    return lambda time_s: first + (last - first) * (time_s / seconds)


def check_identities(seen: Sequence[tuple[Any, Sequence[int]]], people: int) -> None:
    """seen: per frame the track ids and whose face each is. Every person must have one id, and their own."""
    ids: list[set[int]] = [set() for _ in range(people)]
    for tracks, whose in seen:
        for track, person in zip(tracks.tolist(), whose, strict=True):
            if person >= 0:
                ids[person].add(track)
    assert all(len(own) == 1 for own in ids), f"ids of each person: {ids}"
    assert len(set.union(*ids)) == people, f"persons share ids: {ids}"
