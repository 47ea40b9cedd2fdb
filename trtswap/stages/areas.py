"""Masks from sixty-eight points: the outline of some areas of a face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np

from trtswap.geometry import transform_points
from trtswap.options import Area
from trtswap.types import Array

_POINTS: Mapping[Area, tuple[int, ...]] = MappingProxyType(
    {
        "upper-face": (0, 1, 2, 31, 32, 33, 34, 35, 14, 15, 16, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17),
        "lower-face": (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 35, 34, 33, 32, 31),
        "mouth": tuple(range(48, 68)),
    }
)
_FAR = 1 << 20
"""Pixels beyond which OpenCV's drawing would overflow."""


def area_masks(landmarks_px: Array, placements: Array, size: int, areas: Sequence[Area]) -> Array:
    """1 within the convex outline of all the areas together, 0 outside: float32 [F, size, size].

    landmarks_px: [F, 68, 2] in frame pixels. placements: [F, 2, 3], frame to crop pixels.
    """
    rows = sorted({point for area in areas for point in _POINTS[area]})
    outlines = np.clip(transform_points(placements, landmarks_px)[:, rows], -_FAR, _FAR).astype(np.int32)
    masks = np.zeros((len(outlines), size, size), np.float32)
    for mask, outline in zip(masks, outlines, strict=True):
        cv2.fillConvexPoly(mask, cv2.convexHull(np.ascontiguousarray(outline)), 1.0)
    return masks
