"""The light each vertex sends to the camera."""

from __future__ import annotations

import numpy as np

from trtswap.demo.curves import smoothstep
from trtswap.demo.model import Material
from trtswap.demo.state import Light
from trtswap.types import Array

_BLEED = np.array((0.34, 0.13, 0.07), np.float32)
"""How far light creeps round skin into the shade, R, G, B: blood lets red through."""


def light_direction(light: Light) -> Array:
    """Towards the key light, unit, float32 [3]."""
    direction = np.asarray(light.direction, np.float64)
    result: Array = (direction / np.linalg.norm(direction)).astype(np.float32)
    return result


def shade(
    normals: Array, material: Material, seen: Array, opening: Array, light: Light
) -> tuple[Array, Array]:
    """What multiplies the albedo, float32 [V, 3], and the highlight to add, float32 [V, 3]; linear light.

    normals: float32 [V, 3], z to the camera. seen: [V], how much of the key light reaches a vertex past the others.
    opening: [V], how much of the surroundings does.
    """
    direction = light_direction(light)
    turned = material.thin * smoothstep(0.05, -0.15, normals[:, 2]).astype(np.float32)
    seen, opening = seen * (1 - turned), opening * (1 - 0.75 * turned)
    cosine = (normals @ direction)[:, None]
    bleed = _BLEED * material.skin[:, None]
    wrapped = np.maximum((cosine + bleed) / (1 + bleed), 0)
    edge = _lifted(seen, bleed)
    key = np.asarray(light.key, np.float32) * wrapped * edge
    rise = (0.5 + 0.5 * normals[:, 1])[:, None]
    around = np.asarray(light.ground, np.float32) + rise * (
        np.asarray(light.sky, np.float32) - np.asarray(light.ground, np.float32)
    )
    hollow = _lifted(opening, bleed)
    diffuse = key + around * hollow
    return diffuse.astype(np.float32), _highlight(normals, material, seen, opening, light, direction, around)


def _lifted(share: Array, bleed: Array) -> Array:
    """A share of light [V] with the half-shade lifted by what bleeds in, [V, 3]."""
    result: Array = share[:, None] * (1 + 1.1 * bleed * (1 - share[:, None]))
    return result


def _highlight(
    normals: Array,
    material: Material,
    seen: Array,
    opening: Array,
    light: Light,
    direction: Array,
    around: Array,
) -> Array:
    half = direction + np.array((0, 0, 1), np.float32)
    half /= np.linalg.norm(half)
    peak = np.maximum(normals @ half, 0)
    facing = np.clip(normals[:, 2], 0, 1)
    fresnel = 0.35 + 0.65 * (1 - float(half[2])) + 0.5 * (1 - facing) ** 4
    sharp = peak**material.power * (material.power + 8) / 20
    strength = material.gloss * fresnel * np.minimum(sharp, 6.0) * seen
    sheen = 0.5 * material.gloss * (1 - facing) ** 3 * opening
    result: Array = strength[:, None] * np.asarray(light.key, np.float32) + sheen[:, None] * around
    return result.astype(np.float32)
