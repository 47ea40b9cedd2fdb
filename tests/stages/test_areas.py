"""Masks of areas against a plain test of every pixel."""

from __future__ import annotations

import numpy as np
import pytest
from support import tolerance

from trtswap.geometry import transform_points
from trtswap.options import MaskOptions
from trtswap.stages.areas import area_masks

INDICES = {
    "upper-face": [0, 1, 2, 31, 32, 33, 34, 35, 14, 15, 16, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17],
    "lower-face": [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 35, 34, 33, 32, 31],
    "mouth": list(range(48, 68)),
}


def beyond_hull(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far pixels are beyond the lines through two corners that have all corners on one side; negative inside."""
    distance = np.full(x.shape, -np.inf)
    for first in corners:
        for second in corners:
            length = np.hypot(*(second - first))
            if length == 0:
                continue
            normal = np.array([second[1] - first[1], first[0] - second[0]]) / length
            if ((corners - first) @ normal <= 1e-9).all():
                distance = np.maximum(distance, (x - first[0]) * normal[0] + (y - first[1]) * normal[1])
    return distance


@pytest.mark.parametrize("areas", [("mouth",), ("upper-face", "mouth"), MaskOptions().areas])
def test_inside_the_hull_and_nowhere_else(areas: tuple[str, ...]) -> None:
    rng = np.random.default_rng()
    size = 96
    points = rng.uniform(-20, 130, (3, 68, 2))
    placements = np.array([[[0.7, -0.2, 15], [0.2, 0.7, 5]]] * 3) + rng.normal(0, 0.01, (3, 2, 3))
    masks = area_masks(transform_points(placements, points), size, areas)  # type: ignore[arg-type]
    assert masks.dtype == np.float32
    y, x = np.mgrid[0:size, 0:size]
    for mask, some, placement in zip(masks, points, placements, strict=True):
        chosen = some[[k for area in areas for k in INDICES[area]]]
        distance = beyond_hull(chosen @ placement[:, :2].T + placement[:, 2], x, y)
        np.testing.assert_allclose(mask, np.clip(0.5 - distance, 0, 1), atol=tolerance.HULLS)
