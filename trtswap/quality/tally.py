"""Gathers the figures of frames to those of a whole video, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from trtswap.quality import region
from trtswap.quality.figures import METRICS, Moment, Quality
from trtswap.quality.running import Running
from trtswap.quality.series import Marks, Series
from trtswap.quality.trace import Shot
from trtswap.types import Array

_MOMENTS_PER_KIND = 3
_APART_S = 0.6
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 82]


@dataclass(frozen=True)
class _Kind:
    """What makes a moment bad: the metric, its sign (1: high is bad), from which value on, the flag it needs."""

    metric: str
    sign: float
    least: float
    flag: str | None = None


_KINDS: Mapping[str, _Kind] = {
    "jitter": _Kind("tpsnr_mc", -1, -100.0, "jitter"),
    "shake": _Kind("shake", 1, 0.4),
    "colour": _Kind("colour_gap_added", 1, 4.0),
    "seam": _Kind("seam", 1, 8.0),
    "unswapped": _Kind("change", -1, -255.0, "unswapped"),
    "frozen": _Kind("tpsnr_delta", 1, 0.0, "frozen"),
}
_FLAGS = ("jitter", "unswapped", "frozen")


class Tally:
    """Takes figures of faces and frames; gives a `Quality`."""

    def __init__(self) -> None:
        self._sums = {name: Running() for name in METRICS}
        self._series = {name: Series() for name in METRICS}
        self._cuts = Marks()
        self._flags = {name: [0, 0] for name in _FLAGS}
        self._moments: dict[str, list[Moment]] = {kind: [] for kind in _KINDS}
        self.counts = dict.fromkeys(("frames", "measured", "skipped", "missed", "faces", "filled"), 0)

    def merge(self, other: Tally) -> None:
        """Takes over the figures, flags, moments and counts of another, whose figures are not among those here."""
        for name, sums in other._sums.items():
            if sums.count:
                self._sums[name], self._series[name] = sums, other._series[name]
        for name, (events, judged) in other._flags.items():
            self._flags[name][0] += events
            self._flags[name][1] += judged
        self._moments = other._moments
        for name, count in other.counts.items():
            self.counts[name] += count

    def cut(self, time_s: float) -> None:
        """A scene begins."""
        self._cuts.add(time_s)

    def add(self, time_s: float, values: Mapping[str, float]) -> None:
        """Figures of a face, or of a frame, at a moment."""
        for name, value in values.items():
            if name in self._flags:
                self._flags[name][0] += value > 0
                self._flags[name][1] += 1
            else:
                self._sums[name].add(float(value))
                self._series[name].add(time_s, float(value))

    def watch(self, frame: int, time_s: float, values: Mapping[str, float], shot: Shot) -> None:
        """Remembers the moment if it is one of the worst."""
        for name, kind in _KINDS.items():
            value = values.get(kind.metric)
            flagged = kind.flag is None or values.get(kind.flag, 0) > 0
            if value is None or not np.isfinite(value) or kind.sign * value < kind.least or not flagged:
                continue
            self._keep(
                name, kind, Moment(name, frame, time_s, value, METRICS[kind.metric].unit, _EMPTY), shot
            )

    def quality(self, about: dict[str, object], notes: tuple[str, ...] = ()) -> Quality:
        """All of it so far."""
        return Quality(
            figures=self._figures(),
            series={name: series.rows() for name, series in self._series.items() if series.buckets},
            cuts_s=list(self._cuts.times_s),
            moments=[moment for kept in self._moments.values() for moment in kept],
            about=about,
            notes=notes,
        )

    def _keep(self, name: str, kind: _Kind, moment: Moment, shot: Shot) -> None:
        kept = self._moments[name]

        def badness(one: Moment) -> float:
            return kind.sign * one.value

        near = [other for other in kept if abs(other.time_s - moment.time_s) < _APART_S]
        if any(badness(other) >= badness(moment) for other in near):
            return
        rest = [other for other in kept if other not in near]
        if len(rest) >= _MOMENTS_PER_KIND and badness(rest[-1]) >= badness(moment):
            return
        seen = Moment(moment.kind, moment.frame, moment.time_s, moment.value, moment.unit, _pictures(shot))
        self._moments[name] = sorted([*rest, seen], key=badness, reverse=True)[:_MOMENTS_PER_KIND]

    def _figures(self) -> dict[str, float | None]:
        figures: dict[str, float | None] = {}
        for name, sums in self._sums.items():
            if sums.count:
                statistics = (sums.mean, sums.std, sums.least, sums.most, sums.rms)
                figures.update(zip((f"{name}.{word}" for word in _WORDS), statistics, strict=True))
        counts = self.counts
        figures["frames.count"] = counts["frames"]
        for name in ("measured", "skipped", "missed"):
            figures[f"frames.{name}"] = counts[name]
        figures["frames.missed_share"] = _share(counts["missed"], counts["frames"])
        figures["faces.filled"] = counts["filled"]
        figures["faces.filled_share"] = _share(counts["filled"], counts["faces"])
        figures["cuts.count"] = self._cuts.count
        for name, (events, judged) in self._flags.items():
            figures[f"{name}.events"] = events if judged else None
            figures[f"{name}.share"] = _share(events, judged)
        return figures


_WORDS = ("mean", "std", "min", "max", "rms")
_EMPTY = (b"", b"", b"")


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _pictures(shot: Shot) -> tuple[bytes, bytes, bytes]:
    if shot.source is None:
        return b"", _jpeg(shot.result), b""
    apart = np.abs(shot.result - shot.source) * 3
    return _jpeg(shot.source), _jpeg(shot.result), _jpeg(apart)


def _jpeg(picture: Array) -> bytes:
    bgr = np.ascontiguousarray(region.stored(picture)[..., ::-1])
    return bytes(cv2.imencode(".jpg", bgr, _JPEG)[1])
