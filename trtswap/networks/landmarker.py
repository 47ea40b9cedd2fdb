"""Adapters of landmarkers: faces to sixty-eight points each, in the order of iBUG 300-W."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np

from trtswap import device, ops
from trtswap.geometry import compose, invert, transform_points
from trtswap.inference.session import Session
from trtswap.networks.alignment import sample
from trtswap.types import Array, DeviceArray, Faces, Surface

_SIDE_PX = 195
"""The longer side of a face's box in the network's input."""

_GRID = 64
_CLEARLY = 0.2
_DARK = 30
"""Mean lightness, of 255, below which a crop is brightened."""
_BELOW_GREY = 10
"""Codes of 255 that the mean lightness may lie below the mean luma, rounding included."""
_UNSURE = 2
"""By so much the lightness measured on a GPU may be off that of OpenCV's bytes."""


class Landmarker(Protocol):
    """Places sixty-eight points on faces."""

    def locate(self, surfaces: Sequence[Surface], faces: Sequence[Faces]) -> tuple[Array, Array]:
        """Points float32 [F, 68, 2] in pixels of the stored frame, and scores float32 [F], of each surface's faces."""


class CropLandmarker(ABC):
    """What landmarkers share: a crop around the box of a face, turned upright by quarters, to points in a 64-cell grid.

    size: width and height of the crop in pixels.
    """

    full_score: float
    """The raw score that counts as 1."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.size = session.spec.picture.size
        self._dark = False  # whether a crop of the last batch was
        self._everywhere = device.Constant(np.ones((1, self.size[1], self.size[0]), np.float32))

    def locate(self, surfaces: Sequence[Surface], faces: Sequence[Faces]) -> tuple[Array, Array]:
        """The points float32 [F, 68, 2], in pixels of the stored frame, and the scores float32 [F], 0..1, of the faces
        of each surface, all in one run.

        Raises NetworkError and its kin, DeviceError.
        """
        indices = np.repeat(np.arange(len(faces)), [len(item) for item in faces])
        if not len(indices):
            return np.zeros((0, 68, 2), np.float32), np.zeros(0, np.float32)
        boxes = np.concatenate([item.boxes_px for item in faces])
        angles = face_angles_deg(faces)
        placements = landmark_placements(boxes, angles)
        cells, scores = self.decode(*self._read(self.crops(surfaces, indices, placements)))
        points = transform_points(invert(placements), cells * (self.size[0] / _GRID))
        return points.astype(np.float32), np.clip(scores / self.full_score, 0, 1).astype(np.float32)

    def crops(self, surfaces: Sequence[Surface], indices: Array, placements: Array) -> Any:
        """The network's input, where the surfaces are: one crop per face, black beyond the frame.

        indices: int [F], the surface of each face. placements: [F, 2, 3], frame to crop pixels.
        """
        return sample(self.session.spec, surfaces, indices, placements, border="black")

    def _read(self, crops: Any) -> list[Array]:
        """What `told` makes of the network's outputs for crops, of which dark ones are brightened in place.

        On a GPU whether one is dark comes with the outputs, in one wait, and a batch with a dark one runs again;
        while crops are dark, which lasts as long as a scene, that is asked first.
        """
        if not device.is_on_device(crops):
            for crop in crops:
                _brighten(crop)
        elif self._dark:
            self._dark = _brightened(crops, device.to_host(self._moments(crops)))
        else:
            moments, *read = self._run(crops, self._moments(crops)).lent()
            self._dark = _brightened(crops, moments)
            if not self._dark:
                return read
        return self._run(crops).lent()

    def _run(self, crops: Any, *more: Any) -> device.Fetch:
        """Starts to bring `more`, and what is told of the network's outputs, to the host."""
        outputs = self.session.run({self.session.spec.picture.input: crops})
        return device.fetch([*more, *self.told(outputs)])

    def _moments(self, crops: DeviceArray) -> DeviceArray:
        """Of the lightness of crops on a GPU."""
        return ops.statistics(ops.srgb_to_lab(crops), self._everywhere.beside(crops))

    @abstractmethod
    def told(self, outputs: Sequence[Array | DeviceArray]) -> list[Array | DeviceArray]:
        """What of a batch of outputs comes to the host."""

    @abstractmethod
    def decode(self, *told: Array) -> tuple[Array, Array]:
        """Points [F, 68, 2] in cells of the 64-cell grid, and raw scores [F], from what was told."""


class Fan(CropLandmarker):
    """2dfan4: points, and the heat maps they were read from."""

    full_score = 0.9

    def told(self, outputs: Sequence[Array | DeviceArray]) -> list[Array | DeviceArray]:
        """The points, and the heat maps' maxima."""
        count, maps = outputs[1].shape[:2]
        return [outputs[0], ops.maxima(outputs[1].reshape(count * maps, -1))]

    def decode(self, *told: Array) -> tuple[Array, Array]:
        """The score is the mean of the heat maps' maxima."""
        points, peaks = told
        return points[..., :2].astype(np.float64), peaks.reshape(len(points), -1).mean(axis=1)


class Peppa(CropLandmarker):
    """peppa_wutz: points with a score each."""

    full_score = 0.95

    def told(self, outputs: Sequence[Array | DeviceArray]) -> list[Array | DeviceArray]:
        """The points."""
        return [outputs[0]]

    def decode(self, *told: Array) -> tuple[Array, Array]:
        """The score is the mean of the points' own."""
        (points,) = told
        return points[..., :2].astype(np.float64), points[..., 2].mean(axis=1)


class BestOf:
    """Two or more landmarkers; the first counts unless another is clearly surer."""

    def __init__(self, landmarkers: Sequence[Landmarker]) -> None:
        self._landmarkers = landmarkers

    def locate(self, surfaces: Sequence[Surface], faces: Sequence[Faces]) -> tuple[Array, Array]:
        """The points and scores of the one that is chosen for each face."""
        points, scores = self._landmarkers[0].locate(surfaces, faces)
        for landmarker in self._landmarkers[1:]:
            others, surer = landmarker.locate(surfaces, faces)
            change = scores <= surer - _CLEARLY
            points = np.where(change[:, None, None], others, points)
            scores = np.where(change, surer, scores)
        return points, scores


def landmark_placements(boxes_px: Array, angles_deg: Array) -> Array:
    """Where the crops of 256 x 256 pixels lie: float64 [F, 2, 3], frame to crop pixels.

    The centre of each box [F, 4] comes to the crop's, its longer side to 195 pixels; then the crop is turned
    counter-clockwise by an angle [F] of 0, 90, 180 or 270 degrees about (128, 128).
    """
    boxes = np.asarray(boxes_px, np.float64)
    scales = _SIDE_PX / np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1), 1)
    placements = np.zeros((len(boxes), 2, 3))
    placements[:, 0, 0] = placements[:, 1, 1] = scales
    placements[:, :, 2] = (256 - scales[:, None] * (boxes[:, :2] + boxes[:, 2:])) / 2
    turns = np.radians(angles_deg)
    cosines, sines = np.round(np.cos(turns)), np.round(np.sin(turns))
    rotations = np.empty_like(placements)
    rotations[:, 0] = np.stack([cosines, sines, 128 * (1 - cosines) - 128 * sines], axis=-1)
    rotations[:, 1] = np.stack([-sines, cosines, 128 * sines + 128 * (1 - cosines)], axis=-1)
    return compose(rotations, placements)


def face_angles_deg(faces: Sequence[Faces]) -> Array:
    """How far each face is turned clockwise, to the nearest of 0, 90, 180 and 270 degrees: float64 [F], of all frames.

    By the ends of its jaw where they are known, else by its eyes.
    """
    ends = [
        item.landmarks_px[:, :2] if item.landmarks_68_px is None else item.landmarks_68_px[:, 0:17:16]
        for item in faces
    ]
    left, right = np.moveaxis(np.concatenate(ends).astype(np.float64), 1, 0)
    across = right - left
    turns: Array = np.round(np.degrees(np.arctan2(across[:, 1], across[:, 0])) / 90) % 4 * 90
    return turns


def five_of_68(points: Array) -> Array:
    """The five points of faces in sixty-eight [..., 68, 2]: the same type [..., 5, 2].

    The eyes are the means of their six points each.
    """
    eyes = [points[..., 36:42, :].mean(axis=-2), points[..., 42:48, :].mean(axis=-2)]
    return np.stack([*eyes, points[..., 30, :], points[..., 48, :], points[..., 54, :]], axis=-2)


def _brightened(crops: DeviceArray, moments: Array) -> bool:
    """Brightens those of the crops on a GPU that are dark, in place, on the host; whether any was.

    moments: those of their lightness, [F, ...], its mean second.
    """
    changed = False
    for face in np.flatnonzero(~(moments[:, 1] * 2.55 > _DARK + _UNSURE)).tolist():
        crop = device.to_host(crops[face : face + 1])
        if _brighten(crop[0]):
            device.place(crops[face : face + 1], crop)
            changed = True
    return changed


def _brighten(crop: Array) -> bool:
    """Spreads the lightness of a dark crop [3, H, W] of 0..1, B G R, in place; whether it was dark.

    Lightness is taken as if the planes were R G B: the networks were used so.
    """
    if _surely_light(crop):
        return False
    pixels = np.rint(np.moveaxis(crop, 0, -1) * 255).astype(np.uint8)
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    if lab[..., 0].mean() >= _DARK:
        return False
    lab[..., 0] = cv2.createCLAHE(clipLimit=2, tileGridSize=(8, 8)).apply(np.ascontiguousarray(lab[..., 0]))
    crop[...] = np.moveaxis(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), -1, 0) / np.float32(255)
    return True


def _surely_light(crop: Array) -> bool:
    """Whether a crop [3, H, W] is so light that its lightness need not be worked out pixel by pixel.

    In codes of 255, L* is nowhere more than 5 below the luma of BT.709, whatever the colour, and so is its mean.
    """
    luma = float(np.dot((0.2126, 0.7152, 0.0722), crop.mean(axis=(1, 2), dtype=np.float64))) * 255
    return bool(luma >= _DARK + _BELOW_GREY)
