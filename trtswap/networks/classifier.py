"""The adapter of FairFace: faces to classes of gender, age and race. Used by filters only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trtswap import device
from trtswap.inference.session import Session
from trtswap.networks.alignment import crop_placements, sample, template_name
from trtswap.types import Array, Surface

_GENDERS = ("male", "female")
_RACES = ("white", "black", "latino", "asian", "asian", "indian", "arabic")
_AGES = ((0, 2), (3, 9), (10, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69), (70, 100))


@dataclass(frozen=True)
class Traits:
    """What a classifier says of a face. age: from the first year to before the last."""

    gender: str
    age: tuple[int, int]
    race: str


class FairFace:
    """FairFace: an aligned crop in, the numbers of three classes out."""

    def __init__(self, session: Session) -> None:
        template_name(session.spec)
        self.session = session

    def classify(self, surfaces: Sequence[Surface], indices: Array, landmarks: Array) -> list[Traits]:
        """The traits of F faces.

        indices: int [F], the surface of each face. landmarks: [F, 5, 2] in pixels of its stored frame.
        Raises NoFaceError for landmarks that cannot be aligned, NetworkError and its kin, DeviceError.
        """
        if not len(indices):
            return []
        spec = self.session.spec
        tensor = sample(spec, surfaces, indices, crop_placements(spec, landmarks))
        outputs = device.fetch(self.session.run({spec.picture.input: tensor})).get()
        races, genders, ages = (np.rint(output).astype(int).tolist() for output in outputs)
        return [
            Traits(
                "female" if gender == _GENDERS.index("female") else "male",
                _AGES[min(max(age, 0), len(_AGES) - 1)],
                _RACES[race] if 0 <= race < len(_RACES) else _RACES[0],
            )
            for race, gender, age in zip(races, genders, ages, strict=True)
        ]
