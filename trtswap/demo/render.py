"""One frame with its truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from trtswap.demo.backdrop import backdrop
from trtswap.demo.landmarks import face_box, five_points, landmarks
from trtswap.demo.layer import SAMPLES, Geometry, Samples, Window, draw, pose_model, window_of
from trtswap.demo.model import model_of
from trtswap.demo.person import Person
from trtswap.demo.sensor import expose, sensor_noise, spread
from trtswap.demo.state import FrameState, Head
from trtswap.demo.transfer import share, swapped_model
from trtswap.types import Array, Faces


@dataclass(frozen=True)
class HeadTruth:
    """What is true of one head. person: whose. head: its state. landmarks_px: float32 [68, 2]. five_px: float32 [5, 2].
    box_px: float32 [4]. skin: float32 [H, W], 0..1, where a swap should be seen: the inner face, without hair and
    whatever covers it. face: float32 [H, W], 0..1, how much of a pixel shows any of the inner face."""

    person: Person
    head: Head
    landmarks_px: Array
    five_px: Array
    box_px: Array
    skin: Array
    face: Array


@dataclass(frozen=True)
class Rendered:
    """A frame. picture: uint8 [H, W, 3], R'G'B'. heads: in the order of the state. swap: uint8 [H, W, 3], the true
    swap, or None when none was asked for; touched: bool [H, W], outside of which it equals the picture."""

    state: FrameState
    picture: Array
    heads: tuple[HeadTruth, ...]
    swap: Array | None
    touched: Array | None

    def faces(self) -> Faces:
        """The heads as a perfect detector would report them."""
        return Faces(
            np.stack([head.box_px for head in self.heads]),
            np.stack([head.five_px for head in self.heads]),
            np.ones(len(self.heads), np.float32),
        )


@dataclass(frozen=True)
class _Layer:
    """A head at the picture's resolution inside its window: light times coverage, coverage, masks; the swapped light
    and coverage, and how much of a pixel the swap concerns."""

    window: Window
    light: Array
    cover: Array
    skin: Array
    face: Array
    swapped: Array
    swapped_cover: Array
    touched: Array


def render(
    people: Sequence[Person], state: FrameState, sources: Mapping[int, Person] | None = None
) -> Rendered:
    """Draws a frame. people: whom `Head.person` counts. sources: the head's index in the state to the identity that the
    true swap gives it; None draws no swap. The same arguments give the same bytes."""
    sources = sources or {}
    width, height = state.size
    light = backdrop(state.backdrop, state.size, state.backdrop_px)
    light = light * _ambient(state)
    swapped = light.copy()
    touched = np.zeros((height, width), np.float32)
    masks = [np.zeros((2, height, width), np.float32) for _ in state.heads]
    truths: list[HeadTruth] = []
    layers: list[tuple[int, _Layer | None]] = []
    for number, head in enumerate(state.heads):
        person = people[head.person]
        geometry = pose_model(model_of(person), head, state)
        points = landmarks(geometry.points_px, head.pose.yaw_deg)
        layers.append((number, _layer(person, head, state, geometry, sources.get(number))))
        truths.append(
            HeadTruth(person, head, points, five_points(points), face_box(points), touched, touched)
        )
    for number, layer in sorted(layers, key=lambda item: state.heads[item[0]].pose.height):
        if layer is None:
            continue
        for mask in masks:
            layer.window.of(mask[0])[...] *= 1 - layer.cover
            layer.window.of(mask[1])[...] *= 1 - layer.cover
        layer.window.of(masks[number][0])[...] += layer.skin
        layer.window.of(masks[number][1])[...] += layer.face
        part = layer.window.of(light)
        part *= 1 - layer.cover[..., None]
        part += layer.light
        part = layer.window.of(swapped)
        part *= 1 - layer.swapped_cover[..., None]
        part += layer.swapped
        part = layer.window.of(touched)
        np.maximum(part, layer.touched, out=part)
    noise = sensor_noise(state.noise_seed, state.size)
    heads = tuple(
        replace(
            truth,
            skin=np.clip(spread(mask[0], state.camera), 0, 1),
            face=np.clip(spread(mask[1], state.camera), 0, 1),
        )
        for truth, mask in zip(truths, masks, strict=True)
    )
    picture = expose(spread(light, state.camera), state.camera, noise)
    if not sources:
        return Rendered(state, picture, heads, None, None)
    concerned = spread(touched, state.camera) > 0
    return Rendered(state, picture, heads, _swapped(picture, swapped, concerned, state, noise), concerned)


def _swapped(picture: Array, light: Array, concerned: Array, state: FrameState, noise: Array) -> Array:
    """The picture, with the light of the true swap where it is concerned."""
    result: Array = picture.copy()
    rows, columns = np.flatnonzero(concerned.any(axis=1)), np.flatnonzero(concerned.any(axis=0))
    if len(rows):
        part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        other = expose(spread(light, state.camera)[part], state.camera, noise[part])
        np.copyto(result[part], other, where=concerned[part][..., None])
    return result


def _ambient(state: FrameState) -> Array:
    """The background dims and takes on colour with the light on the people."""
    light = state.light
    level = 0.5 * np.asarray(light.key) + 0.9 * np.asarray(light.sky) + 0.5 * np.asarray(light.ground)
    result: Array = (level / 0.9).astype(np.float32)
    return result


def _layer(
    person: Person, head: Head, state: FrameState, geometry: Geometry, source: Person | None
) -> _Layer | None:
    window = window_of(geometry, state.size)
    if window.empty:
        return None
    model = model_of(person)
    own = draw(geometry, model.atlas.pixels, state, window)
    other, concerned = own, np.zeros_like(own.solid)
    if source is not None:
        other, concerned = _exchanged(person, source, head, state, geometry, own, window)
    skin = share(own.reach) * (1 - own.hair)
    return _Layer(
        window=window,
        light=_to_pixels(own.colour),
        cover=_to_pixels(own.solid.astype(np.float32)),
        skin=_to_pixels(skin.astype(np.float32)),
        face=_to_pixels(((own.reach > 0) & own.solid).astype(np.float32) * (1 - own.hair)),
        swapped=_to_pixels(other.colour),
        swapped_cover=_to_pixels(other.solid.astype(np.float32)),
        touched=_to_pixels(concerned.astype(np.float32)),
    )


def _exchanged(
    person: Person,
    source: Person,
    head: Head,
    state: FrameState,
    geometry: Geometry,
    own: Samples,
    window: Window,
) -> tuple[Samples, Array]:
    """The samples of the swapped head where either face is seen, the target's own elsewhere; and where that is."""
    model = swapped_model(person, source)
    changed = pose_model(model, head, state)
    touching = (changed.material.reach > 0)[changed.triangles].any(axis=1)
    inner = np.unique(changed.triangles[touching])
    a, b = window_of(geometry, state.size, inner), window_of(changed, state.size, inner)
    part = Window(min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom))
    concerned = np.zeros_like(own.solid)
    if part.empty:
        return own, concerned
    other = draw(changed, model.atlas.pixels, state, part)
    rows = slice((part.top - window.top) * SAMPLES, (part.bottom - window.top) * SAMPLES)
    columns = slice((part.left - window.left) * SAMPLES, (part.right - window.left) * SAMPLES)
    seen = (own.reach[rows, columns] > 0) | (other.reach > 0)
    concerned[rows, columns] = seen
    colour, solid = own.colour.copy(), own.solid.copy()
    colour[rows, columns] = np.where(seen[..., None], other.colour, own.colour[rows, columns])
    solid[rows, columns] = np.where(seen, other.solid, own.solid[rows, columns])
    return replace(own, colour=colour, solid=solid), concerned


def _to_pixels(samples: Array) -> Array:
    size = (samples.shape[1] // SAMPLES, samples.shape[0] // SAMPLES)
    return np.asarray(cv2.resize(samples, size, interpolation=cv2.INTER_AREA))
