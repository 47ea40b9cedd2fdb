"""The one texture a person is drawn with: the head at the left, the small things at the right."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from trtswap.demo.chart import TEXTURE_PX
from trtswap.demo.curves import smoothstep
from trtswap.demo.hair import hair_cover, paint_hair
from trtswap.demo.noise import clouds, grain, strands
from trtswap.demo.person import Colour, Person
from trtswap.demo.skin import base_colour, paint_face
from trtswap.types import Array

ATLAS_SIZE = (640, 512)
"""Width, height in texels."""


@dataclass(frozen=True)
class Patch:
    """A rectangle of the atlas, in texels."""

    left: int
    top: int
    width: int
    height: int

    def at(self, u: Array, v: Array) -> Array:
        """Places in the atlas for u, v of 0..1 in the rectangle, half a texel inside its edges: [..., 2]."""
        u, v = np.broadcast_arrays(u, v)
        places: Array = np.stack(
            [self.left + u * (self.width - 1), self.top + v * (self.height - 1)], axis=-1
        )
        return places

    def flat(self, shape: tuple[int, ...]) -> Array:
        """The rectangle's middle, for every vertex of a surface of one colour."""
        return np.tile(self.at(np.array(0.5), np.array(0.5)), (*shape, 1))

    def put(self, atlas: Array, picture: Array) -> None:
        """Writes a picture of the rectangle's size into an atlas."""
        atlas[self.top : self.top + self.height, self.left : self.left + self.width, :3] = picture


HEAD = Patch(0, 0, TEXTURE_PX, TEXTURE_PX)
EYE = Patch(512, 0, 128, 128)
HAIR = Patch(512, 128, 128, 128)
CLOTH = Patch(512, 256, 128, 128)
TEETH = Patch(512, 384, 128, 32)
SWATCHES = tuple(Patch(512 + 32 * (k % 4), 416 + 32 * (k // 4), 32, 32) for k in range(8))
"""Inside of the mouth, tongue, ear, dark frame, lens, hand, microphone's foam, microphone's handle."""


@dataclass(frozen=True)
class Atlas:
    """pixels: uint8 [H, W, 4], R'G'B' and how much of the texel is hair. skin: float32 [512, 512, 3], R'G'B' of the
    head without its hair; cover: float32 [512, 512], the hair. Both so that a face can be put under another's hair."""

    pixels: Array
    skin: Array
    cover: Array
    hair: Array


def paint_atlas(person: Person) -> Atlas:
    """The whole texture of a person."""
    rng = np.random.default_rng([person.seed, 0xA71])
    skin, cover, hair = paint_face(person), hair_cover(person), paint_hair(person)
    atlas = np.zeros((ATLAS_SIZE[1], ATLAS_SIZE[0], 4), np.float32)
    EYE.put(atlas, _paint_eye(person.iris, rng))
    HAIR.put(atlas, _paint_locks(person, rng))
    CLOTH.put(atlas, _paint_cloth(person, rng))
    TEETH.put(atlas, _paint_teeth(rng))
    base = base_colour(person.skin)
    ear = base * np.array((1.0, 0.88, 0.86))
    palm = base * np.array((0.98, 0.94, 0.92))
    colours = (
        (0.30, 0.08, 0.08),
        (0.62, 0.32, 0.32),
        ear,
        (0.05, 0.05, 0.06),
        (0.03, 0.03, 0.035),
        palm,
        (0.07, 0.07, 0.07),
        (0.22, 0.22, 0.24),
    )
    for patch, colour in zip(SWATCHES, colours, strict=True):
        patch.put(atlas, np.asarray(colour) * (1 + 0.02 * grain(rng, (32, 32), 3)[..., None]))
    pixels = np.round(np.clip(atlas, 0, 1) * 255).astype(np.uint8)
    return with_face(Atlas(pixels, skin, cover, hair), skin)


def with_face(atlas: Atlas, skin: Array) -> Atlas:
    """The same texture with another skin under its hair."""
    pixels = atlas.pixels.copy()
    head = skin + atlas.cover[..., None] * (atlas.hair - skin)
    shade = 1 - 0.35 * cv2.GaussianBlur(atlas.cover, (0, 0), 5)[..., None] * (1 - atlas.cover[..., None])
    pixels[:TEXTURE_PX, :TEXTURE_PX, :3] = np.round(np.clip(head * shade, 0, 1) * 255)
    pixels[:TEXTURE_PX, :TEXTURE_PX, 3] = np.round(atlas.cover * 255)
    return Atlas(pixels, skin, atlas.cover, atlas.hair)


def with_eyes(atlas: Atlas, source: Atlas) -> Atlas:
    """The same texture with another's eyes, teeth and tongue."""
    pixels = atlas.pixels.copy()
    for patch in (EYE, TEETH, SWATCHES[0], SWATCHES[1]):
        rows, columns = (
            slice(patch.top, patch.top + patch.height),
            slice(patch.left, patch.left + patch.width),
        )
        pixels[rows, columns] = source.pixels[rows, columns]
    return Atlas(pixels, atlas.skin, atlas.cover, atlas.hair)


def _paint_eye(iris: Colour, rng: np.random.Generator) -> Array:
    y, x = np.mgrid[-1:1:128j, -1:1:128j].astype(np.float32)
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    edge = 0.325
    white = np.array((0.70, 0.66, 0.65)) * np.ones((128, 128, 1))
    veins = np.clip(clouds(rng, (128, 128), 9, 3), 0, 3) * smoothstep(0.4, 0.9, radius)
    white = white * (1 - veins[..., None] * np.array((0.02, 0.07, 0.07)))
    white = white * (1 - 0.20 * smoothstep(0.42, 0.9, radius)[..., None] * np.array((0.6, 1.0, 1.0)))
    spokes = sum(np.sin(k * angle + rng.uniform(0, 6.3)) for k in (17, 26, 41, 63)) * 0.25
    fleck = clouds(rng, (128, 128), 6, 3)
    inner = np.exp(-(((radius - 0.17) / 0.06) ** 2))
    tone = 1.0 + 0.24 * spokes + 0.10 * fleck + 0.35 * inner - 0.55 * smoothstep(edge - 0.07, edge, radius)
    colour = np.array(iris) * tone[..., None] * np.array((1.0, 1.0, 1.0))
    colour = colour * (1 - smoothstep(0.145, 0.115, radius)[..., None] * 0.93)
    mix = smoothstep(edge + 0.02, edge - 0.02, radius)[..., None]
    result: Array = white + mix * (colour - white)
    return result


def _paint_locks(person: Person, rng: np.random.Generator) -> Array:
    contrast = 0.19 * (1.1 - 0.8 * max(person.hair.colour))
    tone = 1 + contrast * strands(rng, (128, 128), 30)
    result: Array = np.clip(np.array(person.hair.colour) * tone[..., None], 0.012, 1)
    return result


def _paint_cloth(person: Person, rng: np.random.Generator) -> Array:
    folds = clouds(rng, (128, 128), 40, 2)
    weave = grain(rng, (128, 128), 1.2)
    pattern: Array = np.ones((128, 128))
    y = np.arange(128)[:, None] + np.zeros((1, 128))
    if rng.random() < 0.3:
        pattern = 1 - 0.35 * (np.sin(y * rng.uniform(0.3, 1.1)) > 0.3)
    pattern = pattern * (1 - 0.25 * (y < 9) * (y > 6))
    result: Array = np.array(person.clothes) * (pattern * (1 + 0.05 * folds + 0.03 * weave))[..., None]
    return result


def _paint_teeth(rng: np.random.Generator) -> Array:
    x = np.linspace(-1, 1, 128)[None] * np.ones((32, 1))
    v = np.linspace(0, 1, 32)[:, None] * np.ones((1, 128))
    count = 5.0
    gap = np.mod(x * count, 1.0)
    gap = np.minimum(gap, 1 - gap)
    local = np.where(v < 0.5, v * 2, 1 - (v - 0.5) * 2)  # 0 at the gum
    tooth = np.array((0.84, 0.79, 0.70)) * (1 - 0.06 * rng.random()) * np.ones((32, 128, 1))
    tooth = (
        tooth * (1 - 0.45 * smoothstep(0.10, 0.0, gap)[..., None]) * (1 - 0.45 * np.abs(x)[..., None] ** 2)
    )
    gum = np.array((0.66, 0.34, 0.34))
    line = smoothstep(0.30, 0.22, local + 0.10 * np.cos(2 * np.pi * x * count))[..., None]
    result: Array = tooth + line * (gum - tooth)
    return result
