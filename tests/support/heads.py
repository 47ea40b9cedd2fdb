"""Where the points of rendered heads truly are, without a picture of them."""

from __future__ import annotations

import numpy as np

from trtswap.demo.clips import plan_clip
from trtswap.demo.landmarks import five_points, landmarks
from trtswap.demo.layer import pose_model
from trtswap.demo.model import model_of
from trtswap.options import ClipKind

SIZE = (640, 360)
RATE = 25.0


def true_points(kind: ClipKind, seed: int, frames: int) -> np.ndarray:
    """The five points of the first head of a clip: float64 [F, 5, 2]."""
    clip = plan_clip(kind, seed, frames, SIZE, rate=RATE)
    points = []
    for state in clip.states:
        head = state.heads[0]
        geometry = pose_model(model_of(clip.people[head.person]), head, state)
        points.append(five_points(landmarks(geometry.points_px, head.pose.yaw_deg)))
    return np.stack(points).astype(np.float64)


def largest_eye_distance(points: np.ndarray) -> float:
    """Between the eyes, in the frame where they are farthest apart."""
    return float(np.linalg.norm(points[:, 1] - points[:, 0], axis=1).max())
