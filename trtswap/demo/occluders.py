"""Things before a face: glasses, a hand, a microphone. In the head's own millimetres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trtswap.demo.atlas import SWATCHES, Patch
from trtswap.demo.model import Material
from trtswap.demo.parts import Surface3, joined, sheet
from trtswap.demo.shape import NeutralHead
from trtswap.demo.state import Occluder
from trtswap.types import Array


def occluder(head: NeutralHead, item: Occluder) -> tuple[Surface3, Material]:
    """The surface of one occluder and what it is made of."""
    if item.kind in ("glasses", "sunglasses"):
        surface = _glasses(head, dark=item.kind == "sunglasses")
        material = Material.plain(len(surface.vertices), gloss=0.25, power=40.0)
    elif item.kind == "hand":
        surface = _hand()
        material = Material.plain(len(surface.vertices), skin=1.0, gloss=0.06)
    else:
        surface = _microphone()
        material = Material.plain(len(surface.vertices), gloss=0.15, power=8.0, torso=1.0)
    return _moved(surface, item), material


def _moved(surface: Surface3, item: Occluder) -> Surface3:
    angle = np.radians(item.turn_deg)
    middle = surface.vertices.mean(axis=0)
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    points = (surface.vertices - middle) @ turn.T + middle + np.array((item.x, item.y, 0.0))
    return Surface3(points, surface.triangles, surface.uv)


def tube(line: Array, radius: Array | float, patch: Patch, sides: int = 10) -> Surface3:
    """A round tube along points [N, 3], its ends left open."""
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    guide = np.where(np.abs(along[:, 1:2]) < 0.9, np.array([[0.0, 1.0, 0.0]]), np.array([[1.0, 0.0, 0.0]]))
    across = np.cross(along, guide)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    over = np.cross(across, along)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    wide = np.broadcast_to(np.asarray(radius, np.float64), (len(line),))[:, None, None]
    ring = np.cos(angle)[None, :, None] * across[:, None] + np.sin(angle)[None, :, None] * over[:, None]
    points = line[:, None] + wide * ring
    return sheet(points, patch.flat(points.shape[:2]))


def _ball(centre: Sequence[float], radii: Sequence[float], patch: Patch) -> Surface3:
    polar = np.linspace(0.01, np.pi - 0.01, 15)[:, None]
    around = np.linspace(0, 2 * np.pi, 25)[None]
    unit = np.stack(
        np.broadcast_arrays(np.sin(polar) * np.cos(around), np.cos(polar), np.sin(polar) * np.sin(around)),
        axis=-1,
    )
    points = unit * np.asarray(radii) + np.asarray(centre)
    return sheet(points, patch.flat(points.shape[:2]), flip=True)


def _capsule(start: Sequence[float], end: Sequence[float], radius: float, patch: Patch) -> Surface3:
    a, b = np.asarray(start, float), np.asarray(end, float)
    t = np.concatenate([[-0.999, -0.9, -0.7, -0.4], np.linspace(0, 1, 6), [1.4, 1.7, 1.9, 1.999]])
    length = np.linalg.norm(b - a)
    beyond = np.where(t < 0, -t, np.where(t > 1, t - 1, 0.0))
    place = np.clip(t, 0, 1)[:, None] * (b - a) + a
    place = place + (np.sign(t - 0.5) * beyond * radius)[:, None] * (b - a) / length
    return tube(place, radius * np.sqrt(np.maximum(1 - beyond**2, 0.0005)), patch, sides=14)


def _glasses(head: NeutralHead, *, dark: bool) -> Surface3:
    frame, lens = SWATCHES[3], SWATCHES[4]
    surfaces = []
    angle = np.linspace(0, 2 * np.pi, 41)
    front = float(head.eyes[:, 2].mean()) + head.eye_radius + 13.0
    for eye in head.eyes:
        side = np.sign(eye[0])
        wide = 1 - 0.12 * np.clip(-np.sin(angle), 0, 1)
        x = eye[0] + side * 1.5 + 26.0 * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8 * wide
        y = eye[1] - 2.5 + 18.5 * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.8
        z = front - 0.0040 * x * x
        rim = np.stack([x, y, z], axis=-1)
        surfaces.append(tube(rim, 1.9, frame, 6))
        if dark:
            rings = np.linspace(0.02, 1, 5)[:, None, None]
            middle = rim.mean(axis=0)
            points = middle + rings * (rim - middle)
            surfaces.append(sheet(points, lens.flat(points.shape[:2])))
        hinge = rim[np.argmax(side * x)]
        temple = np.array([hinge, [side * 76, hinge[1] + 3, 30], [side * 76, hinge[1] + 3, -12]]) + np.array(
            (0, 6, 0)
        )
        surfaces.append(
            tube(np.concatenate([np.linspace(temple[0], temple[1], 6), temple[2:]]), 1.9, frame, 6)
        )
    inner = abs(head.eyes[0, 0]) - 25.0
    bridge = np.linspace(-max(inner, 5.0), max(inner, 5.0), 9)
    surfaces.append(
        tube(
            np.stack([bridge, 3.0 + head.eyes[0, 1] - 0.03 * bridge**2, front + 0 * bridge], -1),
            1.8,
            frame,
            6,
        )
    )
    return joined(surfaces)


def _hand() -> Surface3:
    skin = SWATCHES[5]
    surfaces = [_ball((62, -128, 92), (30, 40, 14), skin)]
    for base, tip in (
        ((40, -100, 98), (14, -62, 118)), ((52, -94, 97), (30, -44, 112)), ((65, -94, 95), (48, -42, 100)),
        ((78, -100, 92), (68, -56, 88)),
    ):  # fmt: skip
        surfaces.append(_capsule(base, tip, 8.5, skin))
    surfaces.append(_capsule((42, -130, 96), (8, -112, 108), 9.5, skin))
    surfaces.append(_capsule((68, -150, 88), (110, -300, 60), 27.0, skin))
    return joined(surfaces)


def _microphone() -> Surface3:
    handle = np.linspace((0, -112, 150), (-34, -300, 178), 10)
    return joined(
        [
            _ball((0, -98, 146), (23, 26, 23), SWATCHES[6]),
            tube(handle, np.linspace(15, 11, 10), SWATCHES[7], 16),
        ]
    )
