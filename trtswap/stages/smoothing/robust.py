"""Robust scales and outliers of sampled tracks: differences of high order, medians, agreement with neighbours."""

from __future__ import annotations

import numpy as np

from trtswap.types import Array

HISTORY = 64
"""Frames over which noise is estimated."""

_LEAST_SAMPLES = 5
_TOLERANCE = 8.0
_BENEFIT = 3.0
_ABOUT = 0.4
"""So much of the way from one neighbour to the other a sample between them may lie off its place there."""


def difference_weights(times_s: Array) -> Array:
    """The weights [..., n] of the divided difference over n times [..., n], at length 1: they cancel polynomials of
    degree n - 2 and turn white noise of deviation s into a number of deviation s."""
    gaps = times_s[..., :, None] - times_s[..., None, :]
    count = times_s.shape[-1]
    gaps[..., np.arange(count), np.arange(count)] = 1.0
    scale = np.abs(gaps).max(axis=(-2, -1), keepdims=True)
    weights = 1.0 / np.prod(gaps / scale, axis=-1)
    return np.asarray(weights / np.sqrt((weights * weights).sum(axis=-1, keepdims=True)))


def disagreement(points: Array, present: Array, times_s: Array) -> Array:
    """How far the last three of five samples lie from what their neighbours say.

    points: [N, 5, Q, D], five frames of Q points. present: bool [N, 5]. times_s: [5]. Returns float64 [N, 3, Q], in
    units of the points: the distance to the two frames before (staying or moving evenly) or to the two after, whichever
    is less; 0 where neither side is known. Of the first frames of a track only what follows is known, and can only be
    carried back to them by extrapolation: there it counts `_BENEFIT` times less. A sample that starts a step agrees
    with what follows; a sample alone, or two, with nothing.
    """
    steps = times_s[1:] - times_s[:-1]
    frames = np.ascontiguousarray(points.transpose(1, 0, 2, 3))  # frames first: long runs for every step
    gaps = np.empty((10, *frames.shape[1:]))
    one, two, bend = gaps[:4], gaps[4:7], gaps[7:]
    np.subtract(frames[1:], frames[:-1], out=one)
    np.subtract(frames[2:], frames[:-2], out=two)
    np.multiply(one[:-1], (steps[1:] / steps[:-1])[:, None, None, None], out=bend)
    np.subtract(one[1:], bend, out=bend)
    squares = np.einsum("fnqd,fnqd->fnq", gaps, gaps)
    near, far, bent = squares[:4], squares[4:7], squares[7:]
    shown = present.T
    known = (shown[2:] & shown[1:-1] & shown[:-2])[:, :, None]
    before = np.where(known, np.minimum(np.maximum(near[1:], far), bent), np.inf)
    after = np.minimum(np.maximum(near[2], far[2]), bent[2] * (steps[2] / steps[3]) ** 2)
    after = np.where(known[2], after, np.inf)
    before[0] = np.where(known[0], np.minimum(before[0], after), after / _BENEFIT**2)
    before[before == np.inf] = 0.0
    return np.asarray(np.sqrt(before).transpose(1, 0, 2))


def midway(points: Array, present: Array, times_s: Array) -> Array:
    """How far the third and fourth of five samples lie from about the middle between their neighbours: float64
    [N, 2, Q], infinite where one of these is missing. Arguments as of `disagreement`."""
    share = ((times_s[2:4] - times_s[1:3]) / (times_s[3:] - times_s[1:3]))[:, None, None]
    way = points[:, 3:] - points[:, 1:3]
    off = np.linalg.norm(points[:, 2:4] - points[:, 1:3] - share * way, axis=3)
    known = (present[:, 1:3] & present[:, 2:4] & present[:, 3:])[:, :, None]
    return np.where(known, np.maximum(off - _ABOUT * np.linalg.norm(way, axis=3), 0.0), np.inf)


class ScaleHistory:
    """Medians per track and kind over the last `HISTORY` samples. All kinds of a missing sample are infinite.

    medians: [slots, kinds], infinite where fewer than five samples are known. counts: int [slots], how many are.
    Medians of many samples hardly change from one to the next, and are taken when `refresh` says so.
    """

    def __init__(self, kinds: int) -> None:
        self._kinds = kinds
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self._samples = np.full((0, self._kinds, HISTORY), np.inf)
        self._ages = np.zeros(0, int)
        self._next = 0
        self.medians = np.full((0, self._kinds), np.inf)
        self.counts = np.zeros(0, int)

    def push(self, samples: Array, fresh: list[int], *, refresh: bool) -> list[int]:
        """Adds samples [slots, kinds] of all slots and gives the slots whose medians may have changed. fresh: slots
        that begin a new track and forget what was there."""
        missing = len(samples) - len(self._samples)
        if missing > 0:
            self._grow(missing)
        if fresh:
            self._samples[fresh], self.medians[fresh] = np.inf, np.inf
            self._ages[fresh], self.counts[fresh] = 0, 0
        self._samples[:, :, self._next] = samples
        self._next = (self._next + 1) % HISTORY
        known = samples[:, 0] < np.inf
        self._ages += known
        if not refresh:
            known &= self._ages <= HISTORY // 2
        due: list[int] = np.flatnonzero(known).tolist()
        if due:
            self._measure(due)
        return fresh + due

    def _grow(self, missing: int) -> None:
        blank = np.full((missing, self._kinds, HISTORY), np.inf)
        self._samples = np.concatenate([self._samples, blank])
        self.medians = np.concatenate([self.medians, blank[:, :, 0]])
        self._ages = np.concatenate([self._ages, np.zeros(missing, int)])
        self.counts = np.concatenate([self.counts, np.zeros(missing, int)])

    def _measure(self, due: list[int]) -> None:
        ordered = np.sort(self._samples[due], axis=2)
        counts = np.count_nonzero(ordered[:, 0] < np.inf, axis=1)
        medians = ordered[np.arange(len(due)), :, np.maximum(counts - 1, 0) // 2]
        medians[counts < _LEAST_SAMPLES] = np.inf
        self.medians[due], self.counts[due] = medians, counts


class Guard:
    """Tells samples that agree neither with the frames before nor with those after, nor lie between them.

    A sample is judged when it arrives, by the frames before it alone, and again when each of the next two arrives.
    """

    def __init__(self) -> None:
        self._typical = ScaleHistory(1)

    def reset(self) -> None:
        """Forgets everything."""
        self._typical.reset()

    def judge(
        self,
        points: Array,
        present: Array,
        measured: Array,
        times_s: Array,
        fresh: list[int],
        limits: tuple[Array, Array],
        *,
        refresh: bool,
    ) -> Array:
        """Which of the last three frames' points to trust: bool [N, 3, Q].

        points, present, times_s: five frames as `disagreement` wants them. measured: bool [N], whether all five are
        measurements and so tell what disagreement is usual. limits: [N] each, disagreements that are trusted always,
        and those that are while it is unknown what is usual. refresh: as of `ScaleHistory`.
        """
        apart = disagreement(points, present, times_s)
        settled = np.where(measured, np.sort(apart[:, 0], axis=1)[:, apart.shape[2] // 2], np.inf)
        self._typical.push(settled[:, None], fresh, refresh=refresh)
        usual = self._typical.medians[:, 0]
        limit = np.where(np.isinf(usual), limits[1], np.maximum(_TOLERANCE * usual, limits[0]))
        trusted = np.asarray(apart <= limit[:, None, None])
        if not trusted.all():
            trusted[:, :2] |= midway(points, present, times_s) <= limit[:, None, None]
        return trusted
