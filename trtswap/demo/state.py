"""What is seen: how a head is held and moves, the light, the camera, the surroundings. Frozen; no logic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Light3 = tuple[float, float, float]
"""Linear R, G, B."""
OccluderKind = Literal["glasses", "sunglasses", "hand", "microphone"]


@dataclass(frozen=True)
class Pose:
    """Degrees. yaw: positive turns the face to the picture's right. pitch: positive looks up. roll: positive tilts the
    head clockwise in the picture. x, y: where the point between the eyes lies in the picture when the head looks
    straight ahead, as fractions of its width and height. height: of the head, crown to chin, as a fraction of the
    picture's height."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    x: float = 0.5
    y: float = 0.45
    height: float = 0.6


@dataclass(frozen=True)
class Expression:
    """0..1 unless said otherwise. gaze: degrees right of and above straight ahead of the head. blink: 1 is closed.
    wide, round, press: how the lips are spread, rounded, pressed in speech. brows: -1 frowning to 1 raised."""

    gaze_deg: tuple[float, float] = (0.0, 0.0)
    blink: float = 0.0
    jaw: float = 0.0
    wide: float = 0.0
    round: float = 0.0
    press: float = 0.0
    smile: float = 0.0
    brows: float = 0.0


@dataclass(frozen=True)
class Light:
    """direction: towards the key light, x right, y up, z to the camera; any length. key, sky, ground: linear colours
    of the key light and of what comes from above and below. softness: 0 hard to 1 soft shadow edges."""

    direction: tuple[float, float, float] = (0.45, 0.55, 0.8)
    key: Light3 = (1.0, 0.97, 0.92)
    sky: Light3 = (0.34, 0.36, 0.40)
    ground: Light3 = (0.20, 0.18, 0.17)
    softness: float = 0.5


@dataclass(frozen=True)
class Camera:
    """distance_mm: from the head. blur_px: of the lens, standard deviation. noise: standard deviation of the sensor's
    noise in 8-bit code values at mid grey. motion_px: x, y, the way the picture moves while the shutter is open.
    exposure: factor on light."""

    distance_mm: float = 900.0
    blur_px: float = 0.5
    noise: float = 1.5
    motion_px: tuple[float, float] = (0.0, 0.0)
    exposure: float = 1.0


@dataclass(frozen=True)
class Occluder:
    """Something before the face. x, y: shift in mm from its usual place. turn_deg: about the line of sight."""

    kind: OccluderKind
    x: float = 0.0
    y: float = 0.0
    turn_deg: float = 0.0


@dataclass(frozen=True)
class Head:
    """One head of a frame; `person` is an index into those given to the renderer."""

    person: int = 0
    pose: Pose = Pose()
    expression: Expression = Expression()
    occluders: tuple[Occluder, ...] = ()


@dataclass(frozen=True)
class FrameState:
    """All that decides one frame apart from who is in it. backdrop: seed of the background; backdrop_px: how far it
    has moved, x and y. noise_seed: of the sensor's noise."""

    heads: tuple[Head, ...] = (Head(),)
    light: Light = Light()
    camera: Camera = Camera()
    backdrop: int = 0
    backdrop_px: tuple[float, float] = (0.0, 0.0)
    noise_seed: int = 0
    size: tuple[int, int] = field(default=(256, 256))
