"""A second look at the faces that a detector found: each again a few times, upright, at a good size, many in a run.

In a whole frame a face has any size and lies anywhere between the cells of the network, and the points it is given
waver with both, by some hundredths of the distance between the eyes. Here each face is cut out upright so that its eyes
are as far apart as the spec says (`picture.looks`), at several such sizes and shifted by half a cell. The crops lie
side by side in pictures of the detector's own size, so that the same engine runs them; the mean of what is found
counts.
docs/steadiness.md has figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np

from trtswap import device, ops
from trtswap.geometry import TEMPLATES, estimate_similarity, invert, transform_points
from trtswap.native import allocate
from trtswap.networks.detector import Candidates, Detector, GridDetector
from trtswap.options import DetectOptions
from trtswap.types import Array, Faces, Surface

_DEFAULTS = DetectOptions()
TILE_PX = 160
"""Edge of a crop: a face and something around it."""
MOST_FACES = 8
"""Of one frame; further ones, which have lower scores, keep the points they have."""
_SHIFTS_PX = np.array([(0, 0), (4, 0), (0, 4), (4, 4)], np.float64)
_LEAST_SCORE = 0.3
_ALIKE = 0.5
"""Of the best score of a crop: candidates from here on count, by their score."""
_NEAR = 0.5
"""Distances between the eyes by which what is found may lie elsewhere."""
_SHAPE = TEMPLATES["arcface_112_v2"] - TEMPLATES["arcface_112_v2"].mean(axis=0)
_SHAPE = _SHAPE / np.hypot(*(_SHAPE[1] - _SHAPE[0]))


def can_look_again(detector: Detector) -> TypeGuard[GridDetector]:
    """Whether a detector's spec says how."""
    return isinstance(detector, GridDetector) and bool(detector.session.spec.picture.looks)


class LookingTwice:
    """A detector whose faces are looked at again by `network`, which is it or one of it, with `picture.looks`."""

    def __init__(self, detector: Detector, network: GridDetector) -> None:
        self._detector = detector
        self._network = network
        self._eyes_px = np.array(network.session.spec.picture.looks, np.float64)
        columns, rows = (edge // TILE_PX for edge in network.size)
        self._grid = (columns, rows)
        picture = network.session.spec.picture
        black = -np.array(picture.mean, np.float32) / np.array(picture.std, np.float32)
        shape = (columns * rows, 3, TILE_PX, TILE_PX)
        self._black = device.Constant(np.ascontiguousarray(np.broadcast_to(black[:, None, None], shape)))

    def search(self, surfaces: Sequence[Surface], options: DetectOptions) -> list[list[Candidates]]:
        """What the detector itself finds."""
        return self._detector.search(surfaces, options)

    def detect(self, surfaces: Sequence[Surface], options: DetectOptions = _DEFAULTS) -> list[Faces]:
        """The faces of each surface, best score first, with better points.

        Raises NetworkError and its kin, DeviceError.
        """
        found = self._detector.detect(surfaces, options)
        kept = [faces.take(np.arange(min(len(faces), MOST_FACES))) for faces in found]
        points = np.concatenate([faces.landmarks_px for faces in kept]).astype(np.float64)
        if not len(points):
            return found
        indices = np.repeat(np.arange(len(kept)), [len(faces) for faces in kept])
        better = self._look(surfaces, indices, points).astype(np.float32)
        refined = []
        for faces, part in zip(
            found, np.split(better, np.cumsum([len(faces) for faces in kept])[:-1]), strict=True
        ):
            landmarks = np.concatenate([part, faces.landmarks_px[len(part) :]])
            refined.append(replace(faces, landmarks_px=landmarks))
        return refined

    def _look(self, surfaces: Sequence[Surface], indices: Array, points: Array) -> Array:
        """Better points [F, 5, 2] for faces with `points` in the surfaces `indices`."""
        looks = len(self._eyes_px)
        centres = TILE_PX / 2 + _SHIFTS_PX[np.arange(looks) % len(_SHIFTS_PX)]
        goals = _SHAPE * self._eyes_px[:, None, None] + centres[:, None]
        placements = np.stack([estimate_similarity(points, goal) for goal in goals], axis=1)
        usable = np.isfinite(placements).all(axis=(1, 2, 3))
        if not usable.any():
            return points
        rows = np.flatnonzero(usable)
        pictures = self._pictures(
            surfaces, np.repeat(indices[rows], looks), placements[rows].reshape(-1, 2, 3)
        )
        seen, scores = self._read(
            pictures, np.tile(centres, (len(rows), 1)), np.tile(self._eyes_px, len(rows))
        )
        seen = transform_points(invert(placements[rows].reshape(-1, 2, 3)), seen)
        better: Array = points.copy()
        for row, some, weights in zip(
            rows, seen.reshape(-1, looks, 5, 2), scores.reshape(-1, looks), strict=True
        ):
            if np.count_nonzero(weights) * 2 > looks:
                better[row] = np.average(some, axis=0, weights=weights)
        return better

    def _pictures(self, surfaces: Sequence[Surface], indices: Array, placements: Array) -> Any:
        """The crops side by side in pictures [N, 3, H, W] of the network's size, row by row, where the surfaces are.
        What is left over is black."""
        picture = self._network.session.spec.picture
        columns, rows = self._grid
        count = -(-len(indices) // (columns * rows))
        tiles = allocate((count * columns * rows, 3, TILE_PX, TILE_PX), "float32", surfaces)
        ops.crop(
            surfaces, indices, placements, (TILE_PX, TILE_PX), out=tiles[: len(indices)],
            channels=picture.channels, mean=picture.mean, std=picture.std, sampling="area",
        )  # fmt: skip
        device.place(tiles[len(indices) :], self._black.beside(tiles)[: len(tiles) - len(indices)])
        grid = (count, rows, columns, 3, TILE_PX, TILE_PX)
        canvas = ops.rearrange(tiles, grid, (0, 3, 1, 4, 2, 5))
        canvas = canvas.reshape(count, 3, rows * TILE_PX, columns * TILE_PX)
        return self._bordered(canvas)

    def _bordered(self, canvas: Any) -> Any:
        """Pictures at the network's size, black to the right and below."""
        width, height = self._network.size
        if canvas.shape[2:] == (height, width):
            return canvas
        whole = np.empty((len(canvas), 3, height, width), np.float32)
        whole[:] = self._black.array[0, :, :1, :1]
        whole[:, :, : canvas.shape[2], : canvas.shape[3]] = device.to_host(canvas)
        return device.beside(whole, canvas)

    def _read(self, pictures: Any, centres: Array, eyes_px: Array) -> tuple[Array, Array]:
        """Points [T, 5, 2] in pixels of their tile, and scores [T], 0 where no face was seen near `centres` [T, 2]."""
        columns, rows = self._grid
        count, per_picture = len(centres), columns * rows
        outputs = self._network.session.run({self._network.session.spec.picture.input: pictures})
        outputs = device.fetch(outputs).get()
        scores, _, landmarks = self._network.candidates(outputs)
        likely = (
            (scores > _ALIKE * _LEAST_SCORE) & np.isfinite(scores) & np.isfinite(landmarks).all(axis=(2, 3))
        )
        points, best = np.zeros((count, 5, 2)), np.zeros(count)
        for tile in range(count):
            picture, place = divmod(tile, per_picture)
            corner = TILE_PX * np.array([place % columns, place // columns])
            rows_here = np.flatnonzero(likely[picture])
            found, weights = landmarks[picture, rows_here], scores[picture, rows_here]
            apart = np.linalg.norm(found.mean(axis=1) - (corner + centres[tile]), axis=1)
            weights = np.where(apart < _NEAR * eyes_px[tile], weights, 0.0)
            top = float(weights.max(initial=0.0))
            if top >= _LEAST_SCORE:
                weights = np.where(weights > _ALIKE * top, weights, 0.0)
                points[tile] = np.average(found, axis=0, weights=weights) - corner
                best[tile] = top
        return points, best
