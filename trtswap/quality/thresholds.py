"""Thresholds that a result must hold, as text: "tpsnr.min>16", "jitter.share<5%"."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from trtswap.errors import OptionError
from trtswap.quality.figures import figure_names

_FORM = re.compile(
    r"\s*([a-z_0-9.]+)\s*(>=|<=|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(%?)\s*", re.ASCII
)
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le
}  # fmt: skip


@dataclass(frozen=True)
class Threshold:
    """figure: its name. relation: >, >=, < or <=. limit: a share is from 0 to 1. text: as it was written."""

    figure: str
    relation: str
    limit: float
    text: str


@dataclass(frozen=True)
class Verdict:
    """Whether a threshold holds. value: what was measured, None when nothing was; then it does not hold."""

    threshold: Threshold
    value: float | None
    holds: bool

    @property
    def reason(self) -> str:
        """In words."""
        figure = self.threshold.figure
        if self.value is None:
            return f"{figure} was not measured, and should be {self._limit}"
        return f"{figure} is {shown(figure, self.value)}, and should be {self._limit}"

    @property
    def _limit(self) -> str:
        return f"{self.threshold.relation} {shown(self.threshold.figure, self.threshold.limit)}"


def parse_threshold(text: str) -> Threshold:
    """A figure, a relation and a number; a share may be written in percent. Raises OptionError."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise OptionError(
            f"{text!r} is not a threshold", hint='write FIGURE, a relation and a number, as in "tpsnr.min>16"'
        )
    name, relation, number, percent = match.groups()
    known = figure_names()
    if name not in known:
        close = get_close_matches(name, known, 3) or ["tpsnr.mean", "jitter.share"]
        raise OptionError(
            f"there is no figure {name!r} to hold a threshold",
            hint=f"perhaps {', '.join(close)}; docs/quality.md lists all",
        )
    if percent and not is_share(name):
        raise OptionError(
            f"{text!r}: {name} is no share, so its threshold has no percent", hint="leave the % out"
        )
    return Threshold(name, relation, float(number) / (100 if percent else 1), text.strip())


def judge(figures: Mapping[str, float | None], thresholds: Iterable[Threshold]) -> list[Verdict]:
    """One verdict for each threshold, in order."""
    verdicts = []
    for threshold in thresholds:
        value = figures.get(threshold.figure)
        known = value is not None and math.isfinite(value)
        holds = known and value is not None and _COMPARE[threshold.relation](value, threshold.limit)
        verdicts.append(Verdict(threshold, value if known else None, holds))
    return verdicts


def reasons(verdicts: Iterable[Verdict]) -> list[str]:
    """Why those that do not hold do not, in words."""
    return [verdict.reason for verdict in verdicts if not verdict.holds]


def is_share(name: str) -> bool:
    """Whether a figure is a share from 0 to 1."""
    return name.endswith("share")


def shown(name: str, value: float) -> str:
    """A figure's value for people."""
    return f"{100 * value:.3g}%" if is_share(name) else f"{value:.4g}"
