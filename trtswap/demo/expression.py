"""How an expression moves a neutral head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trtswap.demo.anatomy import LID_THICKNESS_MM, MOUTH_Y_MM, lid_heights, lip_heights, mean_head, on_ball
from trtswap.demo.curves import gauss, plateau, smoothstep
from trtswap.demo.grid import EYE_LEVEL, head_grid
from trtswap.demo.shape import NeutralHead
from trtswap.demo.state import Expression
from trtswap.types import Array

JAW_AXIS_MM = (-22.0, 8.0)
"""y, z of the axis through both joints of the jaw."""
JAW_OPEN_RAD = 0.33


@dataclass(frozen=True)
class _Fields:
    jaw: Array
    wide: Array
    round: Array
    press: Array
    smile: Array
    raised: Array
    lowered: Array
    lid_up: Array
    lid_low: Array


def express(head: NeutralHead, expression: Expression) -> Array:
    """The vertices float64 [V, 3] of a head that makes this expression."""
    fields = _fields()
    move = expression.wide * fields.wide + expression.round * fields.round + expression.smile * fields.smile
    move = move + expression.press * fields.press
    move = move + max(expression.brows, 0.0) * fields.raised + max(-expression.brows, 0.0) * fields.lowered
    vertices: Array = head.vertices + move
    open_jaw(vertices, fields.jaw, expression.jaw)
    _close_lids(vertices, head, expression)
    return vertices


def open_jaw(points: Array, weight: Array | float, jaw: float) -> None:
    """Turns points [N, 3] with the jaw, in place; weight: 1 moves fully."""
    angle = JAW_OPEN_RAD * jaw * np.asarray(weight)
    y, z = points[:, 1] - JAW_AXIS_MM[0], points[:, 2] - JAW_AXIS_MM[1]
    cosine, sine = np.cos(angle), np.sin(angle)
    points[:, 1] = JAW_AXIS_MM[0] + cosine * y - sine * z
    points[:, 2] = JAW_AXIS_MM[1] + sine * y + cosine * z


def _close_lids(vertices: Array, head: NeutralHead, expression: Expression) -> None:
    mean, fields = mean_head(), _fields()
    part = np.flatnonzero((mean.lid > 1e-3) | (fields.lid_up > 1e-3) | (fields.lid_low > 1e-3))
    x, lid = mean.x[part], mean.lid[part]
    look = expression.gaze_deg[1]
    squint = 0.35 * expression.smile
    gap = _lid_gap(vertices)[part % head_grid().shape[1]]
    down = np.clip(expression.blink + 0.1 * squint - 0.012 * look, -0.25, 1.0)
    up = np.clip(0.12 * expression.blink + 0.6 * squint + 0.004 * look, -0.1, 0.4)
    up = min(float(up), 1.0 - float(down)) if down > 0 else float(up)
    lifted = (
        vertices[part, 1]
        - fields.lid_up[part] * down * (gap + 0.3 * (down > 0.9))
        + fields.lid_low[part] * up * gap
    )
    eye = head.eyes[(x > 0).astype(int)]
    radius = head.eye_radius + LID_THICKNESS_MM
    ball = (
        eye[:, 2] + on_ball(vertices[part, 0] - eye[:, 0], lifted - eye[:, 1], radius) - 1.6 * mean.rim[part]
    )
    vertices[part, 1] = lifted
    z = vertices[part, 2]
    z = z + lid * (ball - z)
    off = vertices[part, :2] - eye[:, :2]
    left = 1.06 * radius**2 - (off * off).sum(axis=1)
    cover = eye[:, 2] - 0.2 + np.sqrt(np.maximum(left, 0.0))
    bare = (left > 20.0) & (np.abs(x) > 14) & (np.abs(x) < 47.5) & ~mean.rim[part]
    vertices[part, 2] = np.where(bare, np.maximum(z, cover), z)


def _lid_gap(vertices: Array) -> Array:
    """How far the lids stand apart at each column of the grid: float64 [C], mm, at least 0."""
    grid = head_grid()
    upper, lower = np.flatnonzero(grid.levels == EYE_LEVEL)
    heights = vertices[:, 1].reshape(grid.shape)
    result: Array = np.maximum(heights[upper] - heights[lower], 0.0)
    return result


@lru_cache(maxsize=1)
def _fields() -> _Fields:
    mean = mean_head()
    x, ax, y, front = mean.x, np.abs(mean.x), mean.y, mean.front
    side = np.tanh(x / 4.0)
    corner = gauss(ax, y, (26, -67), (13, 14)) * front
    lips = plateau(ax, y, (0, -67), (30, 15)) * front
    cheek = gauss(ax, y, (38, -34), (18, 16)) * front
    under_eye = gauss(ax, y, (32, -12), (17, 8)) * front
    fold = gauss(ax, y, (29, -54), (6, 12)) * front

    def field(dx: Array, dy: Array, dz: Array) -> Array:
        return np.stack([dx * side, dy, dz], axis=-1)

    zero = np.zeros_like(x)
    spread = np.clip(ax / 25, 0, 1) ** 1.5
    stretch = plateau(ax, y, (0, -67), (38, 20)) * front * spread
    smile = field(
        6.0 * stretch + 1.5 * cheek,
        5.0 * corner * spread + 4.0 * cheek + 1.6 * under_eye - 1.0 * gauss(x, y, (0, -62), (14, 9)) * 0,
        -2.6 * stretch + 3.6 * cheek - 1.8 * fold + 0.8 * under_eye,
    )
    brow = plateau(ax, y, (33, 24), (30, 15)) * front
    inner = gauss(ax, y, (14, 19), (11, 10)) * front
    thick_up, thick_low = lip_heights(x)
    d = y - MOUTH_Y_MM
    red_up = (
        np.where(mean.below, 0.0, smoothstep(10, 1, d)) * (thick_up > 0.2) * (ax < 27) * (d > -0.5) * (d < 14)
    )
    red_low = (
        np.where(mean.below, smoothstep(-12, -1, d), 0.0)
        * (thick_low > 0.2)
        * (ax < 27)
        * (d < 0.5)
        * (d > -16)
    )
    return _Fields(
        jaw=_jaw_weight(),
        wide=field(3.6 * stretch, zero, -1.6 * stretch),
        round=field(
            -8.0 * np.clip(ax / 25, 0, 1) * lips, zero, 4.6 * gauss(x, y, (0, -67), (22, 15)) * front
        ),
        press=field(zero, -1.4 * red_up * front + 2.0 * red_low * front, -1.8 * (red_up + red_low) * front),
        smile=smile,
        raised=field(zero, 5.5 * brow, 0.5 * brow),
        lowered=field(-2.8 * inner, -3.2 * inner - 1.2 * brow, 1.3 * inner),
        lid_up=_lid_weight(upper=True),
        lid_low=_lid_weight(upper=False),
    )


def _jaw_weight() -> Array:
    """1 on the chin, 0 on what stays with the skull."""
    mean = mean_head()
    ax, y, level = np.abs(mean.x), mean.y, mean.level
    lower_lip = np.where(mean.below, 1.0, 0.0) * (level >= 8.99)
    near_corner = np.clip(ax / 25.0, 0, 1) ** 2.5
    edge = smoothstep(-52, -92, y)
    middle = lower_lip * (1 - near_corner) + near_corner * edge
    middle = np.where(ax > 25, edge, middle)
    weight = middle * smoothstep(8.2, 9.3, level) * smoothstep(15.2, 12.4, level)
    result: Array = weight * smoothstep(2.1, 1.1, np.abs(mean.angle))
    return result


def _lid_weight(*, upper: bool) -> Array:
    mean = mean_head()
    up, low = lid_heights(mean.x)
    on_side = ~mean.below if upper else mean.below & (mean.level < 7.4)
    off = mean.y - up if upper else low - mean.y
    weight = np.where(on_side, smoothstep(9.5, 0.3, off), 0.0)
    result: Array = weight * (mean.front > 0.5) * (np.abs(mean.y) < 22) * (np.abs(mean.x) < 60)
    return result
