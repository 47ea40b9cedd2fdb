"""rearrange and maxima against NumPy; crops with a black border against their definition."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from support import tolerance
from support.targets import Target

from trtswap import ops
from trtswap.geometry import invert, transform_points
from trtswap.types import PixelFormat, Surface


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_axes_come_in_the_order_asked_for(target: Target, dtype: type) -> None:
    rng = np.random.default_rng()
    for axes in range(1, 7):
        orders = list(permutations(range(axes)))
        for order in [orders[index] for index in rng.integers(0, len(orders), 8)]:
            lengths = rng.integers(1, 9, axes).tolist()
            array = rng.standard_normal(lengths).astype(dtype)
            found = target.get(ops.rearrange(target.put(array), lengths, order))
            np.testing.assert_array_equal(found, array.transpose(order))


def test_large_arrays_and_empty_ones(target: Target) -> None:
    rng = np.random.default_rng()
    array = rng.standard_normal((3, 3, 301, 257)).astype(np.float32)
    found = target.get(ops.rearrange(target.put(array), array.shape, (0, 2, 3, 1)))
    np.testing.assert_array_equal(found, np.moveaxis(array, 1, -1))
    assert ops.rearrange(target.put(array[:0]), (0, 3, 301, 257), (0, 2, 3, 1)).shape == (0, 301, 257, 3)


def test_orders_that_do_not_fit_are_refused(target: Target) -> None:
    array = target.put(np.zeros((4, 6), np.float32))
    for lengths, order in (
        ((4, 6), (0, 0)),
        ((4, 5), (1, 0)),
        ((4, 6), (0, 2)),
        ((1,) * 5 + (4, 6), range(7)),
    ):
        with pytest.raises((ValueError, IndexError)):
            ops.rearrange(array, lengths, order)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("shape", [(1, 1), (5, 4096), (204, 33), (3, 100000)])
def test_the_largest_of_each_row(target: Target, dtype: type, shape: tuple[int, int]) -> None:
    rows = np.random.default_rng().standard_normal(shape).astype(dtype) - 3
    np.testing.assert_array_equal(
        target.get(ops.maxima(target.put(rows))), rows.max(axis=1).astype(np.float32)
    )


def test_rows_without_numbers(target: Target) -> None:
    rows = np.array([[np.nan, 2, 1], [np.nan] * 3, [-np.inf, -5, -7]], np.float32)
    np.testing.assert_array_equal(target.get(ops.maxima(target.put(rows))), [2, -np.inf, -5])


@pytest.mark.parametrize("sampling", ["bilinear", "area"])
def test_a_frame_goes_on_black(target: Target, sampling: str) -> None:
    """A crop with the border "black" is the one with replicated edges, times how much of each pixel is on the frame."""
    rng = np.random.default_rng()
    width, height, size = 90, 70, (64, 48)
    surface = Surface(PixelFormat.RGB8, (rng.integers(0, 256, (height, width, 3), np.uint8),))
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    for _ in range(8):
        angle, scale = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 2)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = rng.uniform(0, (width, height))
        shift = np.array(size) / 2 - turn @ middle
        placement = np.concatenate([turn, shift[:, None]], axis=1)
        common = {"channels": "rgb", "mean": (0.2,) * 3, "std": (0.5,) * 3, "sampling": sampling}
        put, indices = [target.put_surface(surface)], np.zeros(1, np.int32)
        black = target.get(ops.crop(put, indices, placement[None], size, border="black", **common))  # type: ignore[arg-type]
        plain = target.get(ops.crop(put, indices, placement[None], size, **common))  # type: ignore[arg-type]
        places = transform_points(
            invert(placement), np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float64)
        )
        last = np.array([width - 1, height - 1])
        beyond = np.maximum(np.maximum(-places, places - last), 0)
        inside = np.clip(1 - beyond, 0, 1).prod(axis=1).reshape(1, 1, *x.shape)
        expected = ((plain * 0.5 + 0.2) * inside - 0.2) / 0.5
        np.testing.assert_allclose(black, expected, atol=tolerance.BORDER)
        assert (inside < 1).any() or (black == plain).all()


def test_an_unknown_border_is_refused() -> None:
    surface = Surface(PixelFormat.RGB8, (np.zeros((8, 8, 3), np.uint8),))
    with pytest.raises(ValueError, match="replicate or black"):
        ops.crop(
            [surface], np.zeros(1, np.int32), np.eye(3)[None, :2], (4, 4),
            channels="rgb", mean=(0,) * 3, std=(1,) * 3, border="grey",  # type: ignore[arg-type]
        )  # fmt: skip
