"""Masks over time: noise is averaged, motion is not, nothing trails or crosses a cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import fake_gpu
from support.fake_core import pretend_operations
from support.people import batches, faces

from trtswap import device, ops
from trtswap.errors import DeviceMemoryError
from trtswap.stages.batch import Batch
from trtswap.stages.hold_masks import REACH, hold_masks
from trtswap.types import Array

SIZE = 24
CAUSAL, AHEAD = ("one-euro", "ema"), ("symmetric", "individual")


def with_masks(masks: Array, ids: list[int], size: int = 4, cuts: tuple[int, ...] = ()) -> list[Batch]:
    """Batches of frames with the tracks `ids` each; masks: [frames, tracks, SIZE, SIZE]."""
    given = batches([faces([0] * len(ids), ids) for _ in masks], size)
    out, start = [], 0
    for batch in given:
        count = len(batch.frames)
        flags = tuple(start + row in cuts for row in range(count))
        out.append(replace(batch, masks=np.concatenate(masks[start : start + count]), cuts=flags))
        start += count
    return out


def held(masks: Array, method: Any, size: int = 4, cuts: tuple[int, ...] = ()) -> Array:
    ids = list(range(5, 5 + masks.shape[1]))
    done = list(hold_masks(with_masks(masks.astype(np.float32), ids, size, cuts), method))
    assert [len(batch.frames) for batch in done] == [size] * (len(masks) // size)
    found = np.concatenate([batch.masks for batch in done if batch.masks is not None])
    return found.reshape(masks.shape)


@pytest.mark.parametrize("method", AHEAD + CAUSAL)
def test_noise_is_averaged(method: Any) -> None:
    rng = np.random.default_rng()
    truth = np.tile(np.linspace(0.1, 0.9, SIZE), (SIZE, 1))
    noisy = truth + 0.03 * rng.standard_normal((20, 2, SIZE, SIZE))
    steady = held(noisy, method)
    flicker = [np.abs(np.diff(sequence, axis=0)).mean() for sequence in (noisy, steady)]
    assert flicker[1] < (0.35 if method in AHEAD else 0.5) * flicker[0]
    assert np.abs(steady - truth).mean() < 0.7 * np.abs(noisy - truth).mean()


@pytest.mark.parametrize("method", AHEAD + CAUSAL)
def test_what_passes_stays_where_it_is(method: Any) -> None:
    """A bar that moves two pixels a frame: the mask follows at once, by a tenth at the most."""
    columns = np.arange(SIZE)
    moving = np.stack([np.where((columns >= 2 * t) & (columns < 2 * t + 6), 0.0, 1.0) for t in range(8)])
    masks = np.tile(moving[:, None, None], (1, 1, SIZE, 1))
    assert np.abs(held(masks, method) - masks).max() < 0.1


def test_a_batch_of_one_and_of_four_give_the_same() -> None:
    masks = np.random.default_rng().random((16, 1, SIZE, SIZE)).astype(np.float32)
    for method in (*AHEAD, *CAUSAL):
        np.testing.assert_array_equal(held(masks, method, 1), held(masks, method, 4))


@pytest.mark.parametrize("cut", [1, 5, 8, 15])
def test_nothing_counts_across_a_cut(cut: int) -> None:
    rng = np.random.default_rng()
    masks = rng.uniform(0.4, 0.6, (16, 1, SIZE, SIZE)).astype(np.float32)
    other = masks.copy()
    other[:cut] = rng.uniform(0.4, 0.6, (cut, 1, SIZE, SIZE))
    np.testing.assert_array_equal(
        held(masks, "symmetric", cuts=(cut,))[cut:], held(other, "symmetric", cuts=(cut,))[cut:]
    )
    assert not np.array_equal(held(masks, "symmetric")[cut], held(other, "symmetric")[cut])


def test_tracks_do_not_mix_and_order_does_not_matter() -> None:
    masks = np.random.default_rng().uniform(0.3, 0.6, (8, 2, SIZE, SIZE)).astype(np.float32)
    both = held(masks, "symmetric")
    np.testing.assert_array_equal(both[:, :1], held(masks[:, :1], "symmetric"))
    np.testing.assert_array_equal(both[:, 1:], held(masks[:, 1:], "symmetric"))


def test_off_and_batches_without_masks_pass() -> None:
    masks = np.random.default_rng().random((8, 1, SIZE, SIZE)).astype(np.float32)
    np.testing.assert_array_equal(held(masks, "off"), masks)
    bare = batches([faces([], []) for _ in range(8)])
    assert list(hold_masks(bare, "symmetric")) == bare


def test_no_more_waits_than_is_needed() -> None:
    masks = np.random.default_rng().random((12, 1, SIZE, SIZE)).astype(np.float32)
    pulled: list[int] = []

    def watched() -> Any:
        for index, batch in enumerate(with_masks(masks, [5], 1)):
            pulled.append(index)
            yield batch

    for index, _ in enumerate(hold_masks(watched(), "symmetric")):
        assert len(pulled) <= index + 1 + REACH


def test_where_memory_of_the_gpu_runs_out_the_host_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = np.random.default_rng().uniform(0, 1, (8, 2, SIZE, SIZE)).astype(np.float32)
    expected = held(masks, "symmetric")
    real = ops.hold

    def full(arrays: Any, *rest: Any) -> Any:
        if device.is_on_device(arrays[0]):
            raise DeviceMemoryError("none left")
        return real(arrays, *rest)

    fake_gpu.pretend(monkeypatch, "8.6.1", tmp_path)
    pretend_operations(monkeypatch)
    try:
        given = [replace(batch, masks=device.to_device(batch.masks)) for batch in with_masks(masks, [5, 6])]
        on_gpu = np.concatenate([device.to_host(batch.masks) for batch in hold_masks(given, "symmetric")])
        monkeypatch.setattr(ops, "hold", full)
        on_host = np.concatenate([batch.masks for batch in hold_masks(given, "symmetric")])
    finally:
        fake_gpu.forget()
    for found in (on_gpu, on_host):
        np.testing.assert_array_equal(found.reshape(masks.shape), expected)
