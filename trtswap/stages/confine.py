"""What a patch is confined to beyond its box: what nothing covers, areas, regions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from trtswap import device, ops, tracing
from trtswap.errors import OptionError
from trtswap.geometry import transform_points
from trtswap.native import allocate_like
from trtswap.networks.mask import Occluder, Parser
from trtswap.networks.swapper import Patches
from trtswap.options import MaskOptions, Region
from trtswap.stages.areas import area_masks
from trtswap.stages.batch import Batch
from trtswap.stages.mask import combine, soften
from trtswap.types import Array, DeviceArray, PixelFormat, Surface

_CLASSES: Mapping[Region, int] = MappingProxyType(
    {
        "skin": 1,
        "left-eyebrow": 2,
        "right-eyebrow": 3,
        "left-eye": 4,
        "right-eye": 5,
        "glasses": 6,
        "nose": 10,
        "mouth": 11,
        "upper-lip": 12,
        "lower-lip": 13,
    }
)


@tracing.stage("confine")
def confine(
    batches: Iterable[Batch],
    size: int,
    options: MaskOptions,
    occluders: Sequence[Occluder] = (),
    parser: Parser | None = None,
) -> Iterator[Batch]:
    """Sets `masks` of each batch that has patches: the least of all masks but the box, each network run on all faces.

    Comes before anything is put back into the frames: occluders see them as they were; the parser sees the patches.
    size: edge of a patch in pixels. Raises OptionError for areas of faces without sixty-eight points.
    """
    whole = device.Constant(np.ones((1, size, size), np.float32))
    for batch in batches:
        masks = list(_masks(batch, size, options, occluders, parser, whole))
        if masks and batch.patches is not None:
            pixels = batch.patches.pixels
            soft = [soften(device.beside(mask, pixels)) for mask in masks]
            batch = replace(batch, masks=combine(soft, pixels))
        yield batch


def _masks(
    batch: Batch,
    size: int,
    options: MaskOptions,
    occluders: Sequence[Occluder],
    parser: Parser | None,
    whole: device.Constant,
) -> Iterator[Array | DeviceArray]:
    if batch.placements is None or batch.patches is None or not batch.face_count:
        return
    if occluders:
        surfaces = [frame.surface for frame in batch.frames]
        faces = (batch.frame_of_face, batch.placements, size)
        with _beside_swapper(batch):
            found = [occluder.masks(surfaces, *faces) for occluder in occluders]
            seen = combine(found, batch.patches.pixels)
        yield seen
    if "area" in options.kinds:
        points = transform_points(batch.placements, _points(batch))
        yield area_masks(points, size, options.areas, like=batch.patches.pixels)
    if parser is not None:
        yield parser.masks(_pictures(batch.patches, whole), [_CLASSES[region] for region in options.regions])


@contextmanager
def _beside_swapper(batch: Batch) -> Iterator[None]:
    """On a GPU, work that sees the frames as they were, on a stream beside the one where the swapper may still run."""
    if batch.unswapped is None:
        yield
        return
    with device.use(device.index()) as stream:
        stream.wait(batch.unswapped)
        yield
        done = stream.record()
    device.current().wait(done)


def _pictures(patches: Patches, whole: device.Constant) -> list[Surface]:
    """The patches as they will be seen, in eight bits, where they are. whole: a mask of ones."""
    count, _, height, width = patches.pixels.shape
    planes = allocate_like(patches.pixels, (count, height, width, 3), np.uint8)
    surfaces = [Surface(PixelFormat.RGB8, (planes[row],)) for row in range(count)]
    placements = np.repeat(np.eye(2, 3)[None], count, axis=0)
    ops.composite(
        surfaces, np.arange(count), placements, patches.pixels, whole.beside(patches.pixels),
        scale=patches.scale, offset=patches.offset,
    )  # fmt: skip
    return surfaces


def _points(batch: Batch) -> Array:
    """The sixty-eight points [F, 68, 2] of all faces of all frames."""
    points = [faces.landmarks_68_px for faces in batch.faces if len(faces)]
    if any(item is None for item in points):
        raise OptionError(
            "a mask of areas needs sixty-eight points of every face, and there are only five",
            hint="use a landmarker (--landmarker), or a file of tracks that has them",
        )
    return np.concatenate([item for item in points if item is not None])
