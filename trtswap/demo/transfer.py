"""The true swap: a target's head with a source's inner face."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from trtswap.demo.anatomy import mean_head
from trtswap.demo.atlas import with_eyes, with_face
from trtswap.demo.chart import texels
from trtswap.demo.curves import smoothstep
from trtswap.demo.model import Model, build, face_reach, model_of
from trtswap.demo.person import Person
from trtswap.demo.shape import NeutralHead
from trtswap.demo.skin import paint_face
from trtswap.types import Array

FULL_REACH = 0.45
"""Where the reach passes this, the face is wholly the source's; from 0 to here the two are blended."""


def share(reach: Array) -> Array:
    """How much of the source shows at a place of that reach: 0..1."""
    return smoothstep(0.0, FULL_REACH, reach)


@lru_cache(maxsize=64)
def swapped_model(target: Person, source: Person) -> Model:
    """The target's head, hair, ears, neck and clothes with the source's inner face: its form, spots, lines, brows,
    eyes, lips, teeth and the part of its beard inside, in the target's tone of skin. The source's face is scaled and
    moved to lie best on the target's."""
    under, over = model_of(target), model_of(source)
    mean = mean_head()
    weight = share(face_reach(mean.x, mean.y, mean.vertices[:, 2], mean.level))
    head = _blend(under.head, over.head, weight)
    place = texels()
    part = share(face_reach(place.x, place.y, place.z, place.level))[..., None].astype(np.float32)
    skin = under.atlas.skin + part * (paint_face(_toned(source, target)) - under.atlas.skin)
    atlas = with_eyes(with_face(under.atlas, skin), over.atlas)
    model = build(target, head, under.head, atlas)
    opening = under.open.copy()
    mix = share(under.material.reach[: under.inner])
    opening[: under.inner] += mix * (over.open[: under.inner] - opening[: under.inner])
    gloss = under.material.gloss.copy()
    count = len(mean.x)
    gloss[:count] += (
        mix[:count].astype(np.float32)
        * (over.material.gloss[:count] - gloss[:count])
        * under.material.skin[:count]
    )
    return replace(model, open=opening, material=replace(under.material, gloss=gloss))


def _toned(source: Person, target: Person) -> Person:
    """The source with the target's tone of skin: else face and neck would not be one person's."""
    skin = replace(source.skin, tone=target.skin.tone, undertone=target.skin.undertone)
    return replace(source, skin=skin)


def _blend(under: NeutralHead, over: NeutralHead, weight: Array) -> NeutralHead:
    total = weight.sum()
    middle_under = weight @ under.vertices / total
    middle_over = weight @ over.vertices / total
    p, q = over.vertices - middle_over, under.vertices - middle_under
    scale = float((weight[:, None] * p * q).sum() / (weight[:, None] * p * p).sum())
    laid = scale * p + middle_under
    vertices = under.vertices + weight[:, None] * (laid - under.vertices)
    eyes = scale * (over.eyes - middle_over) + middle_under
    return NeutralHead(vertices, eyes, over.eye_radius * scale)
