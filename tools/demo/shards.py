"""What `samples` writes and training reads: files of arrays, their pictures packed or not."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PACKED = ("picture", "swap")
"""What --jpeg packs."""
PEOPLE_OF_SWAPS = 2
"""Sources that each person is given."""
PICTURES_OF_PAIR = 4


def packed(pictures: Array, quality: int) -> tuple[Array, Array]:
    """Pictures uint8 [N, H, W, 3] as JPEG without subsampling: all their bytes, and where each ends."""
    flags = [
        cv2.IMWRITE_JPEG_QUALITY, quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]  # fmt: skip
    parts = [cv2.imencode(".jpg", picture[..., ::-1], flags)[1] for picture in pictures]
    return np.concatenate(parts), np.cumsum([len(part) for part in parts])


def unpacked(parts: Array, ends: Array) -> Array:
    """The pictures that `packed` was given, but for what JPEG loses."""
    with ThreadPoolExecutor() as pool:
        pictures = pool.map(lambda part: cv2.imdecode(part, cv2.IMREAD_COLOR_RGB), np.split(parts, ends[:-1]))
        return np.stack(list(pictures))


def load(path: Path, names: Sequence[str]) -> dict[str, Array]:
    """Arrays of a shard, packed or not."""
    with np.load(path) as shard:
        return {
            name: shard[name] if name in shard else unpacked(shard[f"{name}_jpeg"], shard[f"{name}_ends"])
            for name in names
        }
