"""Frames and their truth."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from support.patience import least

from trtswap.demo.person import Person, draw_person
from trtswap.demo.render import render
from trtswap.demo.sensor import spread
from trtswap.demo.state import Camera, Expression, FrameState, Head, Light, Occluder, Pose
from trtswap.types import Array

CLEAN = Camera(blur_px=0.0, noise=0.0)
CALM = Expression()
LOOSE_S = 1.5


def state_of(yaw_deg: float = 0.0, *, expression: Expression = CALM, **changes: object) -> FrameState:
    state = FrameState(
        heads=(Head(pose=Pose(yaw_deg=yaw_deg, pitch_deg=4.0, roll_deg=-6.0), expression=expression),)
    )
    return replace(state, **changes)


def centroid(weight: Array) -> Array:
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("seed", [1, 8])
def test_same_arguments_give_the_same_bytes(seed: int) -> None:
    from trtswap.demo.model import model_of
    from trtswap.demo.transfer import swapped_model

    state = state_of(20.0, expression=Expression(jaw=0.4, blink=0.3), noise_seed=seed)
    first = render([draw_person(seed)], state, {0: draw_person(seed + 1)})
    model_of.cache_clear()
    swapped_model.cache_clear()
    second = render([draw_person(seed)], state, {0: draw_person(seed + 1)})
    assert first.swap is not None
    assert second.swap is not None
    assert first.picture.tobytes() == second.picture.tobytes()
    assert first.swap.tobytes() == second.swap.tobytes()
    assert first.heads[0].skin.tobytes() == second.heads[0].skin.tobytes()
    assert first.heads[0].landmarks_px.tobytes() == second.heads[0].landmarks_px.tobytes()


def test_noise_follows_its_seed() -> None:
    a, b = (render([draw_person(0)], state_of(noise_seed=seed)).picture.astype(float) for seed in (1, 2))
    assert 1.0 < (a - b).std() < 4.0


@pytest.mark.parametrize("yaw_deg", [0.0, -40.0, 75.0])
@pytest.mark.parametrize(("target", "source"), [(0, 1), (5, 9), (12, 4)])
def test_true_swap_changes_the_face_and_nothing_else(target: int, source: int, yaw_deg: float) -> None:
    camera = Camera(motion_px=(4.0, -2.0))
    drawn = render([draw_person(target)], state_of(yaw_deg, camera=camera), {0: draw_person(source)})
    assert drawn.swap is not None
    assert drawn.touched is not None
    assert (drawn.swap == drawn.picture)[~drawn.touched].all()
    assert 0.03 < drawn.touched.mean() < 0.35
    inside = drawn.heads[0].skin > 0.9
    off = np.abs(drawn.swap.astype(int) - drawn.picture)[inside]
    assert off.mean() > 4.0
    assert drawn.touched[drawn.heads[0].skin > 0].all()


def test_swap_with_oneself_changes_nothing_to_speak_of() -> None:
    drawn = render([draw_person(6)], state_of(15.0), {0: draw_person(6)})
    assert drawn.swap is not None
    assert np.abs(drawn.swap.astype(int) - drawn.picture).max() <= 2


def test_swap_keeps_expression_and_pose() -> None:
    """The swapped eyes and mouth open where the target's do."""
    people = [draw_person(3)]
    shut = render(people, state_of(expression=Expression(jaw=0.0), camera=CLEAN), {0: draw_person(7)})
    wide = render(people, state_of(expression=Expression(jaw=0.9), camera=CLEAN), {0: draw_person(7)})
    assert shut.swap is not None
    assert wide.swap is not None
    moved = np.abs(wide.swap.astype(float) - shut.swap).sum(axis=-1)
    target_moved = np.abs(wide.picture.astype(float) - shut.picture).sum(axis=-1)
    assert np.linalg.norm(centroid(moved) - centroid(target_moved)) < 6


@pytest.mark.parametrize("yaw_deg", [-80.0, -35.0, 0.0, 35.0, 80.0])
def test_masks_are_consistent(yaw_deg: float) -> None:
    truth = render([draw_person(2)], state_of(yaw_deg)).heads[0]
    for mask in (truth.skin, truth.face):
        assert mask.dtype == np.float32
        assert mask.shape == (256, 256)
        assert mask.min() >= 0
        assert mask.max() <= 1
    assert truth.face.max() > 0.99
    assert (truth.skin <= truth.face + 1e-4).all()
    x1, y1, x2, y2 = truth.box_px
    y, x = np.nonzero(truth.skin > 0.5)
    assert x.min() > x1 - 10
    assert x.max() < x2 + 10
    assert y.min() > y1 - 12
    assert y.max() < y2 + 10


def test_occluders_leave_the_mask() -> None:
    bare = render([draw_person(1)], state_of())
    for kind in ("glasses", "sunglasses", "hand", "microphone"):
        head = replace(bare.state.heads[0], occluders=(Occluder(kind),))
        covered = render([draw_person(1)], replace(bare.state, heads=(head,)))
        lost = bare.heads[0].skin - covered.heads[0].skin
        assert lost.min() > -1e-3
        assert (lost > 0.5).sum() > 40
        changed = np.abs(covered.picture.astype(int) - bare.picture).max(axis=-1)
        assert changed[lost > 0.5].mean() > 10


def test_nearer_head_hides_the_farther() -> None:
    near = Head(1, Pose(x=0.5, height=0.6))
    far = Head(0, Pose(x=0.42, height=0.4))
    people = [draw_person(0), draw_person(1)]
    drawn = render(people, FrameState(heads=(far, near)), {0: draw_person(2)})
    assert (drawn.heads[0].skin + drawn.heads[1].skin <= 1.001).all()
    alone = render(people, FrameState(heads=(far,)))
    assert drawn.heads[0].skin.sum() < 0.9 * alone.heads[0].skin.sum()
    assert drawn.swap is not None
    hidden = drawn.heads[1].skin > 0.999
    assert (drawn.swap == drawn.picture)[hidden].mean() > 0.99


def test_identities_differ_and_stay_themselves() -> None:
    """The same person in another pose is nearer to himself than others are, by the mean colour of the skin and the
    spacing of the features."""

    def signature(person: Person, yaw_deg: float) -> Array:
        drawn = render([person], state_of(yaw_deg, camera=CLEAN, light=Light((0, 0.3, 1))))
        truth = drawn.heads[0]
        colour = drawn.picture[truth.skin > 0.9].mean(axis=0) / 255
        points = truth.landmarks_px
        face = np.linalg.norm(points[8] - points[27])
        heights = [
            np.linalg.norm(points[a] - points[b]) / face for a, b in ((27, 33), (51, 57), (33, 51), (57, 8))
        ]
        return np.array([*colour, *heights])

    people = [draw_person(seed) for seed in range(40, 50)]
    front = np.stack([signature(person, -8.0) for person in people])
    turned = np.stack([signature(person, 18.0) for person in people])
    scale = front.std(axis=0)
    distance = np.linalg.norm((front[:, None] - turned[None]) / scale, axis=-1)
    assert (distance.argmin(axis=1) == np.arange(len(people))).mean() >= 0.8


def test_colours_span_human_skin() -> None:
    shades = []
    for seed in range(16):
        drawn = render([draw_person(seed)], state_of(camera=CLEAN))
        shades.append(drawn.picture[drawn.heads[0].skin > 0.9].mean(axis=0))
    shade = np.array(shades)
    assert shade[:, 1].min() < 70
    assert shade[:, 1].max() > 150
    assert (shade[:, 0] > shade[:, 1]).all()
    assert (shade[:, 1] > shade[:, 2] - 6).all()


@pytest.mark.parametrize("yaw_deg", [-80.0, 0.0, 80.0])
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_extreme_poses_stay_sane(seed: int, yaw_deg: float) -> None:
    pose = Pose(yaw_deg=yaw_deg, pitch_deg=25.0, roll_deg=30.0)
    expression = Expression((30.0, -20.0), blink=1.0, jaw=1.0, wide=1.0, round=1.0, smile=1.0, brows=-1.0)
    drawn = render([draw_person(seed)], FrameState(heads=(Head(0, pose, expression),)))
    points = drawn.heads[0].landmarks_px
    assert np.isfinite(points).all()
    assert (points > -40).all()
    assert (points < 296).all()
    assert 0.01 < drawn.heads[0].skin.mean() < 0.4
    assert drawn.picture.std() > 5


def test_head_outside_the_picture_leaves_the_background() -> None:
    drawn = render([draw_person(0)], FrameState(heads=(Head(pose=Pose(x=9.0)),)), {0: draw_person(1)})
    assert drawn.swap is not None
    assert (drawn.swap == drawn.picture).all()
    assert drawn.heads[0].skin.max() == 0


def test_faces_have_the_detectors_order() -> None:
    faces = render([draw_person(0)], state_of()).faces()
    left_eye, right_eye, nose, left_mouth, right_mouth = faces.landmarks_px[0]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert left_eye[1] < nose[1] < left_mouth[1]


def test_motion_blur_reaches_as_far_as_the_motion() -> None:
    spot = np.zeros((41, 41), np.float32)
    spot[20, 20] = 1
    blurred = spread(spot, Camera(blur_px=0.0, motion_px=(8.0, 0.0)))
    assert blurred.sum() == pytest.approx(1, abs=1e-5)
    x = np.flatnonzero(blurred[20] > 0.02)
    assert x.min() in (16, 17)
    assert x.max() in (23, 24)
    assert np.count_nonzero(blurred.sum(axis=1) > 1e-6) == 1


def test_is_quick() -> None:
    """Loosely, and in seconds of the processor: what others do on the machine does not count."""
    people, state = [draw_person(0)], state_of()

    def once() -> float:
        start = time.process_time()
        render(people, state, {0: draw_person(1)})
        return time.process_time() - start

    assert least(once, LOOSE_S) < LOOSE_S
