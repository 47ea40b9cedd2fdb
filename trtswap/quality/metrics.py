"""The figures of single frames and of pairs of frames: pure functions on squares (see `region`).

docs/quality.md has the formulas.
Pictures are float32 [S, S, 3], R'G'B' codes 0..255. A weight is float32 [S, S].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from trtswap.geometry import compose, invert, transform_points
from trtswap.quality import region
from trtswap.quality.colour import ciede2000_lab, rgb_to_lab
from trtswap.quality.full_reference import luma, psnr_db, weighted_mean
from trtswap.types import Array

TPSNR_CEILING_DB = 60.0
"""What pictures that hardly differ score: beyond it lies a quarter of a code."""
UNMOVED = np.eye(2, 3)
_ROUNDS = 6
_BLUR_PX = 1.5
_SKIN_TINT, _SKIN_LIGHT = 9.0, 28.0
_LEAST_SKIN = 12
_CHANGED, _CHANGED_LEAST = 0.15, 1.5
_RING_PX = 3
_SECTORS = 16
_SEAM_INSIDE, _SEAM_OUTSIDE = 6, 3


def tpsnr_db(now: Array, before: Array, weight: Array | None = None) -> float:
    """How steady two consecutive pictures of one place are: their PSNR in dB, at most TPSNR_CEILING_DB."""
    return min(psnr_db(now, before, weight), TPSNR_CEILING_DB)


def motion_between(before: Array, now: Array, weight: Array, *, turning: bool = True) -> Array | None:
    """The similarity float64 [2, 3] (without `turning` a shift) that maps places of `before` to theirs in `now`.

    Gauss-Newton on the luma, blurred by 1.5 pixels, over the weight, brightness left free: for motions of a few pixels.
    Pixels that do not fit (a blink, the lips) count less, by Cauchy's weight at twice their median absolute deviation.
    None where the picture does not tell.
    """
    first, second = _blurred(luma(before)), _blurred(luma(now))
    rows, columns = np.nonzero(weight > 0.01)
    weights = weight[rows, columns].astype(np.float64)
    slopes = _slopes(first, rows, columns, turning)
    wanted = first[rows, columns]
    matrix, fitting = UNMOVED, weights
    for _ in range(_ROUNDS):
        misfit = warped(second, matrix)[rows, columns] - wanted
        weighted = slopes * fitting
        normal = weighted @ slopes.T
        if not _solvable(normal):
            return None
        step = np.linalg.solve(normal, np.einsum("ik,k->i", weighted, misfit))
        matrix = compose(matrix, invert(_similarity(step[:-1])))
        off = misfit - np.median(misfit)
        spread = max(2 * 1.4826 * float(np.median(np.abs(off))), 1e-3)
        fitting = weights / (1 + (off / spread) ** 2)
        if np.abs(step[:-1]).max() < 2e-4:
            break
    small = np.abs(matrix - UNMOVED)[:, :2].max() < 0.5 and np.isfinite(matrix).all()
    return matrix if small else None


def _solvable(normal: Array) -> bool:
    """Whether equations have one solution."""
    values = np.linalg.eigvalsh(normal) if np.isfinite(normal).all() else np.zeros(1)
    return bool(values[0] > 1e-10 * values[-1])


def _slopes(picture: Array, rows: Array, columns: Array, turning: bool) -> Array:
    """How the picture changes at some pixels with a shift across and down (in distances between the eyes), with growth
    and turn, and with brightness: float64 [3 or 5, K]."""
    x, y = (columns - region.CENTRE[0]) / region.EYES, (rows - region.CENTRE[1]) / region.EYES
    across = cv2.Scharr(picture, cv2.CV_32F, 1, 0, scale=1 / 32)[rows, columns] * region.EYES
    down = cv2.Scharr(picture, cv2.CV_32F, 0, 1, scale=1 / 32)[rows, columns] * region.EYES
    similar = [across * x + down * y, down * x - across * y] if turning else []
    return np.stack([across, down, *similar, np.ones_like(x)])


def warped(picture: Array, matrix: Array) -> Array:
    """The picture whose pixel x is that of `picture` at matrix x; bilinear, edges replicated."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (picture.shape[1], picture.shape[0])
    moved: Array = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return moved


def displacement(one: Array, other: Array) -> float:
    """How far apart two motions take the five points: the root mean square distance in square pixels."""
    apart = transform_points(one, region.POINTS) - transform_points(other, region.POINTS)
    return float(np.sqrt((apart**2).sum(axis=1).mean()))


def sharpness(picture: Array, weight: Array) -> float:
    """Gradient energy: the mean squared slope of the luma, in (codes per pixel)^2."""
    return weighted_mean(_slope_energy(luma(picture)), weight)


def stir(before: Array, now: Array, weight: Array) -> float:
    """How much a face changes from one picture to the next, noise aside: the root mean square change of the luma,
    blurred by 1.5 pixels, in codes."""
    change = _blurred(luma(now) - luma(before))
    return float(np.sqrt(weighted_mean(change * change, weight)))


def mean_change(result: Array, source: Array) -> float:
    """How much was swapped: the mean absolute difference in the face's inner part, in codes, blurred by 1.5 pixels."""
    return weighted_mean(np.abs(_blurred(result - source)), region.CORE)


@dataclass(frozen=True)
class Area:
    """Where a result differs from its source. changed: bool [S, S], in one piece with the face's inner part. beyond:
    float32 [S, S], how far a pixel lies outside its boundary, in pixels, below 0 inside; None where nothing changed."""

    changed: Array
    beyond: Array | None

    @property
    def ring(self) -> Array:
        """float32 [S, S]: 1 within three pixels of the boundary."""
        if self.beyond is None:
            return np.zeros(self.changed.shape, np.float32)
        ring: Array = (np.abs(self.beyond) <= _RING_PX).astype(np.float32)
        return ring


def difference(result: Array, source: Array) -> Array:
    """How much each pixel changed, in codes, blurred by 1.5 pixels: float32 [S, S]."""
    return np.asarray(_blurred(np.abs(result - source).max(axis=2)), np.float32)


def changed_area(change: Array) -> Area:
    """From `difference`, best the mean of some frames: where more than 0.15 of what the face's inner part changed by
    (its 90th percentile) and more than 1.5 codes changed, and the inner part, with gaps of 8 pixels closed, threads
    of 4 cut off and holes filled."""
    strength = float(np.quantile(change[region.CORE > 0.5], 0.9))
    if strength < _CHANGED_LEAST:
        return Area(np.zeros(change.shape, bool), None)
    solid = (change > max(_CHANGED * strength, _CHANGED_LEAST)) | (region.CORE > 0.5)
    grid = cv2.morphologyEx(solid.astype(np.uint8), cv2.MORPH_CLOSE, _disc(9))
    grid = cv2.morphologyEx(grid, cv2.MORPH_OPEN, _disc(5))
    outlines, _ = cv2.findContours(grid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if outlines:
        grid = np.zeros_like(grid)
        cv2.drawContours(grid, [max(outlines, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    inside = cv2.distanceTransform(grid, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - grid, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return Area(grid > 0, np.clip(outside, 0, region.SIZE) - np.clip(inside, 0, region.SIZE))


def seam(result: Array, source: Array, area: Area) -> float:
    """The edge that the swap left near its boundary, in codes per pixel. NaN without a boundary.

    Of the change from source to result the means are taken over pixels at the same distance from the boundary (whole
    pixels, from 6 inside to 3 outside) within each of 16 sectors round the face, so that its features cancel. The
    steepest step between neighbouring distances counts; the seam is the median over sectors and R', G', B'.
    """
    if area.beyond is None:
        return float("nan")
    away = np.rint(area.beyond)
    rows, columns = np.nonzero((away >= -_SEAM_INSIDE) & (away <= _SEAM_OUTSIDE))
    angle = np.arctan2(rows - region.CENTRE[1], columns - region.CENTRE[0])
    sector = ((angle / (2 * np.pi) + 0.5) * _SECTORS).astype(np.intp) % _SECTORS
    steps = _SEAM_INSIDE + _SEAM_OUTSIDE + 1
    place = sector * steps + (away[rows, columns] + _SEAM_INSIDE).astype(np.intp)
    counts = np.bincount(place, minlength=_SECTORS * steps)
    change = (result - source)[rows, columns]
    sums = np.stack([np.bincount(place, change[:, k], _SECTORS * steps) for k in range(3)], axis=-1)
    means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], np.nan)
    slopes = np.abs(np.diff(means.reshape(_SECTORS, steps, 3), axis=1))
    steepest = np.max(np.where(np.isnan(slopes), -1.0, slopes), axis=1)
    seen = steepest[steepest >= 0]
    return float(np.median(seen)) if seen.size else float("nan")


def seam_ratio(result: Array, source: Array, ring: Array) -> float:
    """The root of the gradient energy over the ring, by that of the source there; 1 where nothing was added."""
    there = sharpness(source, ring)
    return float(np.sqrt(sharpness(result, ring) / there)) if there > 0 else float("nan")


@dataclass(frozen=True)
class Tint:
    """Mean colours in CIELAB. face: of the face's inner part. skin, around: of its skin, and of the skin beside what
    was changed; None where too little skin is seen."""

    face: Array
    skin: Array | None
    around: Array | None

    @property
    def gap(self) -> float | None:
        """CIEDE2000 between the skin inside and the skin around."""
        if self.skin is None or self.around is None:
            return None
        return float(ciede2000_lab(self.skin, self.around))

    def gap_added(self, source: Tint) -> float | None:
        """CIEDE2000 between the skin inside, had the skin around stayed as it is in the source, and that of the source:
        how far the face's skin left the skin around it."""
        if self.skin is None or source.skin is None:
            return None
        drift = 0.0 if self.around is None or source.around is None else self.around - source.around
        return float(ciede2000_lab(self.skin - drift, source.skin))


def skin_places(picture: Array, changed: Array | None) -> tuple[Array, Array]:
    """Where `picture` shows the skin of its face, inside its inner part and around what was changed: two bool [32, 32].

    Skin is what is like the median of the inner part: within 9 in a* and b* together and within 28 in L*.
    """
    lab = rgb_to_lab(region.small(picture))
    core = region.small(region.CORE) > 0.5
    middle = np.median(lab[core], axis=0)
    offset = np.abs(lab - middle)
    like = (np.hypot(offset[..., 1], offset[..., 2]) < _SKIN_TINT) & (offset[..., 0] < _SKIN_LIGHT)
    taken = region.small(region.INK) > 0
    if changed is not None:
        taken |= region.small(changed.astype(np.float32)) > 0
    return like & core, like & ~taken


def tint(picture: Array, inside: Array, around: Array) -> Tint:
    """The mean colours of a picture at the places that `skin_places` gave."""
    lab = rgb_to_lab(region.small(picture))
    weight = region.small(region.CORE)
    face = (lab * weight[..., None]).sum(axis=(0, 1)) / weight.sum()

    def mean(places: Array) -> Array | None:
        return lab[places].mean(axis=0) if np.count_nonzero(places) >= _LEAST_SKIN else None

    return Tint(face, mean(inside), mean(around))


def cosine(one: Array, other: Array) -> float:
    """The cosine between two embeddings; NaN when one is empty."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.dot(one, other)) / lengths if lengths > 0 else float("nan")


def second_difference(points: Sequence[Sequence[Sequence[float]]]) -> float:
    """Of three consecutive sets of points, K pairs x, y each: the root mean square length of p2 - 2 p1 + p0, in their
    unit."""
    total = 0.0  # plain numbers: for five points they take half as long as NumPy's
    for (x0, y0), (x1, y1), (x2, y2) in zip(*points, strict=True):
        total += (x2 - 2 * x1 + x0) ** 2 + (y2 - 2 * y1 + y0) ** 2
    return math.sqrt(total / len(points[0]))


def _similarity(step: Array) -> Array:
    """The matrix of a small step: shift in distances between the eyes, growth, turn, about the face's middle."""
    grown, turned = (1 + step[2], step[3]) if len(step) > 2 else (1.0, 0.0)
    linear = np.array([[grown, -turned], [turned, grown]])
    shift = region.CENTRE - linear @ region.CENTRE + step[:2] * region.EYES
    return np.concatenate([linear, shift[:, None]], axis=1)


def _slope(picture: Array) -> tuple[Array, Array]:
    """Across and down, in codes per pixel."""
    x = cv2.Scharr(picture, cv2.CV_32F, 1, 0, scale=1 / 32)
    return x, cv2.Scharr(picture, cv2.CV_32F, 0, 1, scale=1 / 32)


def _slope_energy(picture: Array) -> Array:
    x, y = _slope(picture)
    energy: Array = x * x + y * y
    return energy


def _disc(size: int) -> Array:
    disc: Array = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return disc


def _blurred(picture: Array) -> Array:
    blurred: Array = cv2.GaussianBlur(picture, (0, 0), _BLUR_PX, borderType=cv2.BORDER_REPLICATE)
    return blurred
