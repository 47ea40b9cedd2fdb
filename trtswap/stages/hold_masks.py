"""Holds the masks of networks steady over time: what hardly changes is averaged, what moves is left as it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from trtswap import tracing
from trtswap.options import Smoothing
from trtswap.stages.batch import Batch
from trtswap.types import Array

REACH = 2
"""Frames that count before and, where there is look-ahead, behind each."""
_ALIKE = 0.15
"""Masks that differ by so much at a pixel count half there: noise is less, a hand that comes or goes is more."""


@tracing.stage("hold masks")
def hold_masks(batches: Iterable[Batch], method: Smoothing) -> Iterator[Batch]:
    """Averages `masks` along each track, pixel by pixel on the crop's grid, which moves with the face.

    A neighbour in time counts the less the more it differs, so that edges of what passes stay sharp and nothing trails.
    Looks `REACH` frames ahead where `method` does ("symmetric", "individual"), so that batches come out once the
    frames behind them are there; only back for the causal ones; "off" passes them on. Nothing counts across a cut.
    """
    if method == "off":
        yield from batches
        return
    line = _Line(REACH if method in ("symmetric", "individual") else 0)
    for batch in batches:
        yield from line.push(batch)
    yield from line.flush()


@dataclass
class _Moment:
    """One frame: the masks of its tracks. scene: number of the scene it is in."""

    masks: dict[int, Array]
    scene: int


class _Line:
    """Batches waiting for the frames behind them."""

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._waiting: deque[Batch] = deque()
        self._moments: deque[_Moment] = deque()
        self._before = 0  # so many of the moments belong to batches that are gone
        self._scene = 0

    def push(self, batch: Batch) -> Iterator[Batch]:
        """Takes the next batch; gives those that are final."""
        self._waiting.append(batch)
        self._moments += self._seen(batch)
        while self._waiting:
            held = self._before + len(self._waiting[0].frames)
            if len(self._moments) < held + self._ahead:
                return
            yield self._next()

    def flush(self) -> Iterator[Batch]:
        """The batches that still wait."""
        while self._waiting:
            yield self._next()

    def _seen(self, batch: Batch) -> Iterator[_Moment]:
        start = 0
        for row in range(len(batch.frames)):
            if batch.cuts and batch.cuts[row]:
                self._scene += 1
            faces = batch.faces[row] if batch.faces else None
            count = 0 if faces is None else len(faces)
            masks: dict[int, Array] = {}
            if batch.masks is not None and faces is not None and faces.track_ids is not None:
                masks = dict(zip(faces.track_ids.tolist(), batch.masks[start : start + count], strict=True))
            start += count
            yield _Moment(masks, self._scene)

    def _next(self) -> Batch:
        batch = self._waiting.popleft()
        frames = len(batch.frames)
        if batch.masks is not None:
            places = range(self._before, self._before + frames)
            held = [self._held(place, track) for place in places for track in self._moments[place].masks]
            if len(held) == len(batch.masks):  # else faces without tracks
                batch = replace(batch, masks=np.stack(held))
        self._before += frames
        while self._before > REACH:
            self._moments.popleft()
            self._before -= 1
        return batch

    def _held(self, place: int, track: int) -> Array:
        """The mask of a track in one frame, averaged with its neighbours in time."""
        here = self._moments[place]
        own = here.masks[track]
        total, weights = own.copy(), np.ones_like(own)
        for other in range(max(place - REACH, 0), min(place + self._ahead + 1, len(self._moments))):
            moment = self._moments[other]
            if other == place or moment.scene != here.scene or track not in moment.masks:
                continue
            difference = moment.masks[track] - own
            weight = 1 / (1 + (difference * np.float32(1 / _ALIKE)) ** 2)
            total += weight * moment.masks[track]
            weights += weight
        return np.asarray(total / weights, np.float32)
