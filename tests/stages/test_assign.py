from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trtswap.stages.assign import assign


def best_sum(benefits: Any) -> float:
    """Every matching tried."""
    padded = np.concatenate([np.maximum(benefits, 0), np.zeros((len(benefits), len(benefits)))], axis=1)
    rows = range(len(padded))
    return max(
        sum(padded[rows, list(columns)]) for columns in permutations(range(padded.shape[1]), len(padded))
    )


VALUES = st.floats(-5, 5) | st.integers(-2, 2).map(float)  # whole numbers make ties


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(lambda s: arrays(np.float64, s, elements=VALUES))
)
def test_no_matching_is_better(benefits: Any) -> None:
    rows, columns = assign(benefits)
    assert len(set(rows.tolist())) == len(rows) == len(set(columns.tolist())) == len(columns)
    assert rows.tolist() == sorted(rows.tolist())
    assert (benefits[rows, columns] > 0).all()
    np.testing.assert_allclose(benefits[rows, columns].sum(), best_sum(benefits), atol=1e-9)


def test_the_best_pair_is_left_for_a_better_sum() -> None:
    rows, columns = assign(np.array([[10.0, 9.0], [9.0, 1.0]]))
    assert (rows.tolist(), columns.tolist()) == ([0, 1], [1, 0])


def test_nothing_to_match() -> None:
    for shape in ((0, 0), (0, 3), (3, 0)):
        assert [len(part) for part in assign(np.zeros(shape))] == [0, 0]
    assert [len(part) for part in assign(np.full((2, 2), -1.0))] == [0, 0]


def test_larger_ones_beat_every_exchange_of_two() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        benefits = rng.normal(1, 1, (12, 12))
        rows, columns = assign(benefits)
        chosen = dict(zip(rows.tolist(), columns.tolist(), strict=True))
        total = benefits[rows, columns].sum()
        for first in chosen:
            for second in chosen:
                swapped = {**chosen, first: chosen[second], second: chosen[first]}
                assert sum(benefits[pair] for pair in swapped.items()) <= total + 1e-9
