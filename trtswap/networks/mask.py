"""Adapters of mask networks: crops to where a face may be replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from trtswap import device
from trtswap.geometry import compose
from trtswap.inference.session import Session
from trtswap.networks.alignment import sample
from trtswap.types import Array, Surface


class Occluder(Protocol):
    """Tells the face from what covers it."""

    session: Session

    def masks(self, surfaces: Sequence[Surface], indices: Array, placements: Array, size: int) -> Array:
        """1 where the face is seen, 0 where something covers it: float32 [F, size, size] on the crops' grids, on
        the host."""


class XSeg:
    """XSeg: a crop in, the part of it that is face out."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def masks(self, surfaces: Sequence[Surface], indices: Array, placements: Array, size: int) -> Array:
        """1 where the face is seen, 0 where something covers it: float32 [F, size, size], 0..1, on the host.

        indices: int [F], the surface of each face. placements: [F, 2, 3], frame pixels to those of a crop of `size` x
        `size`, which is sampled at the network's own size. Raises NetworkError and its kin, DeviceError.
        """
        if not len(indices):
            return np.zeros((0, size, size), np.float32)
        spec = self.session.spec
        width, height = spec.picture.size
        tensor = sample(spec, surfaces, indices, compose(resized(size, (width, height)), placements))
        found = device.to_host(self.session.run({spec.picture.input: tensor})[0])
        return resize_all(np.clip(found.reshape(-1, height, width), 0, 1), size)


def resized(size: int, other: tuple[int, int]) -> Array:
    """The matrix [2, 3] from pixels of a square of `size` to those of the same at another (width, height)."""
    scale = np.array(other, np.float64) / size
    return np.concatenate([np.diag(scale), ((scale - 1) / 2)[:, None]], axis=1)


def resize_all(images: Array, size: int) -> Array:
    """Images [F, H, W] at `size` x `size`, bilinear: float32 [F, size, size]."""
    if images.shape[1:] == (size, size):
        return np.asarray(images, np.float32)
    scaled = [
        cv2.resize(np.ascontiguousarray(image, np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
        for image in images
    ]
    return np.asarray(np.stack(scaled), np.float32)


class Parser(Protocol):
    """Tells the parts of a face apart."""

    session: Session

    def masks(self, pictures: Array, classes: Sequence[int]) -> Array:
        """1 where a picture shows one of the classes, else 0: float32 [F, S, S] for pictures [F, 3, S, S]."""


class BiSeNet:
    """BiSeNet: a crop in, for every pixel a score of each class out."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def masks(self, pictures: Array, classes: Sequence[int]) -> Array:
        """1 where a picture shows one of the classes, else 0, bilinear in between: float32 [F, S, S].

        pictures: [F, 3, S, S], R G B in 0..1, seen at the network's own size. Raises NetworkError and its kin,
        DeviceError.
        """
        if not len(pictures):
            return np.zeros((0, *pictures.shape[2:]), np.float32)
        picture = self.session.spec.picture
        scaled = [
            cv2.resize(np.ascontiguousarray(np.moveaxis(item, 0, -1)), picture.size) for item in pictures
        ]
        mean, std = np.array(picture.mean, np.float32), np.array(picture.std, np.float32)
        tensor = np.moveaxis((np.stack(scaled) - mean) / std, -1, 1)
        scores = self.session.run({picture.input: np.ascontiguousarray(tensor, np.float32)})[0]
        return resize_all(np.isin(scores.argmax(axis=1), classes), pictures.shape[2])
