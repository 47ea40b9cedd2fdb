"""The box mask against its definition, computed the long way in float64."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtswap.errors import OptionError
from trtswap.geometry import TEMPLATES, template_points
from trtswap.options import MaskOptions
from trtswap.stages.mask import box_mask, combine, ellipse_mask, face_masks, hull_masks, skin_weights, soften


def slow_box_mask(size: int, blur: float, padding: tuple[float, ...]) -> np.ndarray:
    amount = int(0.5 * size * blur)
    border = max(amount // 2, 1)
    top, right, bottom, left = (max(border, int(size * side / 100)) for side in padding)
    mask = np.ones((size, size))
    mask[:top] = mask[size - bottom :] = 0
    mask[:, :left] = mask[:, size - right :] = 0
    if amount == 0:
        return mask
    sigma = amount / 4
    reach = (round(8 * sigma + 1) | 1) // 2
    kernel = np.exp(-(np.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (reach, reach)
        padded = np.pad(mask, pad, mode="reflect")
        mask = np.apply_along_axis(np.convolve, axis, padded, kernel, mode="valid")
    return mask


@given(
    size=st.sampled_from([64, 112, 128, 256]),
    blur=st.floats(0, 1),
    padding=st.tuples(*[st.floats(0, 45)] * 4),
)
def test_box_mask_follows_its_definition(
    size: int, blur: float, padding: tuple[float, float, float, float]
) -> None:
    mask = box_mask(size, MaskOptions(blur, padding))
    assert mask.dtype == np.float32
    assert mask.shape == (size, size)
    assert np.abs(mask - slow_box_mask(size, blur, padding)).max() <= 2e-6


def test_published_kernel_widths() -> None:
    """At blur 0.3 the outer edge is close to nothing and the middle is whole, at every crop size."""
    for size in (128, 256, 512):
        mask = box_mask(size, MaskOptions())
        assert mask[:, 0].max() < 0.08
        assert mask[size // 4 : -size // 4, size // 4 : -size // 4].min() > 0.999
        assert np.allclose(mask, mask.T)


@pytest.mark.parametrize("bad", [{"blur": 1.5}, {"padding": (60, 0, 40, 0)}, {"padding": (0, -1, 0, 0)}])
def test_bad_masks_are_refused(bad) -> None:
    with pytest.raises(OptionError, match="mask"):
        MaskOptions(**bad)


def slow_soften(mask: np.ndarray) -> np.ndarray:
    kernel = np.exp(-(np.arange(-20, 21.0) ** 2) / 50)
    kernel /= kernel.sum()
    blurred = mask.astype(np.float64)
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (20, 20)
        padded = np.pad(blurred, pad, mode="reflect")
        blurred = sum(
            weight * np.take(padded, np.arange(mask.shape[axis]) + step, axis)
            for step, weight in enumerate(kernel)
        )
    return 2 * (np.clip(blurred, 0.5, 1) - 0.5)


def test_softening_blurs_and_drops_the_lower_half() -> None:
    masks = np.random.default_rng().uniform(0, 1, (2, 60, 70)).astype(np.float32)
    masks[0, :30] = 1
    masks[1] = 0
    for got, mask in zip(soften(masks), masks, strict=True):
        np.testing.assert_allclose(got, slow_soften(mask), atol=1e-5)


def test_the_least_of_the_masks_counts() -> None:
    rng = np.random.default_rng()
    box, first, second = (rng.random((count, 8, 8), np.float32) for count in (1, 3, 3))
    expected = np.array(
        [
            [[min(box[0, y, x], first[f, y, x], second[f, y, x]) for x in range(8)] for y in range(8)]
            for f in range(3)
        ]
    )
    np.testing.assert_array_equal(combine([box, first, second]), expected)


def test_without_the_box_the_crop_is_taken_whole() -> None:
    assert (box_mask(32, MaskOptions(kinds=("occlusion",))) == 1).all()


def face_68(rng: np.random.Generator | None = None) -> np.ndarray:
    """Sixty-eight points about where they lie in a crop of 128 pixels on arcface_128: jaw, brows, nose, eyes, mouth."""
    angle = np.linspace(np.pi * 0.95, np.pi * 0.05, 17)
    jaw = np.stack([64 + 40 * np.cos(angle), 52 + 60 * np.sin(angle)], axis=-1)
    brows = [(34 + 5 * k, 42 - 2 * (k % 4)) for k in range(5)] + [
        (74 + 5 * k, 42 - 2 * (k % 4)) for k in range(5)
    ]
    nose = [(64, 52 + 6 * k) for k in range(4)] + [(56 + 4 * k, 76) for k in range(5)]
    eyes = [(x + 7 * np.cos(a), 52 + 3 * np.sin(a)) for x in (46, 82) for a in np.arange(6) * np.pi / 3]
    mouth = [(64 + 17 * np.cos(a), 92 + 7 * np.sin(a)) for a in np.arange(12) * np.pi / 6]
    mouth += [(64 + 12 * np.cos(a), 92 + 4 * np.sin(a)) for a in np.arange(8) * np.pi / 4]
    points = np.concatenate([jaw, brows, nose, eyes, mouth])
    return points if rng is None else points + rng.normal(0, 0.5, points.shape)


def test_hull_is_the_convex_hull_with_lifted_brows() -> None:
    points = face_68(np.random.default_rng())
    mask = hull_masks(points[None], 128)[0]
    hull = cv2.convexHull(np.float32(points))
    y, x = np.mgrid[0:128, 0:128]
    inside = np.array(
        [
            cv2.pointPolygonTest(hull, (float(a), float(b)), True)
            for a, b in zip(x.ravel(), y.ravel(), strict=True)
        ]
    ).reshape(128, 128)
    assert mask.dtype == np.float32
    assert (mask[inside > 1] == 1).all()
    below = y > 64  # under the brows nothing but the hull itself
    assert (mask[below & (inside < -2)] == 0).all()
    assert mask[26:32, 58:70].min() > 0.5  # some forehead
    assert mask[:10].max() == 0


def test_ellipse_spans_the_face_of_the_template() -> None:
    for template in TEMPLATES:
        mask = ellipse_mask(200, template)
        points = template_points(template, (200, 200)).round().astype(int)
        assert (mask[points[:, 1], points[:, 0]] == 1).all(), template
        rows = np.flatnonzero(mask.max(axis=1) > 0.5)
        eye, mouth = points[:2, 1].mean(), points[3:, 1].mean()
        assert rows[-1] > mouth + 0.3 * (mouth - eye) or rows[-1] == 199
        assert 0 < mask.mean() < 0.8


@pytest.mark.parametrize("kinds", [("box",), ("ellipse",), ("box", "ellipse", "hull"), ("hull",)])
def test_face_masks_are_the_least_of_all(kinds: tuple[str, ...]) -> None:
    rng = np.random.default_rng()
    options = MaskOptions(kinds=kinds, feather=0.1)
    points = np.stack([face_68(rng), np.full((68, 2), np.nan)])
    network = rng.uniform(0, 1, (2, 128, 128)).astype(np.float32)
    masks = face_masks(128, "arcface_128", options, points, network)
    assert masks.shape == (2, 128, 128)
    assert masks.dtype == np.float32
    assert masks.min() >= 0
    assert (masks <= network).all()
    assert (masks <= box_mask(128, options)).all()
    if "ellipse" in kinds:
        assert (masks <= ellipse_mask(128, "arcface_128")).all()
    if "hull" in kinds:
        assert (masks[0] <= hull_masks(points[:1], 128)[0]).all()
        assert (masks[1] <= ellipse_mask(128, "arcface_128")).all()  # no points: the ellipse instead
    assert masks[:, 60:70, 60:68].max() > 0.9


def test_feather_grows_inwards() -> None:
    widths = []
    for feather in (0.0, 0.1, 0.3):
        mask = face_masks(128, "arcface_128", MaskOptions(kinds=("ellipse",), feather=feather))[0]
        assert (mask <= ellipse_mask(128, "arcface_128")).all()
        widths.append(int(((mask[64] > 0.02) & (mask[64] < 0.98)).sum()))
    assert widths[0] < widths[1] < widths[2]


def test_skin_leaves_out_eyes_and_mouth() -> None:
    points = face_68(np.random.default_rng())
    for weights in (skin_weights(128, "arcface_128")[0], skin_weights(128, "arcface_128", points[None])[0]):
        assert weights[92, 64] == 0  # mouth
        assert weights[52, 46] == weights[52, 82] == 0  # eyes
        assert weights[72, 42] == weights[72, 86] == 1  # cheeks
        assert 0.1 < weights.mean() < 0.5
        assert weights[:8].max() == weights[:, :8].max() == 0


@pytest.mark.parametrize("bad", [{"feather": -0.1}, {"feather": 0.6}, {"kinds": ("ellipsoid",)}])
def test_bad_shapes_are_refused(bad) -> None:
    with pytest.raises(OptionError):
        MaskOptions(**bad)
