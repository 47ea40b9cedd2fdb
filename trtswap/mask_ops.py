"""The native operations on masks of faces: drawn, softened, put together, held steady.

As in `trtswap.ops`, whose names these are too: arrays lie all on the host or all on one GPU, results come to lie there,
and work on a GPU is queued on `stream`, None being this thread's. Masks are float32 [N, H, W], 0..1. Raises ValueError
for arguments that do not fit, DeviceError when CUDA fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trtswap.native import allocate_like, core, stream_of, workspace
from trtswap.types import Array, DeviceArray


def hulls(
    points: Array,
    sizes: Sequence[int],
    size: tuple[int, int],
    *,
    grow_px: float = 0.0,
    like: Array | DeviceArray | None = None,
    stream: int | None = None,
) -> Any:
    """Masks inside the convex hull of some points and outside those of others, edges antialiased: float32 [F, H, W].

    points: [F, P, 2], finite or not, x and y in pixels of the mask, on the host. sizes: how many of the P points each
    hull is of, in order: the first is kept, the others, grown by `grow_px` on all sides, are cut out. size: width and
    height of the masks. like: an array that lies where they are to lie; None is the host. Points that are not finite,
    lie a million pixels off, or span no area cover nothing.
    """
    result = allocate_like(like, (len(points), size[1], size[0]), np.float32)
    stream = stream_of(stream)
    core.hulls(
        np.ascontiguousarray(points, np.float64),
        list(sizes),
        result,
        grow=float(grow_px),
        allocate=workspace(stream),
        stream=stream,
    )
    return result


def feather(
    masks: Array | DeviceArray,
    sigma_px: float,
    *,
    out: Array | DeviceArray | None = None,
    stream: int | None = None,
) -> Any:
    """Masks that fade out inwards: float32 [N, H, W] to float32 [N, H, W], never above the mask.

    m * clamp(2 g - 1), where g is the mask under a Gaussian of sigma_px (0 to 128), 0 beyond the picture.
    """
    result = allocate_like(masks, masks.shape, np.float32) if out is None else out
    stream = stream_of(stream)
    core.feather(
        masks, result, sigma=float(sigma_px), soften=False, allocate=workspace(stream), stream=stream
    )
    return result


def soften(masks: Array | DeviceArray, sigma_px: float, *, stream: int | None = None) -> Any:
    """Masks with soft edges inside their own: float32 [N, H, W] to float32 [N, H, W].

    clamp(2 g - 1), where g is the mask under a Gaussian of sigma_px (0 to 96), mirrored at the picture's outermost
    pixels.
    """
    result = allocate_like(masks, masks.shape, np.float32)
    stream = stream_of(stream)
    core.feather(masks, result, sigma=float(sigma_px), soften=True, allocate=workspace(stream), stream=stream)
    return result


def resize_masks(masks: Array | DeviceArray, size: tuple[int, int], *, stream: int | None = None) -> Any:
    """Masks, clamped to 0..1, at another size: float32 [N, H, W] to float32 [N, height, width] of size (width, height).

    Bilinear between the centres of pixels, edges replicated.
    """
    result = allocate_like(masks, (masks.shape[0], size[1], size[0]), np.float32)
    core.resize_masks(masks, result, stream=stream_of(stream))
    return result


def least(masks: Sequence[Array | DeviceArray], *, scale: float = 1.0, stream: int | None = None) -> Any:
    """The least of one to eight masks at every pixel, times `scale`: each float32 [N or 1, H, W] to float32
    [N, H, W]."""
    counts = [mask.shape[0] for mask in masks]
    shape = (max(counts) if all(counts) else 0, *masks[0].shape[1:])
    result = allocate_like(masks[0], shape, np.float32)
    core.least(list(masks), result, scale=float(scale), stream=stream_of(stream))
    return result


def hold(
    masks: Sequence[Array | DeviceArray], table: Array, alike: float, *, stream: int | None = None
) -> Any:
    """Masks averaged with others of the same face: float32 [N, H, W]. Where another differs by d, it counts
    1 / (1 + (d / alike)^2), pixel by pixel, and the mask itself 1.

    masks: arrays float32 [any, H, W]. table: int [N, K, 2], for each result an array's number and a row in it, of the
    mask itself and then of K - 1 others; a number below 0 is none.
    """
    result = allocate_like(masks[0], (len(table), *masks[0].shape[1:]), np.float32)
    stream = stream_of(stream)
    core.hold(
        list(masks),
        np.ascontiguousarray(table, np.int32),
        result,
        alike=float(alike),
        allocate=workspace(stream),
        stream=stream,
    )
    return result
