"""Measures finished videos, of this program or another: finds the faces of the original, holds them steady, and hands
both videos to the monitor, frame by frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from trtswap.errors import InputError, OptionError, StrPath
from trtswap.geometry import transform_points
from trtswap.inference.session import Session
from trtswap.inference.spec import load_specs
from trtswap.inference.store import Store
from trtswap.networks.choice import choose
from trtswap.networks.detector import Detector
from trtswap.networks.loader import at_size
from trtswap.networks.registry import DETECTORS, RECOGNISERS, create_detector, create_recogniser
from trtswap.networks.sessions import open_session
from trtswap.options import Monitoring, SwapOptions
from trtswap.quality.figures import Quality
from trtswap.quality.monitor import Monitor, Person
from trtswap.quality.region import between
from trtswap.stages.analyse import analyse, find_faces
from trtswap.stages.batch import Batch
from trtswap.stages.gather import gather
from trtswap.stages.identity import identify
from trtswap.stages.select import select
from trtswap.stages.steady import steady
from trtswap.stages.track_file import from_tracks
from trtswap.types import Faces, Frame, Progress, Surface, VideoInfo
from trtswap.video import FrameSource, open_target
from trtswap.video.paths import check_apart

_SAME_SHAPE = 0.02
"""The shapes of two videos may differ by so much, from rounding to even sizes."""
_REACH = 0.5
"""So near its face, in distances between the eyes, a detection is taken for it."""


def measure_video(
    result: StrPath,
    *,
    original: StrPath | None = None,
    sources: Sequence[StrPath] = (),
    tracks: StrPath | None = None,
    written: Sequence[StrPath] = (),
    options: SwapOptions | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Quality:
    """Measures a finished video.

    original: the video before faces were swapped, frame for frame the same; without it the figures that compare with
    it are missing. sources: pictures of the person shown, for the figures of identity. tracks: a file of faces of the
    original, in place of finding them. written: files that the caller will write, which must be none of those read.
    options: its `detect`, `smooth`, `select`, `trim` (of the original), `recogniser`, `models`, `licence`, `device`,
    `provider`, `batch` and `monitor` count; every frame is measured unless `monitor.mode` is "sample".
    on_progress: called in this thread after every batch. Raises VideoError, NoFaceError, NetworkError and its kin.
    """
    settings = options or SwapOptions()
    if settings.select.mode == "reference":
        raise OptionError("finished videos are measured on the largest face or on all", hint="--select all")
    mode: Monitoring = "sample" if settings.monitor.mode == "sample" else "full"
    check_apart([result, original, tracks, *sources], written)
    started = time.perf_counter()
    with ExitStack() as opened:
        truth = opened.enter_context(
            open_target(result if original is None else original, trim=settings.trim)
        )
        made = None if original is None else opened.enter_context(open_target(result))
        networks = _Networks(settings, opened)
        detector = networks.detector() if tracks is None or made is not None else None
        person = networks.person(sources, detector) if sources else None
        if made is not None:
            _check_shapes(truth.info, made.info)
        monitoring = replace(settings.monitor, mode=mode)
        monitor = opened.enter_context(Monitor(monitoring, person, own_points=False))
        pairs = _Pairs(made)
        done = 0
        for batch in _steady(truth, detector, tracks, settings):
            results = pairs.take(batch.frames)
            found = _detected(batch, results, made is not None, detector, settings)
            for row, result_frame in enumerate(results):
                frame, faces = batch.frames[row], batch.faces[row]
                _tell_points(monitor, frame, faces, found[row], result_frame.surface)
                monitor.observe(
                    frame,
                    faces,
                    cut=batch.cuts[row],
                    result=result_frame.surface,
                    has_source=made is not None,
                )
            done += len(results)
            if on_progress is not None:
                elapsed = time.perf_counter() - started
                on_progress(Progress("measure", done, truth.expected_frames, 0, elapsed))
            if len(results) < len(batch.frames):
                break
        monitor.close()
        notes = [*truth.notes, *(made.notes if made is not None else ()), *pairs.notes(done)]
        return monitor.quality(notes)


def _check_shapes(original: VideoInfo, result: VideoInfo) -> None:
    """Raises InputError where two videos cannot show the same."""
    shapes = []
    for info in (original, result):
        sides = (info.width_px, info.height_px)
        shapes.append(sides[::-1] if info.rotation_deg in (90, 270) else sides)
    (width, height), (width_other, height_other) = shapes
    if abs(width * height_other / (height * width_other) - 1) > _SAME_SHAPE:
        raise InputError(
            f"{result.path} has {width_other}x{height_other} pixels and {original.path} {width}x{height}: they do not "
            "show the same",
            hint="give the video that the result was made from",
        )


class _Pairs:
    """The frames of the result that belong to those of the original: by their order."""

    def __init__(self, made: FrameSource | None) -> None:
        self._frames: Iterator[Frame] | None = None if made is None else iter(made)
        self._short = False

    def take(self, frames: Sequence[Frame]) -> list[Frame]:
        """As many as `frames`, or what is left; `frames` themselves where there is no original."""
        if self._frames is None:
            return list(frames)
        taken = []
        for _ in frames:
            frame = next(self._frames, None)
            if frame is None:
                self._short = True
                break
            taken.append(frame)
        return taken

    def notes(self, done: int) -> list[str]:
        """Whether the two have different lengths."""
        if self._short:
            return [f"the result ends after {done} frames, before the original; the rest is not measured"]
        if self._frames is not None and next(self._frames, None) is not None:
            return [f"the original ends after {done} frames, before the result; the rest is not measured"]
        return []


class _Networks:
    """Opens the networks that measuring needs."""

    def __init__(self, options: SwapOptions, opened: ExitStack) -> None:
        self._options = options
        self._opened = opened
        self._specs = load_specs()
        self._store = Store(options.models)

    def detector(self) -> Detector:
        """Raises NetworkNotFoundError and its kin."""
        return create_detector(self._session("detector", DETECTORS, self._options.detect.network))

    def person(self, sources: Sequence[StrPath], detector: Detector | None) -> Person:
        """The person of the source pictures, and the recogniser to tell."""
        recogniser = create_recogniser(self._session("recogniser", RECOGNISERS, self._options.recogniser))
        finder = detector if detector is not None else self.detector()
        identity, _ = identify(sources, finder, recogniser, self._options.detect)
        return Person(recogniser, identity.unit)

    def _session(self, role: str, kinds: Collection[str], name: str) -> Session:
        options = self._options
        spec = choose(self._specs, self._store, role, kinds, name, options.licence)
        path = self._store.find(spec)
        if role == "detector":
            spec = at_size(spec, options.detect.size)
        session = open_session(spec, path, device_name=options.device, provider=options.provider)
        return self._opened.enter_context(session)


def _steady(
    truth: FrameSource, detector: Detector | None, tracks: StrPath | None, settings: SwapOptions
) -> Iterator[Batch]:
    """The original's frames with steady faces, narrowed to those that count."""
    read = gather(truth, settings.together)
    if tracks is not None:
        final = from_tracks(read, tracks, truth.info)
    else:
        assert detector is not None
        rate = truth.info.frame_rate
        found = analyse(read, detector, settings.detect)
        final = steady(found, settings.smooth, float(rate) if rate else None, settings.together)
    return select(final, settings.select, None)


def _detected(
    batch: Batch, results: Sequence[Frame], two: bool, detector: Detector | None, settings: SwapOptions
) -> Sequence[Faces]:
    """The faces that a detector sees in the result, per frame, unsmoothed."""
    if not two:
        return batch.detected
    assert detector is not None
    return find_faces([frame.surface for frame in results], detector, settings.detect) if results else []


def _tell_points(monitor: Monitor, frame: Frame, faces: Faces, found: Faces, result: Surface) -> None:
    """Hands over the points of the detections that belong to the faces."""
    if faces.track_ids is None or not len(found):
        monitor.points([], np.zeros((0, 5, 2)), frame.time_s)
        return
    wanted = transform_points(between(frame.surface, result), faces.landmarks_px)
    tracks, points = [], []
    for track, face in zip(faces.track_ids.tolist(), wanted, strict=True):
        apart = np.hypot(*(found.landmarks_px.mean(axis=1) - face.mean(axis=0)).T)
        nearest = int(np.argmin(apart))
        if apart[nearest] < _REACH * np.hypot(*(face[1] - face[0])):
            tracks.append(track)
            points.append(found.landmarks_px[nearest])
    monitor.points(tracks, np.array(points).reshape(-1, 5, 2), frame.time_s)
