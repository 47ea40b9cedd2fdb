"""The text of options to values."""

from __future__ import annotations

import argparse
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtswap.cli.values import expand_padding, time_point
from trtswap.errors import OptionError
from trtswap.options import TimePoint

hours = st.integers(0, 999_999)
sixty = st.integers(0, 59)
milliseconds = st.integers(0, 999)


def exactly(whole_s: int, thousandths: int) -> float:
    """The double nearest to the true value."""
    return float(whole_s + Fraction(thousandths, 1000))


@given(hours, sixty, sixty, milliseconds)
def test_hours_minutes_seconds(h: int, m: int, s: int, ms: int) -> None:
    expected = TimePoint(seconds=exactly(h * 3600 + m * 60 + s, ms))
    assert time_point(f"{h}:{m}:{s}.{ms:03}") == expected
    assert time_point(f"{h:02}:{m:02}:{s:02}.{ms:03}") == expected


@given(hours, sixty, milliseconds)
def test_minutes_seconds(m: int, s: int, ms: int) -> None:
    assert time_point(f"{m}:{s:02}.{ms:03}") == TimePoint(seconds=exactly(m * 60 + s, ms))
    assert time_point(f"{m}:{s:02}") == TimePoint(seconds=float(m * 60 + s))


@given(st.integers(0, 999_999_999), milliseconds)
def test_seconds(s: int, ms: int) -> None:
    assert time_point(f"{s}.{ms:03}") == TimePoint(seconds=exactly(s, ms))
    assert time_point(str(s)) == TimePoint(seconds=float(s))


@given(st.integers(0, 999_999_999_999))
def test_frames(frame: int) -> None:
    assert time_point(f"{frame}f") == TimePoint(frame=frame)


@given(st.floats(0, 1e6))
def test_python_floats_survive(seconds: float) -> None:
    text = f"{seconds:.12f}"
    assert time_point(text) == TimePoint(seconds=float(text))


@pytest.mark.parametrize(
    "text",
    ["", "f", "-1", "-1f", "1.5f", "1:60", "1:60:00", "1:2:3:4", "1,5", "1e3", "nan", "inf", " 1", "1\n",
     "1:", ":1", "1.", "٣", "12 f", "9" * 400],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        time_point(text)


@pytest.mark.parametrize(
    ("given_sides", "top_right_bottom_left"),
    [
        ([1.0], (1, 1, 1, 1)),
        ([1.0, 2.0], (1, 2, 1, 2)),
        ([1.0, 2.0, 3.0], (1, 2, 3, 2)),
        ([1.0, 2.0, 3.0, 4.0], (1, 2, 3, 4)),
    ],
)
def test_padding_expands_as_in_css(
    given_sides: list[float], top_right_bottom_left: tuple[float, ...]
) -> None:
    assert expand_padding(given_sides) == top_right_bottom_left


@pytest.mark.parametrize("count", [0, 5])
def test_padding_of_another_length_is_refused(count: int) -> None:
    with pytest.raises(OptionError, match="1 to 4 numbers"):
        expand_padding([1.0] * count)
