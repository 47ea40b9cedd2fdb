"""What the stages hand on: some frames and what is known about them so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trtswap.device import Event
from trtswap.networks.classifier import Traits
from trtswap.networks.swapper import Patches
from trtswap.stages.known import Known
from trtswap.stages.scenes import Thumbnails
from trtswap.types import Array, DeviceArray, Faces, Frame

_PER_FRAME = (
    *("frames", "faces", "detected", "tracked", "cuts", "sources"),
    *("known", "traits", "embedded", "arrivals"),
)


@dataclass(frozen=True)
class Batch:
    """Consecutive frames.

    faces: per frame, set by `analyse`, held steady by `steady`, narrowed by `select`. thumbnails: of the frames, set by
    `analyse` for `steady`. detected, tracked, cuts: per frame, set by `steady`: the faces as the detector gave them,
    all faces held steady, and whether the frame begins a new scene. sources: per frame, set by `cast`: int [N], which
    of several identities each face becomes; empty where there is one. placements: float64 [F, 2, 3], frame to crop
    pixels of all faces of all frames in order, and patches: theirs, both set by `swap`. masks: float32 [F, S, S], 0..1
    on the patches' grids and where they are, set by `confine`, or None. maps: float32 [F, 12], the colour maps the
    patches go through, set by `match_colours`, or None. Where frames lie on a GPU: ready: when what was queued for the
    batch is done, for another thread; unswapped: when what was queued before the swapper is, for work beside it;
    arrivals: when each frame is on the host.
    known: per frame what an earlier run found in it, set by `recall`; empty for frames that are new. traits, embedded:
    per frame what `sift` and `recognise` asked their networks for. moments: float64 [F, 3, 10], of colour, set by
    `match_colours`, or None.
    """

    frames: tuple[Frame, ...]
    faces: tuple[Faces, ...] = ()
    thumbnails: Thumbnails | None = None
    detected: tuple[Faces, ...] = ()
    tracked: tuple[Faces, ...] = ()
    cuts: tuple[bool, ...] = ()
    sources: tuple[Array, ...] = ()
    placements: Array | None = None
    patches: Patches | None = None
    masks: Array | DeviceArray | None = None
    maps: Array | None = None
    known: tuple[Known, ...] = ()
    traits: tuple[tuple[Traits, ...], ...] = ()
    embedded: tuple[Array, ...] = ()
    moments: Array | None = None
    ready: Event | None = None
    unswapped: Event | None = None
    arrivals: tuple[Event, ...] = ()

    @property
    def passed_over(self) -> bool:
        """Whether all that matters of the frames is known, so that no network runs and nothing is drawn."""
        return bool(self.known) and not any(item.in_view for item in self.known)

    @property
    def face_count(self) -> int:
        """Faces over all frames."""
        return sum(len(faces) for faces in self.faces)

    def facts(self) -> dict[str, int]:
        """For a time line: the first frame, how many, and their faces."""
        return {"first": self.frames[0].index, "frames": len(self.frames), "faces": self.face_count}

    def part(self, start: int, end: int) -> Batch:
        """The frames from `start` up to `end`, counted within the batch, with all that belongs to them."""
        counts = [len(faces) for faces in self.faces]
        rows = slice(sum(counts[:start]), sum(counts[:end]))
        own = {name: getattr(self, name)[start:end] for name in _PER_FRAME}
        return replace(self._of_faces(rows), thumbnails=None, **own)

    def face(self, row: int) -> Batch:
        """One face of a batch of one frame, alone on it."""
        if len(self.frames) != 1:
            raise ValueError(f"a face is told by its row on one frame, not on {len(self.frames)}")
        return replace(
            self._of_faces(slice(row, row + 1)),
            faces=(self.faces[0].take(np.array([row])),),
            sources=tuple(numbers[row : row + 1] for numbers in self.sources),
        )

    def smaller(self) -> list[Batch]:
        """The halves of several frames, the faces of one one by one; nothing where there is one face or none."""
        frames = len(self.frames)
        if frames > 1:
            return [self.part(0, frames // 2), self.part(frames // 2, frames)]
        return [self.face(row) for row in range(self.face_count)] if self.face_count > 1 else []

    def _of_faces(self, rows: slice) -> Batch:
        """With the placements, patches, masks, maps and moments of these faces alone."""
        patches = self.patches
        return replace(
            self,
            placements=None if self.placements is None else self.placements[rows],
            patches=None if patches is None else replace(patches, pixels=patches.pixels[rows]),
            masks=None if self.masks is None else self.masks[rows],
            maps=None if self.maps is None else self.maps[rows],
            moments=None if self.moments is None else self.moments[rows],
        )

    @property
    def frame_of_face(self) -> Array:
        """int [F], the frame (counted within the batch) of each face."""
        return np.repeat(np.arange(len(self.faces)), [len(faces) for faces in self.faces])

    @property
    def source_of_face(self) -> Array:
        """int [F], the identity that each face becomes."""
        if not self.sources:
            return np.zeros(self.face_count, np.intp)
        return np.concatenate(self.sources)

    @property
    def landmarks_px(self) -> Array:
        """float32 [F, 5, 2], of all faces of all frames in order."""
        if not self.faces:
            return np.zeros((0, 5, 2), np.float32)
        return np.concatenate([faces.landmarks_px for faces in self.faces])
