"""Pixel boost: a crop larger than the network's input as interleaved tiles, each of them the whole face."""

from __future__ import annotations

from typing import Any

from trtswap import ops
from trtswap.types import Array, DeviceArray


def implode(crops: Array | DeviceArray, tiles: int) -> Any:
    """Tiles [F * T * T, C, S, S] of crops [F, C, T * S, T * S]; those of a face in a row, where the crops are.

    Tile a * T + b holds the pixels of rows a, a + T, a + 2T ... and columns b, b + T, b + 2T ...
    """
    if tiles == 1:
        return crops
    count, channels, height, width = crops.shape
    split = (count, channels, height // tiles, tiles, width // tiles, tiles)
    parts = ops.rearrange(crops, split, (0, 3, 5, 1, 2, 4))
    return parts.reshape(-1, channels, height // tiles, width // tiles)


def explode(tiles_of_all: Array | DeviceArray, tiles: int) -> Any:
    """The crops [F, C, T * S, T * S] that `implode` makes these tiles of."""
    if tiles == 1:
        return tiles_of_all
    count, channels, height, width = tiles_of_all.shape
    split = (count // tiles**2, tiles, tiles, channels, height, width)
    whole = ops.rearrange(tiles_of_all, split, (0, 3, 4, 1, 5, 2))
    return whole.reshape(-1, channels, height * tiles, width * tiles)
