"""One run from files to files: networks and people are prepared once, then one target after another is swapped.

What happens to a frame is chain.py's; the caller's thread writes. An output appears under its name only when it is
complete; any error, and Ctrl-C, ends every thread and leaves no output.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any

from trtswap import __version__, device, memory, tracing
from trtswap.binding import batch_of, binding_of, segment_length
from trtswap.chain import refiner_of, stages
from trtswap.concurrency import Later
from trtswap.engine_options import device_index
from trtswap.errors import StrPath
from trtswap.host_memory import expect_frames, give_back
from trtswap.inference.cache import digest_of
from trtswap.networks.loader import NetworkSet
from trtswap.options import SwapOptions
from trtswap.outputs import Outputs, overlay_of
from trtswap.progress import Counter, OnProgress
from trtswap.provenance.manifest import NetworkFact
from trtswap.provenance.run import shaping
from trtswap.provenance.run import start as start_provenance
from trtswap.quality.gate import Gate
from trtswap.quality.monitor import Monitor, Person
from trtswap.stages.carry import route_of
from trtswap.stages.disclose import cover, disclosure
from trtswap.stages.fitting import Room
from trtswap.stages.identity import identify
from trtswap.stages.people import Cast, People, check_people, check_tracks, meet, settled
from trtswap.stages.recall import notes_of, past_of
from trtswap.stages.track_file import track_writer
from trtswap.types import SwapReport, VideoInfo
from trtswap.video import SegmentedSink, create_output, open_target
from trtswap.video.paths import check_apart

__all__ = ["OnProgress", "Pipeline", "swap_video"]

_log = logging.getLogger(__name__)

MARKS = {"comment": f"AI-altered: faces swapped with trtswap {__version__}"}
"""What every output says of itself."""


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
    """Swaps the selected faces of a video or a picture: a `Pipeline` for one target, see there."""
    with Pipeline(sources, reference=reference, cast=cast, options=options) as pipeline:
        return pipeline.swap(
            target,
            output,
            tracks=tracks,
            dump_tracks=dump_tracks,
            debug_overlay=debug_overlay,
            reports=reports,
            on_progress=on_progress,
        )


@dataclass(frozen=True)
class _Prepared:
    """What serves every target. settings: with all that the networks and people decide."""

    networks: NetworkSet
    people: People
    settings: SwapOptions


class Pipeline:
    """Swaps faces in one target after another; networks, engines and people are prepared once. A context manager, for
    one thread.

    sources: pictures of the person to show. cast: in place of sources, pairs of pictures of a person in the target and
    of the person to show in that one's place. reference: a picture of the person to replace, for `select.mode`
    "reference". Raises OptionError where these contradict each other.
    """

    def __init__(
        self,
        sources: Sequence[StrPath],
        *,
        reference: StrPath | None = None,
        cast: Cast = (),
        options: SwapOptions | None = None,
    ) -> None:
        self._options = options or SwapOptions()
        self._sources, self._reference, self._cast = sources, reference, cast
        check_people(self._options.select, sources, cast, reference)
        self._opened = ExitStack()
        self._prepared: _Prepared | None = None
        self._known: tuple[People, SwapOptions] | None = None

    @property
    def inputs(self) -> list[StrPath]:
        """Every picture of a person, none of which may be written over."""
        pictures = [*self._sources, *(picture for pair in self._cast for side in pair for picture in side)]
        return pictures if self._reference is None else [*pictures, self._reference]

    @property
    def networks(self) -> NetworkSet:
        """The networks; opens them as `prepare` does."""
        return self._ready().networks

    def prepare(self) -> None:
        """Opens the networks and recognises the people, unless that is done; `swap` does it where it was not.

        Raises NetworkError and its kin, DeviceError, NoFaceError, PictureError.
        """
        self._ready()

    def swap(
        self,
        target: StrPath,
        output: StrPath,
        *,
        tracks: StrPath | None = None,
        dump_tracks: StrPath | None = None,
        debug_overlay: StrPath | None = None,
        reports: Sequence[StrPath] = (),
        on_progress: OnProgress | None = None,
    ) -> SwapReport:
        """Swaps the selected faces of a video or a picture.

        target: never touched. output: exists only after success. tracks: where faces are, in place of finding them.
        dump_tracks: where to write that. debug_overlay: a second video that shows it. reports: files (.json, .html) of
        what the monitor measured. on_progress: called in this thread after every batch.
        A target in which nobody is found is written unchanged, with a note. Raises any TrtSwapError, QualityError only
        when everything is written; KeyboardInterrupt leaves no output.
        """
        options = self._options
        check_tracks(options.select, tracks)
        check_apart([*self.inputs, target, tracks], [output, dump_tracks, debug_overlay, *reports])
        gate = Gate(options.monitor, reports, overwrite=options.overwrite)
        starting = Later(partial(start_provenance, options, target, [output, debug_overlay]), "provenance")
        route = route_of(options)
        options = replace(options, frames="gpu" if route.on_gpu else "host")
        counter = Counter(on_progress)
        with ExitStack() as opened:
            with tracing.span("open the target", "video"):
                reader = opened.enter_context(open_target(target, trim=options.trim, gpu=route.decodes_on))
            expect_frames(memory.surface_bytes(reader.info))
            text = disclosure(options.disclose, reader.info)
            if text and reader.alpha is not None:
                cover(reader.alpha, text)
            seal, sealing = starting.value()
            writing: dict[str, Any] = {
                "options": options.encode,
                "overwrite": options.overwrite,
                "marks": MARKS,
                "seal": seal,
            }
            length = segment_length(reader.info, reader.expected_frames, output, debug_overlay, options)
            writer = opened.enter_context(create_output(output, reader, **writing, frames_per_segment=length))
            overlay = None
            if debug_overlay is not None:
                overlay = opened.enter_context(create_output(debug_overlay, reader, **writing))
            lines = opened.enter_context(track_writer(dump_tracks, reader.info, overwrite=options.overwrite))
            counter.total = reader.expected_frames
            counter.tell("prepare")
            ready = self._ready()
            if seal is not None:
                seal.describe(partial(_network_facts, ready.networks), shaping(options))
            settings = replace(ready.settings, frames=options.frames)
            planned = self._planned(ready, settings, reader.info)
            together = batch_of(output, planned.batch, options)
            settings = replace(settings, batch=together, queue=planned.queue)
            past = None
            if isinstance(writer, SegmentedSink):
                binding = binding_of(target, output, tracks, ready.networks, ready.people, settings)
                past = past_of(*writer.bind(binding, options.resume.left_over))
            draw = overlay_of(ready.networks, settings) if overlay is not None else None
            outputs = Outputs(writer, overlay, draw, lines)
            monitor = opened.enter_context(Monitor(gate.options, _person(ready)))
            room = Room(together)
            with stages(
                reader, ready.networks, settings, ready.people, tracks, monitor, route,
                text=text, room=room, past=past,
            ) as batches:  # fmt: skip
                for batch in batches:
                    outputs.write(batch, route.landed(batch))
                    counter.add(batch)
            counter.tell("finish")
        measured = monitor.quality()
        report = SwapReport(
            output=str(output),
            frames=counter.frames,
            frames_with_faces=counter.frames_with_faces,
            faces_swapped=counter.faces,
            seconds=counter.seconds,
            networks=dict(ready.networks.paths),
            notes=(
                *sealing,
                *reader.notes,
                *ready.networks.notes,
                *ready.people.notes,
                *counter.notes(),
                *planned.notes(options),
                *room.notes,
                *notes_of(past, measured.figures),
                *writer.notes,
                *measured.notes,
            ),
            quality=measured.figures,
            licences={spec.name: spec.licence.label for _, spec, _ in ready.networks.used},
        )
        self._give_back(ready)
        gate.close(measured, video=output, original=target, report=report, licences=report.licences)
        return report

    def close(self) -> None:
        """Ends the networks; may be repeated."""
        self._prepared = None
        self._opened.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _ready(self) -> _Prepared:
        if self._prepared is None:
            self._prepared = self._prepare()
        return self._prepared

    def _prepare(self) -> _Prepared:
        options = self._options
        with tracing.span("prepare"), ExitStack() as opened:
            networks = opened.enter_context(NetworkSet(options))
            people, settings = self._known = self._known or self._meet(networks)
            self._opened.push(opened.pop_all())
        return _Prepared(networks, people, settings)

    def _meet(self, networks: NetworkSet) -> tuple[People, SwapOptions]:
        """The people, and the options with what they decide."""
        options = self._options
        recognised = partial(
            identify,
            detector=networks.detector,
            recogniser=networks.recogniser,
            options=options.detect,
            refiner=refiner_of(networks, options),
        )
        people = meet(recognised, self._sources, self._cast, self._reference, options.select)
        return people, replace(options, select=settled(options.select, people, networks.classifier))

    def _planned(self, ready: _Prepared, settings: SwapOptions, info: VideoInfo) -> memory.Plan:
        """What fits into memory, told in the log."""
        planned = memory.plan(settings, info, memory.networks_of(ready.networks.sessions.values()))
        _log.info("%s", planned.told(self._options))
        return planned

    def _give_back(self, ready: _Prepared) -> None:
        """What was freed, and what the tier of memory does not keep for the next target."""
        tier = self._options.memory
        on_device = memory.networks_of(ready.networks.sessions.values()).device_bytes > 0
        if tier == "strict":
            self.close()
        if tier != "normal" and on_device:
            device.release_unused(device_index(self._options.device) or 0)
        give_back()


def _network_facts(networks: NetworkSet) -> list[NetworkFact]:
    """What a manifest tells of the networks."""
    return [
        NetworkFact(spec.name, role, digest_of(path), spec.licence.label)
        for role, spec, path in networks.used
    ]


def _person(ready: _Prepared) -> Person | None:
    """For the monitor's figures of identity, where one person is shown."""
    shown = ready.people.shown
    return Person(ready.networks.recogniser, shown[0].unit) if len(shown) == 1 else None
