"""Turns what was seen of frames into figures, frame after frame."""

from __future__ import annotations

from trtswap.quality import metrics
from trtswap.quality.look import Look
from trtswap.quality.tally import Tally
from trtswap.quality.trace import FaceTrace, Glimpse

_KEPT_TRACES = 16


class Assessor:
    """Adds the figures of looks to a tally; they come in order."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._traces: dict[int, FaceTrace] = {}
        self._last_seen: dict[int, int] = {}
        self._last: Look | None = None

    def assess(self, look: Look) -> None:
        """Takes the next one."""
        tally = self._tally
        tally.counts["measured"] += 1
        if look.cut:
            self._traces.clear()
        tally.add(look.time_s, {**look.values, **self._whole(look)})
        for row, track in enumerate(look.tracks):
            trace = self._traces.setdefault(track, FaceTrace())
            earlier = look.earlier.get(track)
            known = self._last_seen.get(track) == look.index - 1 and not look.cut
            again = look.shot(earlier) if earlier is not None and known else None
            shot = look.shot(row)
            values = trace.measure(Glimpse(shot, again, look.scales[row]))
            tally.add(look.time_s, values)
            tally.watch(look.index, look.time_s, values, shot)
            self._last_seen[track] = look.index
        self._forget()
        self._last = look

    def _whole(self, look: Look) -> dict[str, float]:
        last = self._last
        if look.frame is None or last is None or last.frame is None or look.cut:
            return {}
        now, before = look.frame.get(), last.frame.get()
        if last.index != look.index - 1 or now.shape != before.shape:
            return {}
        return {"tpsnr_frame": metrics.tpsnr_db(now, before)}

    def _forget(self) -> None:
        """The faces not seen for longest, when there are very many."""
        while len(self._last_seen) > _KEPT_TRACES:
            oldest = min(self._last_seen, key=self._last_seen.__getitem__)
            del self._last_seen[oldest]
            self._traces.pop(oldest, None)
