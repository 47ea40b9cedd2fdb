"""The native operations on pictures: L*a*b*, statistics, colour transfer, pyramids.

As in `trtswap.ops`, whose names these are too: arrays lie all on the host or all on one GPU, results come to lie there,
and work on a GPU is queued on `stream`, None being this thread's. Raises ValueError for arguments that do not fit,
DeviceError when CUDA fails.

Moments, float64 [..., 10], are the statistics of a picture in L*a*b*: effective samples (sum w)^2 / sum w^2, mean
(L, a, b), covariance (LL, La, Lb, aa, ab, bb). A colour map, float32 [12], is a 3 x 3 matrix by rows, then an offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from trtswap.native import allocate_like, core, native_surface, stream_of, timed, workspace
from trtswap.types import Array, DeviceArray, Surface

TransferMethod = Literal["mk", "reinhard"]

_METHODS = {"mk": 0, "reinhard": 1}


def srgb_to_lab(
    pictures: Array | DeviceArray, *, out: Array | DeviceArray | None = None, stream: int | None = None
) -> Any:
    """R'G'B' of sRGB on 0..1 to CIE 1976 L*a*b* (D65, 2 degrees): float32 [N, 3, H, W] to float32 [N, 3, H, W]."""
    result = allocate_like(pictures, pictures.shape, np.float32) if out is None else out
    core.lab(pictures, result, to_lab=True, stream=stream_of(stream))
    return result


def lab_to_srgb(
    pictures: Array | DeviceArray, *, out: Array | DeviceArray | None = None, stream: int | None = None
) -> Any:
    """The way back, clamped to 0..1."""
    result = allocate_like(pictures, pictures.shape, np.float32) if out is None else out
    core.lab(pictures, result, to_lab=False, stream=stream_of(stream))
    return result


def statistics(
    pictures: Array | DeviceArray, masks: Array | DeviceArray, *, stream: int | None = None
) -> Any:
    """The moments of pictures float32 [N, 3, H, W] (usually L*a*b*) under masks float32 [N or 1, H, W] of weights:
    float64 [N, 10], all 0 where nothing counts. Added up in float64 in a fixed order."""
    moments = allocate_like(pictures, (pictures.shape[0], 10), np.float64)
    stream = stream_of(stream)
    core.statistics(pictures, masks, moments, allocate=workspace(stream), stream=stream)
    return moments


@timed
def measure_colour(
    surfaces: Sequence[Surface],
    indices: Array,
    placements: Array,
    patches: Array | DeviceArray,
    weights: Array | DeviceArray,
    *,
    scale: float = 1.0,
    offset: float = 0.0,
    method: TransferMethod = "mk",
    strength: float = 1.0,
    moments: Array | DeviceArray | None = None,
    maps: Array | DeviceArray | None = None,
    stream: int | None = None,
) -> Any:
    """The colour of the skin of each face, in its patch and in the frame where the patch is to go.

    surfaces, indices, placements, patches, scale, offset: as in `ops.composite`. weights: float32 [F or 1, H, W], how
    much each pixel of the crop is skin. Both pictures are averaged to the same grid; samples near black and white do
    not count, and colours or differences far from the mean (hair, shadow, highlights, features of one) less and less.
    Returns moments float64 [F, 3, 10] of patch, frame, and frame - patch. maps: float32 [F, 12], if given gets the
    maps that `transfer_maps` makes of them, without leaving the device.
    """
    stream = stream_of(stream)
    if moments is None:
        moments = allocate_like(patches, (len(indices), 3, 10), np.float64)
    core.measure_colour(
        [native_surface(surface) for surface in surfaces],
        np.ascontiguousarray(indices, np.int32),
        np.ascontiguousarray(placements, np.float64),
        patches,
        weights,
        moments,
        maps,
        scale=float(scale),
        offset=float(offset),
        method=_METHODS[method],
        strength=float(strength),
        allocate=workspace(stream),
        stream=stream,
    )
    return moments


def transfer_maps(moments: Array, method: TransferMethod, strength: float = 1.0) -> Array:
    """The colour maps that give patches the colours of frames: moments float64 [F, 3, 10] as `measure_colour`
    gives them to float32 [F, 12]. Host.

    "mk": linear Monge-Kantorovich, the whole covariance. "reinhard": each channel alone. strength: 0 (no change) to 1.
    Flat or few samples end smoothly in a shift of the mean and in no change, and so does what is small beside the
    differences between the two pictures that no map explains.
    """
    maps = np.empty((len(moments), 12), np.float32)
    core.transfer_maps(np.ascontiguousarray(moments, np.float64), _METHODS[method], float(strength), maps)
    return maps


def colour_transfer(
    patches: Array | DeviceArray,
    maps: Array | DeviceArray,
    *,
    scale: float = 1.0,
    offset: float = 0.0,
    out: Array | DeviceArray | None = None,
    stream: int | None = None,
) -> Any:
    """Patches through their colour maps in L*a*b*.

    patches: float32 or float16 [F, 3, H, W], R'G'B' = patch * scale + offset, clamped to 0..1. maps: float32 [F, 12].
    Returns R'G'B' on 0..1, clamped, in the type of the patches.
    """
    result = allocate_like(patches, patches.shape, patches.dtype) if out is None else out
    core.colour_transfer(
        patches, maps, result, scale=float(scale), offset=float(offset), stream=stream_of(stream)
    )
    return result


def maxima(rows: Array | DeviceArray, *, stream: int | None = None) -> Any:
    """The largest value of each row: float32 or float16 [N, A] to float32 [N]. NaN counts for nothing; a row without
    numbers gives minus infinity."""
    result = allocate_like(rows, (rows.shape[0],), np.float32)
    core.maxima(rows, result, stream=stream_of(stream))
    return result


def rearrange(
    array: Array | DeviceArray,
    lengths: Sequence[int],
    order: Sequence[int],
    *,
    stream: int | None = None,
) -> Any:
    """The elements of an array float32 or float16, read as up to six axes of `lengths`, those axes in another order.

    Returns a new array, dense, of the lengths in that order, where the array is.
    """
    result = allocate_like(array, [lengths[axis] for axis in order], array.dtype)
    core.rearrange(array, result, lengths=list(lengths), order=list(order), stream=stream_of(stream))
    return result


def pyramid_blend(
    a: Array | DeviceArray,
    b: Array | DeviceArray,
    masks: Array | DeviceArray,
    levels: int,
    *,
    out: Array | DeviceArray | None = None,
    stream: int | None = None,
) -> Any:
    """Pictures `a` over `b` under masks, coarse structure softly, detail sharply (Burt and Adelson 1983).

    a, b: float32 [N, 3, H, W]. masks: float32 [N or 1, H, W], 0..1; 1 takes a. levels: 1 (plain) to 8.
    Returns float32 [N, 3, H, W]: b to the bit where a mask is 0 all over, a where it is 1.
    """
    result = allocate_like(a, a.shape, np.float32) if out is None else out
    stream = stream_of(stream)
    core.pyramid_blend(a, b, masks, result, levels=int(levels), allocate=workspace(stream), stream=stream)
    return result
