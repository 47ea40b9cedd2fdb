"""The box mask against its definition, computed the long way in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtswap.errors import OptionError
from trtswap.options import MaskOptions
from trtswap.stages.mask import box_mask, combine, soften


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
    blurred = np.clip(mask, 0, 1).astype(np.float64)
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
    masks = np.random.default_rng().uniform(-0.5, 1.5, (2, 60, 70)).astype(np.float32)
    masks[0, :30] = 1
    masks[1] = 0
    for got, mask in zip(soften(masks), masks, strict=True):
        np.testing.assert_allclose(got, slow_soften(mask), atol=1e-5)


def test_the_least_of_the_masks_counts() -> None:
    rng = np.random.default_rng()
    box, first, second = rng.random((1, 8, 8)), rng.random((3, 8, 8)), rng.random((3, 8, 8))
    expected = np.array(
        [
            [[min(box[0, y, x], first[f, y, x], second[f, y, x]) for x in range(8)] for y in range(8)]
            for f in range(3)
        ]
    )
    np.testing.assert_array_equal(combine([box, first, second]), expected)


def test_without_the_box_the_crop_is_taken_whole() -> None:
    assert (box_mask(32, MaskOptions(kinds=("occlusion",))) == 1).all()
