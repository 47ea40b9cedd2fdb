"""Runs the swapper on all faces of a batch of frames at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from trtswap import device, tracing
from trtswap.networks.swapper import Swapper
from trtswap.stages.batch import Batch
from trtswap.types import Array, DeviceArray, Identity


@tracing.stage("swap")
def swap(
    batches: Iterable[Batch], swapper: Swapper, identities: Sequence[Identity], weight: float = 0.5
) -> Iterator[Batch]:
    """Sets `placements` and `patches` of each batch that has faces and is not passed over.

    identities: who is shown, by the numbers in `sources` of the batch. weight: see `Swapper.balanced`; other than a
    half it needs faces with embeddings.
    """
    shown = _Shown(swapper, np.stack([swapper.source_vector(identity) for identity in identities]))
    for batch in batches:
        if batch.passed_over or not batch.face_count:
            yield batch
            continue
        placements = swapper.placements(batch.landmarks_px)
        surfaces = [frame.surface for frame in batch.frames]
        if weight != 0.5 and swapper.balances:
            vectors = swapper.balanced(shown.vectors(batch), _embeddings(batch), weight)
        else:
            vectors = shown.beside(batch, surfaces[0].planes[0])
        unswapped = device.current().record() if surfaces[0].on_device else None
        patches = swapper.swap(surfaces, batch.frame_of_face, placements, vectors)
        yield replace(batch, placements=placements, patches=patches, unswapped=unswapped)


def _embeddings(batch: Batch) -> Array:
    """float32 [F, 512], of all faces of all frames."""
    found = [faces.embeddings for faces in batch.faces if len(faces)]
    if any(item is None for item in found):
        raise ValueError("a swap weight needs faces with embeddings")
    return np.concatenate([item for item in found if item is not None])


class _Shown:
    """The source vectors of all identities; on a GPU those of the latest batches stay there."""

    _MOST = 16

    def __init__(self, swapper: Swapper, sources: Array) -> None:
        self._swapper = swapper
        self._sources = sources
        self._kept: OrderedDict[bytes, DeviceArray] = OrderedDict()

    def vectors(self, batch: Batch) -> Array:
        """Of all faces, on the host: [F, ...]."""
        vectors: Array = self._sources[batch.source_of_face]
        return vectors

    def beside(self, batch: Batch, plane: DeviceArray) -> Array | DeviceArray:
        """Of all faces, as `Swapper.swap` takes them for frames whose planes lie where `plane` does."""
        if not device.is_on_device(plane):
            return self.vectors(batch)
        key = batch.source_of_face.tobytes()
        if key not in self._kept:
            self._kept[key] = device.beside(self._swapper.for_tiles(self.vectors(batch)), plane)
        self._kept.move_to_end(key)
        while len(self._kept) > self._MOST:
            self._kept.popitem(last=False)
        return self._kept[key]
