"""How tracked faces move, as tables of numbers: csrc/tracking/motion.hpp has the model.

A face as seen is a row of float64 [N, 13], a track one of float64 [T, 19]; what the columns mean is told there alone.
"""

from __future__ import annotations

import numpy as np

from trtswap.native import core
from trtswap.types import Array, Faces

_COSINE_MIDDLE, _COSINE_WEIGHT, _COSINE_LIMIT = 0.3, 12.0, 5.0
"""Log likelihood ratio of two embeddings being of one person: cosines of one person lie about 0.6, of two about 0.
Limited, so that a blurred or turned face is not torn off its track."""


def observe(faces: Faces) -> Array:
    """What is seen of each face: float64 [N, 13]."""
    return core.observe_faces(faces.boxes_px, faces.landmarks_px)


def nothing() -> Array:
    """No tracks: float64 [0, 19]."""
    return np.zeros((0, core.track_columns))


def begin(tracks: Array, seen: Array) -> Array:
    """The tracks, and behind them new ones of what is seen: float64 [T + N, 19]."""
    return core.begin_tracks(tracks, seen)


def keep(tracks: Array, rows: list[int]) -> Array:
    """The tracks at `rows`: float64 [K, 19]."""
    kept: Array = tracks.take(np.array(rows, np.intp), axis=0)
    return kept


def unseen_s(tracks: Array) -> Array:
    """Time since each track was last detected: float64 [T]."""
    seconds: Array = tracks[:, -1]
    return seconds


def follow(
    tracks: Array, seen: Array, elapsed_s: float, likeness: Array | None = None, weights: Array | None = None
) -> list[int]:
    """Moves the tracks on in time and corrects them by what is seen, in place. Returns the row of the track of each
    face seen, -1 where there is none.

    Every face is scored against every predicted track; the sum of the scores of the pairs is made as large as possible,
    and a pair whose score is not above 0 does not belong together. likeness: [T, N], added to the scores. weights: [T],
    the scores are multiplied by them then.
    """
    return core.follow_tracks(tracks, seen, elapsed_s, likeness, weights)


def likeness(tracked: Array, seen: Array) -> Array:
    """What embeddings say, for `follow`: unit vectors [T, D] and [N, D]; a vector of zeros says nothing."""
    cosines = tracked @ seen.T
    known: Array = np.logical_and.outer(tracked.any(axis=1), seen.any(axis=1))
    ratio = np.clip(_COSINE_WEIGHT * (cosines - _COSINE_MIDDLE), -_COSINE_LIMIT, _COSINE_LIMIT)
    return np.where(known, ratio, 0)
