"""Which vertices see a light: depth maps drawn from the light's side."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from trtswap import ops
from trtswap.types import Array

_REACH_MM = 200.0
_BIAS_MM = 2.5
_DIRECTIONS = 40


def lit(vertices: Array, triangles: Array, direction: Array, softness: float, *, map_px: int = 176) -> Array:
    """How much of a distant light each vertex sees past the others: float32 [V], 0..1.

    vertices: float32 [V, 3], mm. direction: towards the light, unit. softness: 0..1, how wide its shadows' edges are.
    """
    flat = _to_map(vertices, direction, map_px)
    depth, _ = ops.rasterise(
        flat, triangles, np.empty((len(flat), 0), np.float32), (map_px, map_px), perspective=False
    )
    near = np.pad(depth, 1, constant_values=np.inf)
    radius = 0.6 + 2.2 * softness
    total = np.zeros(len(flat), np.float32)
    taps = _taps()
    for dx, dy, away in taps:
        column = np.clip(np.rint(flat[:, 0] + dx * radius) + 1, 0, map_px + 1).astype(np.intp)
        row = np.clip(np.rint(flat[:, 1] + dy * radius) + 1, 0, map_px + 1).astype(np.intp)
        total += near[row, column] > flat[:, 2] - (_BIAS_MM + 1.2 * away * radius)
    return total / len(taps)


def openness(vertices: Array, triangles: Array) -> Array:
    """How much of its upper half-space each vertex sees past the others: float32 [V], 0..1."""
    normals = ops.vertex_normals(vertices, triangles)
    seen = np.zeros(len(vertices), np.float32)
    weight = np.full(len(vertices), 1e-6, np.float32)
    for direction in _sphere():
        facing = np.maximum(normals @ direction, 0)
        seen += facing * lit(vertices, triangles, direction, 0.25, map_px=112)
        weight += facing
    result: Array = np.clip(seen / weight, 0.04, 1.0)
    return result


def _to_map(vertices: Array, direction: Array, map_px: int) -> Array:
    up = np.array((0.0, 1.0, 0.0)) if abs(direction[1]) < 0.95 else np.array((1.0, 0.0, 0.0))
    right = np.cross(up, direction)
    right /= np.linalg.norm(right)
    above = np.cross(direction, right)
    frame = np.stack([right, -above, -np.asarray(direction)]).astype(np.float32)
    scale = 0.5 * (map_px - 1) / _REACH_MM
    centre = np.array((0.0, -60.0, 0.0), np.float32)
    flat = (vertices - centre) @ frame.T
    flat[:, :2] = flat[:, :2] * scale + 0.5 * (map_px - 1)
    return np.ascontiguousarray(flat, np.float32)


@lru_cache(maxsize=1)
def _taps() -> tuple[tuple[float, float, float], ...]:
    offsets = [(0.0, 0.0)] + [(np.cos(a), np.sin(a)) for a in np.arange(5) * 2 * np.pi / 5]
    offsets += [(0.5 * np.cos(a + 0.6), 0.5 * np.sin(a + 0.6)) for a in np.arange(3) * 2 * np.pi / 3]
    return tuple((float(x), float(y), float(np.hypot(x, y))) for x, y in offsets)


@lru_cache(maxsize=1)
def _sphere() -> Array:
    k = np.arange(_DIRECTIONS) + 0.5
    z = 1 - 2 * k / _DIRECTIONS
    around = np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(around), z, ring * np.sin(around)], axis=-1).astype(np.float32)
