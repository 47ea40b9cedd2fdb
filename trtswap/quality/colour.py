"""CIELAB and CIEDE2000 of R'G'B' pictures, taken as sRGB under D65, 2 degree observer."""

from __future__ import annotations

import numpy as np

from trtswap.types import Array

_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""Linear sRGB to XYZ (IEC 61966-2-1, D65); its rows sum to the white point, so that grey has a = b = 0."""
_TO_WHITE = _TO_XYZ / _TO_XYZ.sum(axis=1, keepdims=True)
_CUBE = 216 / 24389
_SLOPE = 24389 / 27
_FULL = 25.0**7


def _linear(codes: Array) -> Array:
    value = codes / 255.0
    high = ((np.maximum(value, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.where(value <= 0.04045, value / 12.92, high)


_LINEAR_OF_CODE = _linear(np.arange(256.0))


def rgb_to_lab(picture: Array) -> Array:
    """R'G'B' [..., 3], uint8 or float on 0..255, to L*, a*, b*: float64 [..., 3]."""
    pixels = np.asarray(picture)
    linear = _LINEAR_OF_CODE[pixels] if pixels.dtype == np.uint8 else _linear(pixels.astype(np.float64))
    xyz = linear @ _TO_WHITE.T
    root = np.where(xyz > _CUBE, np.cbrt(xyz), (_SLOPE * xyz + 16) / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


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
