"""Independent truth for the motion of tracks: the model of csrc/tracking/motion.hpp in NumPy, all rows at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trtswap.types import Faces

# Columns of what is seen: float64 [N, 13].
CENTRE = slice(0, 2)
LOG_SIZE = 2
SHAPE = slice(3, 13)  # the landmarks relative to their centre, in sizes
SHAPE_BEGINS = 3
SEEN_COLUMNS = 13
# Further columns of a track: float64 [T, 19].
VELOCITY = slice(13, 15)  # px per second
POSITION_VARIANCE, COVARIANCE, VELOCITY_VARIANCE = 15, 16, 17
VARIANCES = slice(15, 18)
UNSEEN_S = 18  # since the last detection
TRACK_COLUMNS = 19

_SIZE_OF_SPREAD = 4.0
_LEAST_SIZE_OF_BOX = 0.25
_LEAST_SIZE_PX = 1e-3

_DAMPING_S = 1.0
_JERKINESS = 30.0
_BIRTH_SPEED = 4.0
_MEASUREMENT = 0.03
_SIZE_SIGMA, _SIZE_SIGMA_PER_S = 0.06, 1.0
_SHAPE_SIGMA, _SHAPE_SIGMA_PER_S = 0.04, 0.5
_LARGEST_SIZE_CHANGE = 0.9
_LARGEST_VARIANCE, _LONGEST_DOUBT_S = 0.3, 0.25
_SURPRISE = 9.0
_TOO_FAR = 1.0


def observe(faces: Faces) -> Any:
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


def begin(seen: Any) -> Any:
    """New tracks of what is seen, standing still as far as anyone knows: float64 [N, TRACK_COLUMNS]."""
    tracks = np.zeros((len(seen), TRACK_COLUMNS))
    tracks[:, :SEEN_COLUMNS] = seen
    tracks[:, POSITION_VARIANCE] = _MEASUREMENT**2
    tracks[:, VELOCITY_VARIANCE] = _BIRTH_SPEED**2
    return tracks


def predict(tracks: Any, elapsed_s: float) -> None:
    """Moves the tracks on in time, in place: constant velocity, damped, under white accelerations."""
    decay = math.exp(-elapsed_s / _DAMPING_S)
    travel = _DAMPING_S * (1 - decay)
    tracks[:, CENTRE] += travel * tracks[:, VELOCITY]
    tracks[:, VELOCITY] *= decay
    grown = ((1.0, 0.0, 0.0), (2 * travel, decay, 0.0), (travel**2, decay * travel, decay**2))
    spread = (elapsed_s**3 / 3, elapsed_s**2 / 2, elapsed_s)
    tracks[:, VARIANCES] = tracks[:, VARIANCES] @ np.array(grown) + _JERKINESS * np.array(spread)
    tracks[:, UNSEEN_S] += elapsed_s


def affinities(tracks: Any, seen: Any) -> Any:
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
    affinity: Any = np.where(grown < _LARGEST_SIZE_CHANGE**2, _TOO_FAR - cost, -np.inf)
    return affinity


def _squared_distances(rows: Any, columns: Any) -> Any:
    """Between vectors [T, D] and [N, D] of lengths about 1: [T, N], exact to some 1e-16."""
    squares = np.einsum("td,td->t", rows, rows)[:, None] + np.einsum("nd,nd->n", columns, columns)
    return np.asarray(squares - 2 * (rows @ columns.T))


def update(tracks: Any, rows: Any, seen: Any) -> None:
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
