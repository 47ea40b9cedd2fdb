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
    counts; basis: [N, 3 L + 1, W], what of the samples the fits take up, and last what a cubic would besides at the
    widest. spare: [N, 1], by how much fewer degrees of freedom make the cubic's residual larger. N is 1 when all tracks
    share them."""

    kernels: Array
    basis: Array
    spare: Array

    def mean_squares(self, values: Array) -> Array:
        """Of values [N, W, D], best small, the variance of what the fits leave: float64 [N, L, D]."""
        left = self.kernels @ (values * values)
        taken = self.basis[:, :-1] @ values
        taken *= taken
        count, levels = left.shape[:2]
        left -= taken.reshape(count, levels, 3, -1).sum(axis=2)
        return np.asarray(np.maximum(left, 0.0))

    def widest(self, values: Array) -> tuple[Array, Array]:
        """The same of the widest fit alone, and of a cubic there: [N, D] each."""
        left = (self.kernels[:, -1:] @ (values * values))[:, 0]
        taken = self.basis[:, -4:] @ values
        taken *= taken
        left -= taken[:, 0] + taken[:, 1] + taken[:, 2]
        smooth = (left - taken[:, 3]) * self.spare
        return np.maximum(left, 0.0), np.maximum(smooth, 0.0)


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
    bend = _unit(curve, kernels)
    constant = np.broadcast_to(1 / np.sqrt(total)[..., None], kernels.shape)
    cube = _cube(offsets, kernels[:, -1], (constant[:, -1], line[:, -1], bend[:, -1])) * (
        shrinkage[:, -1:] == 0
    )
    basis = kernels[:, :, None] * np.stack([constant, line, bend * kept[..., None]], axis=2)
    freedom = np.maximum(kernels.sum(axis=2) - (basis * basis).sum(axis=(2, 3)), _LEAST_FREEDOM)
    basis /= np.sqrt(freedom)[..., None, None]
    count, levels, width = kernels.shape
    basis = np.concatenate([basis.reshape(count, 3 * levels, width), cube[:, None]], axis=1)
    spent = (cube * cube).sum(axis=1, keepdims=True)
    basis[:, -1] /= np.sqrt(freedom[:, -1:])
    spare = freedom[:, -1:] / np.maximum(freedom[:, -1:] - spent, _LEAST_FREEDOM)
    return Residuals(kernels / freedom[..., None], basis, spare)


def _cube(offsets: Array, kernels: Array, lower: tuple[Array, ...]) -> Array:
    """Times the kernel, what a cubic adds to parabolas of the orthonormal parts `lower`: [N, W]."""
    cube = np.broadcast_to(offsets * offsets * offsets, kernels.shape)
    for part in lower:
        cube = cube - part * (kernels * part * cube).sum(axis=1, keepdims=True)
    return np.asarray(kernels * _unit(cube[:, None], kernels[:, None])[:, 0])


def _unit(values: Array, kernels: Array) -> Array:
    """The values at length 1 under the kernel; 0 where there is next to nothing."""
    length = (kernels * values * values).sum(axis=2)[..., None]
    return np.asarray(np.where(length > _DEGENERATE, values / np.sqrt(length + _TINY), 0.0))
