"""Adapters of converters: embeddings of one recogniser to the identity space of another."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from trtswap.inference.session import Session
from trtswap.types import Array


class Converter(Protocol):
    """Takes an embedding into another space."""

    session: Session

    def convert(self, embedding: Array) -> Array:
        """The embedding [512] in the other space, of any length: float64 [512]."""


class CrossFace:
    """CrossFace, and the converters before it. One embedding at a time: it divides by the length of its whole input."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def convert(self, embedding: Array) -> Array:
        """The raw embedding float [512] in the other space: float64 [512]. Raises NetworkError and its kin."""
        raw = np.asarray(embedding, np.float32)[None]
        return np.asarray(self.session.run({self.session.spec.inputs[0].name: raw})[0][0], np.float64)
