"""Which faces are swapped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from trtswap.errors import OptionError
from trtswap.options import SelectOptions
from trtswap.stages.batch import Batch
from trtswap.types import Array, Faces, Identity


def select(
    batches: Iterable[Batch], options: SelectOptions, reference: Identity | None = None
) -> Iterator[Batch]:
    """Narrows `faces` of each batch. Mode "reference" needs a reference and faces with embeddings."""
    for batch in batches:
        chosen = (select_faces(faces, options, reference) for faces in batch.faces)
        yield replace(batch, faces=tuple(chosen))


def select_faces(faces: Faces, options: SelectOptions, reference: Identity | None = None) -> Faces:
    """The faces of one frame to swap.

    "all": every face. "largest": the one with the largest box. "reference": the one nearest to the reference,
    if its distance (1 - cosine) / 2 is below `options.distance`.
    """
    if options.mode == "all" or not len(faces):
        return faces
    if options.mode == "largest":
        return faces.take([largest_face(faces)])
    if reference is None or faces.embeddings is None:
        raise OptionError(
            "selecting by reference needs a reference picture", hint="give one with --reference"
        )
    distances = embedding_distances(faces.embeddings, reference.unit)
    nearest = int(np.argmin(distances))
    return faces.take([nearest] if distances[nearest] < options.distance else [])


def largest_face(faces: Faces) -> int:
    """The row of the face with the largest box; of equals the first."""
    sides = np.clip(faces.boxes_px[:, 2:] - faces.boxes_px[:, :2], 0, None)
    return int(np.argmax(sides.prod(axis=1)))


def embedding_distances(embeddings: Array, unit: Array) -> Array:
    """(1 - cosine) / 2 of embeddings [N, D], of any length, to a unit vector [D]: float64 [N] on 0..1.
    An empty embedding is at 1, the farthest."""
    raw = np.asarray(embeddings, np.float64)
    lengths = np.linalg.norm(raw, axis=1)
    usable = np.isfinite(lengths) & (lengths > 0)
    cosines = np.full(len(raw), -1.0)
    cosines[usable] = raw[usable] @ np.asarray(unit, np.float64) / lengths[usable]
    distances: Array = (1 - np.clip(cosines, -1, 1)) / 2
    return distances
