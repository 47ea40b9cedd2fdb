"""Values over time in memory that does not grow."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """Some consecutive values: when the first came, in seconds, their sum, count and extremes."""

    time_s: float
    total: float
    count: int
    least: float
    most: float

    def take(self, value: float) -> None:
        """Adds a later value."""
        self.total += value
        self.count += 1
        self.least, self.most = min(self.least, value), max(self.most, value)

    def merged(self, later: Bucket) -> Bucket:
        """Both as one."""
        return Bucket(
            self.time_s,
            self.total + later.total,
            self.count + later.count,
            min(self.least, later.least),
            max(self.most, later.most),
        )


class Series:
    """Values in order of time, as at most `capacity` buckets; when they are full, each two become one."""

    def __init__(self, capacity: int = 720) -> None:
        if capacity < 2 or capacity % 2:
            raise ValueError(f"the capacity is an even number from 2, not {capacity}")
        self._capacity = capacity
        self._per_bucket = 1
        self.buckets: list[Bucket] = []

    def add(self, time_s: float, value: float) -> None:
        """Takes a value; what is not finite is left out."""
        if not math.isfinite(value):
            return
        if self.buckets and self.buckets[-1].count < self._per_bucket:
            self.buckets[-1].take(value)
            return
        if len(self.buckets) == self._capacity:
            pairs = zip(self.buckets[::2], self.buckets[1::2], strict=True)
            self.buckets = [first.merged(second) for first, second in pairs]
            self._per_bucket *= 2
        self.buckets.append(Bucket(time_s, value, 1, value, value))

    def rows(self) -> list[tuple[float, float, float, float]]:
        """Time in seconds, mean, least and greatest of each bucket."""
        return [(b.time_s, b.total / b.count, b.least, b.most) for b in self.buckets]


class Recent:
    """The median of the last `length` values, once there are `least` of them."""

    def __init__(self, length: int, least: int) -> None:
        self._values: deque[float] = deque(maxlen=length)
        self._least = least

    def add(self, value: float) -> None:
        """Takes a value."""
        if math.isfinite(value):
            self._values.append(value)

    @property
    def median(self) -> float | None:
        """None while there are too few values."""
        if len(self._values) < self._least:
            return None
        ordered = sorted(self._values)
        middle = len(ordered) // 2
        return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


class Marks:
    """Moments, at most `capacity` of them: when they are full, every other one is forgotten, and of the later ones too.

    count: of all."""

    def __init__(self, capacity: int = 512) -> None:
        self._capacity = capacity
        self._keep = 1
        self.count = 0
        self.times_s: list[float] = []

    def add(self, time_s: float) -> None:
        """Takes a moment."""
        if self.count % self._keep == 0:
            if len(self.times_s) == self._capacity:
                self.times_s = self.times_s[::2]
                self._keep *= 2
            if self.count % self._keep == 0:
                self.times_s.append(time_s)
        self.count += 1
