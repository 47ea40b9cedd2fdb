"""Masks: where a patch replaces the frame, float 0..1 on the crop's grid."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from trtswap import device, ops
from trtswap.geometry import template_points
from trtswap.options import MaskOptions
from trtswap.types import Array, DeviceArray

_BROW_LIFT = 0.4
"""How far the hull reaches over the brows, of the distance from the brows to the nose tip."""

_BROWS = slice(17, 27)
_FEATURES = (
    (slice(17, 22), 1.3),
    (slice(22, 27), 1.3),
    (slice(36, 42), 1.7),
    (slice(42, 48), 1.7),
    (slice(48, 60), 1.25),
)
"""Brows, eyes and mouth among sixty-eight points, and by how much their hulls grow so as to hold all of them."""
_SOFT_PX = 5.0
"""Sigma of the Gaussian under which the masks of networks lose their hard edges."""
_INNER = 0.92
"""So much of the outline's size counts as skin."""
_MARGIN = 0.01
"""What is left out around the features, of the crop's edge."""


def face_masks(
    size: int,
    template: str,
    options: MaskOptions,
    landmarks_68: Array | None = None,
    network_masks: Array | DeviceArray | None = None,
    *,
    like: Array | DeviceArray | None = None,
) -> Any:
    """Where patches may show: the least of all masks that the options name, float32 [1 or F, size, size].

    size: edge of the crop in pixels. template: name of its points. landmarks_68: [F, 68, 2] in crop pixels in the order
    of iBUG 300-W, NaN or None where there are none. network_masks: float32 [F, size, size], used as they are. like: an
    array that lies where the masks are to lie; None is the host.
    """
    masks: list[Any] = [box_mask(size, options)[None]]
    outline = _outline(size, template, options, landmarks_68, like)
    if outline is not None:
        masks.append(ops.feather(outline, min(0.5 * options.feather * size, 128.0)))
    if network_masks is not None:
        masks.append(network_masks)
    return combine(masks, like)


def skin_weights(
    size: int,
    template: str,
    landmarks_68: Array | None = None,
    *,
    like: Array | DeviceArray | None = None,
) -> Any:
    """How much each pixel of a crop shows skin, 0..1: float32 [1 or F, size, size].

    Inside the outline of the face and off eyes, brows and mouth: by the 68 points of each face ([F, 68, 2] in crop
    pixels) where it has them, else where the template has those parts. like: an array that lies where the weights of
    faces with points are to lie; None is the host.
    """
    usual = _usual_skin(size, template)
    if landmarks_68 is None or not len(landmarks_68):
        return usual[None]
    points = np.asarray(landmarks_68, np.float64)
    middle = points.mean(axis=1, keepdims=True)
    groups = [_lifted(middle + _INNER * (points - middle))]
    for part, growth in _FEATURES:
        centre = points[:, part].mean(axis=1, keepdims=True)
        groups.append(centre + growth * (points[:, part] - centre))
    weights = ops.hulls(
        np.concatenate(groups, axis=1),
        [group.shape[1] for group in groups],
        (size, size),
        grow_px=max(1.0, _MARGIN * size),
        like=like,
    )
    _fill_in(weights, points, usual[None])
    return weights


def ellipse_mask(size: int, template: str, *, scale: float = 1.0) -> Array:
    """About where an upright face lies in the crop, from hairline to chin: float32 [size, size], edges antialiased.

    Proportions of the middle of many adults: the chin as far below the mouth as half its distance to the eyes, the
    hairline nearly that whole distance above the eyes, the sides 1.1 eye distances from the middle.
    """
    eyes, mouth, across = _frame_of(size, template)
    down = mouth - eyes
    top, chin = eyes - 0.85 * down, mouth + 0.5 * down
    return _ellipse(
        size,
        (top + chin) / 2,
        scale * 1.1 * float(np.hypot(*across)),
        scale * float(np.hypot(*(chin - top))) / 2,
    )


def hull_masks(points: Array, size: int, *, like: Array | DeviceArray | None = None) -> Any:
    """Inside the convex hulls of 68 points each, [F, 68, 2] in crop pixels, brows lifted some way up the forehead:
    float32 [F, size, size], edges antialiased. like: an array that lies where they are to lie; None is the host."""
    return ops.hulls(_lifted(np.asarray(points, np.float64)), [68], (size, size), like=like)


def _lifted(points: Array) -> Array:
    """Points float64 [F, 68, 2] with the brows further up."""
    lifted: Array = points.copy()
    lifted[:, _BROWS] += _BROW_LIFT * (points[:, _BROWS].mean(axis=1, keepdims=True) - points[:, 30:31])
    return lifted


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


def soften(masks: Array | DeviceArray) -> Any:
    """Masks [F, H, W] of 0..1 from networks or outlines, with soft edges inside their own: float32 [F, H, W]."""
    return ops.soften(masks, _SOFT_PX)


def combine(
    masks: Sequence[Array | DeviceArray], like: Array | DeviceArray | None = None, *, scale: float = 1.0
) -> Any:
    """The least of several masks [1 or F, H, W] at every pixel, times `scale`: float32 [F, H, W]. like: an array that
    lies where it is to lie; None is the host, and all masks lie there."""
    there = [device.beside(mask, like) for mask in masks]
    return ops.least(there, scale=scale)


def _outline(
    size: int,
    template: str,
    options: MaskOptions,
    landmarks_68: Array | None,
    like: Array | DeviceArray | None,
) -> Any:
    """Ellipse and hulls as the options name them, hard: float32 [1 or F, size, size], where `like` lies."""
    ellipse = ellipse_mask(size, template)[None]
    outlines: list[Any] = []
    if "ellipse" in options.kinds:
        outlines.append(ellipse)
    if "hull" in options.kinds:
        hulls: Any = ellipse
        if landmarks_68 is not None and len(landmarks_68):
            hulls = hull_masks(landmarks_68, size, like=like)
            _fill_in(hulls, landmarks_68, ellipse)
        outlines.append(hulls)
    return combine(outlines, like) if outlines else None


def _fill_in(masks: Array | DeviceArray, points: Array, mask: Array) -> None:
    """Puts one mask [1, H, W] in the place of those of [F, H, W] whose points [F, 68, 2] are not known."""
    for row in np.flatnonzero(~np.isfinite(points).all(axis=(1, 2))).tolist():
        device.place(masks[row : row + 1], mask)


def _frame_of(size: int, template: str) -> tuple[Array, Array, Array]:
    """Middle of the eyes, middle of the mouth, and the way from eye to eye, in crop pixels."""
    points = template_points(template, (size, size))
    return np.asarray(points[:2].mean(axis=0)), np.asarray(points[3:].mean(axis=0)), points[1] - points[0]


def _ellipse(size: int, centre: Array, half_width: float, half_height: float) -> Array:
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    distance = np.hypot((x - centre[0]) / half_width, (y - centre[1]) / half_height) - 1
    return np.asarray(np.clip(0.5 - distance * min(half_width, half_height), 0, 1), np.float32)


@lru_cache(maxsize=32)
def _usual_skin(size: int, template: str) -> Array:
    """The skin of the template's own face, float32 [size, size], not to be written to."""
    points = template_points(template, (size, size))
    eyes, mouth, across = _frame_of(size, template)
    unit, down = float(np.hypot(*across)), float(np.hypot(*(mouth - eyes)))
    skin = ellipse_mask(size, template, scale=0.86)
    for eye in points[:2]:  # and its brow
        skin = skin * (1 - _ellipse(size, eye - (0, 0.12 * unit), 0.4 * unit, 0.3 * unit))
    width = float(np.hypot(*(points[4] - points[3])))
    skin = np.asarray(skin * (1 - _ellipse(size, mouth, 0.7 * width, 0.24 * down)), np.float32)
    skin.flags.writeable = False
    return skin
