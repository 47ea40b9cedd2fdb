"""Inputs that fit a network, and those that do not, asked again and again."""

from __future__ import annotations

import numpy as np
import pytest

from trtswap.errors import OptionError
from trtswap.inference import feed
from trtswap.inference.feed import KnownBatches, checked_batch
from trtswap.inference.spec import load_specs

SPEC = load_specs()["inswapper_128"]


def inputs(target: int, source: int, width: int = 128) -> dict[str, np.ndarray]:
    return {
        "target": np.zeros((target, 3, 128, width), np.float32),
        "source": np.zeros((source, 512), np.float32),
    }


def test_known_batches_count_as_the_check_does() -> None:
    known = KnownBatches(SPEC)
    for count in (1, 4, 1, 32, 4, 1):
        assert known.count(inputs(count, count)) == checked_batch(SPEC, inputs(count, count)) == count
        turned = dict(reversed(inputs(count, count).items()))
        assert known.count(turned) == count


@pytest.mark.parametrize(
    "wrong",
    [
        inputs(2, 3),
        inputs(0, 0),
        inputs(2, 2, width=64),
        {},
        {"target": inputs(2, 2)["target"]},
        {"target": inputs(2, 2)["source"], "source": inputs(2, 2)["target"]},
        {"other": inputs(2, 2)["target"], "source": inputs(2, 2)["source"]},
        {**inputs(2, 2), "more": np.zeros(2, np.float32)},
        {**inputs(2, 2), "source": np.float32(1)},
    ],
)
def test_what_does_not_fit_is_refused_each_time(wrong: dict[str, np.ndarray]) -> None:
    known = KnownBatches(SPEC)
    known.count(inputs(2, 2))
    for _ in range(2):
        with pytest.raises(OptionError, match="inputs of the network inswapper_128"):
            known.count(wrong)


def test_what_is_known_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_KEPT", 3)
    known = KnownBatches(SPEC)
    for count in (1, 2, 3, 4, 5, 1):
        assert known.count(inputs(count, count)) == count
        assert len(known._fitted) <= 3
