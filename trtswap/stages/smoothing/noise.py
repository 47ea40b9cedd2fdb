"""How noisy the samples of tracks are, told from their third differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from trtswap.types import Array

MEASURED = 0.5
"""Samples of less weight say nothing about noise: they were filled in, or are doubted."""

SLOW = np.array([1.0, 2.0, 6.5])
"""How much larger than third differences tell the errors of a detector may be within windows, narrow to wide: they are
not white, but drift with how the head is held."""


@dataclass(frozen=True)
class Tolerances:
    """What mean squared residuals of N tracks and G groups may be. white: [N, G], for noise that is white, times what
    chance adds. slow: [N, L, G], besides, for each of L bandwidths. share: [N, G], 0..1, how much of what third
    differences tell is noise; the rest is motion that all but the widest window would smooth away."""

    white: Array
    slow: Array
    share: Array


class Noise(Protocol):
    """What is known of the noise of some kind of samples. kinds: how many scales are measured. Tolerances are of
    samples in units of their own."""

    kinds: int

    def squares(self, differences: Array, samples: Array) -> Array:
        """What is measured of third differences [N, D], beside one of their samples [N, D]: squares [N, kinds]."""

    def tolerances(self, medians: Array, counts: Array) -> Tolerances:
        """From the medians [N, kinds] of so many squares, infinite where unknown; counts: [N]."""

    def units(self, samples: Array) -> Array | None:
        """The squared units [N, G] of samples [N, D]; None where they are 1."""

    def strain(self, excess: Array) -> Array:
        """Excesses [N, L, G] of wider fits over what is allowed, seen beside those of the other groups; may be in
        place."""

    def calm(self, squares: Array, medians: Array) -> Array | None:
        """How sure it is, [N, G], that nothing moves that the widest fit would not follow. squares: [N, G], in units
        of the samples, what a cubic leaves there; medians: as of `tolerances`. None where it can't be told."""


class PlainNoise:
    """Groups of dimensions about which nothing is known: third differences are noise, which the groups share."""

    def __init__(self, groups: Array) -> None:
        self.kinds = groups.shape[1]
        self._groups = groups / groups.sum(axis=0)
        self._medians = chi_square_medians(groups.sum(axis=0))

    def squares(self, differences: Array, samples: Array) -> Array:  # noqa: ARG002
        """The mean squares of each group."""
        return np.asarray((differences * differences) @ self._groups)

    def tolerances(self, medians: Array, counts: Array) -> Tolerances:  # noqa: ARG002
        """All that third differences tell; the widest window where that is unknown."""
        levels = medians / self._medians
        return Tolerances(levels, SLOW[:, None] * levels[:, None], np.ones_like(levels))

    def units(self, samples: Array) -> None:
        """None: they are those of the samples."""

    def strain(self, excess: Array) -> Array:
        """The same."""
        return excess

    def calm(self, squares: Array, medians: Array) -> None:
        """None: about the groups nothing is known."""


def chi_square_medians(degrees: Array) -> Array:
    """The median of chi square over its degrees of freedom (Wilson and Hilferty)."""
    return np.asarray((1 - 2 / (9 * degrees)) ** 3)
