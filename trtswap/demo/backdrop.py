"""Backgrounds: blurred rooms and streets that never were, in linear light."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from trtswap.demo.noise import clouds, grain
from trtswap.types import Array

MARGIN_PX = 48
"""How far a background may move before its edge is repeated."""


def backdrop(seed: int, size: tuple[int, int], shift_px: tuple[float, float]) -> Array:
    """float32 [height, width, 3], linear; shift_px moves it right and down."""
    picture = _painted(seed, size)
    move = np.array([[1, 0, shift_px[0] - MARGIN_PX], [0, 1, shift_px[1] - MARGIN_PX]], np.float64)
    return np.asarray(
        cv2.warpAffine(picture, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


@lru_cache(maxsize=8)
def _painted(seed: int, size: tuple[int, int]) -> Array:
    rng = np.random.default_rng([seed, 0xBAC])
    width, height = size[0] + 2 * MARGIN_PX, size[1] + 2 * MARGIN_PX
    unit = min(size)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    top, bottom = _colour(rng), _colour(rng)
    picture = np.broadcast_to(top + y * (bottom - top), (height, width, 3)).astype(np.float32).copy()
    for _ in range(int(rng.integers(4, 14))):
        _panel(picture, rng, unit)
    picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.002, 0.02)) * unit + 0.6)
    if rng.random() < 0.45:
        _lamps(picture, rng, unit)
    texture = (
        1
        + 0.06 * clouds(rng, (width, height), 0.3 * unit)
        + float(rng.uniform(0, 0.05)) * grain(rng, (width, height), 1.5)
    )
    result: Array = np.clip(picture * texture[..., None], 0.002, 3.0).astype(np.float32)
    result.setflags(write=False)
    return result


def _colour(rng: np.random.Generator) -> Array:
    grey = rng.uniform(0.02, 0.55)
    result: Array = (grey * (1 + rng.choice((0.12, 0.2, 0.5)) * rng.uniform(-1, 1, 3))).astype(np.float32)
    return result


def _panel(picture: Array, rng: np.random.Generator, unit: int) -> None:
    height, width = picture.shape[:2]
    x, y = rng.uniform(-0.1, 0.9) * width, rng.uniform(-0.1, 0.9) * height
    w, h = rng.uniform(0.05, 0.6) * width, rng.uniform(0.1, 0.8) * height
    if rng.random() < 0.25:
        centre = (int(x + w / 2), int(y + h / 2))
        cv2.ellipse(
            picture,
            centre,
            (int(w / 2), int(h / 3)),
            float(rng.uniform(0, 180)),
            0,
            360,
            _colour(rng).tolist(),
            -1,
        )
        return
    lean = rng.normal(0, 0.03) * unit
    corners = np.array([(x, y), (x + w, y + lean), (x + w - lean, y + h), (x - lean, y + h)])
    cv2.fillPoly(picture, [corners.astype(np.int32)], _colour(rng).tolist(), cv2.LINE_AA)


def _lamps(picture: Array, rng: np.random.Generator, unit: int) -> None:
    height, width = picture.shape[:2]
    glow = np.zeros_like(picture)
    for _ in range(int(rng.integers(3, 16))):
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, 0.7 * height)))
        colour = (np.array((1.0, 0.8, 0.55)) * rng.uniform(0.2, 1.2) + 0.2 * rng.random(3)).tolist()
        cv2.circle(glow, centre, int(rng.uniform(0.01, 0.05) * unit) + 1, colour, -1, cv2.LINE_AA)
    picture += cv2.GaussianBlur(glow, (0, 0), 0.004 * unit + 0.5)
