"""One head drawn by itself: colour, coverage and masks, four samples to a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from trtswap import ops
from trtswap.demo.camera import Placement, place
from trtswap.demo.model import Material, Model, pose_parts
from trtswap.demo.occluders import occluder
from trtswap.demo.shading import light_direction, shade
from trtswap.demo.shadow import lit
from trtswap.demo.state import FrameState, Head
from trtswap.types import Array

SAMPLES = 2
"""Samples along each side of a pixel."""


@dataclass(frozen=True)
class Window:
    """Pixels of the picture a head may cover: left, top inclusive, right, bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def empty(self) -> bool:
        """True when there are none."""
        return self.right <= self.left or self.bottom <= self.top

    @property
    def size(self) -> tuple[int, int]:
        """Width, height."""
        return self.right - self.left, self.bottom - self.top

    def of(self, picture: Array) -> Array:
        """The view of a picture [H, W, ...] inside."""
        return picture[self.top : self.bottom, self.left : self.right]


@dataclass(frozen=True)
class Geometry:
    """A posed head. points_px: float32 [V, 3], x, y in pixels and the distance in mm. turned: float32 [V, 3], mm."""

    placement: Placement
    points_px: Array
    turned: Array
    triangles: Array
    uv: Array
    material: Material
    opening: Array


@dataclass(frozen=True)
class Samples:
    """What SAMPLES x SAMPLES samples of each pixel see. colour: linear light float32 [h, w, 3], 0 where nothing is.
    solid: bool [h, w]. reach: float32 [h, w], of the face that a swap exchanges. hair: float32 [h, w], 0..1."""

    colour: Array
    solid: Array
    reach: Array
    hair: Array


def pose_model(model: Model, head: Head, state: FrameState) -> Geometry:
    """Puts a model, with what stands before it, in front of the camera."""
    vertices = [pose_parts(model, head.expression)]
    triangles, uv, materials, opening = [model.triangles], [model.uv], [model.material], [model.open]
    for item in head.occluders:
        surface, material = occluder(model.head, item)
        start = sum(len(part) for part in vertices)
        vertices.append(surface.vertices.astype(np.float32))
        triangles.append(surface.triangles + np.int32(start))
        uv.append(surface.uv.astype(np.float32))
        materials.append(material)
        opening.append(np.full(len(surface.vertices), 0.85, np.float32))
    placement = place(head.pose, state.camera, state.size)
    material = Material.joined(materials)
    turned = placement.turned(np.concatenate(vertices), material.torso)
    return Geometry(
        placement, placement.projected(turned), turned, np.concatenate(triangles), np.concatenate(uv), material,
        np.concatenate(opening),
    )  # fmt: skip


def window_of(geometry: Geometry, size: tuple[int, int], chosen: Array | None = None) -> Window:
    """The pixels a head (or the chosen vertices of it) may cover in a picture of `size`."""
    points = geometry.points_px[:, :2] if chosen is None else geometry.points_px[chosen, :2]
    low = np.floor(points.min(axis=0)).astype(int) - 1
    high = np.ceil(points.max(axis=0)).astype(int) + 2
    return Window(
        max(int(low[0]), 0), max(int(low[1]), 0), min(int(high[0]), size[0]), min(int(high[1]), size[1])
    )


def draw(geometry: Geometry, atlas: Array, state: FrameState, window: Window) -> Samples:
    """Draws a posed head inside a window."""
    diffuse, highlight = _light(geometry, state)
    values = np.concatenate([geometry.uv, diffuse, highlight, geometry.material.reach[:, None]], axis=1)
    points = geometry.points_px.copy()
    points[:, :2] = (points[:, :2] - np.array((window.left, window.top), np.float32) + 0.5) * SAMPLES - 0.5
    size = (window.size[0] * SAMPLES, window.size[1] * SAMPLES)
    depth, image = ops.rasterise(points, geometry.triangles, values, size)
    texel = cv2.remap(atlas, image[..., 0], image[..., 1], cv2.INTER_LINEAR)
    colour = cv2.LUT(texel[..., :3], _linear_table())
    colour *= image[..., 2:5]
    colour += image[..., 5:8]
    solid = np.isfinite(depth)
    hair = texel[..., 3] * np.float32(1 / 255)
    return Samples(colour, solid, np.ascontiguousarray(image[..., 8]), hair * solid)


def _light(geometry: Geometry, state: FrameState) -> tuple[Array, Array]:
    normals = ops.vertex_normals(geometry.turned, geometry.triangles)
    direction = light_direction(state.light)
    seen = lit(geometry.turned, geometry.triangles, direction, state.light.softness)
    return shade(normals, geometry.material, seen, geometry.opening, state.light)


_LINEAR: list[Array] = []


def _linear_table() -> Array:
    if not _LINEAR:
        code = np.arange(256) / 255.0
        linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
        _LINEAR.append(linear.astype(np.float32))
    return _LINEAR[0]
