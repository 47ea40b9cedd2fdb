"""Masks from sixty-eight points: the outline of some areas of a face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from trtswap import ops
from trtswap.options import Area
from trtswap.types import Array, DeviceArray

_POINTS: Mapping[Area, tuple[int, ...]] = MappingProxyType(
    {
        "upper-face": (0, 1, 2, 31, 32, 33, 34, 35, 14, 15, 16, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17),
        "lower-face": (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 35, 34, 33, 32, 31),
        "mouth": tuple(range(48, 68)),
    }
)


def area_masks(
    landmarks_68: Array, size: int, areas: Sequence[Area], *, like: Array | DeviceArray | None = None
) -> Any:
    """1 within the convex outline of all the areas together, 0 outside, edges antialiased: float32 [F, size, size].

    landmarks_68: [F, 68, 2] in crop pixels. like: an array that lies where the masks are to lie; None is the host.
    """
    rows = sorted({point for area in areas for point in _POINTS[area]})
    return ops.hulls(np.asarray(landmarks_68)[:, rows], [len(rows)], (size, size), like=like)
