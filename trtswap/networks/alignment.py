"""Crops of faces, as a network's spec wants them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from trtswap import ops
from trtswap.errors import NoFaceError, SpecError
from trtswap.geometry import TEMPLATES, estimate_similarity, invert, template_points, transform_points
from trtswap.inference.spec import NetworkSpec
from trtswap.types import Array, Surface


def template_name(spec: NetworkSpec) -> str:
    """The template of `spec`. Raises SpecError when there is none of that name."""
    name = spec.picture.template
    if name is None or name not in TEMPLATES:
        raise SpecError(
            f"{spec.origin}: picture.template: expected one of {', '.join(TEMPLATES)}, found {name!r}",
            path=spec.origin,
        )
    return name


def crop_placements(spec: NetworkSpec, landmarks: Array, size: int = 0) -> Array:
    """The placements of the crops of faces with landmarks [F, 5, 2] in frame pixels: float64 [F, 2, 3].

    size: edge of the crop in pixels, 0 for the network's own.
    Raises NoFaceError for a face whose points allow none (all in one place, or not finite).
    """
    points = template_points(template_name(spec), (size, size) if size else spec.picture.size)
    placements = estimate_similarity(np.asarray(landmarks).reshape(-1, 5, 2), points)
    bad = np.flatnonzero(~np.isfinite(placements).all(axis=(1, 2)))
    if bad.size:
        raise NoFaceError(
            f"face {bad[0]} cannot be aligned: its landmarks are {np.asarray(landmarks)[bad[0]].tolist()}"
        )
    return placements


def sample(
    spec: NetworkSpec,
    surfaces: Sequence[Surface],
    indices: Array,
    placements: Array,
    size: tuple[int, int] | None = None,
) -> Array:
    """The crops of F faces as the input of the network, [F, 3, height, width] or, by its layout, [F, height, width, 3].

    indices: int [F], the surface of each face. placements: [F, 2, 3], frame to crop pixels.
    size: width, height of a crop, where it is not the network's own.
    """
    picture = spec.picture
    tensor: Array = ops.crop(
        surfaces,
        np.asarray(indices, np.int32),
        np.asarray(placements, np.float64),
        size or picture.size,
        channels=picture.channels,
        mean=picture.mean,
        std=picture.std,
        sampling=picture.sampling,
    )
    return tensor if picture.layout == "NCHW" else _interleaved(tensor)


def _interleaved(planes: Array) -> Array:
    """[F, H, W, 3] of [F, 3, H, W]; OpenCV does it several times faster than NumPy."""
    if planes.dtype != np.float32:
        return np.ascontiguousarray(np.moveaxis(planes, 1, -1))
    count, channels, height, width = planes.shape
    pixels = np.empty((count, height, width, channels), np.float32)
    for item, target in zip(planes, pixels, strict=True):
        cv2.merge(list(item), target)
    return pixels


def coverage(surface: Surface, placement: Array, size: tuple[int, int]) -> Array | None:
    """How much of each crop pixel lies on the surface: float32 [height, width], 0..1, or None for all of all.

    A crop times this is sampled as if the frame were black beyond its edges. placement: [2, 3], frame to crop pixels.
    """
    width, height = size
    last = np.array([surface.width_px - 1, surface.height_px - 1], np.float64)
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    to_frame = invert(placement)
    ends = transform_points(to_frame, corners)
    if (ends >= 0).all() and (ends <= last).all():
        return None
    y, x = np.mgrid[0:height, 0:width]
    places = transform_points(to_frame, np.stack([x, y], axis=-1).reshape(-1, 2))
    beyond = np.maximum(np.maximum(-places, places - last), 0)
    inside: Array = np.clip(1 - beyond, 0, 1).prod(axis=1).reshape(height, width).astype(np.float32)
    return inside
