"""Worlds and cameras for clips with known cuts: large textured pictures seen by a camera that moves.

Worlds are procedural, painted faces on a backdrop, or parts of a photograph when one is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from support import pictures

WIDTH, HEIGHT = 320, 180
WORLD = (1280, 720)
Picture = Any
Shot = Callable[[int], Picture]
"""Frame number within the clip to picture, float32 [H, W, 3], R G B 0..255."""


@dataclass(frozen=True)
class Camera:
    """What of a world is seen: the middle in world pixels, world pixels per frame pixel, roll in degrees."""

    x: float = WORLD[0] / 2
    y: float = WORLD[1] / 2
    scale: float = 2.0
    roll_deg: float = 0.0


def view(world: Picture, camera: Camera, smear: tuple[Camera, int] | None = None) -> Picture:
    """What the camera sees, float32 [H, W, 3]. smear: motion blur, the mean of so many places on the way to another
    camera."""
    if smear is not None:
        end, count = smear
        steps = (np.arange(count) + 0.5) / count
        return np.mean([view(world, _between(camera, end, step)) for step in steps], axis=0, dtype=np.float32)
    matrix = cv2.getRotationMatrix2D((0, 0), camera.roll_deg, camera.scale)
    matrix[:, 2] = (camera.x, camera.y) - matrix[:, :2] @ ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    options = {"flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, "borderMode": cv2.BORDER_REFLECT_101}
    return cv2.warpAffine(world, matrix, (WIDTH, HEIGHT), **options).astype(np.float32)


def texture(rng: np.random.Generator) -> Picture:
    """A world of soft noise of several scales and some flat shapes."""
    total = np.full((WORLD[1], WORLD[0], 3), rng.uniform(60, 180, 3), np.float32)
    for cells in (4, 10, 28, 80):
        grid = rng.standard_normal((cells * 9 // 16 + 2, cells, 1)) + 0.3 * rng.standard_normal(
            (cells * 9 // 16 + 2, cells, 3)
        )
        total += cv2.resize(grid.astype(np.float32), WORLD, interpolation=cv2.INTER_CUBIC) * rng.uniform(
            6, 26
        )
    for _ in range(int(rng.integers(6, 30))):
        x, y = int(rng.integers(WORLD[0])), int(rng.integers(WORLD[1]))
        w, h = (int(value) for value in rng.integers(20, 220, 2))
        colour = [float(value) for value in rng.uniform(20, 235, 3)]
        if rng.random() < 0.5:
            cv2.rectangle(total, (x, y), (x + w, y + h), colour, -1)
        else:
            cv2.ellipse(total, (x, y), (w // 2, h // 2), float(rng.uniform(0, 180)), 0, 360, colour, -1)
    return cv2.GaussianBlur(np.clip(total, 0, 255), (0, 0), 1.5)


def portrait(
    rng: np.random.Generator, backdrop: int | None = None, size: tuple[float, float] = (350, 700)
) -> Picture:
    """A world with a painted face on a muted backdrop."""
    seed = int(rng.integers(1 << 30))
    picture = pictures.background(*WORLD, seed=seed if backdrop is None else backdrop)
    centre = (float(rng.uniform(440, 840)), float(rng.uniform(290, 430)))
    placement = pictures.face_placement(centre, float(rng.uniform(*size)), float(rng.uniform(-20, 20)))
    pictures.paint_face(picture, placement, seed=seed, skin=tuple(int(v) for v in rng.integers(90, 220, 3)))
    return picture.astype(np.float32)


class Studio:
    """Draws worlds and cameras for one case."""

    def __init__(self, rng: np.random.Generator, photograph: Picture | None) -> None:
        self.rng = rng
        self._photograph = photograph

    def world(self) -> Picture:
        """Another one each time: the photograph at most once."""
        kind = self.rng.integers(3 if self._photograph is None else 4)
        if kind == 3:
            photograph, self._photograph = self._photograph, None
            side = int(self.rng.integers(300, 500))
            x, y = (int(self.rng.integers(0, 512 - side)) for _ in range(2))
            part = photograph[y : y + side * 9 // 16, x : x + side]
            return cv2.resize(part, WORLD, interpolation=cv2.INTER_CUBIC).astype(np.float32)
        return portrait(self.rng) if kind == 2 else texture(self.rng)

    def camera(self, spread: float = 120.0) -> Camera:
        x, y = self.rng.uniform(-spread, spread, 2)
        return Camera(WORLD[0] / 2 + x, WORLD[1] / 2 + y / 2, float(self.rng.uniform(1.2, 2.2)))

    def still(self) -> Shot:
        picture = view(self.world(), self.camera())
        return lambda _: picture

    def handheld(self, amount: float = 6.0) -> Shot:
        """Shake of up to about `amount` frame pixels a frame."""
        world, camera, rng = self.world(), self.camera(), self.rng
        phases = rng.uniform(0, 6.3, 6)
        speeds = rng.uniform(0.3, 1.2, 6)

        def shot(t: int) -> Picture:
            waves = np.sin(speeds * t + phases)
            x, y = amount * camera.scale * np.array([waves[0] + waves[1], waves[2] + waves[3]]) / 2
            roll_deg = float(waves[4] + waves[5]) / 2
            return view(world, replace(camera, x=camera.x + x, y=camera.y + y, roll_deg=roll_deg))

        return shot

    def panning(self, share: float, tilt: bool = False) -> Shot:
        """A steady pan of `share` of the picture's width (or height) per frame, with motion blur of half the way."""
        world, camera = self.world(), self.camera(40)
        step = share * camera.scale * (HEIGHT if tilt else WIDTH) * self.rng.choice([-1.0, 1.0])
        axis = "y" if tilt else "x"

        def place(t: float) -> Camera:
            return replace(camera, **{axis: getattr(camera, axis) + step * (t - 12)})

        return lambda t: view(world, place(t), (place(t + 0.5), 6))

    def any_shot(self) -> Shot:
        kind = self.rng.integers(3)
        return self.still() if kind == 0 else self.handheld() if kind == 1 else self.panning(0.01)


def _between(a: Camera, b: Camera, step: float) -> Camera:
    pairs = ((a.x, b.x), (a.y, b.y), (a.scale, b.scale), (a.roll_deg, b.roll_deg))
    return Camera(*(first + (second - first) * step for first, second in pairs))
