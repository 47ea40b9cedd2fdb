"""Colour maps against Monge-Kantorovich and Reinhard in float64, and where they must hold back."""

from __future__ import annotations

import numpy as np
import pytest
from support import cielab, reference, tolerance
from support.targets import Target

from trtswap import ops
from trtswap.types import PixelFormat, Surface

RIDGE = 1.0
FEW = 16.0


def moments(mean: np.ndarray, covariance: np.ndarray, count: float = 1e9) -> np.ndarray:
    return np.concatenate([[count], mean, covariance[np.triu_indices(3)]])


def pair(source: np.ndarray, target: np.ndarray, matrix: np.ndarray | None = None) -> np.ndarray:
    """The moments of two pictures, float64 [1, 3, 10], that a map turns into each other and nothing else tells apart:
    the covariance between them is S M. matrix: of the map, else Monge-Kantorovich."""
    s, t = (as_covariance(row) + RIDGE * np.eye(3) for row in (source, target))
    cross = (cielab.monge_kantorovich(s, t) if matrix is None else matrix) @ s
    return np.stack(
        [source, target, moments(target[1:4] - source[1:4], s + t - (cross + cross.T), source[0])]
    )[None]


def as_covariance(row: np.ndarray) -> np.ndarray:
    matrix = np.zeros((3, 3))
    matrix[np.triu_indices(3)] = row[4:]
    return np.triu(matrix) + np.triu(matrix, 1).T


def random_covariance(rng: np.random.Generator, least: float = 0.7, most: float = 1.4) -> np.ndarray:
    """Spreads like those of skin, with correlations; `least` and `most` bound the ratio of two such."""
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    spread = np.array([12, 5, 4]) * rng.uniform(least, most, 3)
    return (turn * spread**2) @ turn.T


def as_matrix(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return maps[0, :9].reshape(3, 3).astype(np.float64), maps[0, 9:].astype(np.float64)


def test_monge_kantorovich_matches_its_definition() -> None:
    rng = np.random.default_rng()
    for _ in range(50):
        base = random_covariance(rng)
        root = cielab.square_root(base)
        gain, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        true = (gain * rng.uniform(0.75, 1.35, 3)) @ gain.T  # within the bounds of gain
        source, target = base, true @ base @ true
        del root
        means = rng.uniform((20, -10, -5), (80, 30, 30), (2, 3))
        maps = ops.transfer_maps(pair(moments(means[0], source), moments(means[1], target)), "mk")
        matrix, offset = as_matrix(maps)
        ridge = RIDGE * np.eye(3)
        expected = cielab.monge_kantorovich(source + ridge, target + ridge)
        assert np.abs(matrix - expected).max() <= tolerance.MAP
        assert np.abs(matrix @ means[0] + offset - means[1]).max() <= tolerance.MAP * 100


@pytest.mark.parametrize("method", ["mk", "reinhard"])
def test_what_only_one_picture_has_is_not_given_to_the_other(method: str) -> None:
    """Contrast and shift that go with a beard: the more pixels disagree, the less of them is done."""
    rng = np.random.default_rng()
    source = moments(rng.uniform(40, 60, 3), np.diag([81.0, 9, 9]))
    target = moments(source[1:4] - (3, 0.5, 0.5), np.diag([182.0, 12, 10]))
    alike = pair(source, target, np.diag(np.sqrt([183 / 82, 13 / 10, 11 / 10])))
    gains, shifts = [], []
    for apart in (0.0, 10, 60, 150):
        each = alike.copy()
        each[0, 2, 4] += apart  # of the variance of the difference in L*
        matrix, offset = as_matrix(ops.transfer_maps(each, method))
        gains.append(matrix[0, 0] - 1)
        shifts.append(np.linalg.norm(matrix @ source[1:4] + offset - source[1:4]))
    assert gains == sorted(gains, reverse=True)
    assert shifts == sorted(shifts, reverse=True)
    assert gains[0] > 0.45
    assert gains[1] > 0.4
    assert gains[2] < 0.25
    assert gains[3] < 0.03
    assert shifts[3] < 0.5 < 3 < shifts[0]


def test_transferred_moments_are_the_target_s(target: Target) -> None:
    """A patch that went through its map has, in L*a*b*, the mean and (but for the ridge) covariance of the frame's."""
    rng = np.random.default_rng()
    lab = rng.normal(size=(2, 3, 64, 64))
    lab = (
        lab * np.array([[9, 4, 3], [11, 5, 4]])[:, :, None, None]
        + np.array([[55, 12, 14], [45, 20, 8]])[:, :, None, None]
    )
    rgb = ops.lab_to_srgb(lab.astype(np.float32))
    mask = np.ones((1, 64, 64), np.float32)
    before = ops.statistics(ops.srgb_to_lab(rgb), mask)
    maps = ops.transfer_maps(pair(*before), "mk")
    moved = target.get(ops.colour_transfer(target.put(rgb[:1]), target.put(maps)))
    after = ops.statistics(ops.srgb_to_lab(moved), mask)[0]
    assert np.abs(after[1:4] - before[1, 1:4]).max() < 0.3
    assert np.abs(after[[4, 7, 9]] / before[1, [4, 7, 9]] - 1).max() < 0.06


def test_reinhard_scales_each_channel() -> None:
    rng = np.random.default_rng()
    source = random_covariance(rng)
    gains = np.diag(rng.uniform(0.6, 1.7, 3))
    target = gains @ source @ gains
    ratio = np.sqrt((np.diag(target) + RIDGE) / (np.diag(source) + RIDGE))
    both = pair(moments(np.zeros(3), source), moments(np.ones(3), target), np.diag(ratio))
    matrix, offset = as_matrix(ops.transfer_maps(both, "reinhard"))
    assert np.abs(matrix - np.diag(ratio)).max() <= tolerance.MAP
    assert np.abs(offset - 1).max() <= tolerance.MAP


@pytest.mark.parametrize("method", ["mk", "reinhard"])
def test_strength_goes_from_nothing_to_all(method: str) -> None:
    rng = np.random.default_rng()
    both = pair(moments(np.zeros(3), random_covariance(rng)), moments(np.ones(3), random_covariance(rng)))
    none, half, whole = (ops.transfer_maps(both, method, s)[0].astype(np.float64) for s in (0, 0.5, 1))
    assert np.array_equal(none, np.concatenate([np.eye(3).ravel(), np.zeros(3)]))
    assert np.abs(half - (none + whole) / 2).max() <= tolerance.MAP


@pytest.mark.parametrize("method", ["mk", "reinhard"])
def test_degenerate_statistics_end_smoothly(method: str) -> None:
    rng = np.random.default_rng()
    skin, zero = random_covariance(rng), np.zeros((3, 3))
    grey = np.diag([100.0, 0, 0])
    mean = np.array([50.0, 10, 10])
    for source, target in [(zero, skin), (skin, zero), (zero, zero), (grey, skin), (skin, grey)]:
        matrix, offset = as_matrix(
            ops.transfer_maps(pair(moments(mean, source), moments(mean + 5, target)), method)
        )
        gains = np.linalg.eigvalsh((matrix + matrix.T) / 2)
        assert np.isfinite(matrix).all()
        assert np.isfinite(offset).all()
        assert gains.min() >= 0.5 - 1e-6
        assert gains.max() <= 2 + 1e-6
        shift = matrix @ mean + offset - mean  # all of it, but where nothing correlates
        assert (shift > 2).all()
        assert (shift <= 5 + 1e-3).all()
    nothing = ops.transfer_maps(pair(moments(mean, skin, 0), moments(mean + 9, grey, 0)), method)[0]
    assert np.array_equal(nothing, np.concatenate([np.eye(3).ravel(), np.zeros(3)]).astype(np.float32))
    few = as_matrix(ops.transfer_maps(pair(moments(mean, skin, FEW), moments(mean + 8, skin, FEW)), method))
    assert np.abs(few[0] @ mean + few[1] - mean - 4).max() <= 1e-3


def test_what_no_map_explains_is_not_followed() -> None:
    """The less two pictures correlate, the less are small shifts and changes of contrast believed; large ones are."""
    skin = np.diag([100.0, 16, 9])
    mean = np.array([50.0, 10, 10])

    def map_of(shift: float, gain: float, correlation: float) -> tuple[np.ndarray, np.ndarray]:
        difference = skin * (1 + gain**2 - 2 * correlation * gain)
        three = [
            moments(mean, skin),
            moments(mean + np.array([shift, 0, 0]), skin * gain**2),
            moments(np.array([shift, 0, 0]), difference),
        ]
        return as_matrix(ops.transfer_maps(np.stack(three)[None], "mk"))

    moved = {}
    for correlation in (1.0, 0.9, 0.6):
        for shift, gain in ((1, 1.05), (20, 1.5)):
            matrix, offset = map_of(shift, gain, correlation)
            moved[correlation, shift] = (
                (matrix @ mean + offset - mean)[0] / shift,
                (matrix[0, 0] - 1) / (gain - 1),
            )
    assert moved[1.0, 1] == pytest.approx((1, 1), abs=0.05)
    assert max(moved[0.6, 1]) < 0.5 * min(moved[1.0, 1])
    assert moved[0.6, 1] < moved[0.9, 1]
    assert min(moved[0.9, 20]) > 0.9


@pytest.mark.parametrize("half", [False, True])
def test_colour_transfer_matches_the_formulas(target: Target, half: bool) -> None:
    rng = np.random.default_rng()
    dtype = np.float16 if half else np.float32
    patches = rng.uniform(-1.1, 1.1, (3, 3, 40, 33)).astype(dtype)
    maps = (np.concatenate([np.eye(3).ravel(), np.zeros(3)]) + rng.uniform(-0.2, 0.2, (3, 12))).astype(
        np.float32
    )
    got = target.get(ops.colour_transfer(target.put(patches), target.put(maps), scale=0.5, offset=0.5))
    assert got.dtype == dtype
    for n in range(3):
        rgb = np.clip(np.moveaxis(patches[n].astype(np.float64), 0, -1) * 0.5 + 0.5, 0, 1)
        lab = cielab.srgb_to_lab(rgb) @ maps[n, :9].reshape(3, 3).T.astype(np.float64) + maps[n, 9:]
        error = np.abs(np.moveaxis(got[n].astype(np.float64), 0, -1) - cielab.lab_to_srgb(lab)).max()
        assert error <= tolerance.LAB_ROUND_TRIP + (tolerance.HALF_RELATIVE if half else 0)


def plain_surface(rgb: np.ndarray, format: PixelFormat) -> Surface:
    """R'G'B' uint8 [H, W, 3], even sizes, as a surface."""
    rng = np.random.default_rng(0)
    colour = reference.random_colour(rng)
    if format is PixelFormat.RGB8:
        return Surface(format, (rgb,), colour)
    bits = format.bit_depth
    yuv = reference.rgb_to_yuv(rgb, colour, bits)
    chroma = yuv[..., 1:].reshape(rgb.shape[0] // 2, 2, rgb.shape[1] // 2, 2, 2).mean(axis=(1, 3))
    shift = 6 if format is PixelFormat.P010 else 0
    planes = [
        (np.rint(plane).astype(np.uint16) << shift).astype(format.dtype) for plane in (yuv[..., 0], chroma)
    ]
    return Surface(format, tuple(planes), colour)


@pytest.mark.parametrize("format", list(PixelFormat))
@pytest.mark.parametrize("half", [False, True])
def test_measured_colour_is_that_of_the_skin(target: Target, format: PixelFormat, half: bool) -> None:
    """Two tones of skin with soft shading, a dark lock of hair, a highlight and noise in one of them: the moments are
    those of the skin alone."""
    rng = np.random.default_rng()
    size, scale = 128, 2
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    shade = (1 - 0.5 * (x**2 + y**2))[..., None]
    patch = np.array([0.80, 0.62, 0.52]) * shade
    frame = np.kron(np.array([0.55, 0.42, 0.38]) * shade, np.ones((scale, scale, 1)))
    truth = [
        cielab.moments(np.moveaxis(cielab.srgb_to_lab(rgb), -1, 0), np.ones(rgb.shape[:2]))
        for rgb in (patch, frame)
    ]
    frame = frame + rng.normal(0, 0.01, frame.shape)
    frame[:40] = (0.08, 0.05, 0.04)  # hair
    frame[120:140, 90:110] = 1.0  # a highlight
    surface = plain_surface(np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8), format)
    placement = np.array([[[1 / scale, 0, 0.5 / scale - 0.5], [0, 1 / scale, 0.5 / scale - 0.5]]])
    patches = np.moveaxis(patch, -1, 0)[None].astype(np.float16 if half else np.float32)
    got = target.get(
        ops.measure_colour(
            [target.put_surface(surface)], np.array([0]), placement, target.put(patches),
            target.put(np.ones((1, size, size), np.float32)),
        )
    )[0]  # fmt: skip
    for side in (0, 1):
        assert np.abs(got[side, 1:4] - truth[side][1]).max() < 1.0
    assert got[0, 0] == got[1, 0] > 2000  # of 4096 samples


def test_host_and_cuda_measure_the_same(target: Target) -> None:
    rng = np.random.default_rng()
    surfaces = [reference.random_surface(rng, PixelFormat.NV12, 320, 240) for _ in range(3)]
    count, size = 20, 96
    indices = np.arange(count) % 3
    placements = np.stack([reference.random_placement(rng, 320, 240, size) for _ in range(count)])
    patches = rng.uniform(0, 1, (count, 3, size, size)).astype(np.float32)
    weights = rng.uniform(0, 1, (count, size, size)).astype(np.float32)
    expected = ops.measure_colour(surfaces, indices, placements, patches, weights)
    expected_maps = ops.transfer_maps(expected, "mk", 0.7)
    maps = target.put(np.zeros((count, 12), np.float32))
    put = [target.put_surface(surface) for surface in surfaces]
    got = ops.measure_colour(
        put, indices, placements, target.put(patches), target.put(weights), maps=maps, strength=0.7
    )
    difference = np.abs(target.get(got) - expected)
    spread = np.sqrt(expected[..., [4, 7, 9]])
    both = (spread[..., :, None] * spread[..., None, :])[..., np.triu_indices(3)[0], np.triu_indices(3)[1]]
    assert (difference[..., 0] <= tolerance.MEASURE_RELATIVE * expected[..., 0]).all()
    assert (difference[..., 1:4] <= tolerance.MEASURE_RELATIVE * spread).all()
    assert (difference[..., 4:] <= tolerance.MEASURE_RELATIVE * both).all()
    assert np.allclose(target.get(maps), expected_maps, rtol=1e-3, atol=1e-3)


def test_a_face_outside_the_frame_is_not_measured(target: Target) -> None:
    surface = target.put_surface(reference.random_surface(np.random.default_rng(), PixelFormat.NV12, 64, 64))
    placement = np.array([[[1.0, 0, 900], [0, 1, 900]]])
    moments = ops.measure_colour(
        [surface], np.array([0]), placement, target.put(np.full((1, 3, 32, 32), 0.5, np.float32)),
        target.put(np.ones((1, 32, 32), np.float32)),
    )  # fmt: skip
    assert (target.get(moments) == 0).all()
