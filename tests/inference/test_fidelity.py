"""The measures of fidelity against closed forms, and each verdict on both sides of its bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trtswap.inference.fidelity import Boxes, cosine, judge_of, landmark_distance, psnr_db, snr_db
from trtswap.inference.spec import load_specs
from trtswap.inference.spec_types import FidelitySpec, Metric

SPEC = load_specs()["inswapper_128"]


def judge(metric: Metric, bound: float, decode=None, **more: float):  # type: ignore[no-untyped-def]
    return judge_of(replace(SPEC, fidelity=FidelitySpec(metric, bound, **more)), decode)


def test_closed_forms() -> None:
    rng = np.random.default_rng()
    x = rng.standard_normal((4, 3, 8, 8))
    assert psnr_db(x, x + 0.01, 1.0) == pytest.approx(40)
    assert snr_db(x, x * 1.001) == pytest.approx(60)
    assert psnr_db(x, x, 1.0) == snr_db(x, x) == np.inf
    assert cosine(np.array([[1.0, 0], [1, 0]]), np.array([[2.0, 0], [1, 1]])) == pytest.approx(0.5**0.5)
    points = rng.standard_normal((2, 68, 3))
    moved = points.copy()
    moved[1, 5, :2] += (3, 4)
    moved[0, 0, 2] += 100  # a score, no coordinate
    assert landmark_distance(points, moved) == pytest.approx(5)


@pytest.mark.parametrize(
    ("metric", "bound", "good", "bad"),
    [
        ("psnr", 40.0, 0.0099, 0.0101),
        ("snr", 40.0, 0.0099, 0.0101),
        ("mask", 0.01, 0.0099, 0.0101),
    ],
)
def test_verdicts_at_the_bound(metric: Metric, bound: float, good: float, bad: float) -> None:
    x = np.ones((2, 1, 4, 4))
    assert judge(metric, bound)([x], [x + good]).passed
    verdict = judge(metric, bound)([x], [x + bad])
    assert not verdict.passed
    assert f"{bound:g}" in verdict.text


def test_cosine_and_landmarks() -> None:
    x = np.array([[1.0, 0.0]])
    angle = np.arccos(0.999)
    for factor, passed in ((0.99, True), (1.01, False)):
        y = np.array([[np.cos(angle * factor), np.sin(angle * factor)]])
        assert judge("cosine", 0.999)([x], [y]).passed is passed
    points = np.zeros((1, 68, 3))
    for shift, passed in ((0.06, True), (0.07, False)):
        assert (
            judge("landmarks", 0.25, pixels_per_unit=4.0)([points], [points + np.array([shift, 0, 0])]).passed
            is passed
        )


def test_the_worst_output_counts_for_snr() -> None:
    x = np.ones((1, 4))
    assert not judge("snr", 40.0)([x, x], [x, x * 1.1]).passed


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_never_passes(value: float) -> None:
    x = np.ones((1, 4))
    y = x.copy()
    y[0, 2] = value
    for metric in ("psnr", "snr", "cosine", "mask"):
        assert not judge(metric, -1e9 if metric != "mask" else 1e9)([x], [y]).passed  # type: ignore[arg-type]


def boxes(*rows: tuple[float, float, float, float, float]) -> list[np.ndarray]:
    return [np.array(rows, np.float64).reshape(1, -1, 5)]


def decode(outputs: list[np.ndarray], score: float) -> list[Boxes]:
    return [(item[item[:, 4] >= score, :4], item[item[:, 4] >= score, 4]) for item in outputs[0]]


@pytest.mark.parametrize(
    ("theirs", "ours", "passed"),
    [
        (boxes((0, 0, 100, 100, 0.9)), boxes((0, 0, 100, 101, 0.895)), True),
        (boxes((0, 0, 100, 100, 0.9)), boxes((0, 0, 100, 103, 0.9)), False),
        (boxes((0, 0, 100, 100, 0.9)), boxes((0, 0, 100, 100, 0.88)), False),
        (boxes((0, 0, 100, 100, 0.9)), boxes((0, 0, 100, 100, 0.9), (200, 0, 300, 100, 0.8)), False),
        (boxes((0, 0, 100, 100, 0.9), (200, 0, 300, 100, 0.8)), boxes((0, 0, 100, 100, 0.9)), False),
        # on either side of the threshold, but within the bound on scores
        (
            boxes((0, 0, 9, 9, 0.9), (20, 0, 30, 9, 0.505)),
            boxes((0, 0, 9, 9, 0.9), (20, 0, 30, 9, 0.497)),
            True,
        ),
    ],
)
def test_boxes(theirs: list[np.ndarray], ours: list[np.ndarray], passed: bool) -> None:
    verdict = judge("boxes", 0.98, decode, score_bound=0.01)(theirs, ours)
    assert verdict.passed is passed, verdict.text


def test_where_there_is_no_box_the_outputs_themselves_are_compared() -> None:
    theirs = boxes((0, 0, 100, 100, 0.1))
    check = judge("boxes", 0.98, decode, score_bound=0.01)
    assert check(theirs, boxes((0, 0, 100, 100, 0.1001))).passed
    assert not check(theirs, boxes((0, 0, 100, 110, 0.1))).passed
