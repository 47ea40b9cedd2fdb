"""Adapters of face recognisers: faces to embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from trtswap import device
from trtswap.inference.session import Session
from trtswap.networks.alignment import crop_placements, sample, template_name
from trtswap.types import Array, Surface

EMBEDDING_LENGTH = 512


class Recogniser(Protocol):
    """Tells persons apart."""

    session: Session

    def embed(self, surfaces: Sequence[Surface], indices: Array, landmarks: Array) -> Array:
        """Raw embeddings float32 [F, 512] of faces in the surfaces."""


class ArcFace:
    """ArcFace networks: an aligned crop in, a raw embedding (of any length) out."""

    def __init__(self, session: Session) -> None:
        template_name(session.spec)
        self.session = session

    def embed(self, surfaces: Sequence[Surface], indices: Array, landmarks: Array) -> Array:
        """Raw embeddings float32 [F, 512].

        indices: int [F], the surface of each face. landmarks: [F, 5, 2] in pixels of its stored frame.
        Raises NoFaceError for landmarks that cannot be aligned, NetworkError and its kin, DeviceError.
        """
        if not len(indices):
            return np.zeros((0, EMBEDDING_LENGTH), np.float32)
        tensor = self.inputs(surfaces, indices, landmarks)
        outputs = self.session.run({self.session.spec.picture.input: tensor})
        embeddings: Array = device.to_host(outputs[0]).astype(np.float32, copy=False)
        return embeddings

    def inputs(self, surfaces: Sequence[Surface], indices: Array, landmarks: Array) -> Any:
        """The network's input [F, 3, S, S], where the surfaces are: one aligned crop per face."""
        spec = self.session.spec
        return sample(spec, surfaces, indices, crop_placements(spec, landmarks))
