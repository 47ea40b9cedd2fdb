"""Points of the face: 68 in the order of iBUG 300-W, 5 in the order of `trtswap.types.Faces`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trtswap.demo.anatomy import lip_heights, mean_head
from trtswap.demo.grid import EYE_LEVEL, MOUTH_LEVEL, head_grid
from trtswap.demo.skin import brow_line
from trtswap.types import Array

_JAW_LEVELS = (6.35, 7.3, 8.4, 9.8, 11.3)
"""Rows on which the contour's points 0 to 4 (and 16 to 12) lie."""
_JAW_DEG = (86.0, 86.0, 85.0, 82.0, 76.0)
_CHIN_DEG = (60.0, 41.0, 20.5, 0.0)
"""Angles along the jaw's row of the points 5 to 8 (and 11 to 8)."""
_JAW_SEARCH_DEG = 45.0


@dataclass(frozen=True)
class _Indices:
    """contour: int [17, K], for each point of the jaw the vertices it may slide along, -1 beyond the last; its usual
    place first. inner: int [51], the other points."""

    contour: Array
    inner: Array


def landmarks(vertices_px: Array, yaw_deg: float) -> Array:
    """The 68 points float32 [68, 2] of a head whose grid vertices were projected to vertices_px [V, 2 or more].

    The jaw's points lie on the outline that is seen: on the side turned away each slides along its row to where the
    outline is. All others are points of the surface, hidden or not.
    """
    chosen = _indices()
    flat = vertices_px[:, :2]
    outward = flat[chosen.contour[8, 0]] - flat[chosen.inner[10]]  # nose's root to chin
    across = np.array((outward[1], -outward[0])) / max(float(np.hypot(*outward)), 1e-6)
    contour = np.empty((17, 2), np.float32)
    for k in range(17):
        rows = chosen.contour[k][chosen.contour[k] >= 0]
        if k < 8:
            contour[k] = flat[rows[np.argmin(flat[rows] @ across)]] if yaw_deg < 12 else flat[rows[0]]
        elif k > 8:
            contour[k] = flat[rows[np.argmax(flat[rows] @ across)]] if yaw_deg > -12 else flat[rows[0]]
        else:
            contour[k] = flat[rows[0]]
    return np.concatenate([contour, flat[chosen.inner]]).astype(np.float32)


def five_points(points: Array) -> Array:
    """The five of `trtswap.types.Faces` from the 68: middles of the eyes' outlines, nose tip, mouth corners."""
    return np.stack(
        [points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[30], points[48], points[54]]
    ).astype(np.float32)


def face_box(points: Array) -> Array:
    """x1 y1 x2 y2 float32 [4] round the face as detectors draw it: the 68 points and most of the forehead."""
    low, high = points.min(axis=0), points.max(axis=0)
    up = points[27] - points[8]
    forehead = points[27] + 0.60 * up
    low, high = np.minimum(low, forehead), np.maximum(high, forehead)
    return np.concatenate([low, high]).astype(np.float32)


@lru_cache(maxsize=1)
def _indices() -> _Indices:
    return _Indices(_contour(), np.array([*_brows(), *_nose(), *_eyes(), *_mouth()], np.intp))


def _vertex(level: float, angle_deg: float) -> int:
    grid = head_grid()
    row = int(np.argmin(np.abs(grid.levels - level)))
    return int(grid.index[row, int(np.argmin(np.abs(grid.angles - np.radians(angle_deg))))])


def _contour() -> Array:
    grid = head_grid()
    lines = []
    for k in range(17):
        step = k if k <= 8 else 16 - k
        side = -1 if k < 8 else 1
        if step < 5:
            level, degrees = _JAW_LEVELS[step], _JAW_DEG[step]
        else:
            level, degrees = 12.0, _CHIN_DEG[step - 5]
        angles = np.degrees(grid.angles)
        row = int(np.argmin(np.abs(grid.levels - level)))
        least = degrees - _JAW_SEARCH_DEG if step < 5 else degrees - 12
        near = np.flatnonzero((side * angles >= least) & (side * angles <= degrees + 4))
        line = [_vertex(level, side * degrees), *(grid.index[row, near] if step < 8 else [])]
        lines.append(line)
    longest = max(len(line) for line in lines)
    return np.array([line + [-1] * (longest - len(line)) for line in lines], np.intp)


def _nearest(x: float, y: float, *, raised: bool = True) -> int:
    """The skin's vertex at (x, y) of the mean face, seen from the front."""
    mean = mean_head()
    at = mean.vertices if raised else np.stack([mean.x, mean.y], axis=-1)
    off = (at[:, 0] - x) ** 2 + (at[:, 1] - y) ** 2
    off = np.where((mean.front > 0.5) & (mean.inside == 0), off, np.inf)
    return int(head_grid().index.reshape(-1)[int(np.argmin(off))])


def _brows() -> list[int]:
    t = np.array([0.98, 0.75, 0.5, 0.25, 0.02])
    x, y = brow_line(t)
    left = [_nearest(-a, b + 1.0) for a, b in zip(x, y, strict=True)]
    return left + [_nearest(a, b + 1.0) for a, b in zip(x[::-1], y[::-1], strict=True)]


def _nose() -> list[int]:
    ridge = [_nearest(0, y) for y in (3.0, -10.0, -24.0)]
    tip = _nearest(0, -32.5, raised=False)
    base = [(-11.0, -43.0), (-5.5, -45.5), (0.0, -46.5), (5.5, -45.5), (11.0, -43.0)]
    return [*ridge, tip, *(_nearest(x, y, raised=False) for x, y in base)]


def _rim(level: float, rim: int, columns: Array) -> Array:
    grid = head_grid()
    row = int(np.flatnonzero((grid.levels == level) & (grid.rim == rim) & (grid.depth == 0.0))[0])
    result: Array = grid.index[row, columns]
    return result


def _eyes() -> list[int]:
    points = []
    for side in (-1, 1):
        columns = head_grid().eye_columns(side)
        upper, lower = _rim(EYE_LEVEL, 1, columns), _rim(EYE_LEVEL, -1, columns)
        last = len(columns) - 1
        third, two_thirds = round(0.32 * last), round(0.68 * last)
        points += [upper[0], upper[third], upper[two_thirds], upper[last], lower[two_thirds], lower[third]]
    return [int(point) for point in points]


def _mouth() -> list[int]:
    columns = head_grid().mouth_columns()
    upper, lower = _rim(MOUTH_LEVEL, 1, columns), _rim(MOUTH_LEVEL, -1, columns)
    mean = mean_head()
    x = mean.x[upper]

    def on_rim(rim: Array, at: float) -> int:
        return int(rim[int(np.argmin(np.abs(x - at)))])

    corner_left, corner_right = int(upper[0]), int(upper[-1])
    top = [-14.0, -5.5, 0.0, 5.5, 14.0]
    thick_up, thick_low = lip_heights(np.array(top))
    outer_top = [_nearest(a, -67.0 + b, raised=False) for a, b in zip(top, thick_up, strict=True)]
    outer_low = [
        _nearest(a, -67.0 - b, raised=False) for a, b in zip(top[::-1], thick_low[::-1], strict=True)
    ]
    inner_top = [on_rim(upper, a) for a in (-12.0, 0.0, 12.0)]
    inner_low = [on_rim(lower, a) for a in (12.0, 0.0, -12.0)]
    left_inner, right_inner = int(upper[1]), int(upper[-2])
    return [
        corner_left,
        *outer_top,
        corner_right,
        *outer_low,
        left_inner,
        *inner_top,
        right_inner,
        *inner_low,
    ]
