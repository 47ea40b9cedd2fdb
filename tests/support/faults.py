"""Swaps of drawn people with made-up faults of a known size; nothing of the code under test but the renderer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from trtswap.demo.clips import make_clip
from trtswap.types import Faces, Frame, PixelFormat, Surface

RATE = 25
Pictures = list[Any]


@dataclass(frozen=True)
class Scene:
    """pictures, swaps: uint8 [H, W, 3], before and after a perfect swap. masks: float32 [H, W, 1], where it is seen.
    hard: the same with a sharp edge. faces: as they are. truths: float32 [H, W], the whole face."""

    pictures: Pictures
    swaps: Pictures
    masks: Pictures
    hard: Pictures
    faces: list[Faces]
    truths: Pictures

    def frame(self, index: int) -> Frame:
        """The original's frame."""
        return Frame(surface_of(self.pictures[index]), index, index, Fraction(1, RATE))


@lru_cache(maxsize=4)
def scene(
    kind: str = "talking", seed: int = 4, frames: int = 40, size: tuple[int, int] = (480, 360)
) -> Scene:
    """A clip of one person."""
    drawn = list(make_clip(kind, seed, frames, size))  # type: ignore[arg-type]
    faces = [
        Faces(
            frame.faces().boxes_px[:1], frame.faces().landmarks_px[:1], np.ones(1, np.float32),
            track_ids=np.zeros(1, np.int32), filled=np.zeros(1, bool),
        )
        for frame in drawn
    ]  # fmt: skip
    masks = [frame.heads[0].skin[..., None] for frame in drawn]
    return Scene(
        pictures=[frame.picture for frame in drawn],
        swaps=[frame.swap for frame in drawn],
        masks=masks,
        hard=[(mask > 0.5).astype(np.float32) for mask in masks],
        faces=faces,
        truths=[frame.heads[0].face for frame in drawn],
    )


def beginning(one: Scene, frames: int) -> Scene:
    """Its first frames."""
    return Scene(**{name: values[:frames] for name, values in vars(one).items()})


def surface_of(picture: Any) -> Surface:
    """A picture as a frame's surface."""
    return Surface(PixelFormat.RGB8, (np.ascontiguousarray(picture),))


def stored(pictures: Sequence[Any]) -> Pictures:
    """As uint8."""
    return [np.clip(np.rint(picture), 0, 255).astype(np.uint8) for picture in pictures]


def blended(one: Scene, faces: Sequence[Any], masks: Sequence[Any] | None = None) -> Pictures:
    """Other faces in the frames, under the masks."""
    weights = one.masks if masks is None else masks
    return stored(
        [
            picture + weight * (np.asarray(face, np.float32) - picture)
            for picture, face, weight in zip(one.pictures, faces, weights, strict=True)
        ]
    )


def shaken(one: Scene, shake_px: float, rng: np.random.Generator) -> Pictures:
    """Each frame's face off its place by `shake_px` in any direction."""
    moved = []
    for swap in one.swaps:
        turn = rng.uniform(0, 2 * np.pi)
        matrix = np.array([[1, 0, shake_px * np.cos(turn)], [0, 1, shake_px * np.sin(turn)]])
        moved.append(_moved(swap, matrix))
    return blended(one, moved)


def tinted(one: Scene, offsets: Sequence[float], direction: Sequence[float] = (0.3, 0.8, 0.52)) -> Pictures:
    """Each frame's face with its colour moved in CIELAB by so many units (about delta E)."""
    way = np.asarray(direction, np.float32) / np.linalg.norm(direction)
    faces = []
    for swap, offset in zip(one.swaps, offsets, strict=True):
        lab = cv2.cvtColor(swap.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        faces.append(cv2.cvtColor((lab + offset * way).astype(np.float32), cv2.COLOR_LAB2RGB) * 255)
    return blended(one, faces)


def seamed(one: Scene, codes: float) -> Pictures:
    """Each frame's face brighter by so many codes up to a sharp edge."""
    return stored([swap + codes * hard for swap, hard in zip(one.swaps, one.hard, strict=True)])


def blurred(one: Scene, sigma_px: float) -> Pictures:
    """Each frame's face out of focus."""
    return blended(
        one, [cv2.GaussianBlur(swap, (0, 0), sigma_px) if sigma_px else swap for swap in one.swaps]
    )


def dropped(one: Scene, frames: Sequence[int]) -> Pictures:
    """The faces of some frames not swapped."""
    return [one.pictures[k] if k in frames else swap for k, swap in enumerate(one.swaps)]


def frozen(one: Scene, frames: Sequence[int]) -> Pictures:
    """Some frames repeated from the one before."""
    made: Pictures = []
    for k, swap in enumerate(one.swaps):
        made.append(made[-1] if k in frames else swap)
    return made


def _moved(picture: Any, matrix: Any) -> Any:
    size = (picture.shape[1], picture.shape[0])
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
