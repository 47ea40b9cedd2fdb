"""Adapters of face swappers: faces and whom to show in them, to patches. What they share, and the plainest two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trtswap import device
from trtswap.errors import InputError, OptionError, SpecError
from trtswap.inference.session import Session
from trtswap.networks.alignment import crop_placements, sample, template_name
from trtswap.networks.boost import explode, implode
from trtswap.networks.converter import Converter
from trtswap.networks.embedding_map import read_embedding_map
from trtswap.types import Array, DeviceArray, Identity, Surface

_BALANCE = 0.35
"""How much of the target's identity the extreme weights add or take away."""


@dataclass(frozen=True)
class Patches:
    """Swapped crops. pixels: float32 [F, 3, S, S], R G B planes as the network gave them, where the surfaces are;
    pixels * scale + offset is in 0..1, up to the network's overshoot."""

    pixels: Array | DeviceArray
    scale: float
    offset: float

    def __len__(self) -> int:
        return len(self.pixels)


class Swapper(ABC):
    """What swappers share: an aligned crop `target` and an identity `source` in, a crop out.

    template: name of the canonical points. size: edge of the crop in pixels, `boost_px` where given, a multiple of the
    network's own. converter: for those whose identities need one. Raises SpecError, OptionError for a size that the
    network does not offer.
    """

    balances = True
    """Whether identities are vectors that can be mixed with the target's."""

    def __init__(self, session: Session, *, converter: Converter | None = None, boost_px: int = 0) -> None:
        spec = session.spec
        if spec.swap is None or spec.picture.size[0] != spec.picture.size[1]:
            raise SpecError(
                f"{spec.origin}: a swapper has a table [swap] and a square crop", path=spec.origin
            )
        if boost_px and boost_px not in spec.swap.boost_sizes:
            offered = ", ".join(map(str, spec.swap.boost_sizes))
            raise OptionError(f"the swapper {spec.name} works at {offered} pixels, not {boost_px}")
        self.session = session
        self.template = template_name(spec)
        self.size = boost_px or spec.picture.size[0]
        self._converter = converter
        self._tiles = self.size // spec.picture.size[0]
        low, high = spec.swap.range
        self._scale = 1 / (high - low)
        self._offset = -low / (high - low)

    @abstractmethod
    def source_vector(self, identity: Identity) -> Array:
        """The network's view of an identity: float32 [512], or [3, H, W] where it sees a picture.

        Raises InputError for an identity that cannot be shown.
        """

    def balanced(self, sources: Array, embeddings: Array, weight: float) -> Array:
        """Sources [F, 512] for faces with raw embeddings [F, 512]: at 0.5 as they are, towards 0 with up to 35 % of the
        face's own identity mixed in, towards 1 with as much of it taken away. A face without embedding stays as it is.
        """
        share = _BALANCE * (1 - 2 * weight)
        known = np.asarray(np.isfinite(embeddings).all(axis=1) & embeddings.any(axis=1))
        own = np.zeros_like(embeddings, np.float64)
        own[known] = self._own_vectors(np.asarray(embeddings, np.float64)[known])
        mixed = (1 - share) * np.asarray(sources, np.float64) + share * own
        return np.where(known[:, None], mixed, sources).astype(np.float32)

    def _own_vectors(self, embeddings: Array) -> Array:
        """What stands for the target's identity beside the source."""
        return np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))

    def placements(self, landmarks: Array) -> Array:
        """Where the crops of faces with landmarks [F, 5, 2] lie: float64 [F, 2, 3], frame to crop pixels.

        Raises NoFaceError for landmarks that cannot be aligned.
        """
        return crop_placements(self.session.spec, landmarks, self.size)

    def swap(
        self,
        surfaces: Sequence[Surface],
        indices: Array,
        placements: Array,
        source_vectors: Array | DeviceArray,
    ) -> Patches:
        """The swapped crops of F faces.

        indices: int [F], the surface of each face. placements: [F, 2, 3], frame to crop pixels.
        source_vectors: float32 [F, 512] or [F, 3, H, W], or what `for_tiles` made of them, on the GPU of the surfaces.
        A crop larger than the network's goes through it in interleaved tiles, those of all faces together. Raises
        NetworkError and its kin, DeviceError.
        """
        if not len(indices):
            return self._patches(np.zeros((0, 3, self.size, self.size), np.float32))
        targets = self.inputs(surfaces, indices, placements)
        sources = source_vectors
        if not device.is_on_device(sources):
            sources = device.beside(self.for_tiles(source_vectors), targets)
        outputs = self.session.run({self.session.spec.picture.input: targets, "source": sources})
        return self._patches(explode(outputs[0], self._tiles))

    def for_tiles(self, source_vectors: Array) -> Array:
        """The input `source` [F * tiles, ...]: the vector of a face for each of its tiles."""
        return np.repeat(np.asarray(source_vectors, np.float32), self._tiles**2, axis=0)

    def inputs(self, surfaces: Sequence[Surface], indices: Array, placements: Array) -> Any:
        """The input `target` [F * tiles, 3, S, S], where the surfaces are: the tiles of one crop per face."""
        crops = sample(self.session.spec, surfaces, indices, placements, (self.size, self.size))
        return implode(crops, self._tiles)

    def _patches(self, pixels: Array | DeviceArray) -> Patches:
        return Patches(pixels, self._scale, self._offset)


class Inswapper(Swapper):
    """inswapper: the source is the embedding over its length, through the map stored in the file."""

    def __init__(self, session: Session, *, converter: Converter | None = None, boost_px: int = 0) -> None:
        super().__init__(session, converter=converter, boost_px=boost_px)
        self._map = read_embedding_map(session.path)

    def source_vector(self, identity: Identity) -> Array:
        """(e E) / |e| with the raw embedding e and the map E; its length is not 1."""
        embedding = np.asarray(identity.embedding, np.float64)
        return np.asarray(embedding @ self._map / length_of(embedding), np.float32)


class Hyperswap(Swapper):
    """hyperswap: the source is the unit embedding. Its second output, a mask already applied, is ignored."""

    def source_vector(self, identity: Identity) -> Array:
        """The unit embedding as it is."""
        length_of(identity.unit)
        return np.asarray(identity.unit, np.float32)


def length_of(embedding: Array) -> float:
    """The length of an identity's embedding. Raises InputError where there is none."""
    length = float(np.linalg.norm(embedding))
    if not 0 < length < np.inf:
        raise InputError(f"the identity's embedding has the length {length:g}; no person can be shown by it")
    return length
