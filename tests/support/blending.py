"""Independent truth for the blend: the contract of csrc/ops/blend.hpp in NumPy and OpenCV, whole planes at a time."""

from __future__ import annotations

import cv2
import numpy as np

from support import reference
from trtswap.types import PixelFormat, Surface


def cubic(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Catmull-Rom samples of image [H, W, C], edges replicated."""
    height, width = image.shape[:2]
    x0, y0 = np.floor(x), np.floor(y)

    def weight(distance: np.ndarray) -> np.ndarray:
        d = np.abs(distance)
        near = 1.5 * d**3 - 2.5 * d**2 + 1
        far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
        return np.where(d <= 1, near, np.where(d < 2, far, 0.0))

    total = np.zeros((*x.shape, image.shape[2]))
    for j in range(-1, 3):
        for i in range(-1, 3):
            rows = np.clip(y0 + j, 0, height - 1).astype(int)
            columns = np.clip(x0 + i, 0, width - 1).astype(int)
            total += (weight(x - x0 - i) * weight(y - y0 - j))[..., None] * image[rows, columns]
    return total


def sampled(
    colours: np.ndarray, mask: np.ndarray, to_patch: np.ndarray, shape: tuple[int, int], most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Colours [h, w, C] and mask [h, w] under the samples of a plane; to_patch: from its samples to patch pixels."""
    taps = reference.taps_for(to_patch, most)
    x, y = np.meshgrid(np.arange(shape[1], dtype=np.float64), np.arange(shape[0], dtype=np.float64))
    colour, weight = np.zeros((*shape, colours.shape[2])), np.zeros(shape)
    for dy in reference.spread(taps):
        for dx in reference.spread(taps):
            u, v = reference.apply(to_patch, x + dx, y + dy)
            near = np.clip(u, -1, mask.shape[1]), np.clip(v, -1, mask.shape[0])
            sample = cubic if taps == 1 else reference.bilinear
            colour += sample(colours, *near)
            weight += reference.bilinear(mask, u, v, outside=0.0)
    return colour / taps**2, weight / taps**2


def pyramids(difference: np.ndarray, mask: np.ndarray, levels: int) -> np.ndarray:
    """The blend of a difference [h, w, C] with nothing, under a mask, by OpenCV's pyramids: float64 [h, w, C]."""
    bands = [np.atleast_3d(difference)]
    masks = [mask]
    for _ in range(levels - 1):
        bands.append(np.atleast_3d(cv2.pyrDown(bands[-1])))
        masks.append(cv2.pyrDown(masks[-1]))
    result = bands[-1] * masks[-1][..., None]
    for level in reversed(range(levels - 1)):
        size = bands[level].shape[1], bands[level].shape[0]
        rising = np.atleast_3d(cv2.pyrUp(bands[level + 1], dstsize=size))
        result = masks[level][..., None] * (bands[level] - rising) + np.atleast_3d(
            cv2.pyrUp(result, dstsize=size)
        )
    return result


def plane_blend(
    plane: np.ndarray, colours: np.ndarray, mask: np.ndarray, to_patch: np.ndarray, box: tuple[int, int, int, int],
    levels: int, most: int,
) -> np.ndarray:  # fmt: skip
    """A plane [H, W, C] of codes after the blend, not rounded. box: x0, y0, x1, y1 of the part the pyramids span."""
    x0, y0, x1, y1 = box
    local = to_patch.copy()
    local[:, 2] += to_patch[:, :2] @ (x0, y0)
    part = plane[y0:y1, x0:x1]
    colour, m = sampled(colours, mask, local, part.shape[:2], most)
    window = np.minimum(1, m / 0.375)[..., None]
    difference = np.where(m[..., None] > 0, np.minimum(1, 16 * m)[..., None] * (colour - part), 0.0)
    result = plane.copy()
    result[y0:y1, x0:x1] += window * pyramids(difference, np.clip(4 * m - 1.5, 0, 1), levels)
    return result


def blend(
    surface: Surface, placement: np.ndarray, patch: np.ndarray, mask: np.ndarray, levels: int
) -> list[np.ndarray]:
    """The planes in float64 codes, not rounded, after blending patch [3, H, W] (0..1) under mask [H, W]."""
    colours = np.clip(np.moveaxis(patch.astype(np.float64), 0, -1), 0, 1) * 255.0
    planes = reference.codes(surface)
    bits = surface.format.bit_depth
    box = region(placement, mask.shape, surface)
    across = min(mask.shape) / np.sqrt(abs(np.linalg.det(placement[:, :2])))
    levels = min(levels, max(1, int(np.floor(np.log2(max(across, 16) / 16))) + 1))
    mask = mask.astype(np.float64)
    if box[0] >= box[2] or box[1] >= box[3]:
        return planes
    if surface.format is PixelFormat.RGB8:
        return [plane_blend(planes[0], colours, mask, placement, box, levels, 8)]
    yuv = reference.rgb_to_yuv(colours, surface.colour, bits)
    luma = plane_blend(planes[0][..., None], yuv[..., :1], mask, placement, box, levels, 8)[..., 0]
    ox, oy = surface.colour.siting.offset_px
    chroma_placement = np.column_stack([2 * placement[:, :2], placement @ (ox, oy, 1)])
    half = (box[0] // 2, box[1] // 2, (box[2] + 1) // 2, (box[3] + 1) // 2)
    chroma = plane_blend(planes[1], yuv[..., 1:], mask, chroma_placement, half, max(levels - 1, 1), 16)
    return [luma, chroma]


def region(placement: np.ndarray, shape: tuple[int, int], surface: Surface) -> tuple[int, int, int, int]:
    """The part of a surface that a patch can reach: its rectangle and a margin, even at the upper left."""
    back = reference.inverse(placement)
    corners = np.array([[-1, -1], [shape[1], -1], [-1, shape[0]], [shape[1], shape[0]]], np.float64)
    places = corners @ back[:, :2].T + back[:, 2]
    low = np.clip(np.floor(places.min(axis=0)) - 2, 0, (surface.width_px, surface.height_px)).astype(int)
    high = np.clip(np.ceil(places.max(axis=0)) + 3, 0, (surface.width_px, surface.height_px)).astype(int)
    return int(low[0]) & ~1, int(low[1]) & ~1, int(high[0]), int(high[1])
