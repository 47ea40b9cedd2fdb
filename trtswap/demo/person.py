"""Who is drawn: the parameters of an identity, and how they are drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

HairStyle = Literal["bald", "buzz", "short", "side", "fringe", "long"]
BeardStyle = Literal["none", "stubble", "moustache", "goatee", "full"]
Colour = tuple[float, float, float]
"""R'G'B' (sRGB-encoded), 0..1."""


@dataclass(frozen=True)
class Shape:
    """The form of a head, in standard deviations from the mean; positive is as the name says (wider, longer, ...)."""

    head_width: float = 0.0
    head_height: float = 0.0
    head_depth: float = 0.0
    face_length: float = 0.0
    forehead_slope: float = 0.0
    brow_ridge: float = 0.0
    brow_height: float = 0.0
    cheekbone_width: float = 0.0
    cheek_fullness: float = 0.0
    jaw_width: float = 0.0
    jaw_square: float = 0.0
    chin_length: float = 0.0
    chin_width: float = 0.0
    chin_forward: float = 0.0
    double_chin: float = 0.0
    neck_width: float = 0.0
    eye_size: float = 0.0
    eye_spacing: float = 0.0
    eye_tilt: float = 0.0
    eye_height: float = 0.0
    eye_depth: float = 0.0
    lid_height: float = 0.0
    lid_fold: float = 0.0
    nose_length: float = 0.0
    nose_width: float = 0.0
    nose_bridge: float = 0.0
    nose_root: float = 0.0
    nose_hump: float = 0.0
    nose_tip_up: float = 0.0
    nose_tip_size: float = 0.0
    nose_crook: float = 0.0
    mouth_width: float = 0.0
    mouth_height: float = 0.0
    mouth_curve: float = 0.0
    upper_lip: float = 0.0
    lower_lip: float = 0.0
    lips_forward: float = 0.0
    ear_size: float = 0.0
    ear_stand: float = 0.0


@dataclass(frozen=True)
class Skin:
    """tone: 0 palest to 1 darkest. undertone: -1 rosy to 1 golden. The rest 0..1; moles counts them."""

    tone: float = 0.25
    undertone: float = 0.0
    blush: float = 0.5
    freckles: float = 0.0
    moles: int = 0
    pores: float = 0.5
    oil: float = 0.5
    age: float = 0.2
    makeup: float = 0.0


@dataclass(frozen=True)
class Brows:
    """All 0..1, 0.5 is the mean. spacing: the gap between them."""

    thickness: float = 0.5
    density: float = 0.6
    arch: float = 0.5
    spacing: float = 0.5


@dataclass(frozen=True)
class Hair:
    """recession: 0 a low hairline to 1 far back. volume: 0..1."""

    style: HairStyle = "short"
    colour: Colour = (0.16, 0.11, 0.08)
    recession: float = 0.3
    volume: float = 0.5
    beard: BeardStyle = "none"


@dataclass(frozen=True)
class Person:
    """An identity. seed: decides where freckles, moles, strands lie. iris: its colour. clothes: their colour."""

    seed: int = 0
    shape: Shape = Shape()
    skin: Skin = Skin()
    brows: Brows = Brows()
    hair: Hair = Hair()
    iris: Colour = (0.35, 0.24, 0.15)
    clothes: Colour = (0.25, 0.3, 0.4)


_MASCULINE = {
    "brow_ridge": 0.9, "brow_height": -0.5, "jaw_width": 0.8, "jaw_square": 0.8, "chin_length": 0.5, "chin_width": 0.7,
    "chin_forward": 0.3, "forehead_slope": 0.5, "neck_width": 1.1, "nose_length": 0.5, "nose_width": 0.4,
    "nose_bridge": 0.4, "nose_tip_up": -0.4, "eye_size": -0.5, "upper_lip": -0.5, "lower_lip": -0.4,
    "face_length": 0.3, "cheek_fullness": -0.3, "lid_height": -0.4, "mouth_width": 0.3, "ear_size": 0.4,
}  # fmt: skip
_HAIR_COLOURS = (
    (0.05, 0.045, 0.045), (0.09, 0.07, 0.06), (0.17, 0.11, 0.08), (0.27, 0.17, 0.11), (0.38, 0.25, 0.15),
    (0.55, 0.40, 0.24), (0.70, 0.56, 0.36), (0.45, 0.20, 0.10), (0.55, 0.53, 0.51), (0.76, 0.74, 0.72),
)  # fmt: skip
_IRISES = (
    (0.18, 0.11, 0.07), (0.26, 0.16, 0.09), (0.36, 0.25, 0.14), (0.38, 0.37, 0.22), (0.33, 0.43, 0.40),
    (0.36, 0.47, 0.58), (0.48, 0.55, 0.60),
)  # fmt: skip


def draw_person(seed: int) -> Person:
    """The random person of that number; the same number always gives the same person."""
    rng = np.random.default_rng([seed, 0x9E7507])
    man = rng.random() < 0.5
    shape = _draw_shape(rng, 1.0 if man else -1.0)
    tone = float(rng.beta(1.1, 1.5))
    age = float(rng.beta(1.6, 2.4))
    hair = _draw_hair(rng, man, tone, age)
    skin = Skin(
        tone=tone,
        undertone=float(rng.uniform(-1, 1)),
        blush=float(rng.uniform(0.15, 1.0)),
        freckles=float(rng.uniform(0.3, 1)) if tone < 0.4 and rng.random() < 0.25 else 0.0,
        moles=int(rng.poisson(1.2)),
        pores=float(rng.uniform(0.2, 1.0)),
        oil=float(rng.uniform(0.15, 1.0)),
        age=age,
        makeup=float(rng.uniform(0.2, 1.0)) if not man and rng.random() < 0.6 else 0.0,
    )
    brows = Brows(
        thickness=float(np.clip(rng.normal(0.62 if man else 0.38, 0.18), 0.08, 1)),
        density=float(rng.uniform(0.45, 1.0)),
        arch=float(np.clip(rng.normal(0.35 if man else 0.65, 0.22), 0, 1)),
        spacing=float(rng.uniform(0, 1)),
    )
    pale = 5 if tone < 0.45 else 1
    iris = _IRISES[int(rng.integers(0, 2 + pale if tone < 0.45 else 2))]
    clothes = rng.uniform(0.06, 0.85, 3) * rng.uniform(0.3, 1.0) + 0.03
    return Person(
        seed, shape, skin, brows, hair, iris, (float(clothes[0]), float(clothes[1]), float(clothes[2]))
    )


def _draw_shape(rng: np.random.Generator, sex: float) -> Shape:
    values = {}
    for field in fields(Shape):
        own = float(np.clip(rng.normal(0.0, 1.0), -2.0, 2.0))
        values[field.name] = float(np.clip(own + 0.8 * sex * _MASCULINE.get(field.name, 0.0), -2.4, 2.4))
    return Shape(**values)


def _draw_hair(rng: np.random.Generator, man: bool, tone: float, age: float) -> Hair:
    styles: tuple[HairStyle, ...] = ("bald", "buzz", "short", "side", "fringe", "long")
    weights = (0.12, 0.2, 0.36, 0.2, 0.08, 0.04) if man else (0.01, 0.03, 0.12, 0.2, 0.2, 0.44)
    style = styles[int(rng.choice(len(styles), p=weights))]
    fair = 8 if tone < 0.4 else 3
    colour = np.array(_HAIR_COLOURS[int(rng.integers(0, fair))]) * rng.uniform(0.85, 1.15)
    grey = np.clip((age - 0.55) * 2.2 + rng.normal(0, 0.15), 0, 0.9)
    colour = colour * (1 - grey) + np.array((0.66, 0.65, 0.64)) * grey
    beards: tuple[BeardStyle, ...] = ("none", "stubble", "moustache", "goatee", "full")
    beard = beards[int(rng.choice(5, p=(0.42, 0.26, 0.06, 0.1, 0.16)))] if man else "none"
    recession = float(np.clip(rng.beta(1.5, 3) + (0.3 * age if man else -0.1), 0, 1))
    rgb = (float(colour[0]), float(colour[1]), float(colour[2]))
    return Hair(style, rgb, recession, float(rng.uniform(0.2, 1.0)), beard)
