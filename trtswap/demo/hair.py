"""Hair on the head: where it grows, how thick it lies, what it looks like; long hair hangs as a sheet of its own."""

from __future__ import annotations

import numpy as np

from trtswap.demo.anatomy import mean_head
from trtswap.demo.chart import TEXTURE_PX, texels
from trtswap.demo.curves import smoothstep, through
from trtswap.demo.noise import clouds, strands
from trtswap.demo.person import Hair, Person
from trtswap.types import Array

_LINE_DEG = (0, 14, 28, 40, 50, 58, 66, 73, 79, 84, 90, 97, 110, 140, 180)
_LINE = (3.05, 3.05, 3.1, 3.3, 3.7, 4.3, 5.0, 5.6, 6.4, 7.0, 6.6, 7.4, 9.6, 10.9, 11.4)
_FRINGE = (4.75, 4.75, 4.75, 4.8, 4.9, 5.1, 5.4, 5.8, 6.4, 7.0, 6.8, 7.6, 9.6, 10.9, 11.4)
_THICKNESS_MM = {"bald": 0.0, "buzz": 1.6, "short": 8.0, "side": 11.0, "fringe": 11.0, "long": 9.0}


def hair_line(hair: Hair, angle: Array) -> Array:
    """The level down to which hair grows at each angle (radians)."""
    degrees = np.degrees(np.abs(angle))
    line = through(_LINE_DEG, _FRINGE if hair.style == "fringe" else _LINE, degrees)
    if hair.style == "side":
        line = line + 0.35 * np.exp(-(((np.degrees(angle) - 25) / 22) ** 2))
    if hair.style == "bald":
        line = through((0, 55, 75, 100, 140, 180), (-1, -1, 0.0, 0.0, 0.0, 0.0), degrees)
    back = (
        1.1 * np.exp(-(((degrees - 34) / 20) ** 2)) + 0.45 * np.exp(-((degrees / 24) ** 2))
    ) * hair.recession
    result: Array = line - (0 if hair.style == "fringe" else 1) * back
    return result


def hair_cover(person: Person) -> Array:
    """How much of each texel the hair covers: float32 [TEXTURE_PX, TEXTURE_PX], 0..1, its edge in strands."""
    if person.hair.style == "bald":
        return np.zeros((TEXTURE_PX, TEXTURE_PX), np.float32)
    place = texels()
    rng = np.random.default_rng([person.seed, 0x4A1])
    size = (TEXTURE_PX, TEXTURE_PX)
    ragged = 0.07 * strands(rng, size, 7) + 0.05 * clouds(rng, size, 24)
    soft = 0.30 if person.hair.style == "buzz" else 0.14
    edge = hair_line(person.hair, place.angle) - place.level + ragged
    result: Array = smoothstep(-0.5 * soft, soft, edge).astype(np.float32)
    if person.hair.style == "buzz":
        result *= np.clip(0.78 + 0.12 * clouds(rng, size, 3, 2), 0, 1)
    return result


def paint_hair(person: Person) -> Array:
    """R'G'B' float32 [TEXTURE_PX, TEXTURE_PX, 3] of hair everywhere."""
    rng = np.random.default_rng([person.seed, 0x4A2])
    size = (TEXTURE_PX, TEXTURE_PX)
    short = person.hair.style in ("buzz", "short")
    tone = strands(rng, size, 5 if short else 16)
    contrast = (0.10 if person.hair.style == "buzz" else 0.20) * (1.1 - 0.8 * max(person.hair.colour))
    value = 1 + contrast * tone + 0.08 * clouds(rng, size, 60)
    colour = np.array(person.hair.colour, np.float32) * value[..., None]
    result: Array = np.clip(colour, 0.015, 1).astype(np.float32)
    return result


def hair_offset(person: Person, normals: Array) -> Array:
    """How far the hair lifts the head's surface: float64 [V, 3], mm. normals: of the neutral head."""
    mean = mean_head()
    edge = hair_line(person.hair, mean.angle) - mean.level
    rng = np.random.default_rng([person.seed, 0x4A3])
    thickness = _THICKNESS_MM[person.hair.style] * (0.55 + 0.9 * person.hair.volume)
    lumps = 1 + 0.10 * np.sin(5 * mean.angle + rng.uniform(0, 6)) * np.sin(
        2.2 * mean.level + rng.uniform(0, 6)
    )
    lumps = lumps + 0.05 * np.sin(13 * mean.angle + rng.uniform(0, 6) + 2 * mean.level)
    high = 0.55 + 0.45 * smoothstep(5.5, 2.5, mean.level)
    rise = smoothstep(0.0, 0.75 if person.hair.style != "fringe" else 0.3, edge)
    amount = np.maximum(thickness * lumps * high * rise, 0.0)
    result: Array = normals * amount[:, None]
    return result
