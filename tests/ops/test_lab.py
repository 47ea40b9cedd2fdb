"""srgb_to_lab, lab_to_srgb, statistics against the formulas in float64."""

from __future__ import annotations

import numpy as np
import pytest
from support import cielab, tolerance
from support.targets import HostTarget, Target

from trtswap import ops


def grid_of_colours() -> np.ndarray:
    axis = np.linspace(0, 1, 33)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


def colours(kind: str) -> np.ndarray:
    """[N, 3]"""
    rng = np.random.default_rng()
    return grid_of_colours() if kind == "grid" else rng.uniform(0, 1, (10**6, 3))


def planar(values: np.ndarray) -> np.ndarray:
    """[N, 3] to float32 [1, 3, 1, N]"""
    return np.ascontiguousarray(values.T[None, :, None, :], np.float32)


@pytest.mark.parametrize("kind", ["grid", "random"])
def test_lab_follows_the_formulas(target: Target, kind: str) -> None:
    rgb = planar(colours(kind))
    lab = target.get(ops.srgb_to_lab(target.put(rgb)))
    expected = cielab.srgb_to_lab(rgb[0, :, 0].T)
    assert np.abs(lab[0, :, 0].T - expected).max() <= tolerance.LAB


@pytest.mark.parametrize("kind", ["grid", "random"])
def test_lab_agrees_with_scikit_image(kind: str) -> None:
    color = pytest.importorskip("skimage.color")
    rgb = planar(colours(kind))
    lab = ops.srgb_to_lab(rgb)
    assert np.abs(lab[0, :, 0].T - color.rgb2lab(rgb[0, :, 0].T.astype(np.float64))).max() <= tolerance.LAB


@pytest.mark.parametrize("kind", ["grid", "random"])
def test_there_and_back(target: Target, kind: str) -> None:
    rgb = planar(colours(kind))
    back = target.get(ops.lab_to_srgb(ops.srgb_to_lab(target.put(rgb))))
    assert np.abs(back - rgb).max() <= tolerance.LAB_ROUND_TRIP


def test_the_way_back_follows_the_formulas(target: Target) -> None:
    """Also for colours outside the gamut, which are clamped."""
    rng = np.random.default_rng()
    lab = rng.uniform((-5, -120, -120), (110, 120, 120), (10**5, 3))
    rgb = target.get(ops.lab_to_srgb(target.put(planar(lab))))
    assert (
        np.abs(rgb[0, :, 0].T - cielab.lab_to_srgb(planar(lab)[0, :, 0].T)).max() <= tolerance.LAB_ROUND_TRIP
    )


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (128, 128), (301, 97)])
@pytest.mark.parametrize("one_mask", [False, True])
def test_statistics_match_numpy(target: Target, shape: tuple[int, int], one_mask: bool) -> None:
    rng = np.random.default_rng()
    count = 3
    mixing = rng.normal(size=(3, 3)) * (20, 8, 8)
    values = np.einsum("kc,nkhw->nchw", mixing, rng.normal(size=(count, 3, *shape)))
    values = (values + rng.uniform(-60, 60, 3)[:, None, None]).astype(np.float32)
    masks = rng.uniform(0, 1, (1 if one_mask else count, *shape)).astype(np.float32) ** 2
    got = target.get(ops.statistics(target.put(values), target.put(masks)))
    for n in range(count):
        effective, mean, covariance = cielab.moments(values[n], masks[0 if one_mask else n])
        spread = np.sqrt(np.diag(covariance))
        bound = tolerance.STATISTICS_RELATIVE
        assert got[n, 0] == pytest.approx(effective, rel=bound)
        assert np.abs(got[n, 1:4] - mean).max() <= bound * np.abs(mean).max()
        scale = np.outer(spread, spread)[np.triu_indices(3)]
        assert (np.abs(got[n, 4:] - covariance[np.triu_indices(3)]) <= bound * scale + 1e-9).all()


def test_statistics_are_the_same_in_every_run(target: Target) -> None:
    rng = np.random.default_rng()
    values = rng.normal(size=(2, 3, 200, 133)).astype(np.float32)
    masks = rng.uniform(0, 1, (2, 200, 133)).astype(np.float32)
    runs = [target.get(ops.statistics(target.put(values), target.put(masks))).tobytes() for _ in range(5)]
    assert len(set(runs)) == 1


def test_an_empty_mask_has_no_statistics(target: Target) -> None:
    moments = ops.statistics(
        target.put(np.ones((1, 3, 9, 9), np.float32)), target.put(np.zeros((1, 9, 9), np.float32))
    )
    assert (target.get(moments) == 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pictures": np.zeros((2, 4, 8, 8), np.float32)}, "pictures"),
        ({"pictures": np.zeros((2, 3, 8, 8), np.float64)}, "float64"),
        ({"masks": np.zeros((3, 8, 8), np.float32)}, "masks"),
        ({"masks": np.zeros((2, 8, 9), np.float32)}, "masks"),
    ],
)
def test_bad_arguments_are_told(change: dict[str, np.ndarray], message: str) -> None:
    arguments = {"pictures": np.zeros((2, 3, 8, 8), np.float32), "masks": np.ones((2, 8, 8), np.float32)}
    with pytest.raises(ValueError, match=message):
        ops.statistics(**(arguments | change))


def test_where_results_lie() -> None:
    """On the host a result is a NumPy array of its own."""
    picture = HostTarget().put(np.zeros((1, 3, 4, 4), np.float32))
    out = np.full_like(picture, np.nan)
    assert ops.srgb_to_lab(picture, out=out) is out
    assert np.isfinite(out).all()
