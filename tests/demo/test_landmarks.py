"""Landmarks against what is drawn."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from trtswap import ops
from trtswap.demo import parts
from trtswap.demo.camera import HEAD_HEIGHT_MM, place
from trtswap.demo.expression import express
from trtswap.demo.grid import head_grid
from trtswap.demo.landmarks import five_points, landmarks
from trtswap.demo.layer import draw, pose_model, window_of
from trtswap.demo.model import model_of
from trtswap.demo.person import Shape, draw_person
from trtswap.demo.shape import neutral_head
from trtswap.demo.state import Camera, Expression, FrameState, Head, Pose
from trtswap.types import Array

SIZE = (400, 400)


def centroid(weight: Array) -> Array:
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("yaw_deg", [-30.0, 0.0, 30.0])
def test_irises_lie_in_the_eyes_outlines(seed: int, yaw_deg: float) -> None:
    """Only the irises are painted; where they appear is compared with the middle of six landmarks."""
    model = model_of(draw_person(seed))
    state = FrameState(heads=(Head(pose=Pose(yaw_deg=yaw_deg), expression=Expression()),), size=SIZE)
    geometry = pose_model(model, state.heads[0], state)
    points = landmarks(geometry.points_px, yaw_deg)
    atlas = np.zeros_like(model.atlas.pixels)
    y, x = np.mgrid[:128, :128]
    atlas[:128, 512:, :3] = np.where(np.hypot(x - 63.5, y - 63.5) < 20, 255, 0)[..., None]
    flat = replace(geometry.material, gloss=np.zeros_like(geometry.material.gloss))
    window = window_of(geometry, SIZE)
    seen = draw(replace(geometry, material=flat), atlas, state, window).colour[..., 0]
    found = [centroid(seen * side) for side in _halves(seen.shape, points, window.left)]
    scale = 0.6 * SIZE[1] / HEAD_HEIGHT_MM
    for eye, iris in zip(five_points(points)[:2], found, strict=True):
        place_px = (iris + 0.5) / 2 - 0.5 + (window.left, window.top)
        parallax_mm = 3.0 * abs(np.sin(np.radians(yaw_deg)))  # an iris stands before the corners of its eye
        assert np.linalg.norm(place_px - eye) < (2.8 + parallax_mm) * scale


def _halves(shape: tuple[int, ...], points: Array, left: int) -> tuple[Array, Array]:
    middle = (points[27, 0] - left + 0.5) * 2
    x = np.broadcast_to(np.arange(shape[1]), shape)
    return x < middle, x >= middle


@pytest.mark.parametrize("seed", range(5))
def test_points_lie_on_the_surface_that_is_seen(seed: int) -> None:
    """From the front, each inner landmark is where the rasteriser draws a marker put on its vertex."""
    person = draw_person(seed)
    head = neutral_head(person.shape)
    placement = place(Pose(), Camera(), SIZE)
    turned = placement.turned(express(head, Expression()), np.zeros(len(head.vertices), np.float32))
    projected = placement.projected(turned)
    points = landmarks(projected, 0.0)
    grid = head_grid()
    depth, _ = ops.rasterise(projected, grid.triangles, np.zeros((len(projected), 0), np.float32), SIZE)
    for point in points[17:]:
        vertex = np.argmin(np.linalg.norm(projected[:, :2] - point, axis=1))
        x, y = np.rint(point).astype(int)
        near = depth[y - 2 : y + 3, x - 2 : x + 3]
        assert near.min() - 4.0 < projected[vertex, 2] < near[np.isfinite(near)].max() + 4.0


def test_mirrored_head_has_mirrored_points() -> None:
    """The mean head is symmetric, and so must the points be."""
    head = neutral_head(Shape())
    flat = head.vertices * (1, -1, 1)
    points = landmarks(flat, 0.0)
    pairs = [
        *zip(range(8), range(16, 8, -1), strict=True),
        (36, 45),
        (37, 44),
        (38, 43),
        (39, 42),
        (40, 47),
        (41, 46),
        (48, 54),
    ]
    pairs += [
        *zip(range(17, 22), range(26, 21, -1), strict=True),
        (31, 35),
        (32, 34),
        (50, 52),
        (49, 53),
        (60, 64),
        (61, 63),
    ]
    for left, right in pairs:
        np.testing.assert_allclose(points[left] * (-1, 1), points[right], atol=0.2)
    for middle in (8, 27, 28, 29, 30, 33, 51, 57, 62, 66):
        assert abs(points[middle, 0]) < 0.2


def test_order_is_that_of_ibug() -> None:
    head = neutral_head(Shape())
    p = landmarks(head.vertices * (1, -1, 1), 0.0)
    assert (np.diff(p[:17, 0]) > 0).all()
    assert (np.diff(p[17:27, 0]) > 0).all()
    assert (np.diff(p[27:31, 1]) > 0).all()
    assert (np.diff(p[31:36, 0]) > 0).all()
    assert p[37, 1] < p[36, 1] < p[41, 1]
    assert p[43, 1] < p[42, 1] < p[47, 1]
    assert (np.diff(p[48:55, 0]) > 0).all()
    assert (np.diff(p[54:60, 0]) < 0).all()
    assert p[51, 1] < p[62, 1] <= p[66, 1] + 1e-6
    assert p[66, 1] < p[57, 1]


def test_outline_slides_on_the_side_turned_away() -> None:
    head = neutral_head(Shape())
    placement = place(Pose(yaw_deg=40.0), Camera(), SIZE)
    turned = placement.turned(head.vertices, np.zeros(len(head.vertices), np.float32))
    projected = placement.projected(turned)
    points = landmarks(projected, 40.0)
    face = head_grid().levels
    rows = np.repeat((face > 6.3) & (face < 11.9), len(head_grid().angles))
    front = np.tile(np.abs(head_grid().angles) < np.radians(95), len(face))
    silhouette = projected[rows & front, 0].max()
    assert abs(points[9:17, 0].max() - silhouette) < 4.0


def test_expression_moves_the_points_it_should() -> None:
    head = neutral_head(Shape())

    def at(expression: Expression) -> Array:
        return landmarks(express(head, expression) * (1, -1, 1), 0.0)

    calm = at(Expression())
    blink = at(Expression(blink=1.0))
    assert calm[41, 1] - calm[37, 1] > 6.0
    assert abs(blink[41, 1] - blink[37, 1]) < 1.0
    wide = at(Expression(jaw=1.0))
    assert wide[66, 1] - wide[62, 1] > 15.0
    assert wide[8, 1] - calm[8, 1] > 15.0
    assert np.abs(wide[27:36] - calm[27:36]).max() < 1.0
    smile = at(Expression(smile=1.0))
    assert smile[54, 0] - smile[48, 0] > calm[54, 0] - calm[48, 0] + 6.0
    assert at(Expression(brows=1.0))[19, 1] < calm[19, 1] - 3.0


def test_every_parameter_of_a_shape_does_something() -> None:
    mean, ear, collar = (
        neutral_head(Shape()),
        parts.ear(neutral_head(Shape()), 1, 0.0, 0.0),
        parts.shoulders(0.0),
    )
    for field in fields(Shape):
        shape = Shape(**{field.name: 2.0})
        changed = neutral_head(shape)
        moved = np.abs(changed.vertices - mean.vertices).max()
        moved += np.abs(parts.ear(mean, 1, shape.ear_size, shape.ear_stand).vertices - ear.vertices).max()
        moved += np.abs(parts.shoulders(shape.neck_width).vertices - collar.vertices).max()
        assert moved > 0.7, field.name


def test_size_in_the_picture_is_as_asked() -> None:
    head = neutral_head(Shape())
    projected = place(Pose(height=0.5), Camera(distance_mm=5000.0), SIZE).projected(
        head.vertices.astype(np.float32)
    )
    face = head_grid().levels < 12.5
    rows = np.repeat(face, len(head_grid().angles))
    assert np.ptp(projected[rows, 1]) == pytest.approx(0.5 * SIZE[1], rel=0.03)
