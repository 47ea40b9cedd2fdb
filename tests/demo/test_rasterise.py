"""rasterise and vertex_normals against plain float64 NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from trtswap import ops
from trtswap.types import Array

SIZE = (37, 29)
SUBPIXELS = 256


def random_mesh(rng: np.random.Generator, triangles: int) -> tuple[Array, Array, Array]:
    vertices = rng.uniform((-10, -10, 0.5), (SIZE[0] + 10, SIZE[1] + 10, 20), (3 * triangles, 3)).astype(
        np.float32
    )
    return (
        vertices,
        rng.permutation(3 * triangles).reshape(-1, 3).astype(np.int32),
        rng.random((3 * triangles, 4), np.float32),
    )


def reference(vertices: Array, triangles: Array, values: Array, *, perspective: bool) -> tuple[Array, Array]:
    """Every pixel against every triangle; pixels on an edge are not tested by the caller's choice of numbers."""
    x, y = np.meshgrid(np.arange(SIZE[0], dtype=np.float64), np.arange(SIZE[1], dtype=np.float64))
    depth = np.full(x.shape, np.inf)
    image = np.zeros((*x.shape, values.shape[1]))
    snapped = np.rint(vertices[:, :2].astype(np.float64) * SUBPIXELS) / SUBPIXELS
    for corners in triangles:
        p, z, v = (
            snapped[corners],
            vertices[corners, 2].astype(np.float64),
            values[corners].astype(np.float64),
        )
        share = np.stack([cross(p[1], p[2], x, y), cross(p[2], p[0], x, y), cross(p[0], p[1], x, y)])
        share = share / share.sum(axis=0)
        inside = (share >= 0).all(axis=0)
        weight = share / z[:, None, None] if perspective else share
        distance = 1 / weight.sum(axis=0) if perspective else np.tensordot(z, share, axes=(0, 0))
        nearer = inside & (distance < depth)
        depth[nearer] = distance[nearer]
        mixed = np.tensordot(weight / weight.sum(axis=0), v, axes=(0, 0))
        image[nearer] = mixed[nearer]
    return depth, image


def cross(a: Array, b: Array, x: Array, y: Array) -> Array:
    result: Array = (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])
    return result


@pytest.mark.parametrize("perspective", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_matches_the_reference(seed: int, perspective: bool) -> None:
    vertices, triangles, values = random_mesh(np.random.default_rng(seed), 40)
    depth, image = ops.rasterise(vertices, triangles, values, SIZE, perspective=perspective)
    expected_depth, expected_image = reference(vertices, triangles, values, perspective=perspective)
    assert (np.isfinite(depth) == np.isfinite(expected_depth)).all()
    covered = np.isfinite(depth)
    assert 0.5 < covered.mean() <= 1
    np.testing.assert_allclose(depth[covered], expected_depth[covered], rtol=1e-5)
    np.testing.assert_allclose(image, expected_image, atol=1e-5)


def test_neighbours_neither_overlap_nor_leave_a_gap() -> None:
    """A fan over whole pixel positions, where every edge runs through pixel centres: each pixel once."""
    rng = np.random.default_rng(5)
    grid = np.stack(np.meshgrid(np.arange(0, 33, 4), np.arange(0, 25, 4)), axis=-1).astype(np.float32)
    inner = grid[1:-1, 1:-1]
    inner += rng.integers(-1, 2, inner.shape)
    vertices = np.concatenate([grid.reshape(-1, 2), np.ones((grid.shape[0] * grid.shape[1], 1))], axis=1)
    index = np.arange(grid.shape[0] * grid.shape[1]).reshape(grid.shape[:2])
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = (
        np.stack([np.stack([a, b, c], -1), np.stack([d, c, b], -1)], 2).reshape(-1, 3).astype(np.int32)
    )
    counts = np.zeros((SIZE[1], SIZE[0]), int)
    for triangle in triangles:
        depth, _ = ops.rasterise(vertices, triangle[None], np.zeros((len(vertices), 0), np.float32), SIZE)
        counts += np.isfinite(depth)
    expected = np.zeros_like(counts)
    expected[:24, :32] = 1
    assert (counts == expected).all()


def test_drops_what_cannot_be_drawn() -> None:
    vertices = np.array(
        [[0, 0, 1], [30, 0, 1], [0, 25, 1], [5, 5, -1], [np.nan, 0, 1], [1e9, 0, 1]], np.float32
    )
    triangles = np.array([[0, 1, 3], [0, 1, 4], [0, 1, 5], [0, 1, 6], [0, 1, -1], [0, 0, 1]], np.int32)
    depth, image = ops.rasterise(vertices, triangles, np.ones((6, 1), np.float32), SIZE)
    assert np.isinf(depth).all()
    assert (image == 0).all()


def test_earlier_stays_at_equal_distance() -> None:
    vertices = np.array([[-9, -9, 2], [99, -9, 2], [-9, 99, 2]] * 2, np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    values = np.array([1, 1, 1, 2, 2, 2], np.float32)[:, None]
    np.testing.assert_allclose(ops.rasterise(vertices, triangles, values, SIZE)[1], 1, atol=1e-6)


def test_rejects_what_does_not_fit() -> None:
    vertices, triangles, values = random_mesh(np.random.default_rng(0), 2)
    with pytest.raises(ValueError, match="attributes"):
        ops.rasterise(vertices, triangles, values[:-1], SIZE)
    with pytest.raises(ValueError, match="names no vertex"):
        ops.vertex_normals(vertices, triangles + 1)


def test_normals_of_a_ball_point_outwards() -> None:
    u, v = np.meshgrid(np.linspace(0.2, np.pi - 0.2, 40), np.linspace(0, 2 * np.pi, 60, endpoint=False))
    ball = np.stack([np.sin(u) * np.cos(v), np.cos(u), np.sin(u) * np.sin(v)], axis=-1).astype(np.float32)
    index = np.arange(ball.shape[0] * ball.shape[1]).reshape(ball.shape[:2])
    a, b = index[:-1, :-1], index[:-1, 1:]
    c, d = index[1:, :-1], index[1:, 1:]
    triangles = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 2).reshape(-1, 3)
    normals = ops.vertex_normals(ball.reshape(-1, 3), triangles).reshape(ball.shape)
    assert ((normals * ball).sum(axis=-1)[1:-1, 1:-1] > 0.995).all()
