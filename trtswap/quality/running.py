"""Sums that take one value after the other and never grow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from trtswap.types import Array


@dataclass
class Running:
    """Mean, standard deviation, extremes of the finite values seen (Welford 1962)."""

    count: int = 0
    mean: float = math.nan
    least: float = math.nan
    most: float = math.nan
    _spread: float = 0.0

    def add(self, value: float | None) -> None:
        """Takes a value; None, NaN and infinities are left out."""
        if value is None or not math.isfinite(value):
            return
        self.count += 1
        if self.count == 1:
            self.mean, self.least, self.most = value, value, value
            return
        step = value - self.mean
        self.mean += step / self.count
        self._spread += step * (value - self.mean)
        self.least, self.most = min(self.least, value), max(self.most, value)

    @property
    def std(self) -> float:
        """The standard deviation of the values themselves (divided by their number)."""
        return math.sqrt(self._spread / self.count) if self.count else math.nan

    @property
    def rms(self) -> float:
        """The root of the mean square."""
        return math.hypot(self.mean, self.std) if self.count else math.nan


@dataclass
class Histogram:
    """Quantiles of weighted values on 0..top, to within a bin; what is above counts as `top`."""

    top: float
    bins: int
    _weights: Array = field(init=False)

    def __post_init__(self) -> None:
        self._weights = np.zeros(self.bins)

    def add(self, values: Array, weight: Array | float = 1.0) -> None:
        """Takes values with a weight each."""
        flat = np.asarray(values, np.float64).ravel()
        places = np.clip(flat * (self.bins / self.top), 0, self.bins - 1).astype(np.intp)
        weights = np.broadcast_to(np.asarray(weight, np.float64), np.shape(values)).ravel()
        self._weights += np.bincount(places, weights, self.bins)

    def quantile(self, share: float) -> float:
        """The middle of the bin below which lies `share` (0..1) of the weight; NaN without weight."""
        cumulative = np.cumsum(self._weights)
        if cumulative[-1] <= 0:
            return math.nan
        place = int(np.searchsorted(cumulative, share * cumulative[-1] * (1 - 1e-12)))
        return (min(place, self.bins - 1) + 0.5) * self.top / self.bins
