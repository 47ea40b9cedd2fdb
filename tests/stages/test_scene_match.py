"""The native arithmetic of the scene match against OpenCV and SciPy, on fresh random pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates, uniform_filter

from trtswap.native import core
from trtswap.types import Array

LIKENESS = ERROR, TEXTURE, LOST, FOUND = 1.5, 30.0, 0.5, 0.9


@pytest.fixture(params=[(45, 80), (7, 9), (33, 21)])
def pictures(request: pytest.FixtureRequest) -> tuple[Array, Array]:
    """Two that are alike in parts, R'G'B', with the detail of photographs."""
    height, width = request.param
    rng = np.random.default_rng()
    first, other = rng.uniform(0, 255, (2, 3, height, width))
    first, other = (cv2.GaussianBlur(item.transpose(1, 2, 0), (0, 0), 1.0) for item in (first, other))
    share = np.linspace(0, 1, width)[:, None]
    second = first * (1 - share) + other * share
    one, two = (item.transpose(2, 0, 1).astype(np.float32) for item in (first, second))
    return one, two


def window_means(values: Array) -> Array:
    means: Array = uniform_filter(values.astype(np.float64), 7, mode="mirror")
    return means


def statistics(luma: Array) -> tuple[Array, Array]:
    luma = luma.astype(np.float64)
    mean = window_means(luma)
    return mean, window_means(luma * luma) - mean * mean


def truly_found(x: Array, y: Array) -> Array:
    (mean_x, variance_x), (mean_y, variance_y) = statistics(x), statistics(y)
    covariance = window_means(x.astype(np.float64) * y) - mean_x * mean_y
    correlation = covariance / np.sqrt((variance_x + ERROR) * (variance_y + ERROR))
    return np.clip((correlation - LOST) / (FOUND - LOST), 0, 1)


def looks(pictures: tuple[Array, Array], radius: int = 1, sigma: float = 0.5) -> Array:
    planes: Array = core.scene_pictures(np.stack(pictures), radius, sigma)[4]
    return planes


@pytest.mark.parametrize(("radius", "sigma"), [(1, 0.8), (6, 1.5), (3, 2.0)])
def test_pictures_and_their_looks(pictures: tuple[Array, Array], radius: int, sigma: float) -> None:
    lumas, means, rows, columns, planes, contrasts = core.scene_pictures(np.stack(pictures), radius, sigma)
    expected = np.einsum("c,nchw->nhw", [0.299, 0.587, 0.114], np.stack(pictures).astype(np.float64))
    np.testing.assert_allclose(lumas, expected, rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(means, expected.mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(rows, lumas.max(axis=2))
    np.testing.assert_array_equal(columns, lumas.max(axis=1))
    for luma, (smoothed, mean, variance), contrast in zip(lumas, planes, contrasts, strict=True):
        size = (2 * radius + 1,) * 2
        smooth = cv2.GaussianBlur(luma.astype(np.float64), size, sigma)
        np.testing.assert_allclose(smoothed, smooth, atol=1e-3)
        true_mean, true_variance = statistics(smooth)
        np.testing.assert_allclose(mean, true_mean, atol=1e-3)
        np.testing.assert_allclose(variance, true_variance, atol=0.02)  # of squares up to 65025, in float32
        assert contrast == pytest.approx(np.sqrt(variance.astype(np.float64)).mean(), rel=1e-6)
        alone, same = core.scene_look(luma, radius, sigma)
        np.testing.assert_array_equal(alone, [smoothed, mean, variance])
        assert same == contrast


def test_halves() -> None:
    rng = np.random.default_rng()
    picture = rng.uniform(0, 255, (2, 3, 90, 160)).astype(np.float32)
    expected = picture.reshape(2, 3, 45, 2, 80, 2).mean(axis=(3, 5), dtype=np.float64)
    np.testing.assert_allclose(core.scene_halve(picture), expected, rtol=1e-6)


def test_an_even_picture_has_no_contrast() -> None:
    value = np.random.default_rng().uniform(0, 255)
    (_, _, variance), contrast = core.scene_look(np.full((45, 80), value, np.float32), 1, 0.8)
    assert variance.min() >= 0
    assert contrast < 0.1


def test_detail_evened_out(pictures: tuple[Array, Array]) -> None:
    x, _ = looks(pictures)
    mean, variance = statistics(x[0])
    expected = np.clip(128 + 48 * (x[0] - mean) / np.sqrt(np.maximum(variance, 0) + 9), 0, 255)
    even = core.scene_even(x, 9.0)
    assert even.dtype == np.uint8
    assert np.abs(even - expected).max() < 1.5  # cut off, and variances as above
    assert np.abs(even - expected).mean() < 0.6


def moved(x: Array, y: Array, flow: Array, shift: tuple[int, int], best: Array, seen: Array) -> Any:
    return core.scene_moved(x[0], y, flow, shift, 3.0, LIKENESS, None, np.inf, best, seen)


def test_what_is_found_again(pictures: tuple[Array, Array]) -> None:
    x, y = looks(pictures)
    still = np.zeros((*x.shape[1:], 2), np.float32)
    best, seen = np.zeros((2, *x.shape[1:]), np.float32)
    weight, found = moved(x, y, still, (0, 0), best, seen)
    np.testing.assert_allclose(best, truly_found(x[0], y[0]), atol=2e-3)
    assert (seen == 1).all()
    sums = core.scene_score(x, y, LIKENESS, None, np.inf)
    np.testing.assert_allclose((sums[0], weight, found), (sums[1], *sums[1:]), rtol=1e-5)
    moved(x, x, still, (0, 0), best, seen)
    assert best.mean() > 0.99
    if best.shape == (45, 80):
        again = np.zeros_like(best)
        moved(x, y, still, (0, 0), again, seen)
        assert again[:, 5:15].mean() > again[:, -15:-5].mean() + 0.3


def test_what_is_found_again_after_a_motion(pictures: tuple[Array, Array]) -> None:
    """Of two motions the better one at each pixel; by SciPy, in double precision."""
    x, y = looks(pictures)
    height, width = x.shape[1:]
    rng = np.random.default_rng()
    best, seen = np.zeros((2, height, width), np.float32)
    expected, inside = np.zeros((2, height, width))
    for shift in ((0, 0), (int(rng.integers(-3, 4)), int(rng.integers(-3, 4)))):
        flow = cv2.GaussianBlur(rng.normal(0, 6, (height, width, 2)).astype(np.float32), (0, 0), 1.0)
        columns = flow[..., 0].astype(np.float64) + np.arange(width) + shift[0]
        rows = flow[..., 1].astype(np.float64) + np.arange(height)[:, None] + shift[1]
        there = map_coordinates(x[0].astype(np.float64), [rows, columns], order=1, mode="nearest")
        lies = (columns >= -1) & (columns <= width) & (rows >= -1) & (rows <= height)
        straight = (np.abs(flow) < 3.0).all(axis=2)
        expected = np.maximum(expected, truly_found(there, y[0]) * lies * straight)
        inside = np.maximum(inside, lies)
        weight, found = moved(x, y, flow, shift, best, seen)
        most = np.maximum(np.maximum(statistics(there)[1], statistics(y[0])[1]), 0)
        weights = most / (most + TEXTURE) * inside
        np.testing.assert_allclose(
            (weight, found), (weights.sum(), (weights * expected).sum()), rtol=5e-3, atol=0.02
        )
    np.testing.assert_array_equal(seen, inside)
    np.testing.assert_allclose(best, expected, atol=0.01)


@pytest.mark.parametrize("limit", [np.inf, 130.0])
@pytest.mark.parametrize("barred", [False, True])
def test_the_score(pictures: tuple[Array, Array], limit: float, barred: bool) -> None:
    x, y = looks(pictures)
    inside = None
    if barred:
        inside = np.ones(x.shape[1:], np.float32)
        inside[:2] = 0
    (_, variance_x), (_, variance_y) = statistics(x[0]), statistics(y[0])
    most = np.maximum(np.maximum(variance_x, variance_y), 0)
    weight = most / (most + TEXTURE) * (1 if inside is None else inside)
    left = weight * (np.maximum(x[0], y[0]) < limit)
    expected = weight.sum(), left.sum(), (left * truly_found(x[0], y[0])).sum()
    sums = core.scene_score(x, y, LIKENESS, inside, limit)
    np.testing.assert_allclose(sums, expected, rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: core.scene_halve(np.zeros((1, 3, 45, 80), np.float32)),
        lambda: core.scene_pictures(np.zeros((1, 2, 45, 80), np.float32), 1, 0.8),
        lambda: core.scene_pictures(np.zeros((1, 3, 3, 80), np.float32), 1, 0.8),
        lambda: core.scene_look(np.zeros((45, 80, 1), np.float32), 0, 0.0),
        lambda: core.scene_look(np.zeros((45, 80), np.float32), 45, 1.0),
        lambda: core.scene_look(np.zeros((45, 80), np.float32), 1, 0.0),
        lambda: core.scene_even(np.zeros((2, 45, 80)), 1.0),
        lambda: core.scene_score(np.zeros((3, 9, 8)), np.zeros((3, 9, 9)), LIKENESS, None, 1.0),
        lambda: moved(*np.zeros((2, 3, 9, 9)), np.zeros((9, 9)), (0, 0), *np.zeros((2, 9, 9), np.float32)),
        lambda: moved(*np.zeros((2, 3, 9, 9)), np.zeros((9, 9, 2)), (0, 0), *np.zeros((2, 9, 8), np.float32)),
        lambda: core.scene_score(*[np.zeros((3, 9, 9))] * 2, LIKENESS, np.zeros((9, 8)), 1.0),
    ],
)
def test_what_does_not_fit_is_refused(call: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        call()
