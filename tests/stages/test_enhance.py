"""Enhancers in the frame: where, how much, and in one run."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from support import plain, reference
from support.tolerance import COMPOSITE_CODES

from trtswap.networks.swapper import Patches
from trtswap.options import EnhanceOptions, MaskOptions
from trtswap.stages.batch import Batch
from trtswap.stages.enhance import enhance
from trtswap.stages.mask import box_mask
from trtswap.types import Array, Faces, Frame, PixelFormat

SIZE = 64


class Painter:
    """Gives back noise, remembers what it was asked."""

    size = SIZE

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.runs = rng, []  # type: ignore[var-annotated]
        self.pixels = np.zeros((0, 3, SIZE, SIZE), np.float32)

    def placements(self, landmarks: Array) -> Array:
        return np.stack([plain.matrix(points, "ffhq_512", SIZE) for points in landmarks])

    def restore(self, surfaces: Any, indices: Array, placements: Array, weight: float) -> Patches:  # noqa: ARG002
        self.runs.append((indices.tolist(), weight))
        self.pixels = self.rng.uniform(-1, 1, (len(indices), 3, SIZE, SIZE)).astype(np.float32)
        return Patches(self.pixels, 0.5, 0.5)


class LeftHalf:
    """An occluder that sees the left half of any crop."""

    def masks(self, surfaces: Any, indices: Array, placements: Array, size: int) -> Array:  # noqa: ARG002
        masks = np.zeros((len(indices), size, size), np.float32)
        masks[:, :, : size // 2] = 1
        return masks


def batch(rng: np.random.Generator) -> Batch:
    surfaces = [reference.random_surface(rng, PixelFormat.NV12, 160, 120) for _ in range(2)]
    points = np.array(plain.TEMPLATES["ffhq_512"]) * 60
    landmarks = np.stack([points + np.array(place) for place in ((20, 10), (80, 40))]).astype(np.float32)
    one = Faces(np.zeros((1, 4), np.float32), landmarks[:1], np.ones(1, np.float32))
    two = Faces(np.zeros((2, 4), np.float32), landmarks, np.ones(2, np.float32))
    frames = tuple(Frame(surface, k, k, Fraction(1, 25)) for k, surface in enumerate(surfaces))
    return Batch(frames, faces=(one, two.take([1])))


@pytest.mark.parametrize("blend", [0.0, 0.8, 1.0])
def test_restored_faces_are_blended_under_the_box(blend: float) -> None:
    rng = np.random.default_rng()
    given = batch(rng)
    before = [frame.surface.copy() for frame in given.frames]
    painter, mask_options = Painter(rng), MaskOptions(blur=0.2, padding=(30, 0, 0, 0))
    options = EnhanceOptions("x", blend, 0.7)
    (done,) = enhance([given], painter, options, mask_options)  # type: ignore[arg-type]
    assert painter.runs == [([0, 1], 0.7)]
    mask = box_mask(SIZE, MaskOptions(blur=0.2)) * blend  # no padding
    for index, frame in enumerate(done.frames):
        placement = painter.placements(given.faces[index].landmarks_px)[0]
        expected = reference.composite(before[index], placement, painter.pixels[index] * 0.5 + 0.5, mask)
        for got, want in zip(reference.codes(frame.surface), expected, strict=True):
            np.testing.assert_allclose(got, want, atol=COMPOSITE_CODES)
        if blend == 0:
            assert np.array_equal(frame.surface.planes[0], before[index].planes[0])


def test_what_is_covered_is_not_restored() -> None:
    rng = np.random.default_rng()
    given = batch(rng)
    before = [frame.surface.copy() for frame in given.frames]
    painter = Painter(rng)
    (done,) = enhance([given], painter, EnhanceOptions("x", 1.0), MaskOptions(), [LeftHalf()])  # type: ignore[arg-type, list-item]
    for index, frame in enumerate(done.frames):
        centre = painter.placements(given.faces[index].landmarks_px)[0]
        x = (SIZE / 2 - centre[0, 2]) / centre[0, 0]
        changed = np.nonzero(frame.surface.planes[0] != before[index].planes[0])[1]
        assert changed.size > 100
        assert changed.max() < x + 1


def test_a_batch_without_faces_passes() -> None:
    rng = np.random.default_rng()
    given = batch(rng)
    empty = Batch(given.frames, faces=(Faces.empty(), Faces.empty()))
    painter = Painter(rng)
    assert list(enhance([empty], painter, EnhanceOptions("x"), MaskOptions())) == [empty]  # type: ignore[arg-type]
    assert painter.runs == []
