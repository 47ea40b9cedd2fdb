"""The native operations: one typed function each. They run where the pixels are.

Surfaces, tensors and masks lie either all on the host (NumPy) or all on one GPU (anything with
`__cuda_array_interface__`). On the host an operation runs on all cores, without the GIL, and returns when done. On a
GPU it is queued on `stream` (a CUDA stream handle as int, 0 is the default stream, None this thread's, as
`trtswap.device.use` sets it) and returns at once; arrays that name a producing stream are waited for on the device.

Every function raises ValueError when arguments do not fit (the message has both the expected and the actual shape) and
DeviceError when a CUDA call fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from trtswap.colour_ops import (
    colour_transfer,
    lab_to_srgb,
    maxima,
    measure_colour,
    pyramid_blend,
    rearrange,
    srgb_to_lab,
    statistics,
    transfer_maps,
)
from trtswap.mask_ops import feather, hold, hulls, least, resize_masks, soften
from trtswap.native import allocate, core, native_surface, stream_of, timed, workspace
from trtswap.types import Array, DeviceArray, PixelFormat, Surface

__all__ = [
    "colour_transfer",
    "composite",
    "crop",
    "feather",
    "hold",
    "hulls",
    "lab_to_srgb",
    "least",
    "letterbox",
    "maxima",
    "measure_colour",
    "pyramid_blend",
    "rasterise",
    "rearrange",
    "resize_masks",
    "soften",
    "srgb_to_lab",
    "statistics",
    "transfer_maps",
    "vertex_normals",
]

Channels = Literal["rgb", "bgr"]
Sampling = Literal["bilinear", "area"]
Border = Literal["replicate", "black"]
Blend = Literal["multiband", "alpha", "poisson"]


@timed
def letterbox(
    surfaces: Sequence[Surface],
    placements: Array,
    extents: Array,
    size: tuple[int, int],
    *,
    channels: Channels,
    mean: Sequence[float],
    std: Sequence[float],
    sampling: Sampling = "bilinear",
    dtype: str = "float32",
    out: Array | DeviceArray | None = None,
    stream: int | None = None,
) -> Any:
    """One detector input per surface: placed, padded, converted to R'G'B', normalised, planar.

    placements: float64 [N, 2, 3], from frame pixels to input pixels. extents: int [N, 2], width and height of the
    placed picture; input pixels at or beyond them take R'G'B' = 0 before normalisation.
    The rest is as in `crop`. Returns [N, 3, height, width].
    """
    return _resample(
        surfaces, np.arange(len(surfaces)), placements, extents, size,
        channels=channels, mean=mean, std=std, sampling=sampling, dtype=dtype, out=out, stream=stream,
    )  # fmt: skip


@timed
def crop(
    surfaces: Sequence[Surface],
    indices: Array,
    placements: Array,
    size: tuple[int, int],
    *,
    channels: Channels,
    mean: Sequence[float],
    std: Sequence[float],
    sampling: Sampling = "bilinear",
    border: Border = "replicate",
    dtype: str = "float32",
    out: Array | DeviceArray | None = None,
    stream: int | None = None,
) -> Any:
    """Aligned crops of many faces of many surfaces, as network inputs.

    indices: int [F], the surface of each crop. placements: float64 [F, 2, 3], from frame pixels to crop pixels.
    size: width, height of a crop. A crop pixel takes the frame at its mapped place, edges replicated, or, with the
    border "black", darkened by as much as it lies beyond the frame's outermost samples: "bilinear", or "area", the
    mean over the pixel's footprint (up to 16 x 16 bilinear samples) where the frame is denser than the crop. Luma and
    chroma are sampled each at their own sites, converted to R'G'B' on 0..1 and clamped; then (value - mean[k]) / std[k]
    for each output channel k, in the order of `channels`.
    dtype: "float32" or "float16"; ignored when `out` (contiguous [F, 3, height, width]) is given.
    Returns `out`, or a new array where the surfaces are.
    """
    count = len(indices)
    extents = np.tile(np.asarray(size, np.int32), (count, 1))
    return _resample(
        surfaces, indices, placements, extents, size,
        channels=channels, mean=mean, std=std, sampling=sampling, border=border, dtype=dtype, out=out,
        stream=stream,
    )  # fmt: skip


@timed
def composite(
    surfaces: Sequence[Surface],
    indices: Array,
    placements: Array,
    patches: Array | DeviceArray,
    masks: Array | DeviceArray,
    *,
    scale: float = 1.0,
    offset: float = 0.0,
    blend: Blend = "alpha",
    levels: int = 5,
    maps: Array | DeviceArray | None = None,
    stream: int | None = None,
) -> None:
    """Blends patches into surfaces, in place, in the surfaces' own format.

    indices: int [F], the surface of each patch. placements: float64 [F, 2, 3], from frame pixels to patch pixels.
    patches: float32 or float16 [F, 3, H, W], R, G, B planes; R'G'B' = patch * scale + offset,
    clamped to 0..1. masks: float32 [F or 1, H, W], 0..1, zero beyond the edges. maps: float32 [F, 12], colour maps
    that the patches go through first, or None. Faces of one surface are blended in the order given; results are rounded
    to nearest; samples where the mask is 0 keep their bits.

    blend "alpha": frame + m (patch - frame), in code values. Patch and mask are sampled bilinearly, or over the frame
    pixel's footprint where the patch is denser than the frame; a 4:2:0 chroma sample takes the footprint of its own
    2 x 2 luma pixels at its site.
    blend "multiband": the coarser a structure, the wider its transition, over `levels` (1 to 8) octaves; an enlarged
    patch is sampled bicubically (csrc/ops/blend.hpp).
    blend "poisson": within the line where the mask is a half the patch keeps its detail and takes its brightness and
    colour from the frame along that line.
    """
    if blend not in ("multiband", "alpha", "poisson"):
        raise ValueError(f"blend is multiband, alpha or poisson, not {blend!r}")
    stream = stream_of(stream)
    faces = (
        [native_surface(surface) for surface in surfaces],
        np.ascontiguousarray(indices, np.int32),
        np.ascontiguousarray(placements, np.float64),
    )
    if blend != "alpha":
        exact = any(surface.format is PixelFormat.P010 for surface in surfaces)
        core.blend(
            *faces, patches, masks, maps, scale=float(scale), offset=float(offset), levels=int(levels),
            poisson=blend == "poisson", half=not exact, allocate=workspace(stream), stream=stream,
        )  # fmt: skip
        return
    if maps is not None:
        patches = colour_transfer(patches, maps, scale=scale, offset=offset, stream=stream)
        scale, offset = 1.0, 0.0
    core.composite(*faces, patches, masks, scale=float(scale), offset=float(offset), stream=stream)


def rasterise(
    vertices: Array,
    triangles: Array,
    attributes: Array,
    size: tuple[int, int],
    *,
    perspective: bool = True,
) -> tuple[Array, Array]:
    """Triangles with values at their corners, drawn nearest first. Host only.

    vertices: float32 [V, 3], x and y in pixels (an integer is a pixel centre), and the distance from the camera.
    triangles: int32 [T, 3], seen from either side. attributes: float32 [V, C]. size: width, height. perspective:
    interpolate in space, not in the picture; triangles with a corner at a distance of 0 or less are then left out.
    Returns the distance float32 [height, width], infinity where nothing is, and the attributes
    float32 [height, width, C], 0 there. The same input gives the same bytes for any number of threads.
    """
    values = np.ascontiguousarray(attributes, np.float32)
    depth = np.empty((size[1], size[0]), np.float32)
    image = np.empty((size[1], size[0], values.shape[-1]), np.float32)
    core.rasterise(
        np.ascontiguousarray(vertices, np.float32),
        np.ascontiguousarray(triangles, np.int32),
        values,
        perspective=perspective,
        depth=depth,
        image=image,
    )
    return depth, image


def vertex_normals(vertices: Array, triangles: Array) -> Array:
    """Unit normals at the vertices, the mean over their triangles by area. Host only.

    vertices: float32 [V, 3]. triangles: int32 [T, 3], counter-clockwise seen from outside where y points up.
    Returns float32 [V, 3]; (0, 0, 0) at a vertex without triangles.
    """
    corners = np.ascontiguousarray(vertices, np.float32)
    normals = np.empty_like(corners)
    core.vertex_normals(corners, np.ascontiguousarray(triangles, np.int32), normals)
    return normals


def _resample(
    surfaces: Sequence[Surface],
    indices: Array,
    placements: Array,
    extents: Array,
    size: tuple[int, int],
    *,
    channels: Channels,
    mean: Sequence[float],
    std: Sequence[float],
    sampling: Sampling,
    border: Border = "replicate",
    dtype: str,
    out: Array | DeviceArray | None,
    stream: int | None,
) -> Any:
    if border not in ("replicate", "black"):
        raise ValueError(f"the border is replicate or black, not {border!r}")
    if channels not in ("rgb", "bgr") or sampling not in ("bilinear", "area"):
        raise ValueError(f"channels is rgb or bgr, sampling bilinear or area; got {channels!r}, {sampling!r}")
    deviations = [float(value) for value in std]
    if len(mean) != 3 or len(deviations) != 3 or 0 in deviations:
        raise ValueError(f"mean and std take three values each, std none of them 0; got {mean}, {std}")
    if out is None:
        out = allocate((len(indices), 3, size[1], size[0]), dtype, surfaces)
    elif tuple(out.shape[2:]) != (size[1], size[0]):
        raise ValueError(f"out: expected height and width {size[1], size[0]}, got {tuple(out.shape[2:])}")
    core.resample(
        [native_surface(surface) for surface in surfaces],
        np.ascontiguousarray(indices, np.int32),
        np.ascontiguousarray(placements, np.float64),
        np.ascontiguousarray(extents, np.int32),
        area=sampling == "area",
        bgr=channels == "bgr",
        black=border == "black",
        scale=[1.0 / (255.0 * value) for value in deviations],
        offset=[-float(value) / deviation for value, deviation in zip(mean, deviations, strict=True)],
        out=out,
        stream=stream_of(stream),
    )
    return out
