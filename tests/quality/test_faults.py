"""Made-up faults of a known size: each moves its own figure, the more the larger it is, and the others little.

And over many graded variants the figures, which know no truth, rank as the full reference does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support import faults

from trtswap.options import MonitorOptions
from trtswap.quality.figures import Quality
from trtswap.quality.full_reference import FullReference
from trtswap.quality.monitor import Monitor

FRAMES = 22
STEADY = ("shake.mean", "tpsnr_mc_delta.mean")
COLOUR = ("colour_gap_added.mean", "colour_pumping.rms", "colour_drift.rms")


@pytest.fixture(scope="module")
def one() -> faults.Scene:
    """Two people of much the same skin."""
    return faults.scene("talking", 3, FRAMES, (320, 240))


@pytest.fixture(scope="module")
def perfect(one: faults.Scene) -> Any:
    return measure(one, one.swaps).figures


def measure(one: faults.Scene, made: Sequence[Any]) -> Quality:
    with Monitor(MonitorOptions("full")) as monitor:
        for index, picture in enumerate(made):
            result = faults.surface_of(picture)
            monitor.observe(one.frame(index), one.faces[index], cut=index == 0, result=result)
    quality = monitor.quality()
    assert quality.notes == ()
    return quality


def graded(
    one: faults.Scene,
    perfect: Any,
    sizes: Sequence[float],
    fault: Callable[[float], Any],
    name: str,
    sign: int = 1,
) -> list[Any]:
    """The figures at each size; `name` grows (sign 1) or falls (-1) from the perfect swap on."""
    figures = [perfect, *(measure(one, fault(size)).figures for size in sizes)]
    values = [sign * values[name] for values in figures]
    assert values == sorted(values), (name, values)
    assert values[-1] > values[0]
    return figures


def close(one: Any, other: Any, names: Sequence[str], atol: float) -> None:
    for name in names:
        assert other[name] == pytest.approx(one[name], abs=atol), name


def test_a_perfect_swap_has_no_fault(perfect: Any) -> None:
    assert perfect["shake.mean"] < 0.2
    assert perfect["jitter.share"] == perfect["unswapped.share"] == perfect["frozen.share"] == 0
    assert perfect["sharpness.mean"] == pytest.approx(1, abs=0.15)
    assert perfect["colour_pumping.rms"] < 0.4


def test_shake(one: faults.Scene, perfect: Any) -> None:
    """Two frames that are each off by d in any direction are 4 d / pi apart on average."""
    rng = np.random.default_rng()
    turns = rng.uniform(0, 2 * np.pi, FRAMES)
    sizes = (0.25, 0.5, 1.0, 2.0)

    def shaken(size: float) -> Any:
        class Fixed:
            def __init__(self) -> None:
                self.turns = iter(turns)

            def uniform(self, *_: Any) -> float:
                return float(next(self.turns))

        return faults.shaken(one, size, Fixed())  # type: ignore[arg-type]

    figures = graded(one, perfect, sizes, shaken, "shake.mean")
    apart = np.hypot(np.diff(np.cos(turns)), np.diff(np.sin(turns))).mean()
    for size, values in zip(sizes, figures[1:], strict=True):
        assert values["shake.mean"] == pytest.approx(size * apart, rel=0.2, abs=0.15)
        close(perfect, values, COLOUR[::2], 0.4)  # 0.25 at most of 60 runs
        close(perfect, values, COLOUR[1:2], 0.8)  # pumping: 0.52
        assert values["sharpness.mean"] == pytest.approx(perfect["sharpness.mean"], rel=0.05)
    deltas = [values["tpsnr_mc_delta.mean"] for values in figures]
    assert deltas == sorted(deltas, reverse=True)
    shares = [values["jitter.share"] for values in figures]
    assert shares == sorted(shares)
    assert shares[-1] > 0.3


def test_colour_drift(one: faults.Scene, perfect: Any) -> None:
    sizes = (1, 2, 3, 4, 5)

    def drifting(size: float) -> Any:
        return faults.tinted(one, list(np.linspace(0, size, FRAMES)))

    figures = graded(one, perfect, sizes, drifting, "colour_drift.rms")
    for size, values in zip(sizes, figures[1:], strict=True):
        assert values["colour_drift.max"] == pytest.approx(size / 2, rel=0.4, abs=0.4)  # from the mean so far
        close(perfect, values, STEADY, 0.2)
        close(perfect, values, ["sharpness.mean"], 0.03)
    assert figures[-1]["colour_pumping.rms"] < 0.4, "slow drift is no pumping"


def test_colour_pumping(one: faults.Scene, perfect: Any) -> None:
    sizes = (1, 2, 3, 5)

    def pumping(size: float) -> Any:
        return faults.tinted(one, [size / 2 * (-1) ** index for index in range(FRAMES)])

    figures = graded(one, perfect, sizes, pumping, "colour_pumping.rms")
    for size, values in zip(sizes, figures[1:], strict=True):
        assert values["colour_pumping.rms"] == pytest.approx(size, rel=0.25)
        close(perfect, values, ["shake.mean", "sharpness.mean"], 0.03)


def test_colour_gap(one: faults.Scene, perfect: Any) -> None:
    def off(size: float) -> Any:
        return faults.tinted(one, [size] * FRAMES)

    figures = graded(one, perfect, (3, 5, 8, 12), off, "colour_gap_added.mean")
    for values in figures:
        close(perfect, values, ["shake.mean", "colour_pumping.rms", "sharpness.mean"], 0.1)


def test_seam(one: faults.Scene, perfect: Any) -> None:
    figures = graded(one, perfect, (4, 8, 16, 32), lambda codes: faults.seamed(one, codes), "seam.mean")
    ratios = [values["seam_ratio.mean"] for values in figures]
    assert ratios == sorted(ratios)
    for values in figures:
        close(perfect, values, ["shake.mean", "colour_pumping.rms"], 0.1)


def test_blur(one: faults.Scene, perfect: Any) -> None:
    figures = graded(
        one, perfect, (0.5, 1, 2, 3), lambda sigma: faults.blurred(one, sigma), "sharpness.mean", -1
    )
    for values in figures:
        close(perfect, values, ["shake.mean", "colour_pumping.rms", "colour_gap_added.mean"], 0.2)


@pytest.mark.parametrize("count", [1, 3, 6])
def test_dropped_and_frozen_faces_are_counted(one: faults.Scene, perfect: Any, count: int) -> None:
    frames = [8 + 2 * k for k in range(count)]
    gone = measure(one, faults.dropped(one, frames))
    assert gone.figures["unswapped.events"] == count
    assert gone.figures["frozen.events"] == 0
    worst = [moment.frame for moment in gone.moments if moment.kind == "unswapped"]
    assert set(worst) <= set(frames)
    assert worst
    still = measure(one, faults.frozen(one, frames)).figures
    assert still["unswapped.events"] == 0
    assert still["frozen.events"] == pytest.approx(
        count, abs=count // 3
    )  # where the source hardly moves, none is seen
    assert still["sharpness.mean"] == pytest.approx(perfect["sharpness.mean"], abs=0.02)


def test_the_ranks_are_those_of_the_truth(one: faults.Scene) -> None:
    """Twenty variants with graded faults of three kinds, in random order: Spearman's coefficient of the figure and the
    figure that knows the truth. All shake in the same way, more or less: else ten frames tell how rather than how much.
    """
    one = faults.beginning(one, 10)
    rng = np.random.default_rng()
    pairs: dict[str, list[tuple[float, float]]] = {"jitter": [], "shake": [], "colour": [], "seam": []}
    way = int(rng.integers(1 << 32))
    grades = np.stack([rng.permutation((np.arange(20) + 0.5) / 20) for _ in range(3)], axis=1)
    for shake, tint, seam in (grades * (2, 10, 30)).tolist():
        made = faults.shaken(one, shake, np.random.default_rng(way))
        made = faults.tinted(replace(one, swaps=made), [tint] * 10)
        truth, figures = true_figures(one, made), measure(one, made).figures
        pairs["jitter"].append((truth["temporal_face"], -figures["tpsnr_mc_delta.mean"]))
        pairs["shake"].append((truth["temporal_face"], figures["shake.mean"]))
        pairs["colour"].append((truth["colour_offset"], figures["colour_gap_added.mean"]))
        edged = faults.seamed(one, seam)
        pairs["seam"].append((true_figures(one, edged)["seam"], measure(one, edged).figures["seam.mean"]))
    for name, values in pairs.items():
        assert spearman(values) >= 0.9, (name, spearman(values), way)


def true_figures(one: faults.Scene, made: Sequence[Any]) -> dict[str, float]:
    judge = FullReference()
    for index, picture in enumerate(made):
        judge.add(picture, one.swaps[index], one.pictures[index], one.truths[index], cut=index == 0)
    return judge.figures()


def spearman(pairs: Sequence[tuple[float, float]]) -> float:
    """The correlation of the ranks."""
    ranks = np.argsort(np.argsort(np.array(pairs), axis=0), axis=0)
    return float(np.corrcoef(ranks.T)[0, 1])
