"""Tracked faces that move as told, and what a smoother makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trtswap.geometry import TEMPLATES
from trtswap.stages.smooth import Smoother
from trtswap.types import Faces

TEMPLATE = TEMPLATES["arcface_112_v2"]
EYES = float(np.linalg.norm(TEMPLATE[1] - TEMPLATE[0]))


def moving(centres: Any, sizes: Any = 200.0, angles: Any = 0.0, shape: Any = 0.0) -> np.ndarray:
    """Landmarks float64 [F, 5, 2] of a face at centres [F, 2], `sizes` pixels per template unit, turned by `angles`."""
    centres = np.asarray(centres, np.float64)
    canonical = TEMPLATE - TEMPLATE.mean(axis=0) + shape
    turn = np.broadcast_to(np.asarray(sizes) * np.exp(1j * np.asarray(angles)), len(centres))
    points = (canonical[:, 0] + 1j * canonical[:, 1]) * turn[:, None]
    return np.stack([points.real, points.imag], axis=-1) + centres[:, None]


def boxes_around(landmarks: np.ndarray) -> np.ndarray:
    """Boxes [F, 4] with a margin around landmarks [F, 5, 2]."""
    centre = landmarks.mean(axis=1)
    half = 1.5 * np.linalg.norm(landmarks - centre[:, None], axis=2).mean(axis=1)[:, None]
    return np.concatenate([centre - half, centre + half * (1, 1.2)], axis=1)


def as_faces(
    landmarks: Any, ids: Sequence[int], filled: Sequence[bool] | None = None, boxes: Any = None
) -> Faces:
    """Faces of one frame from landmarks [N, 5, 2]; float64 is kept, so that tests see a smoother's own precision."""
    points = np.asarray(landmarks, np.float64).reshape(-1, 5, 2)
    scores = np.linspace(0.9, 0.6, len(points)).astype(np.float32)
    return Faces(
        boxes_around(points) if boxes is None else boxes,
        points,
        scores,
        np.arange(len(points) * 4, dtype=np.float32).reshape(-1, 4),
        np.array(ids, np.int32),
        np.zeros(len(points), bool) if filled is None else np.array(filled),
    )


def smoothed(
    smoother: Smoother,
    landmarks: np.ndarray,
    times_s: Any = None,
    filled: Any = None,
    cuts: Sequence[int] = (),
) -> np.ndarray:
    """Landmarks [F, 5, 2] of one track through a smoother, at 30 frames a second."""
    times = np.arange(len(landmarks)) / 30 if times_s is None else times_s
    done: list[Faces] = []
    for index, points in enumerate(landmarks):
        faces = as_faces(points[None], [7], None if filled is None else [filled[index]])
        done += smoother.push(faces, cut=index in cuts, time_s=float(times[index]))
        assert len(done) >= index + 1 - smoother.lag_frames
    done += smoother.flush()
    assert len(done) == len(landmarks)
    return np.concatenate([faces.landmarks_px for faces in done]).astype(np.float64)
