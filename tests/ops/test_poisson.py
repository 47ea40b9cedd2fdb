"""The composite that takes only detail from the patch: against the Poisson equation solved in float64."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import spsolve
from support import reference, tolerance
from support.targets import HostTarget, Target

from trtswap import ops
from trtswap.types import PixelFormat, Surface

SIZE = 96
IDENTITY = np.array([[[1.0, 0, 0], [0, 1, 0]]])


def disc() -> np.ndarray:
    """A mask with a soft edge some pixels wide, 0 at the border: float32 [1, S, S]."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] - (SIZE - 1) / 2
    return np.clip((36 - np.hypot(x, y)) / 4 + 0.5, 0, 1).astype(np.float32)[None]


def poisson(target: Target, surface: Surface, patch: np.ndarray, mask: np.ndarray) -> Surface:
    put = target.put_surface(surface)
    ops.composite([put], np.array([0]), IDENTITY, target.put(patch), target.put(mask), blend="poisson")
    return target.get_surface(put)


def membrane(difference: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Zero Laplacian inside, `difference` on the pixels around it."""
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(inside.sum())
    entries, right = [], np.zeros(inside.sum())
    for y, x in np.argwhere(inside):
        row = number[y, x]
        entries.append((row, row, 4.0))
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if inside[v, u]:
                entries.append((row, number[v, u], -1.0))
            else:
                right[row] += difference[v, u]
    result = difference.copy()
    rows, columns, values = zip(*entries, strict=True)
    result[inside] = spsolve(csr_matrix((values, (rows, columns))), right)
    return result


def test_it_is_near_the_solution_of_the_equation(target: Target) -> None:
    """A patch with other detail under a smooth change of light: the change goes, the detail stays."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    frame = 110 + 30 * x + cv2.GaussianBlur(rng.normal(0, 20, (SIZE, SIZE)), (0, 0), 2)
    detail = cv2.GaussianBlur(rng.normal(0, 20, (SIZE, SIZE)), (0, 0), 2)
    light = 25 - 60 * y + 30 * x * y
    edge = disc()[0]
    patch = frame + light + detail * (edge == 1)
    surface = Surface(PixelFormat.RGB8, (np.rint(np.repeat(frame[..., None], 3, axis=2)).astype(np.uint8),))
    pixels = np.ascontiguousarray(np.repeat(patch[None, None], 3, axis=1) / 255, np.float32)
    after = poisson(target, surface, pixels, disc()).planes[0][..., 1].astype(np.float64)
    codes = surface.planes[0][..., 1].astype(np.float64)
    true = patch - membrane(patch - codes, edge > 0.5)
    whole = edge == 1
    assert np.abs(after - true)[whole].mean() < tolerance.MEMBRANE_CODES
    assert np.abs(patch - codes)[whole].mean() > 3 * tolerance.MEMBRANE_CODES
    assert np.abs(patch - true)[whole].mean() > 3 * tolerance.MEMBRANE_CODES


@pytest.mark.parametrize("format", list(PixelFormat))
def test_a_shift_of_all_colours_goes_entirely(target: Target, format: PixelFormat) -> None:
    """A patch that is the frame but for one colour added everywhere leaves the frame as it is."""
    rng = np.random.default_rng()
    smooth = cv2.GaussianBlur(rng.uniform(0, 1, (SIZE // 2, SIZE // 2, 3)), (0, 0), 4)
    rgb = cv2.resize(0.5 + (smooth - 0.5) * 2, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    colour = reference.random_colour(rng)
    if format is PixelFormat.RGB8:
        surface = Surface(format, (np.rint(rgb * 255).astype(np.uint8),))
    else:
        yuv = reference.rgb_to_yuv(rgb * 255, colour, format.bit_depth)
        chroma = yuv[..., 1:].reshape(SIZE // 2, 2, SIZE // 2, 2, 2).mean(axis=(1, 3))
        shift = 6 if format is PixelFormat.P010 else 0
        planes = [(np.rint(p).astype(np.uint16) << shift).astype(format.dtype) for p in (yuv[..., 0], chroma)]
        surface = Surface(format, tuple(planes), colour)
    patch = np.ascontiguousarray(np.moveaxis(rgb + np.array([0.08, -0.05, 0.06]), -1, 0)[None], np.float32)
    after = poisson(target, surface, patch, disc())
    unit = 4 if format is PixelFormat.P010 else 1
    for got, want in zip(reference.codes(after), reference.codes(surface), strict=True):
        assert np.abs(got - want).max() <= 2 * unit


@pytest.mark.parametrize("format", list(PixelFormat))
def test_nothing_outside_changes_and_host_and_cuda_agree(target: Target, format: PixelFormat) -> None:
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, format, 150, 131, padded=True)
    size, count = 48, 3
    placements = np.stack([reference.random_placement(rng, 150, 131, size, (0.4, 2.0)) for _ in range(count)])
    patches = rng.uniform(0, 1, (count, 3, size, size)).astype(np.float32)
    masks = np.zeros((1, size, size), np.float32)
    masks[:, 8:-8, 8:-8] = cv2.GaussianBlur(np.pad(np.ones((24, 24), np.float32), 4), (0, 0), 2)
    results = []
    for where in (HostTarget(), target):
        put = where.put_surface(surface)
        ops.composite(
            [put], np.zeros(count, int), placements, where.put(patches), where.put(masks), blend="poisson"
        )
        results.append(where.get_surface(put))
    for got, want in zip(reference.codes(results[1]), reference.codes(results[0]), strict=True):
        assert (np.abs(got - want) > tolerance.TARGETS_CODES).mean() <= tolerance.TARGETS_SHARE
    x, y = np.meshgrid(np.arange(150.0), np.arange(131.0))
    outside = np.ones((131, 150), bool)
    for placement in placements:
        u, v = reference.apply(placement, x, y)
        outside &= (u < 5) | (v < 5) | (u > size - 6) | (v > size - 6)
    assert (results[1].planes[0][outside] == surface.planes[0][outside]).all()
    assert (results[1].planes[0][~outside] != surface.planes[0][~outside]).any()


def test_empty_and_whole_masks(target: Target) -> None:
    """Without a line there is nothing to take colour from: the patch stays as it is, or away."""
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, PixelFormat.NV12, SIZE, SIZE)
    patch = rng.uniform(0, 1, (1, 3, SIZE, SIZE)).astype(np.float32)
    none = poisson(target, surface, patch, np.zeros((1, SIZE, SIZE), np.float32))
    assert all(np.array_equal(a, b) for a, b in zip(none.planes, surface.planes, strict=True))
    whole = poisson(target, surface, patch, np.ones((1, SIZE, SIZE), np.float32))
    assert np.isfinite(reference.codes(whole)[0]).all()
