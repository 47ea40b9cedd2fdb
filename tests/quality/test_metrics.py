"""Figures of single frames and pairs: closed forms, and other implementations."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from support import tolerance

from trtswap.geometry import compose, invert
from trtswap.quality import metrics, region
from trtswap.quality.full_reference import ciede2000

S = region.SIZE


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng()


def texture(rng: np.random.Generator, size: int = S) -> Any:
    """Smooth random structure, the same at every scale that matters here: float32 [size, size, 3]."""
    picture = np.zeros((size, size, 3), np.float32)
    for sigma, strength in ((2, 30), (5, 80), (12, 200)):
        noise = rng.standard_normal((size, size, 3)).astype(np.float32)
        picture += strength * cv2.GaussianBlur(noise, (0, 0), sigma) * np.sqrt(sigma)
    return np.clip(128 + picture, 0, 255)


def flat(*colour: float) -> Any:
    return np.tile(np.array(colour, np.float32), (S, S, 1))


def test_tpsnr_is_psnr(rng: np.random.Generator) -> None:
    one, other = texture(rng), texture(rng)
    square = np.mean((one.astype(float) - other) ** 2)
    assert metrics.tpsnr_db(one, other) == pytest.approx(10 * np.log10(255**2 / square), abs=1e-4)
    assert metrics.tpsnr_db(one, one) == metrics.TPSNR_CEILING_DB
    psnr = pytest.importorskip("skimage.metrics").peak_signal_noise_ratio
    assert metrics.tpsnr_db(one, other) == pytest.approx(psnr(one, other, data_range=255), abs=1e-4)


@pytest.mark.parametrize("turning", [True, False])
@pytest.mark.parametrize("length", [0.02, 0.25, 1.0, 3.0])
def test_motion_is_found(rng: np.random.Generator, turning: bool, length: float) -> None:
    """A known motion, drawn by a high-order resampling of another library, with noise and a change of brightness."""
    scipy = pytest.importorskip("scipy.ndimage")
    before = texture(rng, 2 * S)
    way, turn, growth = rng.uniform(0, 2 * np.pi), 0.0, 0.0
    if turning:
        turn, growth = rng.uniform(-0.03, 0.03), rng.uniform(-0.03, 0.03)
    linear = (1 + growth) * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = region.CENTRE + S / 2
    shift = length * np.array([np.cos(way), np.sin(way)])
    motion = np.column_stack([linear, middle + shift - linear @ middle])
    back = invert(motion)
    swapped = back[::-1, :2][:, ::-1]  # rows first
    now = np.stack(
        [
            scipy.affine_transform(before[..., k], swapped, back[::-1, 2], order=5, mode="nearest")
            for k in range(3)
        ],
        axis=-1,
    )
    inner = (slice(S // 2, S // 2 + S),) * 2
    noisy = now[inner] + 4 + rng.normal(0, 2, (S, S, 3))
    got = metrics.motion_between(before[inner], noisy.astype(np.float32), region.FACE, turning=turning)
    to_square = np.array([[1, 0, -S / 2], [0, 1, -S / 2]])
    expected = compose(compose(to_square, motion), invert(to_square))
    assert got is not None
    assert metrics.displacement(got, expected) < tolerance.MOTION_PX


def test_a_shift_agrees_with_scikit_image(rng: np.random.Generator) -> None:
    """Phase correlation, another method altogether, to a hundredth of a pixel."""
    registration = pytest.importorskip("skimage.registration")
    before = texture(rng)
    shift = rng.uniform(-2, 2, 2)
    spectrum = np.fft.fft2(before, axes=(0, 1))
    rows, columns = np.fft.fftfreq(S)[:, None, None], np.fft.fftfreq(S)[None, :, None]
    now = np.fft.ifft2(
        spectrum * np.exp(-2j * np.pi * (rows * shift[1] + columns * shift[0])), axes=(0, 1)
    ).real
    theirs, *_ = registration.phase_cross_correlation(
        before.mean(axis=2), now.mean(axis=2), upsample_factor=200, normalization=None
    )
    got = metrics.motion_between(before, now.astype(np.float32), region.STEADY, turning=False)
    assert got is not None
    assert got[:, 2] == pytest.approx(-theirs[::-1], abs=tolerance.MOTION_PX + 0.01)


def test_no_motion_is_told_of_a_picture_without_structure() -> None:
    assert metrics.motion_between(flat(90, 90, 90), flat(90, 90, 90), region.FACE) is None
    stripes = np.tile((np.arange(S) % 16 * 16).astype(np.float32)[None, :, None], (S, 1, 3))
    assert metrics.motion_between(stripes, stripes, region.FACE, turning=False) is None


def test_displacement_of_known_motions() -> None:
    moved = np.array([[1, 0, 3.0], [0, 1, 4.0]])
    assert metrics.displacement(metrics.UNMOVED, moved) == pytest.approx(5)
    grown = np.array([[2.0, 0, 0], [0, 2.0, 0]])
    expected = np.sqrt((region.POINTS**2).sum(axis=1).mean())
    assert metrics.displacement(metrics.UNMOVED, grown) == pytest.approx(expected)


def test_sharpness_of_a_ramp_and_of_blur(rng: np.random.Generator) -> None:
    ramp = np.tile((np.arange(S) * 1.5).astype(np.float32)[None, :, None], (S, 1, 3))
    assert metrics.sharpness(ramp, region.CORE) == pytest.approx(1.5**2, rel=1e-4)
    wave = (100 + 50 * np.sin(2 * np.pi * np.arange(S) / 32)).astype(np.float32)
    picture = np.tile(wave[None, :, None], (S, 1, 3))
    step = 2 * np.pi / 32
    slopes = 50 * np.sin(step) * np.cos(step * np.arange(S))  # of central differences
    expected = (np.tile(slopes**2, (S, 1)) * region.CORE).sum() / region.CORE.sum()
    assert metrics.sharpness(picture, region.CORE) == pytest.approx(expected, rel=1e-3)
    sharp = texture(rng)
    energies = [metrics.sharpness(cv2.GaussianBlur(sharp, (0, 0), s), region.CORE) for s in (0.5, 1, 2, 4)]
    assert energies == sorted(energies, reverse=True)


def disc(radius: float) -> Any:
    """1 in a disc round the face, fading over a pixel: float32 [S, S, 1]."""
    y, x = np.mgrid[:S, :S]
    away = np.hypot(x - region.CENTRE[0], y - region.CENTRE[1])
    return np.clip(radius - away + 0.5, 0, 1).astype(np.float32)[..., None]


def area_of(result: Any, source: Any) -> metrics.Area:
    return metrics.changed_area(metrics.difference(result, source))


def test_the_changed_area_is_where_something_changed(rng: np.random.Generator) -> None:
    source = texture(rng) * 0.5 + 40
    area = area_of(source + 30 * disc(40), source)
    assert area.changed.sum() == pytest.approx(np.pi * 40**2, rel=0.1)
    assert area.beyond is not None
    y, x = np.mgrid[:S, :S]
    true = np.hypot(x - region.CENTRE[0], y - region.CENTRE[1]) - 40
    near = np.abs(true) < 8
    assert np.abs(area.beyond - true)[near].mean() < 2.5
    nothing = area_of(source + rng.normal(0, 0.5, source.shape).astype(np.float32), source)
    assert not nothing.changed.any()
    assert np.isnan(metrics.seam(source, source, nothing))
    assert not nothing.ring.any()


@pytest.mark.parametrize("step", [4.0, 10.0, 40.0])
def test_the_seam_of_a_known_step(rng: np.random.Generator, step: float) -> None:
    """A sharp edge of so many codes falls into one whole pixel, or is shared by a few."""
    source = texture(rng) * 0.5 + 40
    result = source + step * disc(38)
    found = metrics.seam(result, source, area_of(result, source))
    assert 0.25 * step < found < 1.05 * step


def test_a_soft_edge_is_no_seam(rng: np.random.Generator) -> None:
    source = texture(rng) * 0.5 + 40
    seams = []
    for softness in (0.5, 2, 4, 8):
        result = source + 20 * cv2.GaussianBlur(disc(38), (0, 0), softness)[..., None]
        seams.append(metrics.seam(result, source, area_of(result, source)))
    assert seams == sorted(seams, reverse=True)
    assert seams[-1] < 0.3 * seams[0]


def test_the_seam_ratio_counts_what_was_added(rng: np.random.Generator) -> None:
    source = texture(rng) * 0.5 + 40
    result = source + 40 * disc(38)
    area = area_of(result, source)
    assert metrics.seam_ratio(result, source, area.ring) > 1.3
    shifted = source + 40
    assert metrics.seam_ratio(shifted, source, area.ring) == pytest.approx(1, abs=1e-4)


def skin(rng: np.random.Generator) -> Any:
    """A picture of one skin colour with eyes, and hair above."""
    picture = flat(205, 150, 125) + rng.normal(0, 1, (S, S, 3)).astype(np.float32)
    picture[:24] = (40, 30, 25)
    for x, y in region.POINTS[:2].astype(int):
        picture[y - 3 : y + 3, x - 5 : x + 5] = (20, 20, 30)
    return picture


def test_skin_is_found_inside_and_around(rng: np.random.Generator) -> None:
    inside, around = metrics.skin_places(skin(rng), None)
    small = region.small(region.INK) > 0
    assert not (inside & around).any()
    assert not (around & small).any()
    assert not around[:6].any(), "hair is no skin"
    assert around.sum() > 300
    eye = (region.POINTS[0] / S * 32).astype(int)
    assert not inside[eye[1], eye[0]]
    changed = np.zeros((S, S), bool)
    changed[:, S // 2 :] = True
    _, beside = metrics.skin_places(skin(rng), changed)
    assert not beside[:, 16:].any()


def test_the_colour_gap_is_the_difference_of_the_colours(rng: np.random.Generator) -> None:
    source = skin(rng)
    result = source.copy()
    result[region.CORE > 0] += (-18, 4, 9)
    inside, around = metrics.skin_places(source, None)
    own, made = metrics.tint(source, inside, around), metrics.tint(result, inside, around)
    expected = float(ciede2000(flat(205 - 18, 154, 134)[:1, :1], flat(205, 150, 125)[:1, :1])[0, 0])
    assert own.gap == pytest.approx(0, abs=0.5)
    assert made.gap == pytest.approx(expected, abs=0.6)
    assert made.gap_added(own) == pytest.approx(expected, abs=0.4)
    assert own.gap_added(own) == 0
    elsewhere = result - 10  # the whole frame darker: nothing added to the face alone
    moved = metrics.tint(elsewhere, inside, around)
    assert moved.gap_added(own) == pytest.approx(expected, abs=1.0)
    nowhere = metrics.tint(source, inside, np.zeros_like(around))
    assert nowhere.gap is None


def test_cosine_and_second_difference(rng: np.random.Generator) -> None:
    one = rng.normal(size=512)
    assert metrics.cosine(one, 3 * one) == pytest.approx(1)
    assert metrics.cosine(one, -one) == pytest.approx(-1)
    assert np.isnan(metrics.cosine(one, np.zeros(512)))
    start, step = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    even = np.stack([start, start + step, start + 2 * step])
    assert metrics.second_difference(even) == pytest.approx(0, abs=1e-12)
    even[1] += (3, 4)
    assert metrics.second_difference(even) == pytest.approx(10)


def test_how_much_changed_and_stirred(rng: np.random.Generator) -> None:
    source = texture(rng)
    assert metrics.mean_change(source + 7, source) == pytest.approx(7, rel=1e-4)
    assert metrics.stir(source, source - 5, region.CORE) == pytest.approx(5, rel=1e-4)
    noise = source + rng.normal(0, 4, source.shape).astype(np.float32)
    assert metrics.stir(source, noise, region.CORE) < 1, "noise does not count"
