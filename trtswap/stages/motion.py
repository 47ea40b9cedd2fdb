"""How a tracked face moves: where it will be, and how well a detection fits there.

Lengths are in units of the face's own size and times in seconds, so that nothing depends on the resolution or the frame
rate. A track is one row of a float64 table, and every function works on all rows at once: with a few faces the number
of NumPy calls is the cost.
"""

from __future__ import annotations

import math

import numpy as np

from trtswap.types import Array, Faces

# Columns of what is seen: float64 [N, 13].
CENTRE = slice(0, 2)
LOG_SIZE = 2
SHAPE = slice(3, 13)  # the landmarks relative to their centre, in sizes
SHAPE_BEGINS = 3
SEEN_COLUMNS = 13
# Further columns of a track: float64 [T, 19].
VELOCITY = slice(13, 15)  # px per second
POSITION_VARIANCE, COVARIANCE, VELOCITY_VARIANCE = (
    15,
    16,
    17,
)  # in sizes squared, per axis; and per second, squared
VARIANCES = slice(15, 18)
UNSEEN_S = 18  # since the last detection
TRACK_COLUMNS = 19

_SIZE_OF_SPREAD = 4.0
"""A face's box is about four times as large as its landmarks' root mean square distance from their centre (measured
with YuNet: 3.6 to 4.4). Landmarks are used, because boxes end at the border of the frame."""
_LEAST_SIZE_OF_BOX = 0.25
_LEAST_SIZE_PX = 1e-3

_DAMPING_S = 1.0
"""A velocity that nothing confirms fades with this time constant."""
_JERKINESS = 30.0
"""Density of the white noise that accelerates a face, sizes^2/s^3: 1 size/s of change from frame to frame at 30 fps, as
much as a shaken head."""
_BIRTH_SPEED = 4.0
"""Standard deviation of the unknown velocity of a new face, sizes/s."""
_MEASUREMENT = 0.03
"""Standard deviation of a detected centre, sizes: well above a detector's noise, as heads also nod and blur."""
_SIZE_SIGMA, _SIZE_SIGMA_PER_S = 0.06, 1.0
_SHAPE_SIGMA, _SHAPE_SIGMA_PER_S = 0.04, 0.5
_LARGEST_SIZE_CHANGE = 0.9
"""Natural logarithm of the largest step in size that is still the same face: 2.5 times."""
_LARGEST_VARIANCE, _LONGEST_DOUBT_S = 0.3, 0.25
"""However long a face was away, it is likeliest to come back where it was expected."""
_SURPRISE = 9.0
"""A squared innovation beyond this many variances is a sudden move or a stray hit: the velocity trusts it less."""
_TOO_FAR = 1.0
"""The cost from which a new face is the better explanation. With it a steady face may jump 0.8 sizes off its path, a
new one 1.2 sizes at 30 fps, and one unseen for 0.2 s 1.4 sizes."""

_COSINE_MIDDLE, _COSINE_WEIGHT, _COSINE_LIMIT = 0.3, 12.0, 5.0
"""Log likelihood ratio of two embeddings being of one person: cosines of one person lie about 0.6, of two about 0.
Limited, so that a blurred or turned face is not torn off its track."""


def observe(faces: Faces) -> Array:
    """What is seen of each face: float64 [N, SEEN_COLUMNS]."""
    seen = np.empty((len(faces), SEEN_COLUMNS))
    landmarks = faces.landmarks_px.astype(np.float64)
    boxes = faces.boxes_px.astype(np.float64)
    seen[:, CENTRE] = centre = landmarks.sum(axis=1) / 5
    shape = (landmarks - centre[:, None]).reshape(-1, 10)
    spread = np.sqrt(np.einsum("nk,nk->n", shape, shape) / 5)
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    least = np.maximum(_LEAST_SIZE_OF_BOX * np.sqrt(sides[:, 0] * sides[:, 1]), _LEAST_SIZE_PX)
    size = np.maximum(_SIZE_OF_SPREAD * spread, least)
    seen[:, LOG_SIZE] = np.log(size)
    seen[:, SHAPE] = shape / size[:, None]
    return seen


def begin(seen: Array) -> Array:
    """New tracks of what is seen, standing still as far as anyone knows: float64 [N, TRACK_COLUMNS]."""
    tracks = np.zeros((len(seen), TRACK_COLUMNS))
    tracks[:, :SEEN_COLUMNS] = seen
    tracks[:, POSITION_VARIANCE] = _MEASUREMENT**2
    tracks[:, VELOCITY_VARIANCE] = _BIRTH_SPEED**2
    return tracks


def predict(tracks: Array, elapsed_s: float) -> None:
    """Moves the tracks on in time, in place: constant velocity, damped, under white accelerations."""
    decay = math.exp(-elapsed_s / _DAMPING_S)
    travel = _DAMPING_S * (1 - decay)
    tracks[:, CENTRE] += travel * tracks[:, VELOCITY]
    tracks[:, VELOCITY] *= decay
    grown = ((1.0, 0.0, 0.0), (2 * travel, decay, 0.0), (travel**2, decay * travel, decay**2))
    spread = (elapsed_s**3 / 3, elapsed_s**2 / 2, elapsed_s)
    tracks[:, VARIANCES] = tracks[:, VARIANCES] @ np.array(grown) + _JERKINESS * np.array(spread)
    tracks[:, UNSEEN_S] += elapsed_s


def affinities(tracks: Array, seen: Array) -> Array:
    """How much better than as a new face each detection is explained by each predicted track: float64 [T, N].

    A logarithm of likelihoods, heavy-tailed because heads start and stop: of the centre, the size and the shape. Above
    0 where the two may belong together; -inf where the size rules it out.
    """
    apart = seen[:, :SHAPE_BEGINS] - tracks[:, None, :SHAPE_BEGINS]
    apart *= apart
    unseen = np.minimum(tracks[:, UNSEEN_S, None], _LONGEST_DOUBT_S)
    variance = np.minimum(tracks[:, POSITION_VARIANCE, None] + _MEASUREMENT**2, _LARGEST_VARIANCE)
    distance = (apart[..., 0] + apart[..., 1]) * (np.exp(-2 * tracks[:, LOG_SIZE, None]) / (2 * variance))
    size_sigma = _SIZE_SIGMA + _SIZE_SIGMA_PER_S * unseen
    shape_variance = (_SHAPE_SIGMA + _SHAPE_SIGMA_PER_S * unseen) ** 2
    grown = apart[..., LOG_SIZE]
    bent = _squared_distances(tracks[:, SHAPE], seen[:, SHAPE]) / (20 * shape_variance)
    size_tail = 1 + grown / (2 * size_sigma**2)
    tails = ((1 + distance) * (1 + bent)) ** 2 * size_tail * np.sqrt(size_tail)
    cost = np.log(tails * (variance * size_sigma))
    affinity: Array = np.where(grown < _LARGEST_SIZE_CHANGE**2, _TOO_FAR - cost, -np.inf)
    return affinity


def _squared_distances(rows: Array, columns: Array) -> Array:
    """Between vectors [T, D] and [N, D] of lengths about 1: [T, N], exact to some 1e-16."""
    squares = np.einsum("td,td->t", rows, rows)[:, None] + np.einsum("nd,nd->n", columns, columns)
    return np.asarray(squares - 2 * (rows @ columns.T))


def likeness(tracked: Array, seen: Array) -> Array:
    """What embeddings add to `affinities`: unit vectors [T, D] and [N, D]; a vector of zeros says nothing."""
    cosines = tracked @ seen.T
    known: Array = np.logical_and.outer(tracked.any(axis=1), seen.any(axis=1))
    ratio = np.clip(_COSINE_WEIGHT * (cosines - _COSINE_MIDDLE), -_COSINE_LIMIT, _COSINE_LIMIT)
    return np.where(known, ratio, 0)


def update(tracks: Array, rows: Array, seen: Array) -> None:
    """Corrects the tracks at `rows`, in place, by what is seen of them, in that order."""
    state = tracks[rows]
    cross = state[:, COVARIANCE]
    variance = state[:, POSITION_VARIANCE] + _MEASUREMENT**2
    share = cross / variance
    off = seen[:, CENTRE] - state[:, CENTRE]
    squared = np.einsum("nd,nd->n", off, off) * np.exp(-2 * state[:, LOG_SIZE])
    trust = 1 / np.maximum(squared / (_SURPRISE * variance), 1)
    gain = 1 - _MEASUREMENT**2 / variance * trust
    new = np.empty_like(state)
    new[:, :SEEN_COLUMNS] = seen
    new[:, CENTRE] = state[:, CENTRE] + gain[:, None] * off
    new[:, VELOCITY] = state[:, VELOCITY] + (share * trust)[:, None] * off
    new[:, POSITION_VARIANCE] = gain * _MEASUREMENT**2
    new[:, COVARIANCE] = (1 - gain) * cross
    doubt = (1 - trust) * squared / (2 * state[:, UNSEEN_S]) ** 2
    new[:, VELOCITY_VARIANCE] = state[:, VELOCITY_VARIANCE] - cross * share + doubt
    new[:, UNSEEN_S] = 0
    tracks[rows] = new
