"""What cameras, coders and editors do to pictures, float or uint8 [H, W, 3], R G B 0..255."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

Picture = Any


def noisy(rng: np.random.Generator, frames: Sequence[Picture], deviation: float) -> list[Picture]:
    """White noise of that standard deviation in codes, another for each frame."""
    return [frame + rng.standard_normal(frame.shape, np.float32) * np.float32(deviation) for frame in frames]


def compressed(frames: Sequence[Picture], rng: np.random.Generator) -> list[Picture]:
    """JPEG of quality 4 to 12, another for each frame."""
    coded = []
    for frame in frames:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(4, 13))]
        coded.append(cv2.imdecode(cv2.imencode(".jpg", stored(frame), quality)[1], cv2.IMREAD_COLOR))
    return coded


def barred(frame: Picture, rows: int) -> Picture:
    """Black bars above and below."""
    barred = frame.copy()
    barred[:rows] = barred[-rows:] = 0
    return barred


def captioned(frame: Picture) -> Picture:
    """A logo and a caption, white: uint8."""
    captioned = stored(frame)
    cv2.putText(captioned, "TV", (272, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    cv2.putText(
        captioned, "a caption that stays here", (60, 165), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1
    )
    return captioned


def stored(frame: Picture) -> Picture:
    """As uint8."""
    return np.clip(np.rint(frame), 0, 255).astype(np.uint8)
