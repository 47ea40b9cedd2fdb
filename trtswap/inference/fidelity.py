"""How close an engine's outputs come to those of the float32 network: pure arithmetic on host arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from trtswap.geometry import overlaps as overlaps_of
from trtswap.inference.spec_types import FidelitySpec, NetworkSpec
from trtswap.types import Array

Boxes = tuple[Array, Array]
"""The faces of one picture: boxes [F, 4], scores [F]."""

Decode = Callable[[Sequence[Array], float], Sequence[Boxes]]
"""A detector's outputs and a score to the boxes of each picture with at least that score."""

SCORE = 0.5
"""The detector score at which two sets of boxes are compared."""

_NO_FACES_SNR_DB = 40.0


@dataclass(frozen=True)
class Verdict:
    """passed; text: the figure beside its bound; value: the figure."""

    passed: bool
    text: str
    value: float


class Judge(Protocol):
    """Compares outputs, both in the spec's order, [n, ...] each."""

    def __call__(self, reference: Sequence[Array], outputs: Sequence[Array]) -> Verdict: ...


def judge_of(spec: NetworkSpec, decode: Decode | None = None) -> Judge:
    """The comparison that a spec asks for; `decode` is needed for "boxes"."""

    def judge(reference: Sequence[Array], outputs: Sequence[Array]) -> Verdict:
        if not all(np.isfinite(output).all() for output in outputs):
            return Verdict(False, "the outputs are not finite", float("nan"))
        bounds = spec.fidelity
        if bounds.metric == "psnr":
            shown = spec.swap or spec.enhance
            low, high = shown.range if shown is not None else (0.0, 1.0)
            return _decibels("PSNR", psnr_db(reference[0], outputs[0], high - low), bounds)
        if bounds.metric == "snr":
            worst = min(snr_db(*pair) for pair in zip(reference, outputs, strict=True))
            return _decibels("SNR", worst, bounds)
        if bounds.metric == "cosine":
            value = cosine(reference[0], outputs[0])
            return Verdict(value >= bounds.bound, f"cosine {value:.6f} (bound {bounds.bound:g})", value)
        if bounds.metric == "landmarks":
            value = landmark_distance(reference[0], outputs[0]) * bounds.pixels_per_unit
            return Verdict(value <= bounds.bound, f"landmarks {value:.4f} px (bound {bounds.bound:g})", value)
        if bounds.metric == "mask":
            value = float(np.abs(_wide(reference[0]) - _wide(outputs[0])).mean())
            return Verdict(value <= bounds.bound, f"mask {value:.5f} (bound {bounds.bound:g})", value)
        if decode is None:
            raise ValueError(f"{spec.name}: the metric boxes needs a decoder")
        return _judge_boxes(reference, outputs, bounds, decode)

    return judge


def psnr_db(reference: Array, output: Array, peak: float) -> float:
    """20 log10 of `peak` over the root mean square error; infinite for equal arrays."""
    error = float(np.sqrt(np.mean((_wide(reference) - _wide(output)) ** 2)))
    return float(20 * np.log10(peak / error)) if error else float("inf")


def snr_db(reference: Array, output: Array) -> float:
    """20 log10 of the root mean square of the reference over that of the error; infinite for equal arrays."""
    reference, output = _wide(reference), _wide(output)
    error, signal = (float(np.sqrt(np.mean(item**2))) for item in (reference - output, reference))
    if not error:
        return float("inf")
    return float(20 * np.log10(signal / error)) if signal else float("-inf")


def cosine(reference: Array, output: Array) -> float:
    """The smallest cosine of the angle between rows [n, D]."""
    reference, output = (_wide(item).reshape(len(item), -1) for item in (reference, output))
    lengths = np.linalg.norm(reference, axis=1) * np.linalg.norm(output, axis=1)
    if not lengths.all():
        return float("-inf")
    return float(((reference * output).sum(axis=1) / lengths).min())


def landmark_distance(reference: Array, output: Array) -> float:
    """The largest distance between points [n, P, 2 or more], of their first two coordinates."""
    difference = _wide(reference)[..., :2] - _wide(output)[..., :2]
    return float(np.linalg.norm(difference, axis=-1).max())


def _judge_boxes(
    reference: Sequence[Array], outputs: Sequence[Array], bounds: FidelitySpec, decode: Decode
) -> Verdict:
    """Every box of one is among the other's. A box within the score bound of the threshold may be on either side of
    it, so each is looked for at a threshold lower by that."""
    ours, theirs = decode(outputs, SCORE), decode(reference, SCORE)
    ours_low, theirs_low = (decode(item, SCORE - bounds.score_bound) for item in (outputs, reference))
    found = sum(len(scores) for _, scores in theirs)
    if not found:
        worst = min(snr_db(*pair) for pair in zip(reference, outputs, strict=True))
        return Verdict(
            worst >= _NO_FACES_SNR_DB,
            f"no boxes to compare; SNR {worst:.1f} dB (bound {_NO_FACES_SNR_DB:g})",
            worst,
        )
    overlap, score = 1.0, 0.0
    for wanted, offered in (*zip(theirs, ours_low, strict=True), *zip(ours, theirs_low, strict=True)):
        for box, confidence in zip(*wanted, strict=True):
            best, difference = _closest(box, float(confidence), offered)
            overlap, score = min(overlap, best), max(score, difference)
    passed = overlap >= bounds.bound and score <= bounds.score_bound
    text = (
        f"{found} boxes, IoU {overlap:.4f} (bound {bounds.bound:g}), "
        f"scores within {score:.4f} (bound {bounds.score_bound:g})"
    )
    return Verdict(passed, text, overlap)


def _closest(box: Array, score: float, offered: Boxes) -> tuple[float, float]:
    boxes, scores = offered
    if not len(boxes):
        return 0.0, score
    overlaps = overlaps_of(box, boxes)
    best = int(overlaps.argmax())
    return float(overlaps[best]), abs(float(scores[best]) - score)


def _decibels(name: str, value: float, bounds: FidelitySpec) -> Verdict:
    return Verdict(value >= bounds.bound, f"{name} {value:.1f} dB (bound {bounds.bound:g})", value)


def _wide(array: Array) -> Array:
    return np.asarray(array, np.float64)
