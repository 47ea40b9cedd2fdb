"""Masks: where a patch replaces the frame, float 0..1 on the crop's grid."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from trtswap.options import MaskOptions
from trtswap.types import Array


def box_mask(size: int, options: MaskOptions) -> Array:
    """The box mask of a crop of `size` x `size` pixels: float32 [size, size].

    Ones, with a border of zeros as wide as the padding says but at least half the blur, then blurred by a Gaussian.
    The blur's amount is half the crop times `options.blur` and its sigma a quarter of that, so that the outermost
    pixels stay next to 0 and no edge of the patch shows. Where "box" is none of the kinds, all ones.
    """
    if "box" not in options.kinds:
        return np.ones((size, size), np.float32)
    amount = int(0.5 * size * options.blur)
    least = max(amount // 2, 1)
    top, right, bottom, left = (max(least, int(size * side / 100)) for side in options.padding)
    mask = np.zeros((size, size), np.float32)
    mask[top : size - bottom, left : size - right] = 1
    if amount > 0:
        sigma = amount / 4
        width = round(8 * sigma + 1) | 1
        mask = cv2.GaussianBlur(mask, (width, width), sigma, borderType=cv2.BORDER_REFLECT_101)
    return mask


def soften(masks: Array) -> Array:
    """Masks [F, H, W] of 0..1 from networks or outlines, with soft edges inside their own: float32 [F, H, W].

    Blurred by a Gaussian of sigma 5 pixels; then what is below a half becomes 0 and the rest is spread over 0..1.
    """
    blurred = [cv2.GaussianBlur(np.asarray(mask, np.float32), (0, 0), 5) for mask in np.clip(masks, 0, 1)]
    return np.asarray(2 * (np.clip(np.stack(blurred), 0.5, 1) - 0.5), np.float32)


def combine(masks: Sequence[Array]) -> Array:
    """The least of several masks at every pixel; they broadcast."""
    least = masks[0]
    for mask in masks[1:]:
        least = np.minimum(least, mask)
    return least
