"""The face's texture: skin, lips, lines, freckles, brows, lashes, beard."""

from __future__ import annotations

import numpy as np

from trtswap.demo.anatomy import MOUTH_Y_MM, lid_heights, lip_heights
from trtswap.demo.chart import TEXTURE_PX, blob, new_chart, stroke, texels, to_texture
from trtswap.demo.curves import gauss, plateau, smoothstep, through
from trtswap.demo.noise import clouds, grain
from trtswap.demo.person import Person, Skin
from trtswap.types import Array

_TONES = (
    (0.925, 0.775, 0.700), (0.885, 0.715, 0.615), (0.815, 0.635, 0.510), (0.725, 0.530, 0.400), (0.590, 0.405, 0.290),
    (0.450, 0.295, 0.210), (0.330, 0.210, 0.155), (0.240, 0.155, 0.120),
)  # fmt: skip
"""Skin from the palest to the darkest, R'G'B'."""


def base_colour(skin: Skin) -> Array:
    """The mean colour of the skin: R'G'B' float64 [3]."""
    knots = np.linspace(0, 1, len(_TONES))
    colour = through(knots, np.array(_TONES), np.array(skin.tone))
    shift = np.array((-0.008, 0.012, -0.030)) * skin.undertone * (1 - 0.5 * skin.tone)
    result: Array = np.clip(colour + shift, 0.05, 0.97)
    return result


def paint_face(person: Person) -> Array:
    """R'G'B' float32 [TEXTURE_PX, TEXTURE_PX, 3] of the whole head, without its hair."""
    rng = np.random.default_rng([person.seed, 0x5C1])
    base = base_colour(person.skin).astype(np.float32)
    picture: Array = np.tile(base, (TEXTURE_PX, TEXTURE_PX, 1))
    _colour_zones(picture, person.skin, rng)
    _mottle(picture, person.skin, rng)
    _lines(picture, person.skin, rng)
    _spots(picture, person.skin, rng)
    _lips(picture, person.skin, rng)
    _eyes(picture, person)
    _nostrils(picture)
    _beard(picture, person, rng)
    _brows(picture, person, rng)
    np.clip(picture, 0, 1, out=picture)
    return picture


def _tint(picture: Array, amount: Array, factor: tuple[float, float, float]) -> None:
    """Multiplies by `factor` where amount is 1, by nothing where it is 0."""
    picture *= 1 + amount[..., None].astype(np.float32) * (np.array(factor, np.float32) - 1)


def _cover(picture: Array, amount: Array, colour: Array) -> None:
    picture += amount[..., None].astype(np.float32) * (np.asarray(colour, np.float32) - picture)


def _colour_zones(picture: Array, skin: Skin, rng: np.random.Generator) -> None:
    place = texels()
    ax, y, front = np.abs(place.x), place.y, place.front
    red = 0.75 * gauss(ax, y, (42, -32), (18, 17)) + 0.6 * gauss(ax, y, (0, -36), (13, 12))
    red = red + 0.25 * gauss(ax, y, (0, -100), (16, 10)) + 0.35 * gauss(ax, y, (27, -52), (8, 14))
    blotchy = 1 + 0.25 * clouds(rng, (TEXTURE_PX, TEXTURE_PX), 60)
    _tint(picture, red * front * skin.blush * blotchy, (1.02, 0.86, 0.84))
    _tint(picture, front * gauss(ax, y, (0, 52), (45, 20)), (1.01, 1.01, 0.97))
    hollow = gauss(ax, y, (27, -11), (12, 6.5)) + 0.6 * gauss(ax, y, (18, 4), (7, 9))
    _tint(picture, hollow * front * (0.35 + 0.5 * skin.age), (0.90, 0.83, 0.85))
    _tint(picture, 0.5 * plateau(ax, y, (31, 6), (20, 9)) * front, (0.95, 0.88, 0.87))
    _tint(picture, smoothstep(11.8, 13.5, place.level), (0.95, 0.93, 0.91))


def _mottle(picture: Array, skin: Skin, rng: np.random.Generator) -> None:
    size = (TEXTURE_PX, TEXTURE_PX)
    red = clouds(rng, size, 28, 3)
    brown = clouds(rng, size, 70, 4)
    place = texels()
    smooth = smoothstep(13.4, 12.2, place.level).astype(np.float32)
    fine = grain(rng, size, 1.6) * (0.35 + skin.pores) * smooth
    value = 1 + 0.022 * fine + 0.016 * brown * smooth * (0.6 + skin.age)
    picture *= value[..., None]
    picture[..., 1] *= 1 - 0.014 * red
    picture[..., 2] *= 1 - 0.014 * red
    porous = (
        gauss(np.abs(place.x), place.y, (22, -30), (18, 16)) + gauss(place.x, place.y, (0, -30), (12, 18))
    ).astype(np.float32)
    dots = np.clip(grain(rng, size, 2.2) - 1.0, 0, 1.5)
    picture *= (1 - 0.10 * skin.pores * porous * dots)[..., None]


def _lines(picture: Array, skin: Skin, rng: np.random.Generator) -> None:
    """Wrinkles, as dark lines with a faint light edge; strength follows age."""
    old = float(smoothstep(0.2, 0.95, np.array(skin.age)))
    chart = new_chart()
    s = np.linspace(-1, 1, 40)
    for k in range(4):
        y = 36 + 7.5 * k + rng.normal(0, 1)
        width = rng.uniform(24, 36)
        sway = rng.normal(0, 1.0) * s + 1.2 * np.sin(3 * s + rng.uniform(0, 6)) - 2.5 * s * s
        stroke(chart, width * s, y + sway, 0.6, 0.8 * old)
    for side in (-1, 1):
        t = np.linspace(0, 1, 20)
        stroke(chart, side * (18.5 + 11 * t**1.2), -43 - 21 * t, 1.3, 0.25 + 0.6 * old)
        stroke(chart, side * (29 + 2.5 * t), -69 - 13 * t, 0.8, 0.55 * old)
        stroke(chart, side * (17 + 20 * t), -8 - 7 * np.sin(2.2 * t), 0.8, 0.15 + 0.55 * old)
        stroke(chart, side * (4.5 + 0.6 * t), 12 + 12 * t, 0.6, 0.6 * old)
        for k in range(4):
            angle = np.radians(-28 + 20 * k + rng.normal(0, 4))
            reach = rng.uniform(8, 14)
            stroke(
                chart, side * (50 + reach * t * np.cos(angle)), 1 + reach * t * np.sin(angle), 0.5, 0.65 * old
            )
    dark = to_texture(chart)
    light = np.roll(dark, 3, axis=0)
    _tint(picture, 0.8 * dark, (0.78, 0.70, 0.68))
    _tint(picture, 0.35 * light, (1.08, 1.07, 1.06))


def _spots(picture: Array, skin: Skin, rng: np.random.Generator) -> None:
    chart = new_chart()
    for _ in range(round(420 * skin.freckles)):
        blob(chart, rng.normal(0, 34), rng.normal(-20, 22), rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.7))
    _tint(picture, to_texture(chart), (0.80, 0.66, 0.56))
    moles = new_chart()
    for _ in range(skin.moles):
        blob(moles, rng.uniform(-55, 55), rng.uniform(-90, 50), rng.uniform(0.6, 1.3), 0.95)
    _cover(picture, 0.8 * to_texture(moles), base_colour(skin) * (0.42, 0.33, 0.30))
    age = new_chart()
    for _ in range(round(30 * max(0.0, skin.age - 0.5))):
        blob(age, rng.uniform(-60, 60), rng.uniform(-60, 60), rng.uniform(1.0, 3.0), rng.uniform(0.1, 0.4))
    _tint(picture, to_texture(age), (0.84, 0.75, 0.68))


def _lips(picture: Array, skin: Skin, rng: np.random.Generator) -> None:
    place = texels()
    up, low = lip_heights(place.x)
    d = place.y - MOUTH_Y_MM
    below = place.below > 0.5
    thick = np.where(below, low, up)
    off = np.abs(d) - thick
    near = (np.abs(place.x) < 27) & (np.abs(d) < 14) & (place.z > 20)
    red = smoothstep(0.7, -0.7, off) * near
    base = base_colour(skin)
    natural = base * np.array((0.88, 0.70, 0.70)) if skin.tone < 0.5 else base * np.array((0.92, 0.74, 0.76))
    natural = natural + np.array((0.02, -0.01, -0.005))
    painted = np.array(
        ((0.66, 0.10, 0.14), (0.72, 0.28, 0.32), (0.55, 0.16, 0.24), (0.75, 0.38, 0.36))[int(rng.integers(4))]
    )
    colour = natural + 0.65 * skin.makeup * (painted - natural)
    _cover(picture, red * 0.88, colour)
    creases = grain(rng, (TEXTURE_PX, 48), 2.0)
    wide = np.asarray(np.repeat(creases, -(-TEXTURE_PX // 48), axis=0)[:TEXTURE_PX], np.float32)
    picture *= (1 + 0.035 * wide * red)[..., None].astype(np.float32)
    line = np.exp(-((np.abs(d) / 1.0) ** 2)) * near * (np.abs(place.x) < 26)
    _tint(picture, np.maximum(line * 0.8, place.inside * near), (0.58, 0.42, 0.42))
    rim = np.exp(-(((off - 0.8) / 0.9) ** 2)) * near
    _tint(picture, 0.5 * rim, (1.05, 1.04, 1.04))


def _eyes(picture: Array, person: Person) -> None:
    """Lid creases, lash lines and the pink inner edge of the lids."""
    place = texels()
    up, low = lid_heights(place.x)
    at_eye = (np.abs(place.x) > 13) & (np.abs(place.x) < 52) & (place.z > 20) & (np.abs(place.y) < 22)
    ends = smoothstep(49.5, 46.0, np.abs(place.x)) * smoothstep(13.5, 17.0, np.abs(place.x))
    above = at_eye & (place.below < 0.5)
    under = at_eye & (place.below >= 0.5)
    off_up, off_low = place.y - up, low - place.y
    crease = np.exp(-(((off_up - 5.0) / 0.9) ** 2)) * above * ends
    _tint(picture, 0.6 * crease, (0.66, 0.55, 0.53))
    lash_up = smoothstep(1.5, 0.4, off_up) * above * ends
    lash_low = smoothstep(0.9, 0.2, off_low) * under * ends * smoothstep(20, 34, np.abs(place.x))
    makeup = person.skin.makeup
    dark = 0.35 * np.array(person.hair.colour) * 0.5 + 0.02
    _cover(picture, lash_up * (0.80 + 0.2 * makeup), dark)
    pink = base_colour(person.skin) * np.array((0.95, 0.70, 0.68))
    _cover(picture, 0.7 * smoothstep(0.8, 0.0, off_low) * under * ends, pink)
    _cover(picture, lash_low * (0.28 + 0.45 * makeup), dark)
    shadow = smoothstep(7.5, 1.0, off_up) * above * ends
    _tint(picture, shadow * (0.18 + 0.5 * makeup), (0.74, 0.62, 0.64))


def _nostrils(picture: Array) -> None:
    place = texels()
    ax = np.abs(place.x)
    hole = plateau(ax, place.y, (6.4, -42.6), (3.9, 1.9)) * (place.z > 20)
    _tint(picture, hole, (0.22, 0.12, 0.11))
    side = gauss(ax, place.y, (17.6, -39), (1.6, 5.5)) * (place.z > 20)
    _tint(picture, 0.45 * side, (0.72, 0.60, 0.58))


def beard_area(style: str) -> Array:
    """Where a beard of that style grows: float32 [TEXTURE_PX, TEXTURE_PX], 0..1."""
    place = texels()
    ax, y = np.abs(place.x), place.y
    up, low = lip_heights(place.x)
    off_lip = np.where(place.below > 0.5, -(y - MOUTH_Y_MM) - low, (y - MOUTH_Y_MM) - up)
    clear = smoothstep(0.3, 2.5, np.where(ax < 27, off_lip, 9.0)) * (place.inside < 0.05)
    moustache = smoothstep(-49.5, -53, y) * smoothstep(31, 25, ax) * smoothstep(-74, -68, y)
    chin = smoothstep(-76, -82, y) * smoothstep(33, 24, ax) * smoothstep(13.6, 12.6, place.level)
    around = smoothstep(32, 27, ax) * smoothstep(21, 26, ax) * smoothstep(-50, -56, y) * (y > -95)
    cheek_line = -34 - 0.55 * (62 - np.minimum(ax, 62))
    jaw = (
        smoothstep(5, -16, y - cheek_line)
        * smoothstep(14.2, 12.8, place.level)
        * smoothstep(1.75, 1.5, np.abs(place.angle))
    )
    side = smoothstep(1.05, 1.3, np.abs(place.angle)) * smoothstep(1.66, 1.45, np.abs(place.angle))
    sideburn = side * (place.level > 5.2) * (place.level < 9)
    areas = {
        "moustache": moustache,
        "goatee": np.maximum(np.maximum(moustache, chin), around),
        "full": np.maximum(np.maximum(moustache, jaw), sideburn),
        "stubble": np.maximum(np.maximum(moustache, jaw), 0.8 * sideburn),
    }
    result: Array = (areas.get(style, np.zeros_like(ax)) * clear * (place.level > 5)).astype(np.float32)
    return result


def _beard(picture: Array, person: Person, rng: np.random.Generator) -> None:
    style = person.hair.beard
    if style == "none":
        return
    area = beard_area(style)
    size = (TEXTURE_PX, TEXTURE_PX)
    hairs = grain(rng, size, 1.3) + 0.6 * grain(rng, size, 3.0)
    patch = 1 + 0.2 * clouds(rng, size, 40)
    if style == "stubble":
        _tint(picture, 0.55 * area * patch, (0.80, 0.80, 0.82))
        cover = area * np.clip(0.22 + 0.30 * hairs, 0, 0.7)
    else:
        cover = np.clip(area * patch, 0, 1) ** 0.8 * np.clip(0.80 + 0.2 * hairs, 0.3, 0.97)
    colour = np.array(person.hair.colour) * (0.9 + 0.16 * hairs[..., None])
    picture += cover[..., None] * (colour.astype(np.float32) - picture)


def brow_line(t: Array, arch: float = 0.5) -> tuple[Array, Array]:
    """The middle of a brow on the mean face, t from 0 at the nose to 1 outside: x outwards and y in mm."""
    x = 15.5 + 36.5 * t
    y = 17.3 + (3.5 + 5.0 * arch) * np.sin(np.pi * np.clip(t, 0, 1) ** 1.25) - 1.0 * t + 1.5 * (1 - t) * 0.3
    return x, y


def _brows(picture: Array, person: Person, rng: np.random.Generator) -> None:
    brows = person.brows
    chart = new_chart()
    half = 2.2 + 4.2 * brows.thickness
    inner = 0.10 * (brows.spacing - 0.5)
    for side in (-1, 1):
        for _ in range(round(300 * (0.5 + brows.density) * (0.6 + 0.6 * brows.thickness))):
            t = float(rng.uniform(inner, 1.0))
            taper = float(
                smoothstep(1.05, 0.45, np.array(t)) * (0.55 + 0.45 * smoothstep(-0.06, 0.2, np.array(t)))
            )
            off = float(np.clip(rng.normal(0, 0.5), -1, 1)) * half * (0.18 + 0.82 * taper)
            x, y = brow_line(np.array(t), brows.arch)
            lean = np.radians(78 - 66 * min(1.0, t * 1.8) - 9 * off) + rng.normal(0, 0.15)
            length = rng.uniform(3.0, 5.2)
            s = np.linspace(0, length, 5)
            stroke(
                chart,
                side * (x + s * np.cos(lean)),
                y + off - 0.5 + s * np.sin(lean) * 0.6,
                0.2,
                rng.uniform(0.55, 0.95),
            )
    cover = np.clip(to_texture(chart) * (0.95 + 0.65 * brows.density), 0, 0.95)
    colour = np.array(person.hair.colour) * 0.75 + 0.01
    if sum(person.hair.colour) > 1.2:
        colour = colour * 0.7
    _cover(picture, cover, colour)
