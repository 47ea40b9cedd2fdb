"""What is taken of a measured frame."""

from __future__ import annotations

from dataclasses import dataclass, field

from trtswap.quality import region
from trtswap.quality.region import Lazy
from trtswap.quality.trace import Shot
from trtswap.types import Array


def _no_patches(_: list[Array]) -> dict[int, tuple[Array, Array]]:
    return {}


@dataclass
class Look:
    """A measured frame.

    cut: a scene began with this frame or since the last measured one. tracks: the faces. placements: float64 [N, 2,
    3], theirs. places: float64 [N + M, 2, 3], where squares are taken: at the faces, and where some of them were in
    the frame just before; earlier: track to the row of the latter. scales: square pixels to a pixel of the result,
    per face. sources, results: the squares at the places; no sources without a source video. frame: the whole
    result, small. patches: by row of `places`, what the swapper made: float32 [3, S, S] on 0..1, and its placement,
    float64 [2, 3], frame to patch pixels. Pictures are asked for by the judge alone, so that whoever takes them
    waits for nothing. values: figures of the frame known already. apart: whether it is to be judged in a process of
    its own, since a run whose frames stay on a GPU has work for this one's threads in every moment.
    """

    index: int
    time_s: float
    cut: bool
    tracks: list[int]
    placements: Array
    places: Array
    earlier: dict[int, int]
    scales: list[float]
    sources: Lazy[list[Array]] = field(default_factory=lambda: Lazy(list))
    results: Lazy[list[Array]] = field(default_factory=lambda: Lazy(list))
    frame: Lazy[Array] | None = None
    patches: Lazy[dict[int, tuple[Array, Array]]] = field(default_factory=lambda: Lazy(_no_patches))
    values: dict[str, float] = field(default_factory=dict)
    apart: bool = False

    def arrive(self) -> None:
        """Waits for all pictures."""
        for pictures in (self.sources, self.results, self.patches, self.frame):
            if pictures is not None:
                pictures.arrive()

    def shot(self, row: int) -> Shot:
        """The squares of one place."""
        sources, made = self.sources.get(), self.patches.get().get(row)
        patch = None if made is None else region.patch_square(*made, self.places[row])
        return Shot(self.results.get()[row], sources[row] if sources else None, patch)
