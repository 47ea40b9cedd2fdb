"""Runs the swapper on all faces of a batch of frames at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from trtswap.networks.swapper import Swapper
from trtswap.stages.batch import Batch
from trtswap.types import Identity


def swap(batches: Iterable[Batch], swapper: Swapper, identity: Identity) -> Iterator[Batch]:
    """Sets `placements` and `patches` of each batch that has faces."""
    vector = swapper.source_vector(identity)
    for batch in batches:
        if not batch.face_count:
            yield batch
            continue
        placements = swapper.placements(batch.landmarks_px)
        vectors = np.repeat(vector[None], len(placements), axis=0)
        surfaces = [frame.surface for frame in batch.frames]
        patches = swapper.swap(surfaces, batch.frame_of_face, placements, vectors)
        yield replace(batch, placements=placements, patches=patches)
