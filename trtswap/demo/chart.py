"""Where each texel of the head's texture lies on the mean head; paintings made on a plain front view of the face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from trtswap.demo.anatomy import mean_head
from trtswap.demo.grid import head_grid
from trtswap.types import Array

TEXTURE_PX = 512
CHART_PX_PER_MM = 6.0
_LEFT_MM, _TOP_MM, _WIDTH_MM, _HEIGHT_MM = -85.0, 70.0, 170.0, 200.0


@dataclass(frozen=True)
class Texels:
    """float32 [TEXTURE_PX, TEXTURE_PX] each, as the fields of MeanHead of the same name; z: mm."""

    x: Array
    y: Array
    z: Array
    level: Array
    angle: Array
    front: Array
    inside: Array
    below: Array
    lid: Array


@lru_cache(maxsize=1)
def texels() -> Texels:
    """The places of all texels."""
    mean, grid = mean_head(), head_grid()
    rows, columns = grid.shape
    step_u, step_v = np.meshgrid(
        np.linspace(0, columns - 1, TEXTURE_PX, dtype=np.float32),
        np.linspace(0, rows - 1, TEXTURE_PX, dtype=np.float32),
    )

    def spread(values: Array) -> Array:
        plane = values.reshape(rows, columns).astype(np.float32)
        return np.asarray(cv2.remap(plane, step_u, step_v, cv2.INTER_LINEAR))

    parts = (
        mean.x,
        mean.y,
        mean.vertices[:, 2],
        mean.level,
        mean.angle,
        mean.front,
        mean.inside,
        mean.below,
        mean.lid,
    )
    return Texels(*(spread(part) for part in parts))


def new_chart() -> Array:
    """An empty front view: float32, 0."""
    return np.zeros((round(_HEIGHT_MM * CHART_PX_PER_MM), round(_WIDTH_MM * CHART_PX_PER_MM)), np.float32)


def chart_points(x: Array, y: Array) -> Array:
    """mm to chart pixels: float32 [..., 2]."""
    points = np.stack([np.asarray(x) - _LEFT_MM, _TOP_MM - np.asarray(y)], axis=-1) * CHART_PX_PER_MM
    return points.astype(np.float32)


def to_texture(chart: Array) -> Array:
    """A front view as the head's texture sees it: float32 [TEXTURE_PX, TEXTURE_PX]; 0 behind the ears."""
    place = texels()
    at = chart_points(place.x, place.y)
    soft = cv2.GaussianBlur(chart, (0, 0), 0.25 * CHART_PX_PER_MM)
    seen = np.asarray(cv2.remap(soft, at[..., 0], at[..., 1], cv2.INTER_LINEAR))
    result: Array = seen * (place.z > 5)
    return result


def stroke(chart: Array, x: Array, y: Array, width_mm: float, value: float = 1.0) -> None:
    """Draws a line through (x, y) [N] in mm into a chart, in place, brighter wins."""
    points = np.round(chart_points(x, y) * 8).astype(np.int32)[:, None]
    cv2.polylines(
        chart, [points], False, value, max(1, round(width_mm * CHART_PX_PER_MM)), cv2.LINE_AA, shift=3
    )


def blob(chart: Array, x: float, y: float, radius_mm: float, value: float = 1.0) -> None:
    """Draws a disc into a chart, in place."""
    centre = np.round(chart_points(np.float64(x), np.float64(y)) * 8).astype(int)
    radius = max(1, round(radius_mm * CHART_PX_PER_MM * 8))
    cv2.circle(chart, (int(centre[0]), int(centre[1])), radius, value, -1, cv2.LINE_AA, shift=3)
