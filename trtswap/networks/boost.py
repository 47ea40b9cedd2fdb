"""Pixel boost: a crop larger than the network's input as interleaved tiles, each of them the whole face."""

from __future__ import annotations

import numpy as np

from trtswap.types import Array


def implode(crops: Array, tiles: int) -> Array:
    """Tiles [F * T * T, C, S, S] of crops [F, C, T * S, T * S]; those of a face in a row.

    Tile a * T + b holds the pixels of rows a, a + T, a + 2T ... and columns b, b + T, b + 2T ...
    """
    if tiles == 1:
        return crops
    count, channels, height, width = crops.shape
    split = crops.reshape(count, channels, height // tiles, tiles, width // tiles, tiles)
    return np.ascontiguousarray(split.transpose(0, 3, 5, 1, 2, 4)).reshape(
        -1, channels, height // tiles, width // tiles
    )


def explode(tiles_of_all: Array, tiles: int) -> Array:
    """The crops [F, C, T * S, T * S] that `implode` makes these tiles of."""
    if tiles == 1:
        return tiles_of_all
    _, channels, height, width = tiles_of_all.shape
    split = tiles_of_all.reshape(-1, tiles, tiles, channels, height, width)
    return np.ascontiguousarray(split.transpose(0, 3, 4, 1, 5, 2)).reshape(
        -1, channels, height * tiles, width * tiles
    )
