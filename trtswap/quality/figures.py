"""The names of all figures, what they mean, and what a run amounts to. docs/quality.md has the formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Better = Literal["higher", "lower", "near one", "near zero", "none"]
STATISTICS = ("mean", "std", "min", "max", "rms")


@dataclass(frozen=True)
class Metric:
    """A figure measured in frames. unit: may be empty. better: which values are good."""

    title: str
    unit: str
    better: Better
    meaning: str


METRICS: Mapping[str, Metric] = {
    "tpsnr": Metric(
        "Face steadiness", "dB", "higher", "likeness of the face to the frame before, same place"
    ),
    "tpsnr_source": Metric("Source steadiness", "dB", "none", "the same of the source video"),
    "tpsnr_delta": Metric(
        "Steadiness against source", "dB", "near zero", "face steadiness minus that of the source"
    ),
    "tpsnr_mc": Metric(
        "Steadiness, motion taken out", "dB", "higher", "likeness to the frame before, motion taken out"
    ),
    "tpsnr_mc_source": Metric("Source, motion taken out", "dB", "none", "the same of the source video"),
    "tpsnr_mc_delta": Metric(
        "Against source, motion taken out", "dB", "higher", "below 0: so much the swap added"
    ),
    "tpsnr_frame": Metric("Frame steadiness", "dB", "none", "likeness of the whole frame to the one before"),
    "shake": Metric("Shake", "px", "lower", "how far the face moves in a frame beyond the source's motion"),
    "landmark_jitter": Metric(
        "Landmark jitter", "%", "lower", "second difference of the points, of the eye distance"
    ),
    "colour_gap": Metric("Colour gap", "ΔE00", "lower", "between the face's skin and the skin around it"),
    "colour_gap_added": Metric(
        "Colour gap added", "ΔE00", "near zero", "colour gap minus that of the source"
    ),
    "colour_pumping": Metric(
        "Colour pumping", "ΔE", "lower", "change of the face's tint from frame to frame"
    ),
    "colour_drift": Metric("Colour drift", "ΔE", "lower", "distance of the face's tint from its mean so far"),
    "seam": Metric("Seam", "codes/px", "lower", "steepest step of the change near its boundary"),
    "seam_ratio": Metric(
        "Seam against source", "", "near one", "gradients along the boundary by the source's"
    ),
    "sharpness": Metric("Sharpness", "", "near one", "gradients in the face by the source's"),
    "sharpness_patch": Metric(
        "Sharpness against patch", "", "near one", "gradients in the face by those of the swapper's output"
    ),
    "gradient": Metric("Gradient energy", "codes²/px²", "none", "of the face, where no source is known"),
    "change": Metric("Change", "codes", "none", "how much the face differs from the source"),
    "identity_source": Metric("Identity: source", "cosine", "higher", "likeness to the person to show"),
    "identity_target": Metric("Identity: target", "cosine", "lower", "likeness to the person replaced"),
}
"""What is measured in frames; a figure is a metric with a statistic, as in "tpsnr.mean"."""

COUNTS: Mapping[str, str] = {
    "frames.count": "frames seen",
    "frames.measured": "frames measured",
    "frames.skipped": "frames that were to be measured and were not, to hold nothing up",
    "frames.missed": "frames without a face between two with one, in one scene",
    "frames.missed_share": "their share of all frames",
    "faces.filled": "faces put in where the detector saw none",
    "faces.filled_share": "their share of all faces",
    "cuts.count": "scene cuts",
    "jitter.events": "measured faces that jitter",
    "jitter.share": "their share of the measured pairs of frames",
    "unswapped.events": "measured faces that were left as they were",
    "unswapped.share": "their share of the measured faces",
    "frozen.events": "measured faces that stand still while the source moves",
    "frozen.share": "their share of the measured pairs of frames",
}
"""Figures that are counts, or shares from 0 to 1."""

TARGETS = ("tpsnr.mean>=21", "tpsnr.std<3", "tpsnr.min>16", "jitter.share<5%")
"""What a steady video reaches; reports judge by these where nothing else is asked for."""


def figure_names() -> list[str]:
    """Every figure that a threshold may name."""
    return [f"{name}.{statistic}" for name in METRICS for statistic in STATISTICS] + list(COUNTS)


@dataclass(frozen=True)
class Moment:
    """One of the worst moments. kind: "jitter", "shake", "colour", "seam", "unswapped" or "frozen". value: the figure,
    in `unit`. pictures: JPEG of source (or empty), result, difference (or empty)."""

    kind: str
    frame: int
    time_s: float
    value: float
    unit: str
    pictures: tuple[bytes, bytes, bytes]


@dataclass(frozen=True)
class Quality:
    """What was measured of one video.

    figures: name to value; None where nothing was measured. series: metric to rows (time in seconds, mean, least,
    greatest). cuts_s: times of the scene cuts (thinned out when there are very many). moments: the worst ones, worst
    first of each kind. about: what was measured and how. notes: one sentence each.
    """

    figures: dict[str, float | None]
    series: dict[str, list[tuple[float, float, float, float]]] = field(default_factory=dict)
    cuts_s: list[float] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
