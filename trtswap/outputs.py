"""The files that a run writes beside each other: the video or picture, the overlay, the tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from trtswap import tracing
from trtswap.networks.loader import NetworkSet
from trtswap.options import SwapOptions
from trtswap.stages.batch import Batch
from trtswap.stages.mask import face_masks
from trtswap.stages.overlay import overlaid
from trtswap.stages.recall import kept
from trtswap.stages.track_file import TrackWriter
from trtswap.types import Frame
from trtswap.video import FrameSink, SegmentedSink

Draw = Callable[[Batch], Iterator[Frame]]


class Outputs:
    """Hands finished batches to every file that is open. overlay, draw: a second video and what is drawn in it."""

    def __init__(
        self, result: FrameSink, overlay: FrameSink | None, draw: Draw | None, lines: TrackWriter | None
    ) -> None:
        self._result = result
        self._overlay, self._draw = overlay, draw
        self._lines = lines

    def write(self, batch: Batch, frames: Iterator[Frame]) -> None:
        """frames: those of the batch, on the host. Raises VideoError or PictureError."""
        segments = self._result if isinstance(self._result, SegmentedSink) else None
        notes: Iterator[Any] = kept(batch) if segments and not batch.known else iter(())
        with tracing.span("write", "stage", **batch.facts()):
            for frame in frames:
                self._result.write(frame)
                if segments and not batch.known:
                    segments.note(next(notes))
        if self._overlay is not None and self._draw is not None:
            for frame in self._draw(batch):
                self._overlay.write(frame)
        if self._lines is not None:
            self._lines.write(batch)


def overlay_of(networks: NetworkSet, settings: SwapOptions) -> Draw:
    """What is drawn in a second video: where faces are and were found, masks, cuts."""
    swapper = networks.swapper
    mask = face_masks(swapper.size, swapper.template, settings.mask)[0]

    def draw(batch: Batch) -> Iterator[Frame]:
        for row, frame in enumerate(batch.frames):
            surface = overlaid(batch, row, template=swapper.template, crop_px=swapper.size, mask=mask)
            yield replace(frame, surface=surface)

    return draw
