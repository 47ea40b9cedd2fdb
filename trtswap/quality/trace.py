"""One face through the frames in which it is measured: its figures, and what must be remembered for them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from trtswap.quality import metrics, region
from trtswap.quality.metrics import Area, Tint
from trtswap.quality.series import Recent
from trtswap.types import Array

JITTER_DROP_DB = 3.0
"""So far below its running median the compensated tPSNR of a jitter frame lies ..."""
JITTER_BEYOND_DB = 2.0
"""... and so much further than the source's at the same place."""
JITTER_ADDED_DB = 6.0
"""Or so far below the source's own, whatever the median: four times the energy."""
JITTER_VISIBLE_DB = 34.0
"""No frame that is as steady as this jitters: five codes in motion are not seen."""
MEDIAN_LENGTH, MEDIAN_LEAST = 15, 5
UNSWAPPED_SHARE, UNSWAPPED_LEAST = 0.3, 3.0
"""A face is not swapped where it changed by less than this share of its running median, if that is this many codes."""
FROZEN_SHARE, FROZEN_LEAST = 0.2, 1.5
"""A face is frozen where it moves by less than this share of the source's change, if that is this many codes."""
_AREA_FRAMES = 24


@dataclass(frozen=True)
class Shot:
    """A face in one frame: the squares of the result and, where there is one, of the source; patch: of the swapper's
    output alone, where it is known."""

    result: Array
    source: Array | None
    patch: Array | None = None


@dataclass(frozen=True)
class Glimpse:
    """What is handed over of a face: shot: at its own place. again: the frame at the place where the face was in the
    frame just before, or None when that was not measured. scale: square pixels to a frame pixel."""

    shot: Shot
    again: Shot | None
    scale: float


class FaceTrace:
    """The figures of one face, frame by frame. Names as in docs/quality.md; what cannot be measured is left out."""

    def __init__(self) -> None:
        self._before: Shot | None = None
        self._change: Array | None = None
        self._changes = 0
        self._offset: Array | None = None
        self._mean_offset: Array | None = None
        self._offsets = 0
        self._steadiness = Recent(MEDIAN_LENGTH, MEDIAN_LEAST)
        self._steadiness_source = Recent(MEDIAN_LENGTH, MEDIAN_LEAST)
        self._strength = Recent(2 * MEDIAN_LENGTH, MEDIAN_LEAST)

    def measure(self, glimpse: Glimpse) -> dict[str, float]:
        """The figures of the next measured frame."""
        shot = glimpse.shot
        before = self._before if glimpse.again is not None else None
        values: dict[str, float] = {}
        if before is not None and glimpse.again is not None:
            values.update(_in_place(before, glimpse.again))
            values.update(_compensated(before, shot, glimpse.scale))
            values["jitter"] = float(self._jitters(values))
        area = self._area(shot)
        values.update(_still(shot, area))
        if "change" in values:
            values["unswapped"] = float(self._unswapped(values["change"]))
        values.update(self._colours(shot, area, consecutive=before is not None))
        self._before = shot
        return values

    def _jitters(self, values: dict[str, float]) -> bool:
        """The rule for jitter frames."""
        now, source = values.get("tpsnr_mc"), values.get("tpsnr_mc_source")
        if now is None:
            return False
        median, median_source = self._steadiness.median, self._steadiness_source.median
        self._steadiness.add(now)
        drop = 0.0 if median is None else median - now
        if source is not None:
            self._steadiness_source.add(source)
        if now >= JITTER_VISIBLE_DB:
            return False
        if source is None:
            return drop >= JITTER_DROP_DB
        own = 0.0 if median_source is None else median_source - source
        if drop >= JITTER_DROP_DB and drop - own >= JITTER_BEYOND_DB and now < source:
            return True
        return source - now >= JITTER_ADDED_DB

    def _area(self, shot: Shot) -> Area | None:
        """The changed area, from the mean change of the last frames or so."""
        if shot.source is None:
            return None
        change = metrics.difference(shot.result, shot.source)
        self._changes = min(self._changes + 1, _AREA_FRAMES)
        if self._change is None:
            self._change = change
        else:
            self._change = self._change + (change - self._change) / self._changes
        return metrics.changed_area(self._change)

    def _unswapped(self, change: float) -> bool:
        usual = self._strength.median
        if usual is not None and usual >= UNSWAPPED_LEAST and change < UNSWAPPED_SHARE * usual:
            return True
        self._strength.add(change)
        return False

    def _colours(self, shot: Shot, area: Area | None, *, consecutive: bool) -> dict[str, float]:
        inside, around = metrics.skin_places(
            shot.result if shot.source is None else shot.source, None if area is None else area.changed
        )
        made = metrics.tint(shot.result, inside, around)
        own = None if shot.source is None else metrics.tint(shot.source, inside, around)
        added = None if own is None else made.gap_added(own)
        gaps = {"colour_gap": made.gap, "colour_gap_added": added}
        values = {name: gap for name, gap in gaps.items() if gap is not None}
        offset = _offset(made, own)
        if offset is None:
            self._offset = None
            return values
        if consecutive and self._offset is not None:
            values["colour_pumping"] = float(np.linalg.norm(offset - self._offset))
        self._offset = offset
        self._offsets += 1
        if self._mean_offset is None:
            self._mean_offset = offset
        else:
            self._mean_offset = self._mean_offset + (offset - self._mean_offset) / self._offsets
        values["colour_drift"] = float(np.linalg.norm(offset - self._mean_offset))
        return values


class PointTrace:
    """The five points of one face through all frames."""

    def __init__(self) -> None:
        self._points: deque[list[list[float]]] = deque(maxlen=3)

    def jitter(self, landmarks_px: Array) -> float | None:
        """Takes the next frame's points [5, 2]: how much they bend away from even motion, in percent of the distance
        between the eyes; None before the third frame."""
        self._points.append(landmarks_px.tolist())
        if len(self._points) < 3:
            return None
        left, right = self._points[1][:2]
        eyes = math.dist(left, right)
        if eyes < 1e-6:
            return None
        return 100 * metrics.second_difference(self._points) / eyes


def _in_place(before: Shot, again: Shot) -> dict[str, float]:
    """What changes at one place from a frame to the next."""
    values = {"tpsnr": metrics.tpsnr_db(again.result, before.result, region.FACE)}
    if before.source is None or again.source is None:
        return values
    values["tpsnr_source"] = metrics.tpsnr_db(again.source, before.source, region.FACE)
    values["tpsnr_delta"] = values["tpsnr"] - values["tpsnr_source"]
    stir = metrics.stir(before.source, again.source, region.CORE)
    frozen = (
        stir >= FROZEN_LEAST and metrics.stir(before.result, again.result, region.CORE) < FROZEN_SHARE * stir
    )
    values["frozen"] = float(frozen)
    return values


def _compensated(before: Shot, now: Shot, scale: float) -> dict[str, float]:
    """What changes when the face's own motion, as the source shows it (or else the result), is taken out."""
    if before.source is None or now.source is None:
        motion = metrics.motion_between(before.result, now.result, region.FACE)
        if motion is None:
            return {}
        moved = metrics.warped(now.result, motion)
        return {"tpsnr_mc": metrics.tpsnr_db(moved, before.result, region.FACE)}
    motion = metrics.motion_between(before.source, now.source, region.FACE)
    if motion is None:
        return {}
    result, source = metrics.warped(now.result, motion), metrics.warped(now.source, motion)
    values = {
        "tpsnr_mc": metrics.tpsnr_db(result, before.result, region.FACE),
        "tpsnr_mc_source": metrics.tpsnr_db(source, before.source, region.FACE),
    }
    values["tpsnr_mc_delta"] = values["tpsnr_mc"] - values["tpsnr_mc_source"]
    made = metrics.motion_between(before.result, now.result, region.STEADY, turning=False)
    inner = metrics.motion_between(before.source, now.source, region.STEADY, turning=False)
    if made is not None and inner is not None and scale > 0:
        values["shake"] = metrics.displacement(made, inner) / scale
    return values


def _still(shot: Shot, area: Area | None) -> dict[str, float]:
    """What one frame shows."""
    if shot.source is None or area is None:
        return {"gradient": metrics.sharpness(shot.result, region.CORE)}
    values = {"change": metrics.mean_change(shot.result, shot.source)}
    energy = metrics.sharpness(shot.result, region.CORE)
    for name, picture in (("sharpness", shot.source), ("sharpness_patch", shot.patch)):
        there = 0.0 if picture is None else metrics.sharpness(picture, region.CORE)
        if there > 0:
            values[name] = float(np.sqrt(energy / there))
    if area.beyond is not None:
        values["seam"] = metrics.seam(shot.result, shot.source, area)
        values["seam_ratio"] = metrics.seam_ratio(shot.result, shot.source, area.ring)
    return values


def _offset(made: Tint, own: Tint | None) -> Array | None:
    """The colour whose change is pumping: what was added to the face, or without a source its gap."""
    if own is not None:
        return np.asarray(made.face - own.face)
    return None if made.skin is None or made.around is None else np.asarray(made.skin - made.around)
