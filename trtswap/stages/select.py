"""Which faces are swapped. Decisions hold for a track, so that they do not flicker from frame to frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from trtswap import tracing
from trtswap.errors import OptionError
from trtswap.options import Order, SelectOptions
from trtswap.stages.batch import Batch
from trtswap.types import Array, Faces, Identity

_STAYS_LARGEST = 0.7
"""The face chosen as the largest stays chosen while its box has this share of the largest box's area."""


@tracing.stage("select")
def select(
    batches: Iterable[Batch], options: SelectOptions, reference: Identity | None = None
) -> Iterator[Batch]:
    """Narrows `faces` of each batch. Mode "reference" needs a reference and faces with embeddings."""
    selector = Selector(options, reference)
    for batch in batches:
        yield replace(batch, faces=tuple(selector.choose(faces) for faces in batch.faces))


class Selector:
    """Chooses the faces of one frame after the other.

    "all": every face. "one": that at `options.position` in `options.order`, and its track as long as it is seen.
    "largest": the face with the largest box; a track once chosen stays so until another is clearly
    larger. "reference": the face nearest to the reference, if its distance (1 - cosine) / 2 is below
    `options.distance`; of a track the mean embedding counts. Faces without `track_ids` are judged alone.
    """

    def __init__(self, options: SelectOptions, reference: Identity | None = None) -> None:
        if options.mode == "reference" and reference is None:
            raise OptionError(
                "selecting by reference needs a reference picture", hint="give one with --reference"
            )
        self._options = options
        self._reference = reference
        self._chosen_track: int | None = None
        self._embeddings: dict[int, Array] = {}

    def choose(self, faces: Faces) -> Faces:
        """The faces to swap."""
        if self._options.mode == "all" or not len(faces):
            return faces
        if self._options.mode == "largest":
            largest = faces if len(faces) == 1 else faces.take([self._largest(faces)])
            self._chosen_track = None if largest.track_ids is None else int(largest.track_ids[0])
            return largest
        if self._options.mode == "one":
            return faces.take([self._one(faces)])
        assert self._reference is not None
        distances = embedding_distances(self._track_embeddings(faces), self._reference.unit)
        nearest = int(np.argmin(distances))
        return faces.take([nearest] if distances[nearest] < self._options.distance else [])

    def _largest(self, faces: Faces) -> int:
        areas = box_areas(faces)
        row = int(np.argmax(areas))
        if faces.track_ids is None:
            return row
        former = np.flatnonzero(faces.track_ids == self._chosen_track)
        stays = len(former) and areas[former[0]] >= _STAYS_LARGEST * areas[row]
        return int(former[0]) if stays else row

    def _one(self, faces: Faces) -> int:
        row = face_at(faces, self._options)
        if faces.track_ids is None:
            return row
        former = np.flatnonzero(faces.track_ids == self._chosen_track)
        row = int(former[0]) if len(former) else row
        self._chosen_track = int(faces.track_ids[row])
        return row

    def _track_embeddings(self, faces: Faces) -> Array:
        """Sums of unit embeddings over the tracks present; tracks that are gone are forgotten."""
        if faces.embeddings is None:
            raise OptionError("selecting by reference needs faces with embeddings")
        units = unit_embeddings(faces.embeddings)
        if faces.track_ids is None:
            return units
        sums = {}
        for track, unit in zip(faces.track_ids.tolist(), units, strict=True):
            sums[track] = self._embeddings.get(track, 0.0) + unit
        self._embeddings = sums
        return np.stack(list(sums.values()))


def largest_face(faces: Faces) -> int:
    """The row of the face with the largest box; of equals the first."""
    return int(np.argmax(box_areas(faces)))


def ordered(faces: Faces, order: Order) -> Array:
    """The rows of the faces in an order; equals keep theirs: intp [N]."""
    keys = {
        "large-small": -box_areas(faces),
        "small-large": box_areas(faces),
        "left-right": faces.boxes_px[:, 0],
        "right-left": -faces.boxes_px[:, 0],
        "top-bottom": faces.boxes_px[:, 1],
        "bottom-top": -faces.boxes_px[:, 1],
        "best-worst": -faces.scores,
        "worst-best": faces.scores,
    }
    return np.argsort(keys[order], kind="stable")


def face_at(faces: Faces, options: SelectOptions) -> int:
    """The row at `options.position` in `options.order`, or the last; of one face or more."""
    rows = ordered(faces, options.order)
    return int(rows[min(options.position, len(rows) - 1)])


def box_areas(faces: Faces) -> Array:
    """Areas of the boxes in square pixels: float64 [N]; 0 for a box whose corners are swapped."""
    sides = np.clip(np.asarray(faces.boxes_px[:, 2:] - faces.boxes_px[:, :2], np.float64), 0, None)
    areas: Array = sides.prod(axis=1)
    return areas


def unit_embeddings(embeddings: Array) -> Array:
    """Embeddings [N, D] at length 1, float64; zeros for those that have no direction."""
    raw = np.asarray(embeddings, np.float64)
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    usable = np.isfinite(lengths) & (lengths > 0)
    return np.where(usable, raw / np.where(usable, lengths, 1), 0.0)


def embedding_distances(embeddings: Array, unit: Array) -> Array:
    """(1 - cosine) / 2 of embeddings [N, D], of any length, to a unit vector [D]: float64 [N] on 0..1.
    An empty embedding is at 1, the farthest."""
    units = unit_embeddings(embeddings)
    cosines = np.where(units.any(axis=1), units @ np.asarray(unit, np.float64), -1.0)
    distances: Array = (1 - np.clip(cosines, -1, 1)) / 2
    return distances
