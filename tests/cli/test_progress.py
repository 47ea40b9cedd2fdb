"""What the progress reporters compute and draw."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from trtswap.cli.output import Output
from trtswap.cli.progress import (
    JsonLines,
    Pace,
    PaceMeter,
    PlainLines,
    Silent,
    TerminalBar,
    Throttle,
    describe,
    format_seconds,
    reporter_for,
)
from trtswap.types import Progress


def swap(done: int, elapsed_s: float, total: int | None = 100, faces: int = 0) -> Progress:
    return Progress("swap", done, total, faces, elapsed_s)


@given(
    rate=st.integers(1, 1000),
    started_s=st.integers(0, 1000),
    done=st.integers(1, 10_000),
    left=st.integers(0, 10_000),
)
def test_pace_of_a_steady_run(rate: int, started_s: int, done: int, left: int) -> None:
    meter = PaceMeter()
    meter.update(Progress("prepare", 0, None, 0, 0.0))
    assert meter.update(swap(0, float(started_s), done + left)) == Pace(None, None)
    pace = meter.update(swap(done, started_s + done / rate, done + left))
    assert pace.frames_per_s == pytest.approx(rate, rel=1e-6)
    assert pace.remaining_s == pytest.approx(left / rate, rel=1e-6)


def test_pace_without_a_total() -> None:
    meter = PaceMeter()
    meter.update(swap(0, 1.0, None))
    assert meter.update(swap(30, 2.0, None)) == Pace(30.0, None)


def test_a_container_that_declares_too_few_frames_leaves_no_negative_time() -> None:
    meter = PaceMeter()
    meter.update(swap(0, 0.0, 10))
    assert meter.update(swap(20, 2.0, 10)) == Pace(10.0, 0.0)


def test_throttle_lets_the_ends_and_the_beat_through() -> None:
    throttle = Throttle(1.0)
    passed = [done for done in range(101) if throttle.passes(swap(done, done * 0.1 + 1e-9 * done))]
    assert passed == [*range(0, 101, 10)]
    assert throttle.passes(Progress("finish", 100, 100, 0, 10.01)), "a new stage"
    assert not throttle.passes(Progress("finish", 100, 100, 0, 10.02))


def test_throttle_lets_the_last_frame_through_early() -> None:
    throttle = Throttle(60.0)
    assert [throttle.passes(swap(done, done * 0.1)) for done in (0, 50, 99, 100)] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (59.4, "0:59"),
        (59.6, "1:00"),
        (3599.6, "1:00:00"),
        (3661, "1:01:01"),
        (360_000, "100:00:00"),
    ],
)
def test_format_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_describe() -> None:
    assert describe(swap(5, 1.0, faces=7), Pace(12.34, 61.0)) == (
        "5/100 frames, 12.3 frames/s, 1:01 left, 7 faces swapped"
    )
    assert describe(swap(5, 1.0, None), Pace(None, None)) == "5 frames, 0 faces swapped"


@pytest.mark.parametrize(
    ("output", "terminal", "kind"),
    [
        (Output(), True, TerminalBar),
        (Output(), False, PlainLines),
        (Output(json=True), True, JsonLines),
        (Output(json=True), False, JsonLines),
        (Output(quiet=True), True, Silent),
        (Output(json=True, quiet=True), True, Silent),
    ],
)
def test_which_reporter(output: Output, terminal: bool, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=terminal)
    assert type(reporter_for(output, console)) is kind


def test_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    console = Console(file=io.StringIO(), force_terminal=True)
    assert type(reporter_for(Output(), console)) is PlainLines


def test_bar_shows_the_numbers_and_leaves_the_cursor_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=120, color_system=None)
    with TerminalBar(console) as bar:
        shown, hidden = drawn.getvalue().rfind("\x1b[?25h"), drawn.getvalue().rfind("\x1b[?25l")
        assert shown > hidden, "a second Ctrl-C must not leave the cursor hidden"
        bar(swap(0, 0.0))
        bar(swap(50, 5.0, faces=49))
    text = drawn.getvalue()
    assert "swapping" in text
    assert "50/100 frames, 10.0 frames/s, 0:05 left, 49 faces swapped" in text
