"""Colours matched per track: what is measured, how it is held steady, and that every frame comes out once, in order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from support import cielab

from trtswap import ops
from trtswap.geometry import TEMPLATES
from trtswap.networks.swapper import Patches
from trtswap.options import BlendOptions, SmoothOptions
from trtswap.stages.batch import Batch
from trtswap.stages.colour import match_colours
from trtswap.stages.mask import skin_weights
from trtswap.types import Faces, Frame, PixelFormat, Surface

SIZE, TEMPLATE = 64, "arcface_128"


def shaded(rng: np.random.Generator, tone: np.ndarray) -> np.ndarray:
    """A picture of a tone with soft shading, R'G'B' [S, S, 3] on 0..1."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE - 0.5
    light = 1 + 0.25 * x - 0.15 * y - 0.3 * (x * x + y * y)
    return np.clip(tone * light[..., None] + rng.normal(0, 0.004, (SIZE, SIZE, 3)), 0, 1)


def batch_of(
    rng: np.random.Generator,
    index: int,
    frames: int,
    tone: np.ndarray,
    *,
    noise: float = 0.0,
    cuts: tuple[int, ...] = (),
) -> Batch:
    """Frames of one face each, track 7; the patches have another tone, and the frames' tone is measured with noise."""
    pictures, patches = [], []
    for k in range(frames):
        lit = tone * np.exp(rng.normal(0, noise, 3))
        rgb = np.rint(shaded(rng, lit) * 255).astype(np.uint8)
        pictures.append(Frame(Surface(PixelFormat.RGB8, (rgb,)), index + k, index + k, Fraction(1, 25)))
        patches.append(np.moveaxis(shaded(rng, np.array([0.75, 0.55, 0.45])), -1, 0))
    points = (TEMPLATES[TEMPLATE] * SIZE)[None].astype(np.float32)
    faces = Faces(
        np.array([[0, 0, SIZE, SIZE]], np.float32),
        points,
        np.ones(1, np.float32),
        track_ids=np.array([7], np.int32),
    )
    return Batch(
        frames=tuple(pictures),
        faces=(faces,) * frames,
        cuts=tuple(index + k in cuts for k in range(frames)),
        placements=np.tile(np.eye(2, 3), (frames, 1, 1)),
        patches=Patches(np.ascontiguousarray(np.stack(patches), np.float32), 1.0, 0.0),
    )


def skin_mean(rgb: np.ndarray) -> np.ndarray:
    """The mean L*a*b* of the skin of a crop, R'G'B' [S, S, 3] on 0..1."""
    weights = skin_weights(SIZE, TEMPLATE)[0][..., None]
    return (cielab.srgb_to_lab(rgb) * weights).sum(axis=(0, 1)) / weights.sum()


def mean_after(batch: Batch, row: int) -> np.ndarray:
    """The mean L*a*b* of the skin of a patch after its map."""
    assert batch.patches is not None
    assert batch.maps is not None
    part = slice(row, row + 1)
    moved = ops.colour_transfer(batch.patches.pixels[part], batch.maps[part])
    return skin_mean(np.moveaxis(moved[0], 0, -1))


@pytest.mark.parametrize("method", ["symmetric", "one-euro", "off"])
def test_patches_get_the_colour_of_the_frame(method: str) -> None:
    rng = np.random.default_rng()
    tone = np.array([0.45, 0.33, 0.30])
    given = [batch_of(rng, 4 * k, 4, tone) for k in range(6)]
    matched = list(match_colours(given, TEMPLATE, SIZE, BlendOptions(), SmoothOptions(method=method), 25.0))
    assert [frame.index for batch in matched for frame in batch.frames] == list(range(24))
    for batch in matched:
        for row, frame in enumerate(batch.frames):
            true = skin_mean(frame.surface.planes[0] / 255)
            assert np.abs(mean_after(batch, row) - true).max() < 1.0


def test_colours_do_not_flicker() -> None:
    """Light that is measured with noise: smoothed maps move a fraction of the raw ones, and follow a slow change."""
    rng = np.random.default_rng(5)
    given = []
    for k in range(25):
        tone = np.array([0.45, 0.35, 0.32]) * (1 + 0.012 * k)
        given.append(batch_of(rng, 4 * k, 4, tone, noise=0.03))
    jitter, level = {}, {}
    for method in ("off", "symmetric"):
        done = list(match_colours(given, TEMPLATE, SIZE, BlendOptions(), SmoothOptions(method=method), 25.0))
        means = np.array([mean_after(batch, row) for batch in done for row in range(4)])
        jitter[method] = np.abs(np.diff(means[:, 0], 2)).mean()
        level[method] = means[:, 0]
    assert jitter["symmetric"] < 0.35 * jitter["off"]
    assert abs((level["symmetric"] - level["off"])[10:-10].mean()) < 0.4
    rise = level["symmetric"][80:].mean() - level["symmetric"][:20].mean()
    assert rise > 0.8 * (level["off"][80:].mean() - level["off"][:20].mean())


def test_colours_end_at_a_cut() -> None:
    """The light changes at a cut: neither side takes anything from the other."""
    rng = np.random.default_rng()
    dark, bright = np.array([0.25, 0.18, 0.16]), np.array([0.8, 0.65, 0.6])
    given = [batch_of(rng, 4 * k, 4, dark if k < 3 else bright, cuts=(12,)) for k in range(6)]
    done = list(match_colours(given, TEMPLATE, SIZE, BlendOptions(), SmoothOptions(), 25.0))
    for batch in done:
        for row, frame in enumerate(batch.frames):
            true = skin_mean(frame.surface.planes[0] / 255)
            assert np.abs(mean_after(batch, row) - true).max() < 1.5, frame.index


def test_batches_wait_no_longer_than_the_lag() -> None:
    rng = np.random.default_rng()
    taken = []

    def source():
        for k in range(30):
            taken.append(k)
            yield batch_of(rng, k, 1, np.array([0.5, 0.4, 0.4]))

    for number, _ in enumerate(
        match_colours(source(), TEMPLATE, SIZE, BlendOptions(), SmoothOptions(lag_s=0.2), 25.0)
    ):
        assert len(taken) <= number + 1 + 5


def test_batches_without_faces_pass_in_order() -> None:
    rng = np.random.default_rng()
    given = []
    for k in range(9):
        batch = batch_of(rng, k, 1, np.array([0.5, 0.4, 0.4]))
        given.append(Batch(batch.frames, (Faces.empty(),), cuts=(False,)) if k % 3 == 1 else batch)
    done = list(match_colours(given, TEMPLATE, SIZE, BlendOptions(), SmoothOptions(), 25.0))
    assert [batch.frames[0].index for batch in done] == list(range(9))
    assert [batch.maps is None for batch in done] == [k % 3 == 1 for k in range(9)]


def test_off_leaves_everything_alone() -> None:
    rng = np.random.default_rng()
    given = [batch_of(rng, k, 1, np.array([0.5, 0.4, 0.4])) for k in range(3)]
    done = list(match_colours(given, TEMPLATE, SIZE, BlendOptions(colour="off"), SmoothOptions(), 25.0))
    assert all(a is b for a, b in zip(given, done, strict=True))
