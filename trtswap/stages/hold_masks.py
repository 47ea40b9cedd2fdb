"""Holds the masks of networks steady over time: what hardly changes is averaged, what moves is left as it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trtswap import device, ops, tracing
from trtswap.options import Smoothing
from trtswap.stages.batch import Batch
from trtswap.types import Array, DeviceArray

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
    """One frame: the masks of its tracks, each a row of an array. scene: number of the scene it is in."""

    masks: dict[int, tuple[Array | DeviceArray, int]]
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
            masks: dict[int, tuple[Array | DeviceArray, int]] = {}
            if batch.masks is not None and faces is not None and faces.track_ids is not None:
                masks = {track: (batch.masks, start + k) for k, track in enumerate(faces.track_ids.tolist())}
            start += count
            yield _Moment(masks, self._scene)

    def _next(self) -> Batch:
        batch = self._waiting.popleft()
        frames = len(batch.frames)
        if batch.masks is not None:
            places = range(self._before, self._before + frames)
            faces = [(place, track) for place in places for track in self._moments[place].masks]
            if len(faces) == batch.masks.shape[0]:  # else faces without tracks
                batch = replace(batch, masks=self._held(faces))
        self._before += frames
        while self._before > REACH:
            self._moments.popleft()
            self._before -= 1
        return batch

    def _held(self, faces: Sequence[tuple[int, int]]) -> Any:
        """The masks of some faces, each a frame and a track, averaged with their neighbours in time."""
        arrays: dict[int, tuple[int, Array | DeviceArray]] = {}
        table = np.full((len(faces), REACH + self._ahead + 1, 2), -1, np.int32)
        for row, (place, track) in enumerate(faces):
            here = self._moments[place]
            others = [*range(max(place - REACH, 0), place), *range(place + 1, place + self._ahead + 1)]
            moments = [here, *(self._moments[other] for other in others if other < len(self._moments))]
            for column, moment in enumerate(moments):
                if moment.scene == here.scene and track in moment.masks:
                    array, number = moment.masks[track]
                    table[row, column] = arrays.setdefault(id(array), (len(arrays), array))[0], number
        masks = [array for _, array in arrays.values()]
        try:
            return ops.hold(masks, table, _ALIKE)
        except MemoryError:  # of the GPU's
            return ops.hold([device.to_host(array) for array in masks], table, _ALIKE)
