"""From a head's millimetres to the picture: rigid motion of head and shoulders, then a pinhole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trtswap.demo.state import Camera, Pose
from trtswap.types import Array

HEAD_HEIGHT_MM = 231.0
"""Crown to chin of the mean head: what Pose.height measures."""
_NECK_PIVOT_MM = np.array((0.0, -85.0, -22.0))
_ANCHOR_MM = np.array((0.0, 0.0, 88.0))
_SHOULDERS_FOLLOW = (0.35, 0.10, 0.15)
"""How much of the head's yaw, pitch and roll the shoulders join in."""


@dataclass(frozen=True)
class Placement:
    """A head before the camera. rotation: float64 [3, 3] of the head. torso: of the shoulders. focal_px, centre_px,
    distance_mm: of the pinhole, which looks straight at the head."""

    rotation: Array
    torso: Array
    focal_px: float
    centre_px: tuple[float, float]
    distance_mm: float

    def turned(self, vertices: Array, torso: Array) -> Array:
        """Vertices [V, 3] in head millimetres, turned as the head and, by `torso` [V], as the shoulders are: float32,
        x right, y up, z to the camera."""
        centred = vertices - _NECK_PIVOT_MM.astype(np.float32)
        head = centred @ self.rotation.T.astype(np.float32)
        body = centred @ self.torso.T.astype(np.float32)
        result: Array = head + torso[:, None] * (body - head) + _NECK_PIVOT_MM.astype(np.float32)
        return result.astype(np.float32)

    def projected(self, points: Array) -> Array:
        """Turned points [V, 3] to x, y in pixels and the distance in mm: float32 [V, 3]."""
        depth = self.distance_mm - (points[:, 2] - _ANCHOR_MM[2])
        scale = self.focal_px / np.maximum(depth, 1.0)
        x = self.centre_px[0] + scale * (points[:, 0] - _ANCHOR_MM[0])
        y = self.centre_px[1] - scale * (points[:, 1] - _ANCHOR_MM[1])
        return np.stack([x, y, depth], axis=-1).astype(np.float32)


def place(pose: Pose, camera: Camera, size: tuple[int, int]) -> Placement:
    """Where a pose puts a head in a picture of `size` (width, height)."""
    follow_yaw, follow_pitch, follow_roll = _SHOULDERS_FOLLOW
    return Placement(
        rotation=rotation(pose.yaw_deg, pose.pitch_deg, pose.roll_deg),
        torso=rotation(follow_yaw * pose.yaw_deg, follow_pitch * pose.pitch_deg, follow_roll * pose.roll_deg),
        focal_px=pose.height * size[1] * camera.distance_mm / HEAD_HEIGHT_MM,
        centre_px=(pose.x * size[0] - 0.5, pose.y * size[1] - 0.5),
        distance_mm=camera.distance_mm,
    )


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Array:
    """Pitch, then yaw, then roll, as `Pose` says: float64 [3, 3]."""
    yaw, pitch, roll = np.radians((yaw_deg, pitch_deg, roll_deg))
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    tilt = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    result: Array = tilt @ turn @ nod
    return result
