"""Between an interrupted run and the one that goes on with it: batches to what is kept of them, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from trtswap.networks.recogniser import EMBEDDING_LENGTH
from trtswap.stages.batch import Batch
from trtswap.stages.hold_masks import REACH
from trtswap.stages.known import Known, Past

__all__ = ["Past", "kept", "notes_of", "past_of", "recall"]

_SIDES, _MOMENTS = 3, 10


def past_of(frames: int, notes: Iterator[bytes]) -> Past:
    """The frames that an earlier run has done, with what it kept of them; the stages look back by `REACH`."""
    return Past(frames, notes, REACH)


def recall(batches: Iterable[Batch], past: Past) -> Iterator[Batch]:
    """Sets `known` of the batches whose frames are all done already."""
    for batch in batches:
        yield replace(batch, known=past.take([frame.index for frame in batch.frames]))


def notes_of(past: Past | None, figures: Mapping[str, float | None]) -> list[str]:
    """What the user should know of a run that went on after another. figures: of quality, empty where none are."""
    if past is None or not past.frames:
        return []
    notes = [f"{past.frames} frames were kept from an interrupted run"]
    return [*notes, "the figures of quality are of the other frames alone"] if figures else notes


def kept(batch: Batch) -> Iterator[bytes]:
    """What is to be kept of each frame of a finished batch."""
    counts = [len(faces) for faces in batch.faces]
    moments = batch.moments
    if moments is None or len(moments) != sum(counts):
        moments, counts = np.zeros((0, _SIDES, _MOMENTS)), [0] * len(counts)
    parts = np.split(moments, np.cumsum(counts)[:-1])
    for place, faces in enumerate(batch.detected):
        yield Known(
            faces,
            batch.traits[place] if batch.traits else (),
            batch.embedded[place] if batch.embedded else np.zeros((0, EMBEDDING_LENGTH), np.float32),
            parts[place],
        ).to_bytes()
