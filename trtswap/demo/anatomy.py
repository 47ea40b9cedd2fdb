"""The mean head in millimetres: x to the picture's right, y up, z towards the camera when it looks straight ahead.

The origin lies between the ears at the height of the pupils. Measures follow adult anthropometry: head 152 wide and
192 deep, face 118 high, pupils 62 apart, nose 35 wide, mouth 50 wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trtswap.demo.curves import gauss, plateau, smoothstep, through
from trtswap.demo.grid import EYE_LEVEL, MOUTH_LEVEL, Grid, head_grid
from trtswap.types import Array

EYE_CENTRE_MM = (31.0, 0.0, 72.5)
EYE_RADIUS_MM = 12.0
LID_THICKNESS_MM = 0.9
MOUTH_Y_MM = -67.0

# Cross-sections of the head without its features, one for each whole level, from the crown down:
# front y, z; half width, its y, z; back y, z; squareness of the front (2 is an ellipse).
_SECTIONS = (
    (120, -10, 0, 120, -10, 120, -12, 2.0),
    (114, 36, 38, 113, -12, 111, -52, 2.0),
    (98, 66, 61, 92, -13, 90, -80, 2.0),
    (75, 85, 72.5, 68, -12, 62, -93, 2.1),
    (48, 94, 75.5, 42, -8, 38, -97, 2.3),
    (20, 96, 72.5, 19, -2, 10, -94, 2.4),
    (0, 90.5, 70, 0, 2, -8, -88, 2.3),
    (-25, 88.5, 68, -22, 3, -28, -80, 2.3),
    (-46, 92, 64.5, -40, 2, -47, -71, 2.15),
    (-67, 93, 59.5, -55, 0, -64, -64, 2.05),
    (-84, 88, 55.5, -66, 0, -76, -60, 1.95),
    (-98, 88.5, 53, -74, -1, -86, -58, 1.9),
    (-111, 82, 51, -82, -3, -95, -57, 1.9),
    (-114, 66, 48, -94, -7, -104, -57, 2.0),
    (-120, 44, 48, -110, -11, -114, -59, 2.0),
    (-148, 33, 49, -140, -15, -140, -64, 2.0),
    (-190, 28, 56, -178, -20, -172, -70, 2.0),
    (-225, 30, 84, -210, -24, -196, -74, 2.0),
)
_NOSE = (  # y, height above the face, half width of the bridge
    (17, 0.0, 11.0), (9, 0.6, 9.5), (3, 2.2, 8.2), (-4, 5.0, 8.0), (-12, 9.3, 8.4), (-20, 14.4, 9.4), (-27, 19.4, 10.6),
    (-32, 22.6, 11.8), (-35.5, 23.6, 12.0), (-38.5, 22.2, 12.0), (-41.5, 16.6, 11.8), (-44.5, 8.2, 11.5),
    (-47.5, 2.2, 11.0), (-51, 0.0, 10.0),
)  # fmt: skip


@dataclass(frozen=True)
class MeanHead:
    """vertices: float64 [V, 3], mm. x, y: float64 [V], each vertex's place seen from the front, before the features
    were raised. angle: [V], radians. level: [V]. below: bool [V], under the eye's or the mouth's opening. inside: [V],
    0 on the skin, to 1 inside the mouth. front: [V], 1 on the face, 0 from the ears on. lid: [V], how closely a vertex
    lies on the eyeball. rim: bool [V], the inner edge of a lid. All rows of the grid; shared vertices are repeated."""

    vertices: Array
    x: Array
    y: Array
    angle: Array
    level: Array
    below: Array
    inside: Array
    front: Array
    lid: Array
    rim: Array


@lru_cache(maxsize=1)
def mean_head() -> MeanHead:
    """The mean of all identities, expressionless, the lips closed and the eyes open."""
    grid = head_grid()
    loft = _loft(grid)
    rows, columns = grid.shape
    level = np.repeat(grid.levels, columns)
    angle = np.tile(grid.angles, rows)
    rims = np.repeat(grid.rim, columns)
    below = np.where(level < 7.4, (level > EYE_LEVEL) | (rims < 0), (level > MOUTH_LEVEL) | (rims < 0))
    below &= level > 5.9
    inside = np.repeat(grid.depth, columns)
    face = loft.reshape(-1, 3)
    _open_eyes(grid, face, level)
    x, y = face[:, 0].copy(), face[:, 1].copy()
    front = smoothstep(1.75, 1.25, np.abs(angle)) * smoothstep(13.2, 11.8, level)
    vertices = face + _relief(x, y, front)
    lid = _fit_lids(vertices, x, y, level, front)
    _roll_lips(grid, vertices, x, y, inside, rims)
    rim = (level == EYE_LEVEL) & (lid > 0.02)
    return MeanHead(vertices, x, y, angle, level, below, inside, front, lid, rim)


def lid_heights(x: Array) -> tuple[Array, Array]:
    """Upper and lower rim of the open eye at |x| on the mean face, in mm from its corners' line; 0 outside."""
    s = np.clip((np.abs(x) - 15.6) / (46.4 - 15.6), 0.0, 1.0)
    bow = np.sqrt(np.clip(s * (1 - s) * 4, 0, 1))
    upper = 4.7 * bow * (1 + 0.22 * (0.5 - s)) * np.where(bow < 1, bow**0.25, 1)
    lower = -4.9 * bow**1.15 * (1 - 0.35 * (0.5 - s))
    return upper, lower


def on_ball(dx: Array, dy: Array, radius: float) -> Array:
    """How far the lids stand before the eyeball's centre; flatter sideways than a ball, towards the corners."""
    result: Array = np.sqrt(np.maximum(radius**2 - 0.62 * dx * dx - dy * dy, 9.0))
    return result


def lip_heights(x: Array) -> tuple[Array, Array]:
    """Thickness of the upper and lower red of the lips at x in mm; 0 beyond the corners."""
    s = np.clip(np.abs(x) / 25.0, 0.0, 1.0)
    upper = (
        7.6 * (1 - s**1.7) ** 0.95
        + 1.1 * np.exp(-(((np.abs(x) - 5.0) / 3.6) ** 2))
        - 0.9 * np.exp(-((x / 2.6) ** 2))
    )
    lower = 9.6 * (1 - s**2.3) ** 0.85
    return np.maximum(upper, 0) * (s < 1), np.maximum(lower, 0) * (s < 1)


def _loft(grid: Grid) -> Array:
    section = through(np.arange(len(_SECTIONS)), np.array(_SECTIONS, float), grid.levels)
    front_y, front_z, half, side_y, side_z, back_y, back_z, power = (section[:, k, None] for k in range(8))
    sine, cosine = np.abs(np.sin(grid.angles))[None], np.cos(grid.angles)[None]
    power = np.where(cosine > 0, power, 2.0 + 0.0 * power)
    radius = (sine**power + np.abs(cosine) ** power) ** (-1.0 / power)
    x = half * sine * radius
    z = side_z + np.where(cosine > 0, front_z - side_z, side_z - back_z) * cosine * radius
    across = np.clip(sine * radius, 0, 1)
    y = np.where(
        cosine > 0, front_y + (side_y - front_y) * across**3, side_y + (back_y - side_y) * (1 - across) ** 0.8
    )
    return np.stack([x * np.sign(np.sin(grid.angles) + 1e-12), y, z], axis=-1)


def _open_eyes(grid: Grid, face: Array, level: Array) -> None:
    """Moves the rows around the eyes so that they follow the open lids."""
    upper, lower = lid_heights(face[:, 0])
    rows = np.repeat(grid.rim, grid.shape[1])
    above = (level < EYE_LEVEL) | ((level == EYE_LEVEL) & (rows > 0))
    front = np.abs(face[:, 0]) < 60
    away = np.abs(face[:, 1])
    shift = np.where(above, upper * smoothstep(19.0, 0.0, away), lower * smoothstep(17.0, 0.0, away))
    face[:, 1] += np.where(front & (face[:, 2] > 20), shift, 0.0)


def _relief(x: Array, y: Array, front: Array) -> Array:
    """What stands out of and sinks into the smooth head: float64 [V, 3]."""
    ax = np.abs(x)
    z = _nose(x, y)
    z += 3.0 * gauss(ax, y, (20, 18), (16, 7)) + 2.2 * gauss(ax, y, (43, 15), (11, 8))
    z -= 8.2 * plateau(ax, y, (30, 2), (20, 14)) + 3.6 * gauss(ax, y, (15, 3), (8, 9))
    z += 3.2 * gauss(ax, y, (43, -23), (15, 12)) + 3.4 * gauss(ax, y, (28, -30), (15, 15))
    z -= 3.0 * gauss(ax, y, (45, -58), (15, 19)) + 1.0 * gauss(ax, y, (23, -20), (6, 10))
    z += 2.4 * gauss(x, y, (0, -61), (24, 14)) - 2.3 * gauss(ax, y, (29, -67), (5, 6))
    z -= 1.1 * gauss(x, y, (0, -54), (2.4, 6)) - 0.7 * gauss(ax, y, (5.2, -55), (2.2, 6))
    z += 3.2 * gauss(x, y, (0, -100), (15, 10)) - 1.4 * gauss(x, y, (0, -83), (16, 5))
    z -= 1.4 * gauss(ax + 0.35 * (46 + y), y, (19, -54), (3.2, 13))
    sideways = 4.0 * gauss(ax, y, (64, -22), (16, 14)) - 2.0 * gauss(ax, y, (66, 22), (12, 16))
    sideways -= 2.5 * gauss(ax, y, (56, -56), (14, 14))
    result = np.zeros((len(x), 3))
    result[:, 0] = np.sign(x) * (sideways * front + 0.16 * front * _nose_wings(x, y))
    result[:, 1] = -1.6 * gauss(x, y, (0, -37), (9, 6)) * front
    result[:, 2] = z * front
    return result


def _nose_wings(x: Array, y: Array) -> Array:
    return 8.6 * plateau(np.abs(x), y, (12.4, -37.5), (5.0, 6.0))


def _nose(x: Array, y: Array) -> Array:
    ax = np.abs(x)
    knots, heights, widths = np.array(_NOSE[::-1]).T
    height, width = through(knots, heights, y), through(knots, widths, y)
    ridge = height * np.exp(-(np.abs(x / width) ** 1.9))
    wings = _nose_wings(x, y)
    tip = 2.0 * gauss(x, y, (0, -34.5), (8.5, 6.5))
    groove = 2.2 * gauss(ax, y, (18.3, -37.5), (2.8, 6))
    nostril = 5.0 * gauss(ax, y, (6.3, -42.2), (3.3, 2.0))
    result: Array = np.maximum(ridge, 0) + wings * np.exp(-ridge / 26) + tip - groove - nostril
    return result


def _fit_lids(vertices: Array, x: Array, y: Array, level: Array, front: Array) -> Array:
    """Lays the lids on the eyeballs; returns how closely each vertex lies on one."""
    ax = np.abs(x)
    upper, lower = lid_heights(x)
    off = np.where(level < EYE_LEVEL, y - upper, np.where(level > EYE_LEVEL, lower - y, 0.0))
    along = plateau(ax, np.zeros_like(ax), (31, 0), (17.5, 1))
    along = along * (np.abs(y) < 20) * (front > 0.5)
    on = smoothstep(9.0, 2.0, off) * along
    radius = EYE_RADIUS_MM + LID_THICKNESS_MM
    dx, dy = ax - EYE_CENTRE_MM[0], y - EYE_CENTRE_MM[1]
    ball = on_ball(dx, dy, radius) + EYE_CENTRE_MM[2]
    crease = 1.2 * np.exp(-(((off - 6.5) / 1.6) ** 2)) * (level < EYE_LEVEL)
    vertices[:, 2] += on * (ball - vertices[:, 2]) - crease * along
    return on


def _roll_lips(grid: Grid, vertices: Array, x: Array, y: Array, inside: Array, rim: Array) -> None:
    """Rounds the red of the lips and turns their inner side into the mouth."""
    thick_up, thick_low = lip_heights(x)
    level = np.repeat(grid.levels, grid.shape[1])
    above = np.where((level < MOUTH_LEVEL) | ((level == MOUTH_LEVEL) & (rim > 0)), y - MOUTH_Y_MM, np.inf)
    under = np.where((level > MOUTH_LEVEL) | ((level == MOUTH_LEVEL) & (rim < 0)), MOUTH_Y_MM - y, np.inf)
    near = (vertices[:, 2] > 20) & (np.abs(x) < 27) & (np.abs(y - MOUTH_Y_MM) < 16)
    for distance, thick, height in ((above, thick_up, 3.4), (under, thick_low, 4.6)):
        part = near & np.isfinite(distance)
        s = np.clip(distance[part] / np.maximum(thick[part], 1e-3), 0, 2.2)
        fade = np.clip(thick[part] / 5.0, 0, 1)
        swell = np.where(s < 1, np.sqrt(np.clip(1 - (1 - np.minimum(s, 1) * 1.6) ** 2, 0, 1)), 0)
        swell = np.where(s >= 0.625, np.maximum(1 - ((s - 0.625) / 1.1) ** 2, 0) ** 1.5, swell)
        vertices[part, 2] += height * fade * swell - 1.2 * fade * np.exp(-s * 6)
    vertices[:, 1] += np.where(
        near | (vertices[:, 2] > 20), 1.5 * gauss(np.abs(x), y, (26, -67), (11, 10)), 0.0
    )
    deep = (inside > 0) & near
    vertices[deep, 2] -= 10.0 * inside[deep] * np.clip(1 - (x[deep] / 27) ** 2, 0.25, 1)
    vertices[deep, 1] += np.where(rim[deep] > 0, 1.5, -1.5) * inside[deep]
