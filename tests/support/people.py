"""Batches of faces that tell by their landmarks who they are."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from trtswap.stages.batch import Batch
from trtswap.types import Faces, Frame, PixelFormat, Surface

SURFACE = Surface.allocate(PixelFormat.NV12, 32, 32)


def faces(people: list[int], ids: list[int] | None, filled: list[bool] | None = None) -> Faces:
    landmarks = np.zeros((len(people), 5, 2), np.float32)
    landmarks[:, :, 0] = np.array(people)[:, None]
    return Faces(
        np.zeros((len(people), 4), np.float32),
        landmarks,
        np.ones(len(people), np.float32),
        track_ids=None if ids is None else np.array(ids, np.int32),
        filled=None if ids is None else np.array(filled or [False] * len(people)),
    )


def batches(frames: list[Faces], size: int = 4) -> list[Batch]:
    items = [Frame(SURFACE, index, index, Fraction(1, 25)) for index in range(len(frames))]
    return [
        Batch(tuple(items[start : start + size]), faces=tuple(frames[start : start + size]))
        for start in range(0, len(frames), size)
    ]
