"""From light to code values: lens blur, motion blur, tone curve, noise."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from trtswap.demo.state import Camera
from trtswap.types import Array

_BRIGHTEST = 4.0
_STEPS = 4096
_PIECE = 11


def spread(light: Array, camera: Camera) -> Array:
    """What lens and shutter make of a picture [H, W, ...] of linear light (or of a mask): blurred, same shape."""
    result = light
    if max(abs(camera.motion_px[0]), abs(camera.motion_px[1])) > 0.25:
        result = _smeared(result, _streak(camera.motion_px))
    if camera.blur_px > 0.05:
        result = cv2.GaussianBlur(result, (0, 0), camera.blur_px, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(result)


def expose(light: Array, camera: Camera, noise: Array) -> Array:
    """Code values uint8 [H, W, 3] of linear light; noise: float32 of that shape, deviation 1."""
    index = np.sqrt(np.clip(light * np.float32(camera.exposure / _BRIGHTEST), 0, 1)) * (_STEPS - 1) + 0.5
    code = _curve()[index.astype(np.int32)]
    code = code + noise * (np.float32(camera.noise) * (np.float32(1.25) - code * np.float32(1 / 340)))
    result: Array = np.clip(np.rint(code), 0, 255).astype(np.uint8)
    return result


def sensor_noise(seed: int, size: tuple[int, int]) -> Array:
    """float32 [height, width, 3], mean 0, deviation 1, slightly larger than a pixel as after demosaicing."""
    rng = np.random.default_rng([seed, 0x5E5])
    white = rng.standard_normal((size[1], size[0], 3), np.float32)
    soft = cv2.blur(white, (2, 2))
    result: Array = 0.55 * white + 0.9 * soft
    result /= np.float32(0.894)
    return result


def _smeared(picture: Array, kernel: Array) -> Array:
    """The picture under a kernel, in pieces so small that OpenCV sums them and takes no Fourier transform: what lies
    out of a kernel's reach must stay what it was to the last bit."""
    height, width = picture.shape[:2]
    half = kernel.shape[0] // 2
    wide = cv2.copyMakeBorder(picture, half, half, half, half, cv2.BORDER_REPLICATE)
    result = np.zeros_like(picture)
    for top in range(0, len(kernel), _PIECE):
        for left in range(0, len(kernel), _PIECE):
            piece = kernel[top : top + _PIECE, left : left + _PIECE]
            if piece.any():
                part = cv2.filter2D(wide, -1, piece, anchor=(0, 0))
                result += part[top : top + height, left : left + width]
    return result


def _streak(motion_px: tuple[float, float]) -> Array:
    length = float(np.hypot(*motion_px))
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for t in np.linspace(-0.5, 0.5, 2 * half + 5):
        x, y = half + t * motion_px[0], half + t * motion_px[1]
        column, row = int(np.floor(x)), int(np.floor(y))
        fx, fy = x - column, y - row
        for dy, wy in ((0, 1 - fy), (1, fy)):
            for dx, wx in ((0, 1 - fx), (1, fx)):
                if wx * wy > 0:
                    kernel[row + dy, column + dx] += wx * wy
    kernel /= kernel.sum()
    return kernel


@lru_cache(maxsize=1)
def _curve() -> Array:
    """Code value at sqrt(light / _BRIGHTEST): sRGB with a soft shoulder."""
    light = (np.arange(_STEPS) / (_STEPS - 1)) ** 2 * _BRIGHTEST
    knee = 0.65
    light = np.where(light < knee, light, knee + (1 - knee) * (1 - np.exp(-(light - knee) / (1 - knee))))
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (255 * code).astype(np.float32)
