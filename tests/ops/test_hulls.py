"""hulls against the definition with SciPy's convex hulls, against areas counted finely, and on points without area."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from support import tolerance
from support.targets import CudaTarget, HostTarget, Target

from trtswap import ops
from trtswap.types import Array


def beyond(points: Array, x: Array, y: Array) -> Array:
    """How far places lie beyond the farthest edge of the hull of points [K, 2]: float64, as x and y."""
    edges = ConvexHull(points).equations  # unit normals outwards, and an offset
    return np.max([a * x + b * y + c for a, b, c in edges], axis=0)


def covered(points: Array, width: int, height: int, grow_px: float = 0.0) -> Array:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.clip(0.5 - (beyond(points, x, y) - grow_px), 0, 1)


def run(
    target: Target, points: Array, sizes: list[int], size: tuple[int, int], grow_px: float = 0.0
) -> Array:
    like = target.put(np.zeros(1, np.float32))
    return target.get(ops.hulls(points, sizes, size, grow_px=grow_px, like=like))


def test_the_first_less_the_others(target: Target) -> None:
    rng = np.random.default_rng()
    sizes = [int(count) for count in rng.integers(3, 40, rng.integers(1, 6))]
    width, height = (int(edge) for edge in rng.integers(1, 300, 2))
    grow_px = float(rng.uniform(0, 4))
    faces = int(rng.integers(1, 20))
    points = np.concatenate(
        [rng.normal(rng.uniform(0, 300, (faces, 1, 2)), rng.uniform(1, 90), (faces, n, 2)) for n in sizes],
        axis=1,
    )
    found = run(target, points, sizes, (width, height), grow_px)
    assert found.shape == (faces, height, width)
    assert found.dtype == np.float32
    for mask, own in zip(found, points, strict=True):
        first, *others = np.split(own, np.cumsum(sizes)[:-1])
        wanted = covered(first, width, height)
        for other in others:
            wanted = np.minimum(wanted, 1 - covered(other, width, height, grow_px))
        np.testing.assert_allclose(mask, wanted, atol=tolerance.HULLS)


def test_a_pixel_counts_about_as_much_as_its_area_inside() -> None:
    rng = np.random.default_rng()
    fine = (np.arange(16) + 0.5) / 16 - 0.5
    for _ in range(4):
        points = rng.uniform(10, 54, (12, 2))
        y, x = np.mgrid[0:64, 0:64]
        areas = np.zeros((64, 64))
        for dx in fine:
            for dy in fine:
                areas += beyond(points, x + dx, y + dy) <= 0
        mask = ops.hulls(points[None], [12], (64, 64))[0]
        assert np.abs(mask - areas / 256).mean() < tolerance.HULLS_AREA_MEAN
        assert (mask[areas == 256] >= 0.5).all()


@given(st.integers(0, 3), st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_what_spans_no_area_covers_nothing(count: int, x: float, y: float) -> None:
    square = np.array([(0, 0), (7, 0), (7, 7), (0, 7)], float)
    for flat in (
        np.tile([x, y], (count, 1)),
        np.outer(np.arange(count), (1.0, 2.0)),
        np.full((count, 2), np.nan),
        np.array([(2e6, 0), (2e6, 8), (-2e6, 4)])[:count],
    ):
        both = np.concatenate([flat, square])
        assert (ops.hulls(both[None], [count, 4], (8, 8)) == 0).all()
        whole = ops.hulls(np.concatenate([square, flat])[None], [4, count], (8, 8), grow_px=2)
        assert (whole[:, 1:7, 1:7] == 1).all()


def test_the_order_of_points_and_those_inside_do_not_matter() -> None:
    rng = np.random.default_rng()
    corners = rng.uniform(0, 60, (9, 2))
    weights = rng.dirichlet(np.ones(9), 30)
    more = rng.permutation(np.concatenate([corners, weights @ corners, corners[:3]]))
    np.testing.assert_array_equal(
        ops.hulls(corners[None], [9], (64, 64)), ops.hulls(more[None], [len(more)], (64, 64))
    )


def test_none_and_what_does_not_fit(target: Target) -> None:
    assert run(target, np.zeros((0, 5, 2)), [5], (7, 9)).shape == (0, 9, 7)
    for points, sizes in (
        (np.zeros((2, 5, 2)), [4]),
        (np.zeros((2, 5, 3)), [5]),
        (np.zeros((1, 0, 2)), []),
        (np.zeros((1, 3, 2)), [4, -1]),
    ):
        with pytest.raises(ValueError, match=r"points|sizes"):
            run(target, points, sizes, (8, 8))


@pytest.mark.gpu
def test_both_builds_agree_to_the_bit() -> None:
    rng = np.random.default_rng()
    points = rng.normal(64, 40, (64, 68, 2))
    sizes = [30, 20, 10, 8]
    host, cuda = (run(target, points, sizes, (131, 127), 1.3) for target in (HostTarget(), CudaTarget()))
    np.testing.assert_array_equal(host, cuda)
