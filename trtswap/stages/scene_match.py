"""How much of one small picture is found again in another: the measure behind the scene cuts.

For each pixel, the normalised correlation of the luma in a window of 7 x 7,

    r = (mean(xy) - mean(x) mean(y)) / sqrt((var(x) + e) (var(y) + e))

does not see gain or offset of the light. It counts as found from `LOST` (0) to `FOUND` (1). The score is the mean over
the pixels, weighted by texture, v / (v + v0) with v = max(var(x), var(y)). Where x differs by motion, it is moved onto
y first: by up to `SHIFTS` shifts of the whole picture (the best ones of five patches of y looked up in x) and by none,
each followed by a dense optical flow that may differ from the shift by at most `STRAY_PX`; a pixel takes the best of
its correlations.

Left out: bars, pixels outside x, and burnt highlights when the brightness of the two differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from trtswap.native import core
from trtswap.types import Array

WINDOW_PX = core.scene_window_px
LOST, FOUND = 0.5, 0.9
"""Correlations at and below, at and above which a pixel counts as lost, as found."""
STRAY_PX = 3.0
SHIFTS = 3
ENOUGH = 0.85
DIM = 3.0
"""Mean local standard deviation, in codes, below which pictures are compared more smoothly, against noise."""
PLAIN = 0.35
"""The same after that smoothing: below it there is nothing to see in a picture but noise."""
BURNT = 245.0
BRIGHTER = 15.0
"""Luma codes: a highlight without detail, and the difference of the means from which highlights are left out."""
EVIDENCE = 0.1
"""Share of the texture that must remain without highlights for a score."""
BAR = 24.0
"""Luma codes below which a whole row or column at the border is a bar."""


@dataclass(frozen=True)
class Match:
    """score: 0..1, or None when highlights leave nothing to compare. shift_px: how far the whole picture moved."""

    score: float | None
    shift_px: float = 0.0


_NORMAL, _SMOOTH = (1, 0.8), (6, 1.5)
"""Radius and sigma in pixels of the Gaussians that pictures are looked at through."""


class Look:
    """The luma of a picture at one smoothness, with its local statistics.

    planes: float32 [3, h, w]: luma, mean, variance. contrast: the mean local standard deviation, in codes. error: the
    variance of noise; texture: that at which a pixel has half its weight. likeness: these, `LOST` and `FOUND`.
    """

    def __init__(self, planes: Array, contrast: float, error: float, texture: float) -> None:
        self.planes, self.contrast = planes, contrast
        self.luma: Array = planes[0]
        self.error = error
        self.likeness = (error, texture, LOST, FOUND)

    @cached_property
    def even(self) -> Array:
        """Detail alone, evened out: uint8 [h, w], for finding motion."""
        return core.scene_even(self.planes, 6 * self.error)


class Picture:
    """A thumbnail made ready for comparing; see `pictures`.

    luma: float32 [h, w], as it is; brightness: its mean. brightest: the largest luma of each row and of each column.
    """

    def __init__(self, luma: Array, brightness: float, brightest: tuple[Array, Array], normal: Look) -> None:
        self.luma, self.brightness, self.normal = luma, brightness, normal
        self._brightest = brightest

    @cached_property
    def smooth(self) -> Look:
        return Look(*core.scene_look(self.luma, *_SMOOTH), 0.15, 2.0)

    @property
    def dim(self) -> bool:
        return self.normal.contrast < DIM

    @property
    def plain(self) -> bool:
        return self.dim and self.smooth.contrast < PLAIN

    @cached_property
    def lit(self) -> tuple[Array, Array]:
        """Which rows and which columns are no bars: bool [h], [w]."""
        rows, columns = self._brightest
        limit = min(BAR, float(rows.max()) / 4)
        return rows > limit, columns > limit

    @property
    def whole(self) -> bool:
        """Whether no edge has a bar."""
        rows, columns = self.lit
        return bool(rows[0] and rows[-1] and columns[0] and columns[-1])


def pictures(thumbnails: Array) -> list[Picture]:
    """Thumbnails, float32 [N, 3, h, w], R'G'B' 0..255, made ready for comparing."""
    lumas, means, rows, columns, looks, contrasts = core.scene_pictures(thumbnails, *_NORMAL)
    return [
        Picture(luma, mean, (row, column), Look(planes, contrast, 1.5, 30.0))
        for luma, mean, row, column, planes, contrast in zip(
            lumas, means.tolist(), rows, columns, looks, contrasts.tolist(), strict=True
        )
    ]


class Matcher:
    """Compares pictures of one size."""

    def __init__(self) -> None:
        self._flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._flow.setFinestScale(1)

    def match(self, older: Picture, newer: Picture, *, enough: float = ENOUGH) -> Match:
        """How much of `newer` is found in `older`. enough: a score at which no better alignment is looked for."""
        if older.plain and newer.plain:
            return Match(1.0)
        smooth = older.dim or newer.dim
        x, y = (older.smooth, newer.smooth) if smooth else (older.normal, newer.normal)
        inside = _inside(older, newer)
        burnt = abs(older.brightness - newer.brightness) > BRIGHTER
        limit = BURNT if burnt else np.inf
        weight, left, found = core.scene_score(x.planes, y.planes, y.likeness, inside, limit)
        if burnt and left < EVIDENCE * weight:
            return Match(None)
        score = found / (left + 1e-3)
        if score >= enough:
            return Match(score)
        return self._moved(x, y, inside, limit, Match(score), enough)

    def _moved(
        self, x: Look, y: Look, inside: Array | None, burnt: float, best: Match, enough: float
    ) -> Match:
        """The best match under motion. inside: float32 [h, w], 1 where pixels count; None where all do. burnt: the
        luma from which they do not."""
        height, width = y.luma.shape
        found, seen = np.zeros((2, height, width), np.float32)
        for shift in _shifts(x.even, y.even):
            flow = self._flow.calc(y.even, _shifted(x.even, shift), None)
            weight, sum_found = core.scene_moved(
                x.luma, y.planes, flow, shift, STRAY_PX, y.likeness, inside, burnt, found, seen
            )
            score = sum_found / (weight + 1e-3)
            if best.score is None or score > best.score:
                best = Match(score, float(np.hypot(*shift)))
            if score >= enough:
                break
        return best


def _shifted(picture: Array, shift: tuple[int, int]) -> Array:
    """Moved against a shift, edges replicated."""
    if shift == (0, 0):
        return picture
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    options = {"flags": cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, "borderMode": cv2.BORDER_REPLICATE}
    moved: Array = cv2.warpAffine(picture, matrix, picture.shape[::-1], **options)
    return moved


def _shifts(x: Array, y: Array) -> Iterator[tuple[int, int]]:
    """Shifts of the whole picture to try, in pixels: none at all, then the best places of five patches of y in x."""
    yield 0, 0
    half = (x.shape[1] // 2, x.shape[0] // 2)
    x, y = (cv2.resize(even, half, interpolation=cv2.INTER_AREA) for even in (x, y))
    height, width = x.shape
    tall, wide = height * 3 // 5, width // 2
    down, across = height - tall, width - wide
    places = []
    for row, column in ((0, 0), (0, across), (down, 0), (down, across), (down // 2, across // 2)):
        patch = y[row : row + tall, column : column + wide]
        _, likeness, _, place = cv2.minMaxLoc(cv2.matchTemplate(x, patch, cv2.TM_CCOEFF_NORMED))
        places.append((likeness, (2 * (place[0] - column), 2 * (place[1] - row))))
    tried = [(0, 0)]
    for _, shift in sorted(places, reverse=True)[:SHIFTS]:
        if all(max(abs(shift[0] - other[0]), abs(shift[1] - other[1])) > 2 for other in tried):
            tried.append(shift)
            yield shift


def _inside(older: Picture, newer: Picture) -> Array | None:
    """1 where neither bars nor their edge are in the window: float32 [h, w]; None where it is 1 all over."""
    if older.whole or newer.whole:
        return None
    inside: Array = np.ones(older.luma.shape, np.float32)
    for axis, (first, second) in enumerate(zip(older.lit, newer.lit, strict=True)):
        lit = np.flatnonzero(first | second)
        if not len(lit):
            continue
        view = inside if axis == 0 else inside.T
        if lit[0] > 0:
            view[: lit[0] + WINDOW_PX // 2 + 1] = 0
        if lit[-1] < len(first) - 1:
            view[lit[-1] - WINDOW_PX // 2 :] = 0
    return inside
