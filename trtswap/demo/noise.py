"""Random textures: value noise of chosen grain, and strands."""

from __future__ import annotations

import cv2
import numpy as np

from trtswap.types import Array


def grain(rng: np.random.Generator, size: tuple[int, int], cell_px: float) -> Array:
    """Smooth noise, float32 [H, W], mean 0, deviation about 1, its spots about `cell_px` wide. size: width, height."""
    small = (max(2, round(size[0] / cell_px)), max(2, round(size[1] / cell_px)))
    noise = rng.standard_normal((small[1], small[0]), np.float32)
    if small != size:
        noise = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    result: Array = noise / max(float(noise.std()), 1e-6)
    return result


def clouds(rng: np.random.Generator, size: tuple[int, int], cell_px: float, octaves: int = 4) -> Array:
    """Noise of many grains, each octave half as wide and half as strong: float32 [H, W], deviation about 1."""
    total = np.zeros((size[1], size[0]), np.float32)
    for octave in range(octaves):
        total += grain(rng, size, max(1.0, cell_px / 2**octave)) * 0.5**octave
    result: Array = total / max(float(total.std()), 1e-6)
    return result


def strands(rng: np.random.Generator, size: tuple[int, int], length_px: float) -> Array:
    """Noise drawn out along y, as combed hair: float32 [H, W], deviation about 1."""
    fine = cv2.GaussianBlur(
        rng.standard_normal((size[1], size[0]), np.float32), (0, 0), 0.8, sigmaY=length_px
    )
    locks = cv2.GaussianBlur(
        rng.standard_normal((size[1], size[0]), np.float32), (0, 0), 3.0, sigmaY=2.0 * length_px
    )
    total = fine / fine.std() + 0.55 * locks / locks.std()
    result: Array = total / total.std()
    return result
