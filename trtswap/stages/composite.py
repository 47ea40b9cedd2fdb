"""Puts the patches back into the frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trtswap import ops
from trtswap.options import MaskOptions
from trtswap.stages.batch import Batch
from trtswap.stages.mask import box_mask, combine


def composite(batches: Iterable[Batch], size: int, options: MaskOptions) -> Iterator[Batch]:
    """Blends the patches of each batch, `size` pixels square, into its frames, in place, under the box mask and
    those of the batch."""
    box = box_mask(size, options)[None]
    for batch in batches:
        if batch.patches is not None and batch.placements is not None:
            ops.composite(
                [frame.surface for frame in batch.frames],
                batch.frame_of_face,
                batch.placements,
                batch.patches.pixels,
                box if batch.masks is None else combine([box, batch.masks]),
                scale=batch.patches.scale,
                offset=batch.patches.offset,
            )
        yield batch
