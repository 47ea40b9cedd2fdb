"""The thread that turns what was seen of frames into figures."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from trtswap import tracing
from trtswap.quality import metrics, region
from trtswap.quality.region import Later
from trtswap.quality.tally import Tally
from trtswap.quality.trace import FaceTrace, Glimpse, Shot
from trtswap.types import Array

_WAITING = 8
_KEPT_TRACES = 16


@dataclass
class Look:
    """A measured frame.

    cut: a scene began with this frame or since the last measured one. tracks: the faces. placements: float64 [N, 2, 3],
    theirs. places: float64 [N + M, 2, 3], where squares are taken: at the faces, and where some of them were in the
    frame just before; earlier: track to the row of the latter. scales: square pixels to a pixel of the result, per
    face. sources, results: the squares at the places; no sources without a source video. frame: the whole result,
    small. patches: by row of `places`, what the swapper made: float32 [3, S, S] on 0..1, and its placement, float64
    [2, 3], frame to patch pixels. Pictures are asked for by the judge's thread alone, so that whoever takes them waits
    for nothing. values: figures of the frame known already.
    """

    index: int
    time_s: float
    cut: bool
    tracks: list[int]
    placements: Array
    places: Array
    earlier: dict[int, int]
    scales: list[float]
    sources: Later[list[Array]] = field(default_factory=lambda: Later(list))
    results: Later[list[Array]] = field(default_factory=lambda: Later(list))
    frame: Later[Array] | None = None
    patches: Later[dict[int, tuple[Array, Array]]] = field(default_factory=lambda: Later(dict))
    values: dict[str, float] = field(default_factory=dict)

    def shot(self, row: int) -> Shot:
        """The squares of one place."""
        sources, made = self.sources.get(), self.patches.get().get(row)
        patch = None if made is None else region.patch_square(*made, self.places[row])
        return Shot(self.results.get()[row], sources[row] if sources else None, patch)


class Judge:
    """Takes looks in order and judges them in a thread of its own; eight wait at most."""

    def __init__(self, tally: Tally, on_error: Callable[[BaseException], None]) -> None:
        self._tally = tally
        self._on_error = on_error
        self._traces: dict[int, FaceTrace] = {}
        self._last_seen: dict[int, int] = {}
        self._last: Look | None = None
        self._waiting: queue.Queue[Look | None] = queue.Queue(_WAITING)
        self._dropping = False
        self._thread = threading.Thread(target=self._run, name="trtswap-monitor", daemon=True)
        self._thread.start()

    def put(self, look: Look, *, wait: bool) -> None:
        """Hands over a look; without `wait` it is counted as skipped when too many wait already."""
        if not self._thread.is_alive():
            return
        try:
            self._waiting.put(look, block=wait)
        except queue.Full:
            self._tally.counts["skipped"] += 1

    def close(self, *, finish: bool) -> None:
        """Ends the thread, after all that waits or at once. May be repeated."""
        if self._thread.is_alive():
            self._dropping = not finish
            self._waiting.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (look := self._waiting.get()) is not None:
            if self._dropping:
                continue
            try:
                with tracing.span("judge", "stage", frame=look.index):
                    self._judge(look)
            except Exception as error:  # told by the monitor; what still comes is taken and forgotten
                self._dropping = True
                self._on_error(error)

    def _judge(self, look: Look) -> None:
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
