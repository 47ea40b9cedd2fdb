"""Masks: where a patch replaces the frame, float 0..1 on the crop's grid."""

from __future__ import annotations

import cv2
import numpy as np

from trtswap.options import MaskOptions
from trtswap.types import Array


def box_mask(size: int, options: MaskOptions) -> Array:
    """The box mask of a crop of `size` x `size` pixels: float32 [size, size].

    Ones, with a border of zeros as wide as the padding says but at least half the blur, then blurred by a Gaussian.
    The blur's amount is half the crop times `options.blur` and its sigma a quarter of that, so that the outermost
    pixels stay next to 0 and no edge of the patch shows.
    """
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
