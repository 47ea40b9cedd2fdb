"""Puts the patches back into the frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trtswap import device, ops, tracing
from trtswap.options import BlendOptions, MaskOptions
from trtswap.stages.batch import Batch
from trtswap.stages.colour import landmarks_in_crops
from trtswap.stages.mask import combine, face_masks


@tracing.stage("composite")
def composite(
    batches: Iterable[Batch], template: str, size: int, mask: MaskOptions, blend: BlendOptions
) -> Iterator[Batch]:
    """Blends the patches of each batch, `size` pixels square on `template`, into its frames, in place, through their
    colour maps, under the masks of the options and those of the batch."""
    usual = device.Constant(face_masks(size, template, mask))
    for batch in batches:
        if batch.patches is not None and batch.placements is not None:
            points = landmarks_in_crops(batch) if "hull" in mask.kinds else None
            pixels = batch.patches.pixels
            if points is not None:
                masks = face_masks(size, template, mask, points, batch.masks, like=pixels)
            elif batch.masks is not None:
                masks = combine([usual.beside(pixels), batch.masks], pixels)
            else:
                masks = usual.beside(pixels)
            ops.composite(
                [frame.surface for frame in batch.frames],
                batch.frame_of_face,
                batch.placements,
                pixels,
                masks,
                scale=batch.patches.scale,
                offset=batch.patches.offset,
                blend=blend.method,
                levels=blend.levels,
                maps=None if batch.maps is None else device.beside(batch.maps, pixels),
            )
        yield batch
