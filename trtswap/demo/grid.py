"""The head's grid: rows from the crown to the chest, columns around, slits for the eyes and the mouth.

A row has a level: 0 at the crown, EYE_LEVEL through both eyes, MOUTH_LEVEL between the lips, JAW_LEVEL along the jaw.
A column has an angle: 0 in the middle of the face, positive to the picture's right, +-180 degrees at the back.
Where a slit is, the row exists twice, once for each rim; elsewhere both rims share their vertices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trtswap.types import Array

EYE_LEVEL, MOUTH_LEVEL, JAW_LEVEL, LAST_LEVEL = 6.0, 9.0, 12.0, 17.0
EYE_ANGLES_DEG = (11.2, 39.8)
"""Where an eye's slit begins and ends, either side of the middle."""
MOUTH_ANGLE_DEG = 24.9

_ROW_SPANS = (
    (0.02, 3.0, 14),
    (3.0, 4.6, 8),
    (4.6, 5.55, 9),
    (5.55, 5.98, 10),
    (6.025, 6.5, 9),
    (6.5, 7.3, 9),
    (7.3, 8.4, 15),
    (8.4, 8.97, 10),
    (9.03, 9.6, 10),
    (9.6, 11.2, 11),
    (11.2, 13.0, 9),
    (13.0, 15.0, 8),
    (15.0, 17.01, 6),
)
"""From level, up to level (not included), rows."""
_COLUMN_SPANS_DEG = ((0.0, 44.0, 32), (44.0, 80.0, 18), (80.0, 180.01, 19))


@dataclass(frozen=True)
class Grid:
    """levels: float64 [R]. angles: float64 [C], radians. rim: int [R], +1 on an upper rim, -1 on a lower one, else 0.
    depth: float64 [R], how far into a slit a row lies, 0 on the skin, 1 deepest. side: int [R, C], -1 where a vertex
    is below the slit of its row, +1 above or outside. index: int32 [R, C], the vertex of each place (several places
    may share one). triangles: int32 [T, 3], counter-clockwise from outside. uv: float64 [R, C, 2], 0..1.
    """

    levels: Array
    angles: Array
    rim: Array
    depth: Array
    index: Array
    triangles: Array
    uv: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return len(self.levels), len(self.angles)

    def eye_columns(self, side: int) -> Array:
        """The columns of an eye's slit, corners included, by rising angle; side -1 is the picture's left."""
        low, high = np.radians(EYE_ANGLES_DEG)
        angles = side * self.angles
        return np.flatnonzero((angles > low - 1e-9) & (angles < high + 1e-9))

    def mouth_columns(self) -> Array:
        """The columns of the mouth's slit, corners included."""
        return np.flatnonzero(np.abs(self.angles) < np.radians(MOUTH_ANGLE_DEG) + 1e-9)


@lru_cache(maxsize=1)
def head_grid() -> Grid:
    """The one grid all heads share."""
    levels, rim, depth = _rows()
    angles = _columns()
    rows, columns = len(levels), len(angles)
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    grid = Grid(levels, angles, rim, depth, index, index, index)
    opened = np.zeros((rows, columns), bool)
    eyes = np.concatenate([grid.eye_columns(-1)[1:-1], grid.eye_columns(1)[1:-1]])
    opened[np.ix_(levels == EYE_LEVEL, eyes)] = True
    opened[np.ix_(levels == MOUTH_LEVEL, grid.mouth_columns()[1:-1])] = True
    index = _weld(index, levels, opened)
    triangles = _triangles(index, rim, opened)
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    return Grid(levels, angles, rim, depth, index, triangles, np.stack([u, v], axis=-1))


def _rows() -> tuple[Array, Array, Array]:
    plain = np.concatenate([np.linspace(a, b, n, endpoint=False) for a, b, n in _ROW_SPANS])
    slits = {EYE_LEVEL: (0.0,), MOUTH_LEVEL: (0.0, 0.45, 1.0)}
    rows = [(level, 0, 0.0) for level in plain]
    for level, depths in slits.items():
        rows += [(level, 1, d) for d in depths] + [(level, -1, d) for d in reversed(depths)]
    rows.sort(key=lambda row: (row[0], -row[1], row[1] * row[2]))
    levels, rim, depth = zip(*rows, strict=True)
    return np.array(levels), np.array(rim), np.array(depth)


def _columns() -> Array:
    half = np.concatenate([np.linspace(a, b, n, endpoint=False) for a, b, n in _COLUMN_SPANS_DEG])
    half = np.radians(np.append(half, 180.0))
    return np.concatenate([-half[:0:-1], half])


def _weld(index: Array, levels: Array, opened: Array) -> Array:
    """Rows of one level share the vertices of the first, where no slit is open."""
    index = index.copy()
    for level in (EYE_LEVEL, MOUTH_LEVEL):
        rows = np.flatnonzero(levels == level)
        for row in rows[1:]:
            closed = ~opened[row]
            index[row, closed] = index[rows[0], closed]
    return index


def _triangles(index: Array, rim: Array, opened: Array) -> Array:
    a, b = index[:-1, :-1], index[:-1, 1:]
    c, d = index[1:, :-1], index[1:, 1:]
    across = (rim[:-1] == 1) & (rim[1:] == -1)
    gap = across[:, None] & (opened[:-1, :-1] | opened[:-1, 1:])
    quads = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], axis=2)[~gap].reshape(-1, 3)
    distinct = (quads[:, 0] != quads[:, 1]) & (quads[:, 1] != quads[:, 2]) & (quads[:, 2] != quads[:, 0])
    return np.ascontiguousarray(quads[distinct], np.int32)
