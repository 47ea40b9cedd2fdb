"""Restores the swapped faces after they are in the frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trtswap import device, ops, tracing
from trtswap.networks.enhancer import Restorer
from trtswap.networks.mask import Occluder
from trtswap.options import EnhanceOptions, MaskOptions
from trtswap.stages.batch import Batch
from trtswap.stages.mask import box_mask, combine, soften


@tracing.stage("enhance")
def enhance(
    batches: Iterable[Batch],
    restorer: Restorer,
    options: EnhanceOptions,
    mask_options: MaskOptions,
    occluders: Sequence[Occluder] = (),
) -> Iterator[Batch]:
    """Blends the restored faces of each batch into its frames, in place, all faces of a batch in one run.

    Under the box mask with the blur of `mask_options` and no padding, and what nothing covers; times `options.blend`.
    """
    box = device.Constant(box_mask(restorer.size, MaskOptions(blur=mask_options.blur))[None])
    usual = device.Constant(combine([box.array], scale=options.blend))
    for batch in batches:
        if batch.face_count and not batch.passed_over:
            surfaces = [frame.surface for frame in batch.frames]
            indices = batch.frame_of_face
            placements = restorer.placements(batch.landmarks_px)
            patches = restorer.restore(surfaces, indices, placements, options.weight)
            masks = usual.beside(patches.pixels)
            if occluders:
                faces = (surfaces, indices, placements, restorer.size)
                seen = combine([occluder.masks(*faces) for occluder in occluders], patches.pixels)
                masks = combine(
                    [box.beside(patches.pixels), soften(seen)], patches.pixels, scale=options.blend
                )
            ops.composite(
                surfaces,
                indices,
                placements,
                patches.pixels,
                masks,
                scale=patches.scale,
                offset=patches.offset,
            )
        yield batch
