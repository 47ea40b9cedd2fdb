"""Runs the swapper on all faces of a batch of frames at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from trtswap.networks.swapper import Swapper
from trtswap.stages.batch import Batch
from trtswap.types import Array, Identity


def swap(
    batches: Iterable[Batch], swapper: Swapper, identities: Sequence[Identity], weight: float = 0.5
) -> Iterator[Batch]:
    """Sets `placements` and `patches` of each batch that has faces and is not passed over.

    identities: who is shown, by the numbers in `sources` of the batch. weight: see `Swapper.balanced`; other than a
    half it needs faces with embeddings.
    """
    sources = np.stack([swapper.source_vector(identity) for identity in identities])
    for batch in batches:
        if batch.passed_over or not batch.face_count:
            yield batch
            continue
        placements = swapper.placements(batch.landmarks_px)
        vectors = sources[batch.source_of_face]
        if weight != 0.5 and swapper.balances:
            vectors = swapper.balanced(vectors, _embeddings(batch), weight)
        surfaces = [frame.surface for frame in batch.frames]
        patches = swapper.swap(surfaces, batch.frame_of_face, placements, vectors)
        yield replace(batch, placements=placements, patches=patches)


def _embeddings(batch: Batch) -> Array:
    """float32 [F, 512], of all faces of all frames."""
    found = [faces.embeddings for faces in batch.faces if len(faces)]
    if any(item is None for item in found):
        raise ValueError("a swap weight needs faces with embeddings")
    return np.concatenate([item for item in found if item is not None])
