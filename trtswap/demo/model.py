"""A person ready to be drawn: everything that does not change from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from trtswap import ops
from trtswap.demo import parts
from trtswap.demo.anatomy import mean_head
from trtswap.demo.atlas import Atlas, paint_atlas
from trtswap.demo.curves import smoothstep
from trtswap.demo.expression import express, open_jaw
from trtswap.demo.grid import head_grid
from trtswap.demo.hair import hair_cover, hair_offset
from trtswap.demo.parts import Surface3
from trtswap.demo.person import Person
from trtswap.demo.shadow import openness
from trtswap.demo.shape import NeutralHead, neutral_head
from trtswap.demo.state import Expression
from trtswap.types import Array


@dataclass(frozen=True)
class Material:
    """float32 [V] each. skin: how much light bleeds under the surface. gloss: strength of the highlight. power: its
    sharpness. reach: 0 outside the face that a swap exchanges, rising to 1 inside. torso: 0 follows the head, 1 the
    shoulders. thin: 1 where both sides are seen and the inner one is dark."""

    skin: Array
    gloss: Array
    power: Array
    reach: Array
    torso: Array
    thin: Array

    @staticmethod
    def joined(materials: list[Material]) -> Material:
        """Several in one."""
        names = ("skin", "gloss", "power", "reach", "torso", "thin")
        return Material(*(np.concatenate([getattr(m, name) for m in materials]) for name in names))

    @staticmethod
    def plain(
        count: int,
        *,
        skin: float = 0.0,
        gloss: float = 0.05,
        power: float = 12.0,
        reach: float = 0.0,
        torso: float = 0.0,
        thin: float = 0.0,
    ) -> Material:
        """The same for `count` vertices."""
        return Material(
            *(np.full(count, value, np.float32) for value in (skin, gloss, power, reach, torso, thin))
        )


@dataclass(frozen=True)
class Model:
    """head: the neutral head. lift: float64 [V, 3], what hair adds to the head's grid. eye: one eyeball. jaw: rows of
    `rest` that follow the jaw. rest: the other parts, in their neutral place. triangles, uv, material, open: of the
    head's grid, both eyes and the rest, in this order. open: float32 [V], how much of the sky each vertex sees."""

    person: Person
    head: NeutralHead
    lift: Array
    eye: Surface3
    rest: Array
    jaw: slice
    triangles: Array
    uv: Array
    material: Material
    open: Array
    atlas: Atlas

    @property
    def inner(self) -> int:
        """Vertices of the head's grid, the eyes and the mouth: those that every model has, in the same order."""
        return len(self.head.vertices) + 2 * len(self.eye.vertices) + int(self.jaw.stop)


@lru_cache(maxsize=64)
def model_of(person: Person) -> Model:
    """The model of a person; the last few are kept."""
    head = neutral_head(person.shape)
    return build(person, head, head, paint_atlas(person))


def build(person: Person, head: NeutralHead, bones: NeutralHead, atlas: Atlas) -> Model:
    """A model with the given neutral head and texture. bones: the head that ears and hair are fitted to."""
    grid = head_grid()
    normals = ops.vertex_normals(bones.vertices, grid.triangles)
    lift = hair_offset(person, normals.astype(np.float64))
    eye = parts.eyeball(head.eye_radius)
    pink = parts.sockets(head)
    cavity, upper, lower = parts.mouth_parts(head)
    ears = [parts.ear(bones, side, person.shape.ear_size, person.shape.ear_stand) for side in (-1, 1)]
    torso = parts.shoulders(person.shape.neck_width)
    rest = [pink, cavity, upper, lower, *ears, torso]
    made = [
        _skin_material(person),
        Material.plain(2 * len(eye.vertices), gloss=0.9, power=380.0, reach=1.0),
        Material.plain(len(pink.vertices) + len(cavity.vertices), gloss=0.02, reach=1.0),
        Material.plain(len(upper.vertices), gloss=0.25, power=40.0, reach=1.0),
        Material.plain(len(lower.vertices), gloss=0.2, power=40.0, reach=1.0),
        *(Material.plain(len(part.vertices), skin=1.0, gloss=0.08) for part in ears),
        Material.plain(len(torso.vertices), gloss=0.02, torso=1.0),
    ]
    if person.hair.style == "long":
        locks = parts.long_hair(bones, lift, person.seed, person.hair.volume)
        rest.append(locks)
        material = Material.plain(len(locks.vertices), gloss=0.14, power=14.0, thin=1.0)
        made.append(
            replace(material, torso=0.8 * smoothstep(-90, -190, locks.vertices[:, 1]).astype(np.float32))
        )
    skin = Surface3(head.vertices, grid.triangles, parts.head_uv())
    both = parts.joined([skin, eye, eye, *rest])
    others = parts.joined(rest)
    start = len(pink.vertices) + len(cavity.vertices) + len(upper.vertices)
    model = Model(
        person=person,
        head=head,
        lift=lift,
        eye=eye,
        rest=others.vertices,
        jaw=slice(start, start + len(lower.vertices)),
        triangles=both.triangles,
        uv=both.uv.astype(np.float32),
        material=Material.joined(made),
        open=np.ones(len(both.vertices), np.float32),
        atlas=atlas,
    )
    opening = openness(pose_parts(model, Expression()), model.triangles)
    least = 0.55 * model.material.thin
    first = len(head.vertices) + 2 * len(eye.vertices)
    least[first : first + model.jaw.stop] = 0.25
    least[first + len(pink.vertices) + len(cavity.vertices) : first + model.jaw.stop] = 0.65
    return replace(model, open=np.maximum(opening, least))


def pose_parts(model: Model, expression: Expression) -> Array:
    """All vertices of a model that makes this expression, its head straight: float32 [V, 3], mm."""
    skin = express(model.head, expression) + model.lift
    eyes = [centre + model.eye.vertices @ _gaze(expression).T for centre in model.head.eyes]
    rest = model.rest.copy()
    open_jaw(rest[model.jaw], 1.0, expression.jaw)
    return np.concatenate([skin, *eyes, rest]).astype(np.float32)


def face_reach(x: Array, y: Array, z: Array, level: Array) -> Array:
    """How far a place of the mean head lies inside the face that a swap exchanges: 0 at its edge and beyond, to 1."""
    radius = (np.abs(x / 70.0) ** 2.5 + np.abs((y + 32.0) / np.where(y > -32, 90.0, 82.0)) ** 2.5) ** 0.4
    inside = np.clip((1.0 - radius) / 0.35, 0.0, 1.0)
    result: Array = inside * smoothstep(0, 18, z) * (level > 3.0) * smoothstep(12.6, 12.0, level)
    return result


def _gaze(expression: Expression) -> Array:
    right, up = np.radians(expression.gaze_deg)
    turn = np.array([[np.cos(right), 0, np.sin(right)], [0, 1, 0], [-np.sin(right), 0, np.cos(right)]])
    lift = np.array([[1, 0, 0], [0, np.cos(up), np.sin(up)], [0, -np.sin(up), np.cos(up)]])
    result: Array = turn @ lift
    return result


def _skin_material(person: Person) -> Material:
    mean = mean_head()
    x, ax, y = mean.x, np.abs(mean.x), mean.y
    shine = 0.45 * np.exp(-(((y - 45) / 25) ** 2) - (x / 35) ** 2) + 0.75 * np.exp(
        -(((y + 25) / 22) ** 2) - (x / 11) ** 2
    )
    shine += 0.40 * np.exp(-(((y + 22) / 14) ** 2) - ((ax - 40) / 15) ** 2)
    lips = np.exp(-(((y + 68) / 7) ** 4)) * (ax < 24)
    gloss = (0.07 + 0.13 * person.skin.oil) * (0.55 + shine) * mean.front + 0.04 + 0.14 * lips * mean.front
    cover = hair_cover(person)
    uv = np.round(parts.head_uv()).astype(int)
    hair = cover[np.minimum(uv[:, 1], 511), np.minimum(uv[:, 0], 511)]
    gloss = gloss * (1 - hair) + 0.12 * hair
    power = 14.0 + 20.0 * lips + 0 * x
    torso = smoothstep(-112, -190, mean.vertices[:, 1])
    reach = face_reach(mean.x, mean.y, mean.vertices[:, 2], mean.level)
    return Material(*(part.astype(np.float32) for part in (1 - hair, gloss, power, reach, torso, 0 * x)))
