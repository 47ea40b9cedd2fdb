"""Small smooth functions of which heads are made. All take and return arrays; none keeps state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trtswap.types import Array


def smoothstep(low: float | Array, high: float | Array, x: Array) -> Array:
    """0 below `low`, 1 above `high` (or the reverse where low > high), a smooth cubic between."""
    t = np.clip((np.asarray(x) - low) / (np.asarray(high) - low), 0.0, 1.0)
    result: Array = t * t * (3.0 - 2.0 * t)
    return result


def gauss(x: Array, y: Array, centre: tuple[float, float], radius: tuple[float, float]) -> Array:
    """exp(-r^2), r measured in `radius` from `centre`."""
    result: Array = np.exp(-(((x - centre[0]) / radius[0]) ** 2) - (((y - centre[1]) / radius[1]) ** 2))
    return result


def plateau(x: Array, y: Array, centre: tuple[float, float], radius: tuple[float, float]) -> Array:
    """As `gauss` with a flat top: exp(-r^4)."""
    r2 = ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2
    result: Array = np.exp(-r2 * r2)
    return result


def through(knots: Sequence[float] | Array, values: Sequence[float] | Array, x: Array) -> Array:
    """A smooth curve through (knots, values) at `x`, held constant beyond both ends. knots ascend.

    values: [K] or [K, D]. Returns x.shape or x.shape + (D,).
    """
    t = np.asarray(knots, np.float64)
    v = np.asarray(values, np.float64)
    column = (slice(None),) + (None,) * (v.ndim - 1)
    slope = np.diff(v, axis=0) / np.diff(t)[column]
    step = np.diff(t)[column]
    tangent = np.concatenate(
        [slope[:1], (slope[:-1] * step[1:] + slope[1:] * step[:-1]) / (step[1:] + step[:-1]), slope[-1:]]
    )
    x = np.clip(np.asarray(x, np.float64), t[0], t[-1])
    k = np.clip(np.searchsorted(t, x, side="right") - 1, 0, len(t) - 2)
    h = (t[k + 1] - t[k])[(...,) + (None,) * (v.ndim - 1)]
    s = (x - t[k])[(...,) + (None,) * (v.ndim - 1)] / h
    result: Array = (
        (1 + 2 * s) * (1 - s) ** 2 * v[k]
        + s * (1 - s) ** 2 * h * tangent[k]
        + s * s * (3 - 2 * s) * v[k + 1]
        + s * s * (s - 1) * h * tangent[k + 1]
    )
    return result
