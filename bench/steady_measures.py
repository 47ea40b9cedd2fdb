"""Plain arithmetic on landmarks over time: jitter, position error, lag. Tested without media."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trtswap.geometry import TEMPLATES, estimate_similarity, invert, transform_points

TEMPLATE = TEMPLATES["arcface_112_v2"]
_LAGS = np.arange(-6, 7)


@dataclass(frozen=True)
class Steadiness:
    """jitter_px: RMS second difference of the placed points minus that of the truth. error_px: RMS distance to the
    truth, after taking off the mean offset in the face's own frame (a detector's habit, not an error over time).
    lag_frames: how far the motion trails the truth; NaN where nothing moves."""

    jitter_px: float
    error_px: float
    lag_frames: float


def placed_points(landmarks: np.ndarray) -> np.ndarray:
    """Where a swap puts the template's points, [F, 5, 2], given landmarks [F, 5, 2]."""
    return transform_points(invert(estimate_similarity(landmarks, TEMPLATE)), TEMPLATE)


def steadiness(landmarks: np.ndarray, truth: np.ndarray, counted: np.ndarray | None = None) -> Steadiness:
    """Compares landmarks [F, 5, 2] with the true ones, in the frames that are counted, bool [F]; in all by default."""
    kept = np.ones(len(truth), bool) if counted is None else counted
    placed, wanted = placed_points(landmarks), placed_points(truth)
    own = estimate_similarity(truth, TEMPLATE)
    offset = (transform_points(own, placed) - transform_points(own, wanted))[kept].mean(axis=0)
    unbiased = transform_points(invert(own), transform_points(own, placed) - offset)
    shaking = np.diff(placed - wanted, 2, axis=0)[kept[2:] & kept[1:-1] & kept[:-2]]
    return Steadiness(
        float(np.sqrt((shaking**2).sum(axis=2).mean())),
        float(np.sqrt(((unbiased - wanted)[kept] ** 2).sum(axis=2).mean())),
        lag(placed.mean(axis=1), wanted.mean(axis=1)),
    )


def lag(path: np.ndarray, truth: np.ndarray) -> float:
    """By how many frames path [F, 2] trails truth [F, 2]: the peak of the normalised cross-correlation of their
    velocities, between frames by a parabola. NaN where the truth stands still."""
    speed, wanted = np.diff(path, axis=0), np.diff(truth, axis=0)
    edge = int(_LAGS.max()) + 1
    if len(speed) < 4 * edge or np.abs(wanted).max() < 1e-6:
        return float("nan")
    kept = speed[edge:-edge]
    values = []
    for shift in _LAGS:
        other = wanted[edge - shift : len(wanted) - edge - shift]
        values.append((kept * other).sum() / np.sqrt((other**2).sum()))
    peak = int(np.clip(np.argmax(values), 1, len(values) - 2))
    below, top, above = values[peak - 1 : peak + 2]
    return float(_LAGS[peak] + 0.5 * (below - above) / (below - 2 * top + above))


def interpolated(values: np.ndarray, known: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """values [F, ...] with the frames that are not `known` put on straight lines between those that are."""
    flat = values.reshape(len(values), -1).copy()
    for column in flat.T:
        column[~known] = np.interp(times_s[~known], times_s[known], column[known])
    return flat.reshape(values.shape)


def between_detections(
    landmarks: np.ndarray, boxes: np.ndarray, truth: np.ndarray, times_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Everything from the first detection to the last, and which frames have one: outside, there is no track."""
    known = np.isfinite(landmarks).all(axis=(1, 2))
    shown = slice(int(np.argmax(known)), len(known) - int(np.argmax(known[::-1])))
    return landmarks[shown], boxes[shown], truth[shown], times_s[shown], known[shown]
