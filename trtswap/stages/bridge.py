"""Where a face was while it was not detected: between two sightings of one track."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trtswap.native import core
from trtswap.types import Array, Faces


@dataclass(frozen=True)
class Sighting:
    """One face of one frame: landmarks_px float64 [5, 2], box_px float64 [4], score, embedding [D] or None,
    landmarks_68_px [68, 2] or None."""

    landmarks_px: Array
    box_px: Array
    score: float
    embedding: Array | None
    landmarks_68_px: Array | None = None

    @classmethod
    def of(cls, faces: Faces, row: int) -> Sighting:
        """The face at `row`."""
        return cls(
            faces.landmarks_px[row].astype(np.float64),
            faces.boxes_px[row].astype(np.float64),
            float(faces.scores[row]),
            None if faces.embeddings is None else faces.embeddings[row],
            None if faces.landmarks_68_px is None else faces.landmarks_68_px[row].astype(np.float64),
        )

    @property
    def centre_px(self) -> Array:
        """The mean of the landmarks: float64 [2]."""
        centre: Array = self.landmarks_px.sum(axis=0) / 5
        return centre


def between(
    before: Sighting, after: Sighting, share: float, earlier: tuple[Array, float] | None = None
) -> Sighting:
    """The face at `share` (0..1) of the time from `before` to `after`.

    The landmarks are turned and scaled evenly (angle and logarithm of the scale), and what no similarity explains is
    added in proportion. The centre runs straight and evenly, or, where `earlier` tells the centre at a share below 0,
    at the constant acceleration through all three.
    """
    landmarks = _blend_landmarks(before.landmarks_px, after.landmarks_px, share)
    if earlier is not None:
        landmarks += _bend(before.centre_px, after.centre_px, share, *earlier)
    nearer = before if share <= 0.5 else after
    placed = Sighting(landmarks, before.box_px, 0, nearer.embedding)
    return moved(placed, before, after, share)


def moved(face: Sighting, before: Sighting, after: Sighting, share: float) -> Sighting:
    """The face with its own landmarks, its box around them, and the score in proportion."""
    straight = before.centre_px + share * (after.centre_px - before.centre_px)
    box = before.box_px + share * (after.box_px - before.box_px) + np.tile(face.centre_px - straight, 2)
    score = before.score + share * (after.score - before.score)
    return Sighting(face.landmarks_px, box, score, face.embedding)


def with_dense(face: Sighting, before: Sighting, after: Sighting, share: float) -> Sighting:
    """The face with sixty-eight points: those of both ends, each moved as its five points do, in proportion."""
    ends = [
        core.carried(end.landmarks_68_px[None], end.landmarks_px[None], face.landmarks_px[None])[0]
        for end in (before, after)
        if end.landmarks_68_px is not None
    ]
    dense = (1 - share) * ends[0] + share * ends[1] if len(ends) == 2 else None
    return replace(face, landmarks_68_px=dense)


def _blend_landmarks(first: Array, last: Array, share: float) -> Array:
    """Landmarks on the way between two sets [5, 2], as complex numbers: a similarity is a product and a sum."""
    a, b = first[:, 0] + 1j * first[:, 1], last[:, 0] + 1j * last[:, 1]
    middle_a, middle_b = a.mean(), b.mean()
    a, b = a - middle_a, b - middle_b
    spread = np.vdot(a, a).real
    similarity = complex(np.vdot(a, b)) / spread if spread > 0 else 0j
    if similarity == 0:
        shape = a + share * (b - a)
    else:
        power = similarity**share
        shape = power * (a + share * (b / similarity - a))
    blended = middle_a + share * (middle_b - middle_a) + shape
    points: Array = np.ascontiguousarray(blended).view(np.float64).reshape(-1, 2)
    return points


def _bend(first: Array, last: Array, share: float, earlier: Array, at: float) -> Array:
    """How far the parabola through three centres, at shares `at` < 0, 0 and 1, is off the straight way."""
    curvature = (earlier - first - at * (last - first)) / (at * (at - 1))
    bend: Array = share * (share - 1) * curvature
    return bend
