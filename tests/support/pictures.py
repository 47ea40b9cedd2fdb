"""Painted faces with exactly known landmarks: five discs of pure colours on a textured ellipse.

A face lives in a unit square, the crop of the template arcface_128. A placement is a similarity, float64
[2, 3], from that square (x right, y down, 0..1) to picture pixels. An integer coordinate is a pixel centre.
The landmarks are the centres of the discs. analytic_yunet of networks.py finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trtswap.geometry import TEMPLATES, invert, transform_points

DISC_COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
"""R G B of the discs, in the order of the landmarks."""

DISC_RADIUS = 0.07
SKIN = (200, 160, 140)
_POINTS = TEMPLATES["arcface_128"]
_CENTRE, _AXES = np.array([0.5, 0.56]), np.array([0.36, 0.46])


def face_placement(centre_px: tuple[float, float], size_px: float, angle_deg: float = 0.0) -> Any:
    """The placement of a face whose unit square has its middle at centre_px and edges of size_px, turned
    clockwise (as seen) by angle_deg: float64 [2, 3]."""
    angle = np.deg2rad(angle_deg)
    linear = size_px * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([linear, (np.array(centre_px) - linear @ [0.5, 0.5])[:, None]], axis=1)


def face_landmarks(placement: Any) -> Any:
    """The landmarks of a face under a placement, in picture pixels: float64 [5, 2]."""
    return transform_points(placement, _POINTS)


def paint_face(picture: Any, placement: Any, *, skin: Sequence[int] = SKIN, seed: int = 0) -> Any:
    """Paints a face into `picture` (uint8 [H, W, 3], R G B) in place; edges are antialiased.

    skin, seed: the person; seed makes the texture of the skin. The discs are the same for all.
    Returns the true landmarks, float64 [5, 2] in picture pixels.
    """
    window, grid = _window(picture.shape, placement)
    region = picture[window].astype(np.float64)
    scale = np.hypot(placement[0, 0], placement[1, 0])
    distance = (np.linalg.norm((grid - _CENTRE) / _AXES, axis=-1) - 1) * _AXES.min() * scale
    region = _over(region, np.asarray(skin, np.float64) + _texture(grid, seed), distance)
    for point, colour in zip(_POINTS, DISC_COLOURS, strict=True):
        distance = (np.linalg.norm(grid - point, axis=-1) - DISC_RADIUS) * scale
        region = _over(region, np.asarray(colour, np.float64), distance)
    picture[window] = np.clip(np.rint(region), 0, 255).astype(np.uint8)
    return face_landmarks(placement)


def background(width: int, height: int, *, seed: int = 0, noise: float = 4.0) -> Any:
    """A muted picture without faces, uint8 [H, W, 3]: slow waves of grey and tint, and noise of that standard
    deviation in codes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    picture = np.full((height, width, 3), 105.0)
    for _ in range(4):
        frequency_x, frequency_y, phase = (
            rng.uniform(-0.04, 0.04),
            rng.uniform(-0.04, 0.04),
            rng.uniform(0, 6.3),
        )
        wave = np.sin(frequency_x * x + frequency_y * y + phase)
        picture += wave[..., None] * (9 + rng.uniform(-3, 3, 3))
    picture += rng.standard_normal(picture.shape) * noise
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def scene(width: int, height: int, placements: Sequence[Any], *, seed: int = 0) -> tuple[Any, Any]:
    """A background with a face per placement: the picture uint8 [H, W, 3], landmarks float64 [F, 5, 2]."""
    picture = background(width, height, seed=seed)
    landmarks = [
        paint_face(picture, placement, seed=seed + index) for index, placement in enumerate(placements)
    ]
    return picture, np.array(landmarks).reshape(-1, 5, 2)


def _window(shape: tuple[int, ...], placement: Any) -> tuple[tuple[slice, slice], Any]:
    """The part of the picture that the face can reach, and its pixels in the unit square: [h, w, 2]."""
    corners = transform_points(placement, np.array([[0, 0], [1, 0], [1, 1.1], [0, 1.1]]))
    limit = np.array([shape[1], shape[0]])
    low = np.clip(np.floor(corners.min(axis=0)) - 2, 0, limit).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 3, 0, limit).astype(int)
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    grid = transform_points(invert(placement), np.stack([x.ravel(), y.ravel()], axis=-1))
    return (slice(low[1], high[1]), slice(low[0], high[0])), grid.reshape(*x.shape, 2)


def _over(region: Any, colour: Any, distance_px: Any) -> Any:
    """`colour` over `region` where the signed distance to the shape's edge is negative."""
    cover = np.clip(0.5 - distance_px, 0, 1)[..., None]
    return region * (1 - cover) + colour * cover


def _texture(grid: Any, seed: int) -> Any:
    """Brightness of the skin, codes [h, w, 1], a pattern that moves with the face."""
    rng = np.random.default_rng(seed)
    total = np.zeros(grid.shape[:-1])
    for _ in range(6):
        frequency, phase = rng.uniform(-40, 40, 2), rng.uniform(0, 6.3)
        total += np.sin(grid @ frequency + phase)
    return (total * 3)[..., None]
