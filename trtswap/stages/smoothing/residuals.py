"""How well lines and parabolas fit the samples of a window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trtswap.types import Array

_TINY = 1e-30
_DEGENERATE = 1e-9
_LEAST_FREEDOM = 0.2
_CURVE_RIDGE = 1e-9


@dataclass(frozen=True)
class Residuals:
    """Quadratic forms of windows of W samples: mean squared residuals of fits. kernels: [N, L, W], how much each sample
    counts; basis: [N, 3 L, W], what of the samples the fits take up. N is 1 when all tracks share them."""

    kernels: Array
    basis: Array

    def mean_squares(self, values: Array) -> Array:
        """Of values [N, W, D], best small, the variance of what the fits leave: float64 [N, L, D]."""
        total = self.kernels @ (values * values)
        taken = self.basis @ values
        taken *= taken
        count, levels = total.shape[:2]
        total -= taken.reshape(count, levels, 3, -1).sum(axis=2)
        return np.asarray(np.maximum(total, 0.0))


def residual_forms(kernels: Array, offsets: Array, straight: Array, shrinkage: Array) -> Residuals:
    """The forms of L weighted fits.

    kernels: [N, L, W], 0 leaves a sample out. offsets: [W]. straight: bool [L], lines instead of parabolas. shrinkage:
    [N, L], the ridge on the curvature, in squared units of the offsets' squares. White noise gives its variance.
    """
    total = kernels.sum(axis=2) + _TINY
    first = offsets - (kernels @ offsets / total)[..., None]
    line = _unit(first, kernels)
    square = offsets * offsets
    curve = square - (kernels @ square / total)[..., None]
    curve = curve - line * (kernels * line * square).sum(axis=2)[..., None]
    room = (kernels * curve * curve).sum(axis=2) / total
    lost = 1 - room / (room + _CURVE_RIDGE + shrinkage)
    kept = np.where(straight, 0.0, np.sqrt(1 - lost * lost))
    curve = _unit(curve, kernels) * kept[..., None]
    constant = np.broadcast_to(1 / np.sqrt(total)[..., None], kernels.shape)
    basis = kernels[:, :, None] * np.stack([constant, line, curve], axis=2)
    freedom = np.maximum(kernels.sum(axis=2) - (basis * basis).sum(axis=(2, 3)), _LEAST_FREEDOM)
    basis /= np.sqrt(freedom)[..., None, None]
    count, levels, width = kernels.shape
    return Residuals(kernels / freedom[..., None], basis.reshape(count, 3 * levels, width))


def _unit(values: Array, kernels: Array) -> Array:
    """The values at length 1 under the kernel; 0 where there is next to nothing."""
    length = (kernels * values * values).sum(axis=2)[..., None]
    return np.asarray(np.where(length > _DEGENERATE, values / np.sqrt(length + _TINY), 0.0))
