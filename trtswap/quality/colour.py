"""CIELAB and CIEDE2000 of R'G'B' pictures, taken as sRGB under D65, 2 degree observer."""

from __future__ import annotations

import numpy as np

from trtswap import ops
from trtswap.types import Array

_FULL = 25.0**7


def rgb_to_lab(picture: Array) -> Array:
    """R'G'B' [..., 3], uint8 or float on 0..255, to L*, a*, b*: float64 [..., 3]."""
    pixels = np.asarray(picture, np.float32)
    planes = np.ascontiguousarray(pixels.reshape(-1, 3).T)[None, :, None] * np.float32(1 / 255)
    lab: Array = ops.srgb_to_lab(planes)[0, :, 0].T.reshape(pixels.shape).astype(np.float64)
    return lab


def ciede2000_lab(one: Array, other: Array) -> Array:
    """The difference of colours in CIELAB [..., 3] after Sharma, Wu and Dalal (2005), all weights 1: float64 [...]."""
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    grown = _grown(first, second)
    chroma_1, hue_1 = _chroma_and_hue(first, grown)
    chroma_2, hue_2 = _chroma_and_hue(second, grown)
    lightness = (first[..., 0] + second[..., 0]) / 2
    chroma = (chroma_1 + chroma_2) / 2
    grey = chroma_1 * chroma_2 == 0
    turn = np.where(grey, 0, (hue_2 - hue_1 + 180) % 360 - 180)
    turn = np.where(turn == -180, np.where(hue_2 > hue_1, 180, -180), turn)
    hue = _mean_hue(hue_1, hue_2, grey)
    weight_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    weight_c = 1 + 0.045 * chroma
    weight_h = 1 + 0.015 * chroma * _hue_term(hue)
    l = (second[..., 0] - first[..., 0]) / weight_l  # noqa: E741  the name in the formula
    c = (chroma_2 - chroma_1) / weight_c
    h = 2 * np.sqrt(chroma_1 * chroma_2) * np.sin(np.radians(turn) / 2) / weight_h
    square = l * l + c * c + h * h + _rotation(chroma, hue) * c * h
    difference: Array = np.sqrt(np.maximum(square, 0))
    return difference


def _grown(first: Array, second: Array) -> Array:
    """By what a* is multiplied."""
    mean = (np.hypot(first[..., 1], first[..., 2]) + np.hypot(second[..., 1], second[..., 2])) / 2
    power = mean**7
    factor: Array = 1.5 - 0.5 * np.sqrt(power / (power + _FULL))
    return factor


def _chroma_and_hue(lab: Array, grown: Array) -> tuple[Array, Array]:
    a, b = grown * lab[..., 1], lab[..., 2]
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _mean_hue(one: Array, other: Array, grey: Array) -> Array:
    total = one + other
    far = np.abs(one - other) > 180
    mean = np.where(far, np.where(total < 360, total + 360, total - 360), total) / 2
    return np.where(grey, total, mean)


def _hue_term(hue: Array) -> Array:
    term: Array = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    return term


def _rotation(chroma: Array, hue: Array) -> Array:
    power = chroma**7
    angle = 60 * np.exp(-(((hue - 275) / 25) ** 2))
    rotation: Array = -2 * np.sqrt(power / (power + _FULL)) * np.sin(np.radians(angle))
    return rotation
