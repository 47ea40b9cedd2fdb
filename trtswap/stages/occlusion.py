"""Masks from networks: what covers a face is not replaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from trtswap.networks.mask import Occluder
from trtswap.stages.batch import Batch
from trtswap.stages.mask import combine, soften


def occlude(batches: Iterable[Batch], occluders: Sequence[Occluder], size: int) -> Iterator[Batch]:
    """Sets `masks` of each batch whose faces are placed: the minimum over the occluders, each run on all faces at once.

    Comes before anything is put back into the frames, which are seen as they were. size: edge of the crop in pixels.
    """
    for batch in batches:
        if batch.placements is None or not occluders:
            yield batch
            continue
        surfaces = [frame.surface for frame in batch.frames]
        found = [
            occluder.masks(surfaces, batch.frame_of_face, batch.placements, size) for occluder in occluders
        ]
        masks = soften(combine(found))
        yield replace(batch, masks=masks if batch.masks is None else combine([batch.masks, masks]))
