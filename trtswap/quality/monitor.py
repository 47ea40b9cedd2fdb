"""Measures while a run goes on: takes small squares of faces before and after compositing, and judges them in a thread.

It never ends or changes a run: an error inside stops the measuring, and is told as a note. Memory does not grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Protocol, TypeVar

import numpy as np

from trtswap import tracing
from trtswap.geometry import compose, invert, transform_points
from trtswap.networks.recogniser import Recogniser
from trtswap.networks.swapper import Patches
from trtswap.options import MonitorOptions
from trtswap.quality import metrics, region
from trtswap.quality.figures import Quality
from trtswap.quality.judge import Judge
from trtswap.quality.look import Look
from trtswap.quality.pace import Pace
from trtswap.quality.tally import Tally
from trtswap.quality.trace import PointTrace
from trtswap.types import Array, Faces, Frame, Surface

_FACES_PER_FRAME = 4
_MOST_ANNOUNCED = 512


class Watched(Protocol):
    """What the monitor reads of a batch: per frame the faces that are swapped, and whether a scene begins; and what the
    swapper made of all faces in order, with its placements float64 [F, 2, 3], if anything."""

    @property
    def frames(self) -> tuple[Frame, ...]: ...

    @property
    def faces(self) -> tuple[Faces, ...]: ...

    @property
    def cuts(self) -> tuple[bool, ...]: ...

    @property
    def known(self) -> tuple[object, ...]:
        """Not empty where an earlier run has made the frames: they are not looked at."""

    @property
    def placements(self) -> Array | None: ...

    @property
    def patches(self) -> Patches | None: ...


BatchT = TypeVar("BatchT", bound=Watched)


@dataclass(frozen=True)
class Person:
    """Whom a swap shows, for the figures of identity. embedding: of the source pictures. every: so many measured frames
    with a face lie between two that are recognised, in the thread of the calls."""

    recogniser: Recogniser
    embedding: Array
    every: int = 25

    def embed(self, surface: Surface, points: Array) -> Array:
        """The embedding of the face with points float32 [5, 2]."""
        embedding: Array = self.recogniser.embed([surface], np.zeros(1, np.int32), points[None])[0]
        return embedding


@dataclass(frozen=True)
class _Announced:
    """A frame that is looked at. rows: the faces looked at, of those of the batch."""

    look: Look
    frame: Frame
    faces: Faces
    rows: Array


@dataclass(frozen=True)
class _Original:
    """A face before it is swapped. points: float32 [5, 2] in the source."""

    points: Array
    embedding: Array


@dataclass(frozen=True)
class _Result:
    """A frame as it has become. moved: float64 [2, 3], pixels of the source to its own; None where they are one."""

    index: int
    surface: Surface
    moved: Array | None = None


class Monitor:
    """Measures one video. A context manager: leaving it ends its thread. Calls come in the order of the frames.

    In a run, `before` and `after` are put around compositing; for two finished videos call `observe`. In the mode "off"
    they do nothing.
    own_points: the jitter of the points is that of the faces given; else of those given to `points`.
    """

    def __init__(
        self, options: MonitorOptions, person: Person | None = None, *, own_points: bool = True
    ) -> None:
        self._full = options.mode == "full"
        self._stride = 1 if self._full else options.stride
        self._mode = options.mode
        self._person = person
        self._own_points = own_points
        self._tally = Tally()
        self._looks: dict[int, Look] = {}
        self._originals: dict[int, _Original] = {}
        self._last: Look | None = None
        self._traces: dict[int, PointTrace] = {}
        self._faceless: int | None = None  # frames since the last face of the scene; None before the first
        self._cut = False  # since the last look
        self._recognisable = 0
        self._problem: str | None = None
        self._pace = Pace()
        self._chosen = True  # whether the frames that are due are measured
        self._off = options.mode == "off"
        self._judge = Judge(self._tally, self._fail)

    @tracing.stage("look before")
    def before(self, batches: Iterable[BatchT]) -> Iterator[BatchT]:
        """Passes batches on, having looked at their frames as they were."""
        for batch in batches:
            if not self._off and not batch.known:
                self._guarded(self._look_before, batch)
            yield batch

    @tracing.stage("look after")
    def after(self, batches: Iterable[BatchT]) -> Iterator[BatchT]:
        """Passes batches on, having looked at their frames as they have become."""
        for batch in batches:
            if self._looks and not batch.known:
                results = [_Result(frame.index, frame.surface) for frame in batch.frames]
                self._guarded(self._look_after, results)
            yield batch

    def observe(
        self, frame: Frame, faces: Faces, *, cut: bool, result: Surface, has_source: bool = True
    ) -> None:
        """Takes a frame of a finished video. frame: of the source, with its faces; result: the same moment of the
        result, in any size and turn. has_source False: there is no source, and `frame` is of the result too."""
        self._guarded(self._look_at, frame, faces, cut, result, has_source)

    def points(self, tracks: Sequence[int], landmarks_px: Array, time_s: float) -> None:
        """Takes the points [N, 5, 2] of the next frame, for their jitter."""
        self._traces = {track: self._traces.get(track) or PointTrace() for track in tracks}
        for track, points in zip(tracks, landmarks_px, strict=True):
            value = self._traces[track].jitter(points)
            if value is not None:
                self._tally.add(time_s, {"landmark_jitter": value})

    def quality(self, notes: Sequence[str] = ()) -> Quality:
        """What was measured, nothing when the mode is "off"; call `close` first."""
        if self._off:
            return Quality({})
        told = (f"the quality monitor stopped early: {self._problem}",) if self._problem else ()
        about: dict[str, object] = {
            "mode": self._mode, "stride": self._stride, "square_px": region.SIZE
        }  # fmt: skip
        return self._tally.quality(about, (*notes, *told))

    def close(self, *, finish: bool = True) -> None:
        """Ends the thread, after what waits (`finish`) or at once. May be repeated."""
        self._judge.close(finish=finish)

    def __enter__(self) -> Monitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(finish=kind is None)

    def _guarded(self, step: Callable[..., None], *arguments: object) -> None:
        """Nothing that happens here reaches the run."""
        if self._problem is not None:
            return
        try:
            with self._pace.measuring():
                step(*arguments)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._problem = f"{type(error).__name__}: {error}"
        self._looks.clear()
        self._originals.clear()

    def _look_at(self, frame: Frame, faces: Faces, cut: bool, result: Surface, has_source: bool) -> None:
        announced = self._announce(frame, faces, cut, 0)
        if announced is None:
            return
        if has_source:
            self._take_sources([announced])
        self._look_after([_Result(frame.index, result, region.between(frame.surface, result))])

    def _look_before(self, batch: Watched) -> None:
        cuts = batch.cuts or (False,) * len(batch.frames)
        announced, first = [], 0
        for frame, faces, cut in zip(batch.frames, batch.faces, cuts, strict=False):
            announced.append(self._announce(frame, faces, cut, first))
            first += len(faces)
        items = [item for item in announced if item is not None]
        if items:
            self._take_sources(items, batch)

    def _announce(self, frame: Frame, faces: Faces, cut: bool, first: int) -> _Announced | None:
        """Counts a frame, and tells how to look at it if it is to be measured. first: of its faces, in the batch."""
        self._count(faces, cut, frame.time_s)
        self._cut = self._cut or cut
        if frame.index % self._stride > 1 or not self._due(frame):
            return None
        look, rows = self._plan(frame, faces, self._cut)
        self._cut = False
        if len(self._looks) >= _MOST_ANNOUNCED:
            raise RuntimeError(f"{len(self._looks)} frames were announced and never came")
        self._last = self._looks[frame.index] = look
        return _Announced(look, frame, faces, rows + first)

    def _due(self, frame: Frame) -> bool:
        """Whether one of the two frames of a stride is measured. Where frames lie on a GPU, whose stages wait for
        nothing but the threads of the run, that is only while it takes little of these; both are, or neither."""
        if self._full or not frame.surface.on_device:
            return True
        if frame.index % self._stride == 0:
            self._chosen = self._pace.allows()
        self._tally.counts["skipped"] += not self._chosen
        return self._chosen

    def _take_sources(self, items: Sequence[_Announced], batch: Watched | None = None) -> None:
        """Takes the squares of frames as they are, and what the swapper made of their faces, if it did."""
        taken: list[region.Taken[Any]] = []
        taken += region.squares([item.frame.surface for item in items], [item.look.places for item in items])
        if batch is not None and batch.patches is not None and batch.placements is not None:
            taken += [_made(batch.patches, batch.placements[item.rows], item.rows) for item in items]
        values = region.fetched(taken)
        for item, source in zip(items, values, strict=False):
            item.look.sources = source
            self._recognise(item.frame.index, item.frame.surface, item.faces)
        for item, patches in zip(items, values[len(items) :], strict=False):
            item.look.patches = patches

    def _look_after(self, results: Sequence[_Result]) -> None:
        results = [result for result in results if result.index in self._looks]
        if not results:
            return
        looks = [self._looks.pop(result.index) for result in results]
        places = []
        for look, result in zip(looks, results, strict=True):
            moved = look.places
            if result.moved is not None and len(moved):
                moved = compose(moved, np.broadcast_to(invert(result.moved), moved.shape))
                look.scales = [region.scale_of(place) for place in moved[: len(look.tracks)]]
            places.append(moved)
        surfaces = [result.surface for result in results]
        taken: list[region.Taken[Any]] = []
        taken += region.squares(surfaces, places)
        taken += region.thumbnails(surfaces)
        values = region.fetched(taken)
        for number, (look, result) in enumerate(zip(looks, results, strict=True)):
            look.results, look.frame = values[number], values[len(looks) + number]
            original = self._originals.pop(result.index, None)
            if original is not None:
                look.values.update(self._likeness(result.surface, original, result.moved))
            self._judge.put(look, wait=self._full)

    def _plan(self, frame: Frame, faces: Faces, cut: bool) -> tuple[Look, Array]:
        """Where to look: at the largest faces, and where they were in the frame before; and the rows of those faces."""
        rows = _by_size(faces)[:_FACES_PER_FRAME]
        placements = region.placements_of(faces.landmarks_px[rows])
        good = np.isfinite(placements).all(axis=(1, 2))
        rows, placements = rows[good], placements[good]
        ids = faces.track_ids
        tracks = [int(ids[row]) if ids is not None else int(row) for row in rows]
        places, earlier = list(placements), {}
        last = self._last
        if last is not None and last.index == frame.index - 1 and not cut:
            for track, placement in zip(last.tracks, last.placements, strict=True):
                if track in tracks:
                    earlier[track] = len(places)
                    places.append(placement)
        look = Look(
            index=frame.index,
            time_s=frame.time_s,
            cut=cut,
            tracks=tracks,
            placements=placements,
            places=np.array(places).reshape(-1, 2, 3),
            earlier=earlier,
            scales=[region.scale_of(placement) for placement in placements],
            apart=frame.surface.on_device,
        )
        return look, rows

    def _count(self, faces: Faces, cut: bool, time_s: float) -> None:
        """What is counted in every frame, measured or not."""
        counts = self._tally.counts
        counts["frames"] += 1
        counts["faces"] += len(faces)
        counts["filled"] += 0 if faces.filled is None else int(np.count_nonzero(faces.filled))
        if cut:
            self._tally.cut(time_s)
            self._faceless, self._traces = None, {}
        if len(faces):
            counts["missed"] += self._faceless or 0
            self._faceless = 0
        elif self._faceless is not None:
            self._faceless += 1
        if self._own_points and faces.track_ids is not None:
            self.points(faces.track_ids.tolist(), faces.landmarks_px, time_s)

    def _recognise(self, index: int, source: Surface, faces: Faces) -> None:
        """Now and then who the largest face is, before it is swapped."""
        if self._person is None or not len(faces):
            return
        self._recognisable += 1
        if (self._recognisable - 1) % self._person.every == 0:
            points = faces.landmarks_px[_by_size(faces)[0]].astype(np.float32)
            self._originals[index] = _Original(points, self._person.embed(source, points))

    def _likeness(self, result: Surface, original: _Original, moved: Array | None) -> dict[str, float]:
        assert self._person is not None
        points = original.points if moved is None else transform_points(moved, original.points)
        made = self._person.embed(result, points.astype(np.float32))
        return {
            "identity_source": metrics.cosine(made, self._person.embedding),
            "identity_target": metrics.cosine(made, original.embedding),
        }


def _by_size(faces: Faces) -> Array:
    """The rows, the largest box first."""
    areas = (faces.boxes_px[:, 2:] - faces.boxes_px[:, :2]).prod(axis=1)
    rows: Array = np.argsort(-areas, kind="stable")
    return rows


def _made(patches: Patches, placements: Array, rows: Array) -> region.Taken[dict[int, tuple[Array, Array]]]:
    """By position in `rows`: the patch float32 [3, S, S], R'G'B' about 0..1, and its placement."""
    make = partial(_placed, placements, patches.scale, patches.offset)
    return region.Taken([patches.pixels[row] for row in rows.tolist()], make)


def _placed(
    placements: Array, scale: float, offset: float, pictures: list[Array]
) -> dict[int, tuple[Array, Array]]:
    patches = [pixels * scale + offset for pixels in pictures]
    return dict(enumerate(zip(patches, placements, strict=True)))
