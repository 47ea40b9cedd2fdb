"""Adapters of face swappers: faces and whom to show in them, to patches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trtswap.errors import InputError, SpecError
from trtswap.inference.session import Session
from trtswap.networks.alignment import crop_placements, sample, template_name
from trtswap.networks.embedding_map import read_embedding_map
from trtswap.types import Array, Identity, Surface


@dataclass(frozen=True)
class Patches:
    """Swapped crops. pixels: float32 [F, 3, S, S], R G B planes as the network gave them;
    pixels * scale + offset is in 0..1, up to the network's overshoot."""

    pixels: Array
    scale: float
    offset: float

    def __len__(self) -> int:
        return len(self.pixels)


class Swapper(ABC):
    """What swappers share: an aligned crop `target` and an identity vector `source` in, a crop out.

    template: name of the canonical points. size: edge of the crop in pixels.
    """

    def __init__(self, session: Session) -> None:
        spec = session.spec
        if spec.swap is None or spec.picture.size[0] != spec.picture.size[1]:
            raise SpecError(
                f"{spec.origin}: a swapper has a table [swap] and a square crop", path=spec.origin
            )
        self.session = session
        self.template = template_name(spec)
        self.size = spec.picture.size[0]
        low, high = spec.swap.range
        self._scale = 1 / (high - low)
        self._offset = -low / (high - low)

    @abstractmethod
    def source_vector(self, identity: Identity) -> Array:
        """The network's view of an identity: float32 [512]. Raises InputError for an empty embedding."""

    def placements(self, landmarks: Array) -> Array:
        """Where the crops of faces with landmarks [F, 5, 2] lie: float64 [F, 2, 3], frame to crop pixels.

        Raises NoFaceError for landmarks that cannot be aligned.
        """
        return crop_placements(self.session.spec, landmarks)

    def swap(
        self, surfaces: Sequence[Surface], indices: Array, placements: Array, source_vectors: Array
    ) -> Patches:
        """The swapped crops of F faces.

        indices: int [F], the surface of each face. placements: [F, 2, 3], frame to crop pixels.
        source_vectors: float32 [F, 512]. Raises NetworkError and its kin, DeviceError.
        """
        if not len(indices):
            return self._patches(np.zeros((0, 3, self.size, self.size), np.float32))
        targets = self.inputs(surfaces, indices, placements)
        vectors = np.asarray(source_vectors, np.float32)
        outputs = self.session.run({self.session.spec.picture.input: targets, "source": vectors})
        return self._patches(outputs[0])

    def inputs(self, surfaces: Sequence[Surface], indices: Array, placements: Array) -> Array:
        """The input `target` [F, 3, S, S]: one crop per face."""
        return sample(self.session.spec, surfaces, indices, placements)

    def _patches(self, pixels: Array) -> Patches:
        return Patches(pixels, self._scale, self._offset)


class Inswapper(Swapper):
    """inswapper: the source is the embedding over its length, through the map stored in the file."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._map = read_embedding_map(session.path)

    def source_vector(self, identity: Identity) -> Array:
        """(e E) / |e| with the raw embedding e and the map E; its length is not 1."""
        embedding = np.asarray(identity.embedding, np.float64)
        return np.asarray(embedding @ self._map / _length(embedding), np.float32)


class Hyperswap(Swapper):
    """hyperswap: the source is the unit embedding. Its second output, a mask already applied, is ignored."""

    def source_vector(self, identity: Identity) -> Array:
        """The unit embedding as it is."""
        _length(identity.unit)
        return np.asarray(identity.unit, np.float32)


def _length(embedding: Array) -> float:
    length = float(np.linalg.norm(embedding))
    if not 0 < length < np.inf:
        raise InputError(f"the identity's embedding has the length {length:g}; no person can be shown by it")
    return length
