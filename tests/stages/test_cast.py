"""Several people become several others: each keeps its source."""

from __future__ import annotations

import numpy as np
from support.people import batches

from trtswap.stages.cast import cast
from trtswap.stages.identity import identity_of
from trtswap.types import Array, Faces

RNG = np.random.default_rng(11)
PEOPLE = np.linalg.qr(RNG.standard_normal((512, 3)))[0].T * 20
IDENTITIES = [identity_of(person[None]) for person in PEOPLE[:2]]


def faces(embeddings: Array, ids: list[int]) -> Faces:
    count = len(ids)
    return Faces(
        np.arange(4 * count, dtype=np.float32).reshape(count, 4),
        np.zeros((count, 5, 2), np.float32),
        np.ones(count, np.float32),
        embeddings.astype(np.float32).reshape(count, 512),
        np.array(ids, np.int32),
    )


def roles(frames: list[Faces], distance: float = 0.3) -> list[dict[int, int]]:
    return [
        dict(zip(item.track_ids.tolist(), numbers.tolist(), strict=True))  # type: ignore[union-attr]
        for batch in cast(batches(frames), IDENTITIES, distance)
        for item, numbers in zip(batch.faces, batch.sources, strict=True)
    ]


def noisy(row: int, amount: float = 0.4) -> Array:
    return PEOPLE[row] * RNG.uniform(0.5, 20) + amount * RNG.standard_normal(512)


def test_each_gets_its_source_and_strangers_stay() -> None:
    frames = [faces(np.stack([noisy(2), noisy(1), noisy(0)]), [7, 8, 9]) for _ in range(10)]
    assert roles(frames) == [{8: 1, 9: 0}] * 10


def test_nobody_is_seen_twice_and_the_nearer_counts() -> None:
    frames = [faces(np.stack([PEOPLE[0] + 0.9 * RNG.standard_normal(512), PEOPLE[0]]), [1, 2])]
    assert roles(frames) == [{2: 0}]


def test_a_decision_holds_while_the_likeness_wavers() -> None:
    """A face between two people stays whom it was taken for, until it is clearly the other."""

    def between(share: float) -> Faces:
        return faces((1 - share) * PEOPLE[0] + share * PEOPLE[1], [4])

    wavering = [between(0.3), *(between(0.5 + 0.02 * (-1) ** step) for step in range(8))]
    assert roles(wavering, 0.6) == [{4: 0}] * 9
    assert roles([between(0.3), between(0.9), between(0.5)], 0.6) == [{4: 0}, {4: 1}, {4: 1}]


def test_the_distance_is_half_of_one_minus_cosine() -> None:
    unit = IDENTITIES[0].unit.astype(np.float64)
    other = RNG.standard_normal(512)
    other -= other @ unit * unit
    other /= np.linalg.norm(other)
    for cosine, matches in ((0.41, True), (0.39, False)):  # 0.3 is a cosine of 0.4
        face = faces(5 * (cosine * unit + np.sqrt(1 - cosine**2) * other), [1])
        assert bool(roles([face], 0.3)[0]) is matches


def test_a_track_that_is_gone_is_forgotten() -> None:
    nobody = faces(np.zeros((0, 512)), [])
    middle = faces(0.49 * PEOPLE[0] + 0.51 * PEOPLE[1], [1])
    assert roles([faces(PEOPLE[0], [1]), middle], 0.6)[1] == {1: 0}
    assert roles([faces(PEOPLE[0], [1]), nobody, middle], 0.6)[2] == {1: 1}
