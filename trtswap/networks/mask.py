"""Adapters of mask networks: crops to where a face may be replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from trtswap import device, ops
from trtswap.geometry import compose
from trtswap.inference.session import Session
from trtswap.native import allocate_like
from trtswap.networks.alignment import sample
from trtswap.types import Array, DeviceArray, Surface

_TOGETHER = 8
"""Pictures that a parser sees at once."""


class Occluder(Protocol):
    """Tells the face from what covers it."""

    session: Session

    def masks(
        self, surfaces: Sequence[Surface], indices: Array, placements: Array, size: int
    ) -> Array | DeviceArray:
        """1 where the face is seen, 0 where something covers it: float32 [F, size, size] on the crops' grids, where the
        network runs."""


class XSeg:
    """XSeg: a crop in, the part of it that is face out."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def masks(
        self, surfaces: Sequence[Surface], indices: Array, placements: Array, size: int
    ) -> Array | DeviceArray:
        """1 where the face is seen, 0 where something covers it: float32 [F, size, size], 0..1, where the network runs.

        indices: int [F], the surface of each face. placements: [F, 2, 3], frame pixels to those of a crop of `size` x
        `size`, which is sampled at the network's own size. Raises NetworkError and its kin, DeviceError.
        """
        if not len(indices):
            return np.zeros((0, size, size), np.float32)
        spec = self.session.spec
        width, height = spec.picture.size
        tensor = sample(spec, surfaces, indices, compose(resized(size, (width, height)), placements))
        found = self.session.run({spec.picture.input: tensor})[0]
        resized_masks: Array | DeviceArray = ops.resize_masks(found.reshape(-1, height, width), (size, size))
        return resized_masks


def resized(size: int, other: tuple[int, int]) -> Array:
    """The matrix [2, 3] from pixels of a square of `size` to those of the same at another (width, height)."""
    scale = np.array(other, np.float64) / size
    return np.concatenate([np.diag(scale), ((scale - 1) / 2)[:, None]], axis=1)


class Parser(Protocol):
    """Tells the parts of a face apart."""

    session: Session

    def masks(self, pictures: Sequence[Surface], classes: Sequence[int]) -> Array:
        """1 where a picture shows one of the classes, else 0: float32 [F, S, S] for F squares of S x S pixels, on the
        host."""


class BiSeNet:
    """BiSeNet: a crop in, for every pixel a score of each class out."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def masks(self, pictures: Sequence[Surface], classes: Sequence[int]) -> Array:
        """1 where a picture shows one of the classes, else 0, bilinear in between: float32 [F, S, S], on the host.

        pictures: F squares of S x S pixels, seen at the network's own size, a few at a time: what it says of one is
        twenty megabytes. Raises NetworkError and its kin, DeviceError.
        """
        if not pictures:
            return np.zeros((0, 0, 0), np.float32)
        size = pictures[0].width_px
        found = [
            self._shown(pictures[start : start + _TOGETHER], classes)
            for start in range(0, len(pictures), _TOGETHER)
        ]
        return np.asarray(ops.resize_masks(np.concatenate(found).astype(np.float32), (size, size)))

    def _shown(self, pictures: Sequence[Surface], classes: Sequence[int]) -> Array:
        """bool [F, H, W] at the network's size."""
        spec, size = self.session.spec, pictures[0].width_px
        placements = np.repeat(resized(size, spec.picture.size)[None], len(pictures), axis=0)
        tensor = sample(spec, pictures, np.arange(len(pictures)), placements)
        scores = self.session.run({spec.picture.input: tensor})[0]
        if not device.is_on_device(scores):
            return np.isin(scores.argmax(axis=1), classes)
        peaks = [_peaks(item, group) for item in scores for group in _groups(scores.shape[1], classes)]
        arrived = device.fetch(peaks).get()
        shown = [inside > outside for inside, outside in zip(arrived[::2], arrived[1::2], strict=True)]
        return np.stack(shown).reshape(len(scores), *scores.shape[2:])


def _groups(count: int, classes: Sequence[int]) -> tuple[list[int], list[int]]:
    """The classes asked for, and the others."""
    return sorted(classes), [number for number in range(count) if number not in classes]


def _peaks(scores: DeviceArray, classes: Sequence[int]) -> DeviceArray:
    """The largest score of some classes at each pixel: [C, H, W] to float32 [H * W], on a GPU."""
    planes = allocate_like(scores, (len(classes), *scores.shape[1:]), scores.dtype)
    done = 0
    for start, end in _runs(classes):
        device.place(planes[done : done + end - start], scores[start:end])
        done += end - start
    pixels = ops.rearrange(planes, (len(classes), scores.size // scores.shape[0]), (1, 0))
    peaks: DeviceArray = ops.maxima(pixels)
    return peaks


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges, the end excluded."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found
