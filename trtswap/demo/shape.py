"""From an identity's shape to a neutral head: one field of displacements for each parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from trtswap.demo.anatomy import EYE_CENTRE_MM, EYE_RADIUS_MM, MOUTH_Y_MM, lid_heights, lip_heights, mean_head
from trtswap.demo.curves import gauss, plateau, smoothstep
from trtswap.demo.person import Shape
from trtswap.types import Array


@dataclass(frozen=True)
class NeutralHead:
    """vertices: float64 [V, 3], mm, of the head's grid. eyes: float64 [2, 3], the eyeballs' centres, the picture's
    left first. eye_radius: mm."""

    vertices: Array
    eyes: Array
    eye_radius: float


def neutral_head(shape: Shape) -> NeutralHead:
    """The expressionless head of a shape, its lips closed and its eyes open."""
    values = np.array([getattr(shape, field.name) for field in fields(Shape)])
    vertices = mean_head().vertices + np.tensordot(values, _basis(), axes=1)
    return NeutralHead(vertices, _eyes(shape), EYE_RADIUS_MM * (1 + 0.025 * shape.eye_size))


def _eyes(shape: Shape) -> Array:
    x, y, z = EYE_CENTRE_MM
    x += 1.7 * shape.eye_spacing
    y += 1.5 * shape.eye_height
    z += -1.3 * shape.eye_depth - 0.2 * shape.eye_size
    return np.array([[-x, y, z], [x, y, z]])


@lru_cache(maxsize=1)
def _basis() -> Array:
    """float64 [P, V, 3], mm for one standard deviation, in the order of Shape's fields."""
    made = {**_skull(), **_lower_face(), **_eye_region(), **_nose(), **_mouth()}
    zero = np.zeros_like(mean_head().vertices)
    return np.stack([made.get(field.name, zero) for field in fields(Shape)])


def _field(dx: Array | float = 0.0, dy: Array | float = 0.0, dz: Array | float = 0.0) -> Array:
    """dx is outwards on both sides."""
    mean = mean_head()
    side = np.tanh(mean.x / 4.0)
    return np.stack(
        [
            np.broadcast_to(part, mean.x.shape)
            for part in (np.asarray(dx) * side, np.asarray(dy), np.asarray(dz))
        ],
        axis=-1,
    )


def _skull() -> Mapping[str, Array]:
    mean = mean_head()
    x, y, z = mean.vertices.T
    up = smoothstep(-60.0, 60.0, y)
    head = smoothstep(-150, -110, y)
    face = mean.front * smoothstep(40, 10, y) * head
    ax, fy = np.abs(mean.x), mean.y
    return {
        "head_width": _field(dx=0.035 * np.abs(x) * head),
        "head_height": _field(dy=3.6 * up * smoothstep(0, 100, y)),
        "head_depth": _field(dz=0.03 * z * head),
        "face_length": _field(dy=0.034 * np.minimum(y - 10, 0) * smoothstep(-230, -112, y)),
        "forehead_slope": _field(dz=-0.055 * np.maximum(y - 22, 0) * mean.front),
        "brow_ridge": _field(
            dz=mean.front * (1.7 * gauss(ax, fy, (18, 17), (15, 7)) + 1.2 * gauss(ax, fy, (42, 15), (11, 8)))
        ),
        "brow_height": _field(dy=1.8 * plateau(ax, fy, (32, 22), (26, 12)) * mean.front),
        "cheekbone_width": _field(
            dx=2.3 * gauss(ax, fy, (66, -20), (24, 20)) * smoothstep(1.9, 1.3, np.abs(mean.angle)),
            dz=1.4 * gauss(ax, fy, (46, -22), (15, 11)) * face,
        ),
        "cheek_fullness": _field(
            dx=2.2 * gauss(ax, fy, (56, -55), (20, 22)) * face, dz=2.1 * gauss(ax, fy, (40, -52), (17, 20)) * face
        ),
    }  # fmt: skip


def _lower_face() -> Mapping[str, Array]:
    mean = mean_head()
    y = mean.vertices[:, 1]
    ax, fy = np.abs(mean.x), mean.y
    level = mean.level
    jaw = np.exp(-(((level - 11.6) / 1.9) ** 2)) * smoothstep(2.5, 1.6, np.abs(mean.angle))
    chin = mean.front * gauss(ax, fy, (0, -104), (24, 15)) + 0.6 * (level > 12) * gauss(
        ax, level, (0, 13), (22, 0.9)
    )
    neck = smoothstep(12.6, 14.5, level)
    return {
        "jaw_width": _field(dx=2.9 * jaw * smoothstep(10, 40, ax)),
        "jaw_square": _field(
            dx=1.6 * jaw * gauss(ax, level, (44, 11.8), (16, 1.6)),
            dy=-2.6 * jaw * gauss(ax, level, (42, 12.2), (15, 1.6)),
        ),
        "chin_length": _field(
            dy=-2.9 * smoothstep(-78, -108, fy) * smoothstep(56, 10, ax) * smoothstep(15.5, 12.5, level)
        ),
        "chin_width": _field(dx=2.6 * gauss(ax, fy, (19, -104), (13, 13)) * (level < 13.5)),
        "chin_forward": _field(dz=2.8 * chin),
        "double_chin": _field(
            dy=-2.6 * gauss(ax, level, (0, 13.4), (34, 0.9)), dz=1.6 * gauss(ax, level, (0, 14), (30, 1.2))
        ),
        "neck_width": _field(dx=0.062 * ax * neck * smoothstep(-225, -190, y), dz=1.4 * neck * np.cos(mean.angle)),
    }  # fmt: skip


def _eye_region() -> Mapping[str, Array]:
    mean = mean_head()
    ax, fy, front = np.abs(mean.x), mean.y, mean.front
    around = plateau(ax, fy, (31, 2), (27, 24)) * front
    close = plateau(ax, fy, (31, 0), (21, 13)) * front
    upper, lower = lid_heights(mean.x)
    reach = np.where(mean.below, 0.0, smoothstep(9.0, 0.0, fy - upper)) * close
    fold = np.where(mean.below, 0.0, np.exp(-(((fy - upper - 3.6) / 2.6) ** 2))) * close
    span = (upper - lower) / 10.5
    return {
        "eye_size": _field(dx=0.045 * (ax - 31) * close, dy=0.085 * (fy - 0) * close),
        "eye_spacing": _field(dx=1.7 * around),
        "eye_tilt": _field(dy=0.075 * (ax - 31) * close),
        "eye_height": _field(dy=1.5 * around),
        "eye_depth": _field(dz=-1.3 * around),
        "lid_height": _field(dy=0.75 * reach * span),
        "lid_fold": _field(dz=1.5 * fold, dy=-1.3 * fold),
    }


def _nose() -> Mapping[str, Array]:
    mean = mean_head()
    x, ax, fy, front = mean.x, np.abs(mean.x), mean.y, mean.front
    tip = gauss(ax, fy, (0, -38), (11, 9)) * front
    ridge = np.exp(-((x / 9.5) ** 2)) * front
    return {
        "nose_length": _field(dy=-2.3 * smoothstep(6, -34, fy) * plateau(ax, fy, (0, -24), (25, 30)) * front),
        "nose_width": _field(dx=2.0 * plateau(ax, fy, (14, -39), (11, 12)) * front * smoothstep(3, 12, ax)),
        "nose_bridge": _field(dz=2.2 * ridge * gauss(x, fy, (0, -24), (30, 18))),
        "nose_root": _field(
            dz=1.6 * ridge * gauss(x, fy, (0, 0), (30, 12)), dx=-0.5 * gauss(ax, fy, (8, -8), (6, 14)) * front
        ),
        "nose_hump": _field(dz=1.7 * ridge * gauss(x, fy, (0, -13), (30, 7.5))),
        "nose_tip_up": _field(dy=2.1 * tip, dz=0.6 * tip),
        "nose_tip_size": _field(dx=1.1 * gauss(ax, fy, (8, -37), (6, 8)) * front, dz=1.6 * tip),
        "nose_crook": np.stack([0.9 * ridge * gauss(x, fy, (0, -28), (30, 16)), 0 * x, 0 * x], axis=-1),
    }


def _mouth() -> Mapping[str, Array]:
    mean = mean_head()
    x, ax, fy, front = mean.x, np.abs(mean.x), mean.y, mean.front
    area = plateau(ax, fy, (0, -67), (36, 20)) * front
    thick_up, thick_low = lip_heights(x)
    y = fy - MOUTH_Y_MM
    up = (
        np.where(mean.below, 0.0, smoothstep(18.0, 7.0, y) * smoothstep(-0.2, 6.0, y) * thick_up / 7.6)
        * front
    )
    low = (
        np.where(mean.below, smoothstep(-20.0, -9.0, y) * smoothstep(0.2, -7.0, y) * thick_low / 9.6, 0.0)
        * front
    )
    up, low = up * (ax < 27), low * (ax < 27)
    return {
        "mouth_width": _field(dx=0.075 * np.minimum(ax, 27) * area),
        "mouth_height": _field(dy=1.7 * area),
        "mouth_curve": _field(dy=1.1 * gauss(ax, fy, (25, -67), (9, 9)) * front),
        "upper_lip": _field(dy=1.35 * up, dz=1.0 * up),
        "lower_lip": _field(dy=-1.5 * low, dz=1.1 * low),
        "lips_forward": _field(dz=1.8 * gauss(ax, fy, (0, -66), (26, 15)) * front),
    }
