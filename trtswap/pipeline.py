"""The order of the stages, and the threads between them: read, analyse, steady, select, swap, confine, match colours,
composite, write.

Reading, analysing and swapping each run in a thread of their own, at most `options.queue` batches apart; the caller's
thread writes. Memory holds a fixed number of frames, whatever the length of the video. The first error of any thread
ends the run, is raised in the caller, and every thread is joined; so does Ctrl-C. The output appears under its name
only when it is complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from trtswap import __version__
from trtswap.concurrency import Ahead
from trtswap.errors import OptionError, StrPath
from trtswap.inference.cache import digest_of
from trtswap.networks.loader import NetworkSet
from trtswap.options import SwapOptions
from trtswap.provenance.manifest import NetworkFact
from trtswap.provenance.run import shaping
from trtswap.provenance.run import start as start_provenance
from trtswap.quality.gate import Gate
from trtswap.quality.monitor import Monitor, Person
from trtswap.stages.analyse import analyse
from trtswap.stages.batch import Batch
from trtswap.stages.cast import cast as cast_as
from trtswap.stages.colour import match_colours
from trtswap.stages.composite import composite
from trtswap.stages.confine import confine
from trtswap.stages.enhance import enhance
from trtswap.stages.gather import gather
from trtswap.stages.hold_masks import hold_masks
from trtswap.stages.identity import identify
from trtswap.stages.landmarks import Refiner
from trtswap.stages.mask import face_masks
from trtswap.stages.overlay import overlaid
from trtswap.stages.people import Cast, People, meet, settled
from trtswap.stages.recognise import recognise
from trtswap.stages.select import select
from trtswap.stages.sift import sift
from trtswap.stages.steady import steady
from trtswap.stages.swap import swap
from trtswap.stages.track_file import from_tracks, track_writer
from trtswap.types import Frame, Progress, SwapReport
from trtswap.video import FrameSource, create_output, open_target
from trtswap.video.paths import check_apart

MARKS = {"comment": f"AI-altered: faces swapped with trtswap {__version__}"}
"""What every output says of itself."""

OnProgress = Callable[[Progress], None]


def swap_video(
    sources: Sequence[StrPath],
    target: StrPath,
    output: StrPath,
    *,
    reference: StrPath | None = None,
    cast: Cast = (),
    tracks: StrPath | None = None,
    dump_tracks: StrPath | None = None,
    debug_overlay: StrPath | None = None,
    reports: Sequence[StrPath] = (),
    options: SwapOptions | None = None,
    on_progress: OnProgress | None = None,
) -> SwapReport:
    """Swaps the selected faces of a video or a picture.

    sources: pictures of the person to show. cast: in place of sources, pairs of pictures of a person in the target and
    of the person to show in that one's place. target: a video or picture, never touched. output: exists only after
    success. reference: a picture of the person to replace, for `select.mode` "reference".
    reports: files (.json, .html) of what the monitor measured. on_progress: called in this thread after every batch.
    A target in which nobody is found is written unchanged, with a note. Raises any TrtSwapError, QualityError only
    when everything is written; KeyboardInterrupt leaves no output.
    """
    settings = options or SwapOptions()
    _check_people(settings, sources, cast, reference, tracks)
    pictures = [picture for pair in cast for side in pair for picture in side]
    check_apart(
        [*sources, *pictures, target, reference, tracks], [output, dump_tracks, debug_overlay, *reports]
    )
    gate = Gate(settings.monitor, reports, overwrite=settings.overwrite)
    seal, sealing = start_provenance(settings, target)
    started = time.perf_counter()
    progress = _Progress(on_progress or (lambda _: None), started)
    with ExitStack() as opened:
        reader = opened.enter_context(open_target(target, trim=settings.trim))
        writing: dict[str, Any] = {
            "options": settings.encode,
            "overwrite": settings.overwrite,
            "marks": MARKS,
            "seal": seal,
        }
        writer = opened.enter_context(create_output(output, reader, **writing))
        overlay = debug_overlay and opened.enter_context(create_output(debug_overlay, reader, **writing))
        track_lines = opened.enter_context(
            track_writer(dump_tracks, reader.info, overwrite=settings.overwrite)
        )
        networks = opened.enter_context(NetworkSet(settings))
        if seal is not None:
            seal.describe(partial(_network_facts, networks), shaping(settings))
        progress.total = reader.expected_frames
        progress.tell("prepare")
        recognised = partial(
            identify,
            detector=networks.detector,
            recogniser=networks.recogniser,
            options=settings.detect,
            refiner=_refiner(networks, settings),
        )
        people = meet(recognised, sources, cast, reference, settings.select)
        settings = replace(settings, select=settled(settings.select, people, networks.classifier))
        draw = _drawing(networks, settings) if overlay else None
        monitor = opened.enter_context(Monitor(gate.options, _person(networks, people)))
        with _stages(reader, networks, settings, people, tracks, monitor) as batches:
            for batch in batches:
                for frame in batch.frames:
                    writer.write(frame)
                if overlay and draw:
                    for frame in draw(batch):
                        overlay.write(frame)
                if track_lines:
                    track_lines.write(batch)
                progress.add(batch)
        progress.tell("finish")
        paths = dict(networks.paths)
    measured = monitor.quality()
    report = SwapReport(
        output=str(output),
        frames=progress.frames,
        frames_with_faces=progress.frames_with_faces,
        faces_swapped=progress.faces,
        seconds=time.perf_counter() - started,
        networks=paths,
        notes=(
            *sealing,
            *reader.notes,
            *networks.notes,
            *people.notes,
            *progress.notes(),
            *writer.notes,
            *measured.notes,
        ),
        quality=measured.figures,
    )
    gate.close(measured, video=output, original=target, report=report)
    return report


@contextmanager
def _stages(
    reader: FrameSource,
    networks: NetworkSet,
    settings: SwapOptions,
    people: People,
    tracks: StrPath | None,
    monitor: Monitor,
) -> Iterator[Iterator[Batch]]:
    """The chain of stages as one iterator of finished batches; leaving it ends all threads."""
    size, template = networks.swapper.size, networks.swapper.template
    rate = float(reader.info.frame_rate) if reader.info.frame_rate else None
    threads: list[Ahead[Batch]] = []

    def ahead(batches: Iterable[Batch], name: str) -> Ahead[Batch]:
        threads.append(Ahead(batches, settings.queue, name))
        return threads[-1]

    try:
        read = ahead(gather(reader, settings.batch), "read")
        if tracks is None:
            refiner = _refiner(networks, settings)
            found = analyse(read, networks.detector, settings.detect, None, refiner)
            final = steady(found, settings.smooth, rate, settings.batch)
        else:
            final = from_tracks(read, tracks, reader.info)
        if networks.classifier is not None:
            final = sift(final, networks.classifier, settings.select)
        if _recognises(networks, settings, people):
            final = recognise(final, networks.recogniser)
        if people.sought:
            chosen = cast_as(final, people.sought, settings.select.distance)
        else:
            chosen = select(final, settings.select, people.reference)
        swapped = swap(ahead(chosen, "analyse"), networks.swapper, people.shown, settings.weight)
        masked = confine(monitor.before(swapped), size, settings.mask, networks.occluders, networks.parser)
        masked = hold_masks(masked, settings.smooth.method)
        coloured = match_colours(masked, template, size, settings.blend, settings.smooth, rate)
        done = composite(coloured, template, size, settings.mask, settings.blend)
        if networks.enhancer is not None:
            done = ahead(done, "swap")
            done = enhance(done, networks.enhancer, settings.enhance, settings.mask, networks.occluders)
        yield ahead(monitor.after(done), "swap" if networks.enhancer is None else "enhance")
    finally:
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.close()


def _refiner(networks: NetworkSet, settings: SwapOptions) -> Refiner | None:
    if networks.landmarker is None and networks.guesser is None:
        return None
    return Refiner(networks.landmarker, settings.landmarks, networks.guesser)


def _recognises(networks: NetworkSet, settings: SwapOptions, people: People) -> bool:
    """Whether the faces of the target are recognised."""
    unlike = settings.weight != 0.5 and networks.swapper.balances
    return unlike or bool(people.sought) or people.reference is not None


def _network_facts(networks: NetworkSet) -> list[NetworkFact]:
    """What a manifest tells of the networks."""
    return [
        NetworkFact(spec.name, role, digest_of(path), spec.licence.label)
        for role, spec, path in networks.used
    ]


def _person(networks: NetworkSet, people: People) -> Person | None:
    """For the monitor's figures of identity, where one person is shown."""
    return Person(networks.recogniser, people.shown[0].unit) if len(people.shown) == 1 else None


def _drawing(networks: NetworkSet, settings: SwapOptions) -> Callable[[Batch], Iterator[Frame]]:
    swapper = networks.swapper
    mask = face_masks(swapper.size, swapper.template, settings.mask)[0]

    def draw(batch: Batch) -> Iterator[Frame]:
        for row, frame in enumerate(batch.frames):
            surface = overlaid(batch, row, template=swapper.template, crop_px=swapper.size, mask=mask)
            yield replace(frame, surface=surface)

    return draw


def _check_people(
    settings: SwapOptions,
    sources: Sequence[StrPath],
    cast: Cast,
    reference: StrPath | None,
    tracks: StrPath | None,
) -> None:
    if bool(sources) == bool(cast):
        raise OptionError(
            "who is to be shown is told either by source pictures, or for each person of the target by itself",
            hint="give pictures with --source, or WHO=SOURCE with --map",
        )
    if cast and (settings.select.mode == "reference" or reference is not None):
        raise OptionError(
            "a reference picture has no effect where each person is told by a picture already",
            hint="leave --select reference and --reference out",
        )
    _check_reference(settings, reference, tracks)


def _check_reference(settings: SwapOptions, reference: StrPath | None, tracks: StrPath | None) -> None:
    if settings.select.mode == "reference" and tracks is not None:
        raise OptionError(
            "a file of tracks says where faces are, not whose: it cannot be selected from by reference",
            hint="use --select largest or all, and remove unwanted faces from the file",
        )
    if settings.select.mode == "reference" and reference is None:
        raise OptionError(
            "selecting by reference needs a picture of the person to replace",
            hint="give one with --reference",
        )
    if settings.select.mode != "reference" and reference is not None:
        raise OptionError(
            f"a reference picture has no effect with the selection {settings.select.mode!r}",
            hint="add --select reference, or leave --reference out",
        )


class _Progress:
    """Counts what is done and tells the caller."""

    def __init__(self, on_progress: OnProgress, started: float) -> None:
        self._on_progress = on_progress
        self._started = started
        self.total: int | None = None
        self.frames = 0
        self.frames_with_faces = 0
        self.faces = 0
        self.cuts = 0

    def add(self, batch: Batch) -> None:
        self.frames += len(batch.frames)
        self.frames_with_faces += sum(len(faces) > 0 for faces in batch.faces)
        self.faces += batch.face_count
        self.cuts += sum(batch.cuts)
        self.tell("swap")

    def tell(self, stage: str) -> None:
        elapsed = time.perf_counter() - self._started
        self._on_progress(Progress(stage, self.frames, self.total, self.faces, elapsed))

    def notes(self) -> list[str]:
        missed = self.frames - self.frames_with_faces
        if not self.frames_with_faces:
            return [f"no face to swap was found in any of the {self.frames} frames; the picture is unchanged"]
        if missed:
            return [f"{missed} of {self.frames} frames have no face to swap and are unchanged"]
        return []
