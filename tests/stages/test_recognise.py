"""Embeddings per track: how often, from what, and what is remembered."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.people import batches, faces

from trtswap.stages.recognise import EARLY, REFRESH, _Memory, recognise
from trtswap.types import Array


class Counting:
    """Gives every face the embedding of its person: landmarks tell who it is. Counts runs and faces."""

    def __init__(self, noise: float = 0.0) -> None:
        self.people = np.random.default_rng(3).standard_normal((8, 512))
        self.noise, self.rng = noise, np.random.default_rng(4)
        self.runs: list[list[int]] = []

    def embed(self, surfaces: Any, indices: Array, landmarks: Array) -> Array:  # noqa: ARG002
        who = landmarks[:, 0, 0].round().astype(int)
        self.runs.append(who.tolist())
        noise = self.rng.standard_normal((len(who), 512)) * self.noise
        return (self.people[who] + noise).astype(np.float32).reshape(-1, 512)


def test_a_few_at_first_then_one_now_and_then_in_one_run_a_batch() -> None:
    network = Counting()
    done = list(recognise(batches([faces([0, 1], [5, 9])] * 64), network))  # type: ignore[arg-type]
    assert len(done) == len(network.runs) == 16
    per_track = EARLY + (64 - EARLY) // REFRESH
    assert sum(run.count(0) for run in network.runs) == per_track
    assert sum(run.count(1) for run in network.runs) == per_track
    assert len(network.runs[0]) == 2 * EARLY
    for batch in done:
        for item in batch.faces:
            assert item.embeddings is not None
            np.testing.assert_allclose(item.embeddings, network.people[:2], rtol=1e-5)


def test_the_mean_of_a_batch_counts_from_its_first_frame_on() -> None:
    network = Counting(noise=1.0)
    done = list(recognise(batches([faces([2], [1])] * 4), network))  # type: ignore[arg-type]
    first, last = done[0].faces[0].embeddings, done[0].faces[3].embeddings
    assert first is not None
    assert last is not None
    np.testing.assert_array_equal(first, last)
    assert np.linalg.norm(first[0] - network.people[2]) < 0.8 * np.sqrt(512)


def test_filled_faces_are_not_looked_at() -> None:
    network = Counting()
    frames = [faces([3], [1], [True])] * 4 + [faces([3], [1])] * 4
    done = list(recognise(batches(frames), network))  # type: ignore[arg-type]
    assert network.runs == [[], [3] * EARLY]
    assert done[0].faces[0].embeddings is not None
    assert not done[0].faces[0].embeddings.any()
    assert done[1].faces[0].embeddings is not None
    np.testing.assert_allclose(done[1].faces[0].embeddings, network.people[3:4], rtol=1e-5)


def test_a_track_that_becomes_another_person_is_noticed() -> None:
    network = Counting()
    frames = [faces([0], [1])] * 40 + [faces([1], [1])] * 160
    *_, last = recognise(batches(frames), network)  # type: ignore[arg-type]
    assert last.faces[-1].embeddings is not None
    unit = last.faces[-1].embeddings[0] / np.linalg.norm(last.faces[-1].embeddings[0])
    assert unit @ network.people[1] / np.linalg.norm(network.people[1]) > 0.99


def test_faces_without_tracks_are_recognised_each() -> None:
    network = Counting()
    done = list(recognise(batches([faces([0, 4], None), faces([], None)]), network))  # type: ignore[arg-type]
    assert network.runs == [[0, 4]]
    np.testing.assert_allclose(done[0].faces[0].embeddings, network.people[[0, 4]], rtol=1e-5)  # type: ignore[arg-type]


def test_memory_does_not_grow() -> None:
    memory = _Memory(Counting())  # type: ignore[arg-type]
    for number in range(2000):
        for batch in batches([faces([0], [number])]):
            memory.embed(batch)
    assert len(memory._tracks) < 300


def test_nothing_jumps_when_a_track_is_recognised_again() -> None:
    network = Counting(noise=2.0)
    done = list(recognise(batches([faces([2], [1])] * 80), network))  # type: ignore[arg-type]
    shown = np.concatenate([item.embeddings for batch in done for item in batch.faces])  # type: ignore[misc]
    steps = np.linalg.norm(np.diff(shown, axis=0), axis=1)
    assert steps.max() > 0
    # a new one of eight, of length 2 * sqrt(512), moves the mean by about six
    assert steps.max() < 0.25 * 2 * np.sqrt(512) / EARLY
