"""A second look at the faces that a detector found: each again a few times, upright, at a good size, many in a run.

In a whole frame a face has any size and lies anywhere between the cells of the network, and the points it is given
waver with both, by some hundredths of the distance between the eyes. Here each face is cut out upright so that its eyes
are as far apart as the spec says (`picture.looks`), at several such sizes and shifted by half a cell; the mean of what
is found counts. The crops of a face lie side by side in a picture of the detector's own size, so that the same engine
runs them. Two faces share a picture, far from each other and from its edges: what a detector sees beside a face
moves its points too, and a face that lay elsewhere in every frame would shake.
docs/steadiness.md has figures.
"""

from __future__ import annotations

import math
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
_FACE_ROW_PX = 320
"""So much of a picture's height each row of crops has for itself."""
_CELL_PX = 32
"""Rows of crops begin at multiples of a detector's largest cell; pictures are laid out in squares of this edge."""
_CELLS = TILE_PX // _CELL_PX
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
    if not isinstance(detector, GridDetector) or not detector.session.spec.picture.looks:
        return False
    return not any(edge % _CELL_PX for edge in detector.size) and min(detector.size) >= TILE_PX


class LookingTwice:
    """A detector whose faces are looked at again by `network`, which is it or one of it, with `picture.looks`."""

    def __init__(self, detector: Detector, network: GridDetector) -> None:
        self._detector = detector
        self._network = network
        self._eyes_px = np.array(network.session.spec.picture.looks, np.float64)
        width, height = network.size
        self._columns = width // TILE_PX
        self._rows_of_face = -(-len(self._eyes_px) // self._columns)
        self._starts = _row_starts(height)
        picture = network.session.spec.picture
        black = -np.array(picture.mean, np.float32) / np.array(picture.std, np.float32)
        shape = (height // _CELL_PX, width // _CELL_PX, 3, _CELL_PX, _CELL_PX)
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
        pictures = self._pictures(surfaces, indices[rows], placements[rows])
        seen, scores = self._read(pictures, len(rows), centres)
        seen = transform_points(invert(placements[rows].reshape(-1, 2, 3)), seen.reshape(-1, 5, 2))
        better: Array = points.copy()
        for row, some, weights in zip(rows, seen.reshape(-1, looks, 5, 2), scores, strict=True):
            if np.count_nonzero(weights) * 2 > looks:
                better[row] = np.average(some, axis=0, weights=weights)
        return better

    def _pictures(self, surfaces: Sequence[Surface], indices: Array, placements: Array) -> Any:
        """The crops of F faces in pictures [N, 3, H, W] of the network's size, where the surfaces are. Black is what is
        left over. placements: [F, looks, 2, 3]."""
        picture, columns = self._network.session.spec.picture, self._columns
        slots = self._rows_of_face * columns
        used = np.minimum(np.arange(slots), placements.shape[1] - 1)  # a slot too many repeats the last look
        tiles = ops.crop(
            surfaces, np.repeat(indices, slots), placements[:, used].reshape(-1, 2, 3), (TILE_PX, TILE_PX),
            channels=picture.channels, mean=picture.mean, std=picture.std, sampling="area",
        )  # fmt: skip
        rows = len(indices) * self._rows_of_face
        bands = _bands(tiles, rows, columns)
        black = self._black.beside(tiles)
        height, width, *cell = black.shape
        count = -(-rows // len(self._starts))
        canvas = allocate((count * height * width, *cell), "float32", surfaces)
        for number in range(count):
            here = canvas[number * height * width : (number + 1) * height * width]
            device.place(here, black.reshape(height * width, *cell))
        for row in range(rows):
            number, place = divmod(row, len(self._starts))
            start = (number * height + self._starts[place]) * width
            own = bands[row * _CELLS * columns * _CELLS : (row + 1) * _CELLS * columns * _CELLS]
            _lay(canvas, start, width, own, columns * _CELLS)
        whole = ops.rearrange(canvas, (count, height, width, *cell), (0, 3, 1, 4, 2, 5))
        return whole.reshape(count, 3, height * _CELL_PX, width * _CELL_PX)

    def _read(self, pictures: Any, faces: int, centres: Array) -> tuple[Array, Array]:
        """Points [F, looks, 5, 2] in pixels of their crop, and scores [F, looks], 0 where no face was seen near
        `centres` [looks, 2]."""
        outputs = self._network.session.run({self._network.session.spec.picture.input: pictures})
        outputs = device.fetch(outputs).lent()
        items, found = self._network.candidates(outputs, _ALIKE * _LEAST_SCORE)
        sound = np.isfinite(found.landmarks).all(axis=(1, 2))
        slots, corners = self._crops_at(items[sound], found.landmarks[sound].mean(axis=1))
        return _means(
            slots,
            found.landmarks[sound] - corners[:, None],
            found.scores[sound],
            faces,
            centres,
            self._eyes_px,
        )

    def _crops_at(self, items: Array, places: Array) -> tuple[Array, Array]:
        """For places [M, 2] in the pictures `items` [M] the crop there, counted over all faces and looks, int [M],
        -1 for none; and its corner [M, 2]."""
        starts = _CELL_PX * np.array(self._starts)
        rows = np.searchsorted(starts, places[:, 1], side="right") - 1
        tops = starts[np.maximum(rows, 0)]
        columns = np.floor(places[:, 0] / TILE_PX)
        inside = (rows >= 0) & (places[:, 1] < tops + TILE_PX) & (columns >= 0) & (columns < self._columns)
        face, row_of_face = np.divmod(items * len(starts) + rows, self._rows_of_face)
        looks = len(self._eyes_px)
        look = row_of_face * self._columns + np.where(inside, columns, 0).astype(np.intp)
        slots = np.where(inside & (look < looks), face * looks + look, -1)
        return slots, np.stack([columns * TILE_PX, tops], axis=1)


def _means(
    slots: Array, landmarks: Array, scores: Array, faces: int, centres: Array, eyes_px: Array
) -> tuple[Array, Array]:
    """Of candidates in the crops `slots` [M], points [M, 5, 2] in pixels of their crop, the mean of the likely ones
    in each crop, by their score: [faces, looks, 5, 2], and the best score [faces, looks], 0 where there is none."""
    looks = len(centres)
    points, best = np.zeros((faces * looks, 5, 2)), np.zeros(faces * looks)
    apart = np.linalg.norm(landmarks.mean(axis=1) - centres[slots % looks], axis=1)
    near = (slots >= 0) & (slots < faces * looks) & (apart < _NEAR * eyes_px[slots % looks])
    slots, landmarks, scores = slots[near], landmarks[near], scores[near]
    np.maximum.at(best, slots, scores)
    best[best < _LEAST_SCORE] = 0.0
    likely = (best[slots] > 0) & (scores > _ALIKE * best[slots])
    slots, landmarks, scores = slots[likely], landmarks[likely], scores[likely]
    total = np.zeros(faces * looks)
    np.add.at(total, slots, scores)
    np.add.at(points, slots, landmarks * scores[:, None, None])
    points /= np.where(total > 0, total, 1.0)[:, None, None]
    return points.reshape(faces, looks, 5, 2), best.reshape(faces, looks)


def _bands(tiles: Any, rows: int, columns: int) -> Any:
    """Crops [rows * columns, 3, TILE_PX, TILE_PX] as squares of a cell, those of all columns beside each other:
    [rows * _CELLS * columns * _CELLS, 3, _CELL_PX, _CELL_PX]."""
    split = (rows * columns, 3, _CELLS, _CELL_PX, _CELLS, _CELL_PX)
    cells = ops.rearrange(tiles, split, (0, 2, 4, 1, 3, 5))
    rest = _CELLS * 3 * _CELL_PX * _CELL_PX
    bands = ops.rearrange(cells, (rows, columns, _CELLS, rest), (0, 2, 1, 3))
    return bands.reshape(rows * _CELLS * columns * _CELLS, 3, _CELL_PX, _CELL_PX)


def _lay(canvas: Any, start: int, width: int, cells: Any, across: int) -> None:
    """Copies squares, `across` in a row, into those of a canvas `width` wide, from `start` on: in one piece where they
    fill its width."""
    if across == width:
        device.place(canvas[start : start + len(cells)], cells)
        return
    for band in range(len(cells) // across):
        own = cells[band * across : (band + 1) * across]
        device.place(canvas[start + band * width : start + band * width + across], own)


def _row_starts(height: int) -> list[int]:
    """Where the rows of crops begin in a picture so high, in bands: each in the middle of its part, then towards the
    picture's."""
    count = max(1, height // _FACE_ROW_PX)
    middle = (height - TILE_PX) / 2
    starts = []
    for part in range(count):
        ideal = (part + 0.5) * height / count - TILE_PX / 2
        rounded = math.ceil if ideal < middle else math.floor
        starts.append(rounded(ideal / _CELL_PX))
    return starts
