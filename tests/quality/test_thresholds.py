"""Thresholds as text, and what they say of figures."""

from __future__ import annotations

import pytest

from trtswap.errors import OptionError, QualityError
from trtswap.options import MonitorOptions
from trtswap.quality.figures import COUNTS, METRICS, TARGETS, Quality, figure_names
from trtswap.quality.gate import Gate
from trtswap.quality.thresholds import judge, parse_threshold


@pytest.mark.parametrize(
    ("text", "figure", "relation", "limit"),
    [
        ("tpsnr.min>16", "tpsnr.min", ">", 16),
        (" jitter.share < 5% ", "jitter.share", "<", 0.05),
        ("jitter.share<=0.05", "jitter.share", "<=", 0.05),
        ("tpsnr_delta.mean>=-1.5e-1", "tpsnr_delta.mean", ">=", -0.15),
        ("shake.rms<.5", "shake.rms", "<", 0.5),
    ],
)
def test_a_threshold_is_read(text: str, figure: str, relation: str, limit: float) -> None:
    threshold = parse_threshold(text)
    assert (threshold.figure, threshold.relation, threshold.limit) == (figure, relation, limit)


@pytest.mark.parametrize("name", figure_names())
def test_every_figure_can_be_asked_for(name: str) -> None:
    assert parse_threshold(f"{name}>0").figure == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tpsnr.min", "is not a threshold"),
        ("tpsnr.min=16", "is not a threshold"),
        ("tpsnr.min>high", "is not a threshold"),
        ("tpsnr.min>16 dB", "is not a threshold"),
        ("tpnsr.min>16", "no figure 'tpnsr.min'"),
        ("landmark_jitter.mean<5%", "no share"),
        ("", "is not a threshold"),
    ],
)
def test_what_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        parse_threshold(text)
    assert caught.value.hint


def test_a_slip_is_put_right() -> None:
    with pytest.raises(OptionError) as caught:
        parse_threshold("tpnsr.min>16")
    assert "tpsnr.min" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("tpsnr.min>16", 16.0, False),
        ("tpsnr.min>=16", 16.0, True),
        ("tpsnr.min<16", 15.9, True),
        ("tpsnr.min<=16", 16.1, False),
        ("tpsnr.min>16", None, False),
        ("tpsnr.min>16", float("nan"), False),
    ],
)
def test_a_verdict_follows_the_relation(text: str, value: float | None, holds: bool) -> None:
    (verdict,) = judge({"tpsnr.min": value}, [parse_threshold(text)])
    assert verdict.holds is holds


def test_the_reason_names_figure_value_and_limit() -> None:
    thresholds = [parse_threshold("jitter.share<5%"), parse_threshold("seam.mean<3")]
    shares, missing = judge({"jitter.share": 0.123}, thresholds)
    assert shares.reason == "jitter.share is 12.3%, and should be < 5%"
    assert missing.reason == "seam.mean was not measured, and should be < 3"


def test_the_targets_are_thresholds() -> None:
    assert [parse_threshold(text).figure for text in TARGETS] == [
        *("tpsnr.mean", "tpsnr.std", "tpsnr.min", "jitter.share"),
    ]
    assert not set(COUNTS) & set(METRICS)


def test_the_gate_raises_for_what_was_asked_for_alone() -> None:
    poor = Quality({"tpsnr.mean": 3.0, "jitter.share": 0.9})
    Gate(MonitorOptions(), [], overwrite=False).close(poor, video="a.mp4", original=None)
    asked = Gate(MonitorOptions(require=("tpsnr.mean>2", "jitter.share<5%")), [], overwrite=False)
    with pytest.raises(QualityError, match=r"^jitter.share is 90%, and should be < 5%$") as caught:
        asked.close(poor, video="a.mp4", original=None, report="the report")
    assert caught.value.report == "the report"
    with pytest.raises(OptionError):
        Gate(MonitorOptions(require=("tpsnr>2",)), [], overwrite=False)


def test_asking_switches_the_monitor_on() -> None:
    assert Gate(MonitorOptions(), [], overwrite=False).options.mode == "off"
    assert Gate(MonitorOptions(), ["a.json"], overwrite=False).options.mode == "sample"
    asked = MonitorOptions(require=("tpsnr.min>3",))
    assert Gate(asked, [], overwrite=False).options.mode == "sample"
    assert Gate(MonitorOptions("full"), ["a.json"], overwrite=False).options.mode == "full"
