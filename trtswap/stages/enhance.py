"""Restores the swapped faces after they are in the frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from trtswap import device, ops, tracing
from trtswap.networks.enhancer import Restorer
from trtswap.networks.mask import Occluder
from trtswap.options import EnhanceOptions, MaskOptions
from trtswap.stages.batch import Batch
from trtswap.stages.mask import box_mask, combine, soften
from trtswap.types import Array


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
    box = box_mask(restorer.size, MaskOptions(blur=mask_options.blur))[None]
    usual = device.Constant(_scaled(box, options.blend))
    for batch in batches:
        if batch.face_count and not batch.passed_over:
            surfaces = [frame.surface for frame in batch.frames]
            indices = batch.frame_of_face
            placements = restorer.placements(batch.landmarks_px)
            patches = restorer.restore(surfaces, indices, placements, options.weight)
            masks = usual.beside(patches.pixels)
            if occluders:
                seen = [
                    occluder.masks(surfaces, indices, placements, restorer.size) for occluder in occluders
                ]
                masks = _scaled(combine([box, soften(combine(seen))]), options.blend)
                masks = device.beside(masks, patches.pixels)
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


def _scaled(masks: Array, blend: float) -> Array:
    return np.asarray(masks * np.float32(blend))
