"""What a head has besides its skin: eyeballs, teeth and tongue, ears, shoulders, long hair. Pure geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trtswap.demo.anatomy import mean_head
from trtswap.demo.atlas import CLOTH, EYE, HAIR, SWATCHES, TEETH, Patch
from trtswap.demo.curves import smoothstep, through
from trtswap.demo.grid import head_grid
from trtswap.demo.shape import NeutralHead
from trtswap.types import Array


@dataclass(frozen=True)
class Surface3:
    """vertices: float64 [V, 3], mm. triangles: int32 [T, 3]. uv: float64 [V, 2], texels of the atlas."""

    vertices: Array
    triangles: Array
    uv: Array


def sheet(points: Array, uv: Array, *, flip: bool = False) -> Surface3:
    """A surface through a grid of points [R, C, 3] with texels uv [R, C, 2]."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], axis=2).reshape(-1, 3)
    faces = faces[:, ::-1] if flip else faces
    return Surface3(points.reshape(-1, 3), np.ascontiguousarray(faces), uv.reshape(-1, 2))


def joined(surfaces: list[Surface3]) -> Surface3:
    """Several surfaces as one."""
    starts = np.cumsum([0, *(len(surface.vertices) for surface in surfaces[:-1])])
    return Surface3(
        np.concatenate([surface.vertices for surface in surfaces]),
        np.concatenate([s.triangles + start for s, start in zip(surfaces, starts, strict=True)]).astype(
            np.int32
        ),
        np.concatenate([surface.uv for surface in surfaces]),
    )


def eyeball(radius: float) -> Surface3:
    """The front of an eyeball about the origin, looking along +z, with the bulge of its cornea."""
    polar = np.linspace(0, 1.75, 20)[:, None]
    around = np.linspace(0, 2 * np.pi, 33)[None]
    bulge = 1 + 0.055 * smoothstep(0.56, 0.15, polar)
    ring = radius * bulge * np.sin(polar)
    points = np.stack(
        np.broadcast_arrays(ring * np.cos(around), ring * np.sin(around), radius * bulge * np.cos(polar)),
        axis=-1,
    )
    reach = np.minimum(polar / 1.6, 0.98)
    uv = EYE.at(0.5 + 0.5 * reach * np.cos(around), 0.5 - 0.5 * reach * np.sin(around))
    return sheet(points, uv)


def sockets(head: NeutralHead) -> Surface3:
    """What is seen between eyeballs and lids: a pink sheet through the middle of each eye."""
    x, y = np.meshgrid(np.linspace(-15, 15, 9), np.linspace(7, -7, 4))
    flat = np.stack([x, y, 1.5 - 0.026 * x * x], axis=-1)
    return joined([sheet(flat + eye, SWATCHES[2].flat(flat.shape[:2])) for eye in head.eyes])


def mouth_parts(head: NeutralHead) -> tuple[Surface3, Surface3, Surface3]:
    """The cavity, which stays; the upper teeth, which stay; the lower teeth with the tongue, which follow the jaw."""
    grid = head_grid()
    places = head.vertices.reshape(*grid.shape, 3)
    rows = np.flatnonzero((grid.levels == 9.0) & (grid.depth == 0.0))
    columns = grid.mouth_columns()
    line = places[rows[0], columns]
    middle = line[len(line) // 2]
    width = max(float(line[:, 0].max()), 16.0)
    return (
        _cavity(middle, width),
        _teeth(middle, width, upper=True),
        joined([_teeth(middle, width, upper=False), _tongue(middle)]),
    )


def _cavity(middle: Array, width: float) -> Surface3:
    polar = np.linspace(0.001, 1.45, 9)[:, None]
    around = np.linspace(0, 2 * np.pi, 25)[None]
    x = 0.97 * width * np.sin(polar) * np.cos(around)
    y = 24 * np.sin(polar) * np.sin(around) - 8
    z = -15 - 32 * np.cos(polar) + 0 * around
    points = np.stack(np.broadcast_arrays(x, y, z), axis=-1) + middle
    return sheet(points, SWATCHES[0].flat(points.shape[:2]), flip=True)


def _teeth(middle: Array, width: float, *, upper: bool) -> Surface3:
    angle = np.linspace(-1.25, 1.25, 25)[None]
    drop = np.linspace(0, 1, 4)[:, None]
    half = min(0.95 * width, 24.0)
    x = half * np.sin(angle) / np.sin(1.25) + 0 * drop
    z = -5.5 - 26 * (1 - np.cos(angle)) + 0 * drop - 0.8 * drop * (1 if upper else 0)
    y = 5.5 - 8.5 * drop + 0 * angle if upper else -2.8 - 7.5 * drop + 0 * angle
    if upper:
        y = y + 1.3 * (angle / 1.25) ** 2 * drop
    else:
        x, z = x * 0.92, z - 2.0
    points = np.stack(np.broadcast_arrays(x, y, z), axis=-1) + middle
    u = np.broadcast_to(0.5 + 0.5 * angle / 1.25, points.shape[:2])
    v = np.broadcast_to(0.02 + 0.46 * drop + (0.0 if upper else 0.5), points.shape[:2])
    return sheet(points, TEETH.at(u, v))


def _tongue(middle: Array) -> Surface3:
    polar = np.linspace(0, np.pi / 2, 7)[:, None]
    around = np.linspace(0, 2 * np.pi, 19)[None]
    points = np.stack(
        np.broadcast_arrays(
            15 * np.sin(polar) * np.cos(around),
            -9.0 + 4.5 * np.cos(polar) + 0 * around,
            -22 + 16 * np.sin(polar) * np.sin(around),
        ),
        axis=-1,
    )
    return sheet(points + middle, SWATCHES[1].flat(points.shape[:2]), flip=True)


def ear(head: NeutralHead, side: int, size: float, stand: float) -> Surface3:
    """One ear; size and stand in standard deviations."""
    grid = head_grid()
    row = int(np.argmin(np.abs(grid.levels - 6.75)))
    column = int(np.argmin(np.abs(grid.angles - side * np.radians(88))))
    root = head.vertices.reshape(*grid.shape, 3)[row, column]
    rho = np.array([0.02, 0.15, 0.28, 0.4, 0.5, 0.6, 0.68, 0.76, 0.83, 0.89, 0.94, 0.98, 1.0])[:, None]
    phi = np.linspace(0, 2 * np.pi, 37)[None]
    cosine, sine = np.cos(phi), np.sin(phi)  # phi 0 points back, quarter turn up
    outline = (
        1 + 0.07 * np.cos(phi - 0.9) - 0.10 * np.exp(-(((np.mod(phi - 5.3, 2 * np.pi)) / 0.9 - 0.6) ** 2))
    )
    back = 17.5 * rho * outline * cosine * np.where(sine < 0, 1 + 0.28 * sine, 1.0)
    up = 31.0 * rho * outline * sine
    rim = 5.2 * np.exp(-(((rho - 0.93) / 0.07) ** 2)) * smoothstep(-0.95, -0.25, sine)
    fold = 3.6 * np.exp(-(((rho - 0.52) / 0.11) ** 2)) * smoothstep(-0.75, 0.1, sine + 0.3 * cosine)
    bowl = -7.0 * np.exp(-((rho / 0.36) ** 2))
    tragus = (
        5.0 * np.exp(-(((rho - 0.55) / 0.16) ** 2)) * np.exp(-(((np.mod(phi, 2 * np.pi) - 3.45) / 0.4) ** 2))
    )
    lobe = 2.2 * np.exp(-(((rho - 0.75) / 0.25) ** 2)) * smoothstep(-0.7, -1.0, sine)
    out = 4.5 + rim + fold + bowl + tragus + lobe - 9.0 * smoothstep(0.96, 1.0, rho)
    turn = np.radians(24 + 7 * stand)
    scale = 1 + 0.055 * size
    x = root[0] + side * scale * (np.sin(turn) * (back + 12) + np.cos(turn) * out - 3.0)
    z = root[2] - 4.0 - scale * (np.cos(turn) * back - np.sin(turn) * out) - 6.0 + 0.10 * scale * up
    y = root[1] + 3.0 + scale * up
    points = np.stack(np.broadcast_arrays(x, y, z), axis=-1)
    uv = SWATCHES[2].at(0.5 + 0.45 * rho * cosine, 0.5 - 0.45 * rho * sine)
    return sheet(points, uv, flip=side < 0)


def shoulders(neck_width: float) -> Surface3:
    """Clothes from the collar down; neck_width in standard deviations."""
    knots = (0.0, 0.08, 0.25, 0.5, 0.68, 0.84, 1.0)
    t = np.linspace(0, 1, 26)
    wide = through(knots, (59, 68, 112, 178, 209, 223, 226), t)[:, None] + 3.0 * neck_width
    front = through(knots, (36, 42, 58, 84, 99, 109, 112), t)[:, None]
    back = through(knots, (74, 80, 98, 112, 119, 123, 124), t)[:, None]
    height = through(knots, (-146, -155, -172, -208, -256, -390, -1300), t)[:, None]
    angle = np.linspace(-np.pi, np.pi, 49)[None]
    sine, cosine = np.sin(angle), np.cos(angle)
    power = through(knots, (2.0, 2.0, 2.2, 2.6, 2.8, 2.8, 2.8), t)[:, None]
    radius = (np.abs(sine) ** power + np.abs(cosine) ** power) ** (-1 / power)
    z = np.where(cosine > 0, front, back) * cosine * radius - 16
    dip = -26 * smoothstep(0.35, 1.0, cosine) * smoothstep(0.5, 0.0, t)[:, None]
    points = np.stack(np.broadcast_arrays(wide * sine * radius, height + dip, z), axis=-1)
    uv = CLOTH.at(0.5 + 0.49 * np.sin(angle) + 0 * t[:, None], t[:, None] * 0.98 + 0.01 + 0 * angle)
    return sheet(points, uv)


def long_hair(head: NeutralHead, offset: Array, seed: int, volume: float) -> Surface3:
    """A sheet that follows the head from above the ears and hangs to the shoulders. offset: of `hair_offset`."""
    grid = head_grid()
    rng = np.random.default_rng([seed, 0x4A4])
    skull = (head.vertices + offset).reshape(*grid.shape, 3)
    chosen = np.flatnonzero(np.abs(grid.angles) > np.radians(59))
    right = chosen[grid.angles[chosen] > 0]
    left = chosen[grid.angles[chosen] < 0]
    columns = np.concatenate([right, left[1:]])
    levels = np.arange(2.6, 5.9, 0.4)
    rows = np.argmin(np.abs(grid.levels - levels[:, None]), axis=1)
    top = skull[np.ix_(rows, columns)] * (
        1 + np.linspace(-0.05, 0.075, len(rows))[:, None, None] * np.array((1, 0.3, 1))
    )
    angle = np.abs(grid.angles[columns])
    last = top[-1]
    t = np.linspace(0.05, 1, 18)[:, None]
    bottom = (
        rng.uniform(-185, -120) + 10 * np.sin(3 * angle + rng.uniform(0, 6)) + rng.normal(0, 5, len(columns))
    )
    wave = (2.0 + 3.0 * volume) * np.sin(9 * t + 2.0 * angle + rng.uniform(0, 6))
    swell = 1 + (0.10 + 0.22 * volume) * np.sin(np.pi * t**0.8) * 0.8 + 0.05 * t
    ears = 7.0 * np.exp(-(((t - 0.22) / 0.16) ** 2)) * np.sign(last[:, 0]) * np.sin(angle)
    x = last[:, 0] * swell + ears + wave * np.sin(angle) * np.sign(last[:, 0]) * 0.6
    z = last[:, 2] * (1 - 0.15 * t) + wave * 0.5 - 10 * t * (angle < 1.8)
    y = last[:, 1] + t * (bottom - last[:, 1])
    hanging = np.stack(np.broadcast_arrays(x, y, z), axis=-1)
    points = np.concatenate([top, hanging])
    u = np.abs(np.mod(np.linspace(0, 6, points.shape[1]), 2) - 1)[None] + np.zeros((len(points), 1))
    v = np.linspace(0, 1, len(points))[:, None] + np.zeros((1, points.shape[1]))
    return sheet(points, HAIR.at(u, v))


def head_uv() -> Array:
    """The texels of the head's vertices: float64 [V, 2]."""
    return Patch(0, 0, 512, 512).at(*np.moveaxis(head_grid().uv.reshape(-1, 2), -1, 0))


def vertex_count() -> int:
    """Vertices of the head's grid."""
    return len(mean_head().x)
