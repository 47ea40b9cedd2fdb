"""Counts what a run has done, and tells its caller."""

from __future__ import annotations

import time
from collections.abc import Callable

from trtswap.stages.batch import Batch
from trtswap.types import Progress

OnProgress = Callable[[Progress], None]


class Counter:
    """total: frames expected, or None while unknown. frames, frames_with_faces, faces, cuts: done so far."""

    def __init__(self, on_progress: OnProgress | None = None) -> None:
        self._on_progress = on_progress
        self._started = time.perf_counter()
        self.total: int | None = None
        self.frames = 0
        self.frames_with_faces = 0
        self.faces = 0
        self.cuts = 0

    @property
    def seconds(self) -> float:
        """Since the counter was made."""
        return time.perf_counter() - self._started

    def add(self, batch: Batch) -> None:
        """Counts a finished batch."""
        self.frames += len(batch.frames)
        self.frames_with_faces += sum(len(faces) > 0 for faces in batch.faces)
        self.faces += batch.face_count
        self.cuts += sum(batch.cuts)
        self.tell("resume" if batch.known else "swap")

    def tell(self, stage: str) -> None:
        """Tells how far the run is; stage as in `Progress`."""
        if self._on_progress is not None:
            self._on_progress(Progress(stage, self.frames, self.total, self.faces, self.seconds))

    def notes(self) -> list[str]:
        """What the user should know of the faces."""
        missed = self.frames - self.frames_with_faces
        if not self.frames_with_faces:
            return [f"no face to swap was found in any of the {self.frames} frames; the picture is unchanged"]
        if missed:
            return [f"{missed} of {self.frames} frames have no face to swap and are unchanged"]
        return []
