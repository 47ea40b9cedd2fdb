"""How far a result is from the true swap, where that is known: figures against a full reference.

Pictures are R'G'B' [H, W, 3], uint8 or float on 0..255. A weight is float [H, W], 0 or more, None for one everywhere.
Figures over an area without weight are NaN. Formulas and units: docs/quality.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from trtswap.quality.colour import ciede2000_lab, rgb_to_lab
from trtswap.quality.running import Histogram, Running
from trtswap.types import Array

PEAK = 255.0
PSNR_CEILING_DB = 100.0
"""What equal pictures score, so that means and tables stay finite."""
_WINDOW = 11
_SIGMA = 1.5
_REACH = _WINDOW // 2
_C1, _C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
_LUMA = np.array([[0.2126, 0.7152, 0.0722]], np.float32)
_EACH = np.ones((1, 3), np.float32)


@dataclass(frozen=True)
class Zones:
    """Three weights float32 [H, W] whose sum is 1: the face without its rim, the rim, and all else."""

    inside: Array
    ring: Array
    outside: Array


def weighted_mean(values: Array, weight: Array | None = None) -> float:
    """The mean of values [H, W] or [H, W, C] (then over the channels too); NaN without weight."""
    flat = values if values.ndim == 2 else np.einsum("ijk->ij", values) / values.shape[2]
    if weight is None:
        return float(np.mean(flat, dtype=np.float64))
    total = float(np.sum(weight, dtype=np.float64))
    # not np.dot: for arrays as small as these BLAS wakes threads that cost more than they save
    return float(np.einsum("ij,ij->", flat, weight, dtype=np.float64)) / total if total > 0 else float("nan")


def weighted_quantiles(values: Array, shares: Sequence[float], weight: Array | None = None) -> list[float]:
    """The smallest values below or at which lie `shares` (0..1) of the weight; NaN without weight."""
    flat = np.asarray(values, np.float64).ravel()
    weights = np.ones_like(flat) if weight is None else np.asarray(weight, np.float64).ravel()
    order = np.argsort(flat, kind="stable")
    cumulative = np.cumsum(weights[order])
    if not cumulative.size or cumulative[-1] <= 0:
        return [float("nan")] * len(shares)
    places = np.searchsorted(cumulative, np.asarray(shares) * cumulative[-1] * (1 - 1e-12))
    return [float(value) for value in flat[order][np.minimum(places, flat.size - 1)]]


def mse(a: Array, b: Array, weight: Array | None = None) -> float:
    """The mean squared difference in codes squared, over R', G' and B' alike."""
    difference = np.asarray(a, np.float32) - np.asarray(b, np.float32)
    return weighted_mean(_summed(difference * difference, _EACH), weight) / int(difference.shape[2])


def to_db(mean_square: float) -> float:
    """10 log10(255^2 / mean square), at most PSNR_CEILING_DB."""
    if not mean_square > 0:
        return float("nan") if np.isnan(mean_square) else PSNR_CEILING_DB
    return min(10 * float(np.log10(PEAK * PEAK / mean_square)), PSNR_CEILING_DB)


def psnr_db(a: Array, b: Array, weight: Array | None = None) -> float:
    """The peak signal to noise ratio over R', G' and B' together, in dB; equal pictures score PSNR_CEILING_DB."""
    return to_db(mse(a, b, weight))


def ssim_map(a: Array, b: Array) -> Array:
    """The structural similarity of Wang et al. (2004) at each pixel, the mean of R', G' and B': float32 [H, W].

    Gaussian window of 11 x 11 with sigma 1.5, K1 0.01, K2 0.03, range 255; edges mirrored.
    """
    one = np.asarray(a, np.float32) - 128
    other = np.asarray(b, np.float32) - 128  # variances lose no digits then
    mean_a, mean_b = _blurred(one), _blurred(other)
    variance_a = _blurred(one * one) - mean_a * mean_a
    variance_b = _blurred(other * other) - mean_b * mean_b
    covariance = _blurred(one * other) - mean_a * mean_b
    mean_a, mean_b = mean_a + 128, mean_b + 128
    light = (2 * mean_a * mean_b + _C1) / (mean_a * mean_a + mean_b * mean_b + _C1)
    form = (2 * covariance + _C2) / (variance_a + variance_b + _C2)
    similarity: Array = (light * form).mean(axis=2)
    return similarity


def ssim(a: Array, b: Array, weight: Array | None = None) -> float:
    """The mean of `ssim_map` without the five pixels at the edges, where the window does not fit; -1..1.

    Raises ValueError for pictures smaller than the window.
    """
    if min(np.shape(a)[:2]) < _WINDOW:
        raise ValueError(f"pictures of at least {_WINDOW} x {_WINDOW} pixels are compared, not {np.shape(a)}")
    inner = (slice(_REACH, -_REACH), slice(_REACH, -_REACH))
    return weighted_mean(ssim_map(a, b)[inner], None if weight is None else weight[inner])


def ciede2000(a: Array, b: Array) -> Array:
    """The colour difference at each pixel: float64 [H, W]; about 1 is just noticeable."""
    return ciede2000_lab(rgb_to_lab(a), rgb_to_lab(b))


def zones(face: Array, width_px: float) -> Zones:
    """The face's inside, a ring of `width_px` along its boundary (half on either side), and the outside.

    face: float [H, W], 0..1; the boundary is where it passes 0.5. The three fade into each other over one pixel.
    """
    solid = (face >= 0.5).astype(np.uint8)
    to_face = _distance(1 - solid)
    to_outside = _distance(solid)
    distance = np.where(solid > 0, to_outside, to_face) - 0.5  # from the boundary, which lies between pixels
    ring = np.clip(0.5 * width_px + 0.5 - distance, 0, 1).astype(np.float32)
    inside, outside = (1 - ring) * solid, (1 - ring) * (1 - solid)
    return Zones(inside.astype(np.float32), ring, outside.astype(np.float32))


def temporal_error(outputs: Sequence[Array], truths: Sequence[Array], weight: Array | None = None) -> float:
    """What moves wrongly, in codes: the root mean square of (output - truth) now minus (output - truth) before.

    outputs, truths: consecutive frames, two at least. Neither what moves rightly nor an error that stays counts.
    Raises ValueError for fewer frames, or unequal counts.
    """
    if len(outputs) != len(truths) or len(outputs) < 2:
        raise ValueError(f"two or more pairs of frames are needed, not {len(outputs)} and {len(truths)}")
    errors = [
        np.asarray(a, np.float32) - np.asarray(b, np.float32) for a, b in zip(outputs, truths, strict=True)
    ]
    changes = [after - before for before, after in pairwise(errors)]
    return float(np.sqrt(np.mean([weighted_mean(change * change, weight) for change in changes])))


def gradient_error(a: Array, b: Array, weight: Array | None = None) -> float:
    """How much steeper or flatter the luma is, in codes per pixel: the root mean square of the gradient of a - b."""
    difference = luma(a) - luma(b)
    x = cv2.Scharr(difference, cv2.CV_32F, 1, 0, scale=1 / 32)
    y = cv2.Scharr(difference, cv2.CV_32F, 0, 1, scale=1 / 32)
    return float(np.sqrt(weighted_mean(x * x + y * y, weight)))


def luma(picture: Array) -> Array:
    """Y' of BT.709 in codes 0..255: float32 [H, W]."""
    return _summed(np.asarray(picture, np.float32), _LUMA)


def _summed(picture: Array, weights: Array) -> Array:
    """The channels of a picture float32 [H, W, 3] added up with weights float32 [1, 3]: float32 [H, W]."""
    summed: Array = cv2.transform(picture, weights)
    return summed


def _blurred(picture: Array) -> Array:
    blurred: Array = cv2.GaussianBlur(picture, (_WINDOW, _WINDOW), _SIGMA, borderType=cv2.BORDER_REFLECT)
    return blurred


def _distance(solid: Array) -> Array:
    """To the nearest 0, in pixels; large where there is none."""
    if solid.all():
        return np.full(solid.shape, 1e6, np.float32)
    distance: Array = cv2.distanceTransform(solid, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance


class FullReference:
    """Compares a clip with its true swap, frame by frame, in memory that does not grow.

    ring: the width of the ring around the face, as a share of the root of the face's area.
    """

    def __init__(self, ring: float = 0.15) -> None:
        self._ring = ring
        self._sums: dict[str, Running] = {}
        self._colours = {zone: Histogram(100.0, 4000) for zone in ("face", "ring")}
        self._error: Array | None = None
        self._offset: Array | None = None
        self._points: list[Array] = []

    def add(
        self,
        output: Array,
        truth: Array,
        original: Array,
        face: Array,
        *,
        landmarks_px: Array | None = None,
        true_landmarks_px: Array | None = None,
        cut: bool = False,
    ) -> None:
        """Takes the next frame.

        output: what was made; truth: the true swap; original: the frame before; all uint8 [H, W, 3]. face: float
        [H, W], 0..1, the true face. landmarks_px, true_landmarks_px: [K, 2], as found and as they are, K 5 or 68.
        cut: this frame begins a new scene; nothing is compared with the one before.
        """
        if cut:
            self._error, self._offset, self._points = None, None, []
        area = zones(face, max(self._ring * float(np.sqrt(face.sum(dtype=np.float64))), 2.0))
        self._whole(output, truth, original, area)
        self._moving(output, truth, area)
        if (face >= 0.5).any():
            self._still(output, truth, original, area)
        else:
            self._offset = None
        if landmarks_px is not None and true_landmarks_px is not None:
            self._landmarks(landmarks_px, true_landmarks_px)
        else:
            self._points = []

    def figures(self) -> dict[str, float]:
        """Every figure by name; NaN where nothing was measured. docs/quality.md has what each means."""
        values = {f"psnr_{zone}_db": to_db(self._mean(f"mse_{zone}")) for zone in ("face", "ring", "outside")}
        values["psnr_face_min_db"] = self._of("psnr_face_db").least
        values["psnr_face_unswapped_db"] = to_db(self._mean("mse_unswapped"))
        for name in ("ssim_face", "ssim_ring", "de00_face", "de00_ring"):
            values[name] = self._mean(name)
        values["de00_face_p95"] = self._colours["face"].quantile(0.95)
        values["de00_ring_p95"] = self._colours["ring"].quantile(0.95)
        for name in ("temporal_face", "temporal_ring", "seam", "colour_pumping"):
            values[name] = self._of(name).rms
        values["colour_offset"] = self._mean("colour_offset")
        values["outside_changed"] = self._of("outside_changed").most
        values["landmark_error"] = self._mean("landmark_error")
        values["landmark_jitter"] = self._of("landmark_jitter").rms
        return {"frames": float(self._of("mse_outside").count), **values}

    def _whole(self, output: Array, truth: Array, original: Array, area: Zones) -> None:
        self._note("mse_outside", mse(output, truth, area.outside))
        changed = np.abs(output.astype(np.int16) - original).max(axis=2)
        self._note("outside_changed", weighted_mean(changed, area.outside))

    def _moving(self, output: Array, truth: Array, area: Zones) -> None:
        error = output.astype(np.int16) - truth
        if self._error is not None and self._error.shape == error.shape:
            change = (error - self._error).astype(np.float32)
            square = change * change
            self._note("temporal_face", float(np.sqrt(weighted_mean(square, area.inside))))
            self._note("temporal_ring", float(np.sqrt(weighted_mean(square, area.ring))))
        self._error = error

    def _still(self, output: Array, truth: Array, original: Array, area: Zones) -> None:
        part = _around(area)
        made, true, before = output[part], truth[part], original[part]
        weights = {"face": area.inside[part], "ring": area.ring[part]}
        similarity = ssim_map(made, true)
        lab_made, lab_true = rgb_to_lab(made), rgb_to_lab(true)
        colour = ciede2000_lab(lab_made, lab_true)
        for zone, weight in weights.items():
            square = mse(made, true, weight)
            self._note(f"mse_{zone}", square)
            self._note(f"psnr_{zone}_db", to_db(square))
            self._note(f"ssim_{zone}", weighted_mean(similarity, weight))
            self._note(f"de00_{zone}", weighted_mean(colour, weight))
            self._colours[zone].add(colour, weight)
        self._note("mse_unswapped", mse(before, true, weights["face"]))
        self._note("seam", gradient_error(made, true, weights["ring"]))
        self._tint(lab_made, lab_true, weights["face"])

    def _tint(self, made: Array, true: Array, weight: Array) -> None:
        """How the mean colours differ, and by how much that changes."""
        means = [np.array([weighted_mean(lab[..., k], weight) for k in range(3)]) for lab in (made, true)]
        self._note("colour_offset", float(ciede2000_lab(*means)))
        offset = means[0] - means[1]
        if self._offset is not None:
            self._note("colour_pumping", float(np.linalg.norm(offset - self._offset)))
        self._offset = offset

    def _landmarks(self, found: Array, true: Array) -> None:
        eyes = _eye_distance(true)
        error = (np.asarray(found, np.float64) - true) / eyes
        self._note("landmark_error", float(np.hypot(error[:, 0], error[:, 1]).mean()))
        self._points = [*self._points[-2:], error]
        if len(self._points) == 3:
            second = self._points[2] - 2 * self._points[1] + self._points[0]
            self._note("landmark_jitter", float(np.sqrt((second * second).sum(axis=1).mean())))

    def _of(self, name: str) -> Running:
        return self._sums.setdefault(name, Running())

    def _note(self, name: str, value: float) -> None:
        self._of(name).add(value)

    def _mean(self, name: str) -> float:
        return self._of(name).mean


def _around(area: Zones) -> tuple[slice, slice]:
    """The part of the picture that holds face and ring, with room for the window of SSIM, at least as large as it."""
    seen = area.outside < 1
    slices = []
    for axis, size in ((1, seen.shape[0]), (0, seen.shape[1])):
        places = np.flatnonzero(seen.any(axis=axis))
        slices.append(slice(max(places[0] - _WINDOW, 0), min(places[-1] + _WINDOW + 1, size)))
    return slices[0], slices[1]


def _eye_distance(points: Array) -> float:
    if len(points) == 68:
        eyes = points[42:48].mean(axis=0) - points[36:42].mean(axis=0)
    else:
        eyes = points[1] - points[0]
    return max(float(np.hypot(*eyes)), 1e-6)
