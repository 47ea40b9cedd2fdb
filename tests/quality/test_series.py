"""Values over time in bounded memory."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from trtswap.quality.series import Marks, Recent, Series


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100, 5000])
def test_a_series_keeps_means_and_extremes(count: int) -> None:
    rng = np.random.default_rng()
    values, times = rng.normal(size=count), np.cumsum(rng.uniform(0.01, 1, count))
    series = Series(8)
    for time_s, value in zip(times, values, strict=True):
        series.add(time_s, value)
        series.add(time_s, float("nan"))
    rows = series.rows()
    assert len(rows) <= 8
    assert sum(bucket.count for bucket in series.buckets) == count
    assert sum(bucket.total for bucket in series.buckets) == pytest.approx(values.sum())
    assert min(row[2] for row in rows) == values.min()
    assert max(row[3] for row in rows) == values.max()
    start = 0
    for bucket, row in zip(series.buckets, rows, strict=True):
        part = values[start : start + bucket.count]
        assert row == pytest.approx((times[start], part.mean(), part.min(), part.max()))
        start += bucket.count
    assert len({bucket.count for bucket in series.buckets[:-1]}) <= 1


def test_ten_hours_stay_small() -> None:
    """900,000 values, as of ten hours of video."""
    series, marks = Series(), Marks()
    for index in range(900_000):
        series.add(index / 25, index % 97)
        if index % 100 == 0:
            marks.add(index / 25)
    assert len(series.buckets) <= 720
    assert len(marks.times_s) <= 512
    assert marks.count == 9000
    assert marks.times_s == sorted(marks.times_s)
    assert len(set(np.diff(marks.times_s).round(6))) == 1, "evenly thinned out"


def test_an_odd_capacity_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        Series(7)


def test_the_median_of_the_last_values() -> None:
    recent, kept = Recent(5, 3), []
    for value in np.random.default_rng().normal(size=20):
        kept.append(float(value))
        recent.add(float(value))
        recent.add(float("inf"))
        expected = statistics.median(kept[-5:]) if len(kept) >= 3 else None
        assert recent.median == expected
