"""What smoothers read of the faces of a frame, and how they put the result back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trtswap.native import core
from trtswap.types import Array, Faces

FILLED_WEIGHT = 0.2
"""How much a face without a detection counts beside one with."""

COORDINATES = 14


def track_ids(faces: Faces) -> Array:
    """The ids of tracked faces. Raises ValueError for faces without."""
    if faces.track_ids is None:
        if len(faces):
            raise ValueError("faces to smooth need track_ids")
        return np.zeros(0, np.int32)
    return faces.track_ids


def sample_weights(faces: Faces) -> Array:
    """How much each face counts: float64 [N]."""
    if faces.filled is None:
        return np.ones(len(faces))
    return np.where(faces.filled, FILLED_WEIGHT, 1.0)


def coordinates(faces: Faces) -> Array:
    """Points and corners of the box of each face: float64 [N, COORDINATES]."""
    flat = (faces.landmarks_px.reshape(len(faces), 10), faces.boxes_px)
    return np.concatenate(flat, axis=1, dtype=np.float64)


def with_coordinates(faces: Faces, values: Array) -> Faces:
    """The faces with points and boxes of `coordinates`."""
    return placed(faces, values[:, :10].reshape(-1, 5, 2), values[:, 10:])


def placed(faces: Faces, landmarks_px: Array, boxes_px: Array) -> Faces:
    """The faces elsewhere; their sixty-eight points move as the five do."""
    dense = faces.landmarks_68_px
    if dense is not None:
        dense = core.carried(dense, faces.landmarks_px, landmarks_px)
    return replace(
        faces,
        landmarks_px=landmarks_px.astype(np.float32),
        boxes_px=boxes_px.astype(np.float32),
        landmarks_68_px=dense,
    )
