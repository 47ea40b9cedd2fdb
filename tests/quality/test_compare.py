"""Two results against each other: pairing, and the statistics against SciPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trtswap.quality.compare import bootstrap_interval, compare, paired_blocks, sign_flip_p
from trtswap.quality.figures import Quality


def rows(values: Any, rate: float = 25.0, start: int = 0) -> list[tuple[float, float, float, float]]:
    return [((start + k) / rate, float(v), float(v), float(v)) for k, v in enumerate(values)]


def quality(**series: Any) -> Quality:
    figures = {f"{name}.mean": float(np.mean(values)) for name, values in series.items()}
    return Quality(figures, {name: rows(values) for name, values in series.items()})


@pytest.mark.parametrize("count", [2, 5, 9, 14, 60])
@pytest.mark.parametrize("effect", [0.0, 0.4, 2.0])
def test_p_agrees_with_scipy(count: int, effect: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng().normal(effect, 1, count)
    if count <= 14:
        values = np.round(values * 2**20) / 2**20  # sums without rounding: a sum ties with itself
        theirs = stats.permutation_test(
            (values,), np.sum, permutation_type="samples", n_resamples=np.inf
        ).pvalue
        assert sign_flip_p(values) == pytest.approx(theirs, abs=1e-9)
    else:
        theirs = stats.ttest_1samp(values, 0).pvalue
        assert sign_flip_p(values) == pytest.approx(theirs, abs=0.02)


def test_p_by_hand() -> None:
    assert sign_flip_p(np.array([1.0, 1.0, 1.0])) == pytest.approx(2 / 8)
    assert sign_flip_p(np.array([1.0, -1.0])) == 1.0
    assert sign_flip_p(np.zeros(40)) == 1.0
    assert np.isnan(sign_flip_p(np.array([1.0])))


def test_chance_alone_is_seldom_sure() -> None:
    rng = np.random.default_rng()
    sure = [sign_flip_p(rng.normal(0, 1, 12)) < 0.05 for _ in range(300)]
    assert np.mean(sure) < 0.1


def test_the_interval_agrees_with_the_normal_one() -> None:
    values = np.random.default_rng().normal(3, 2, 400)
    low, high = bootstrap_interval(values)
    error = values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.3 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.3 * error)


def test_blocks_pair_what_both_measured() -> None:
    """Ten seconds of 25 frames; the second lacks the seconds 3 and 4."""
    first, second = np.zeros(250), np.arange(250.0)
    kept = [row for row in rows(second) if not 3 <= row[0] < 5]
    blocks = paired_blocks(rows(first), kept)
    width = 249 / 25 / 16  # a sixteenth of what was measured
    expected: dict[int, list[float]] = {}
    for time_s, value, *_ in kept:
        expected.setdefault(int(time_s // width), []).append(value)
    assert blocks == pytest.approx([np.mean(values) for values in expected.values()])
    assert len(paired_blocks([], rows(second))) == 0


def test_the_better_one_is_told_where_it_is_sure() -> None:
    rng = np.random.default_rng()
    noise = rng.normal(0, 0.3, (2, 500))
    first = quality(
        tpsnr=25 + noise[0], shake=1 + noise[0], sharpness=0.7 + 0.01 * noise[0], change=9 + noise[0]
    )
    second = quality(
        tpsnr=27 + noise[1], shake=2 + noise[1], sharpness=1.1 + 0.01 * noise[1], change=5 + noise[1]
    )
    verdicts = {row.metric: row for row in compare(first, second)}
    assert {name: row.verdict for name, row in verdicts.items()} == {
        "tpsnr": "second", "shake": "first", "sharpness": "second", "change": "neither",
    }  # fmt: skip
    assert verdicts["tpsnr"].difference == pytest.approx(2, abs=0.1)
    assert verdicts["tpsnr"].low < 2.1
    assert verdicts["tpsnr"].high > 1.9
    same = compare(first, first)
    assert {row.verdict for row in same} <= {"same", "neither"}
    assert all(row.p == 1 for row in same)
    assert compare(first, quality(seam=[1.0])) == []


def test_a_single_frame_tells_no_difference() -> None:
    (row,) = compare(quality(shake=[1.0]), quality(shake=[3.0]))
    assert (row.difference, row.p, row.verdict) == (2.0, None, "same")
