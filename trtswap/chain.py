"""The order of the stages, and the threads between them: read, analyse, steady, sift, recognise, select, swap, confine,
hold masks, match colours, composite, enhance, disclose.

Reading, analysing, swapping and enhancing each run in a thread of their own, at most `options.queue` batches apart;
where frames may wait only so long for others (`options.batch_wait_s`), decoding does too. Where frames lie on a GPU, so
do steadying and all between it and swapping, and the two halves of analysing, detecting and placing landmarks, each one
batch behind: they wait for the GPU most of their time, which then always has work.
Memory holds a fixed number of frames, whatever the length of the video. The first error of any thread ends the chain
and is raised where its result is asked for; leaving it joins every thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from trtswap.concurrency import Ahead, prompt_threads
from trtswap.errors import StrPath
from trtswap.networks.loader import NetworkSet
from trtswap.options import SwapOptions
from trtswap.quality.monitor import Monitor
from trtswap.stages.analyse import analyse, place_landmarks
from trtswap.stages.batch import Batch
from trtswap.stages.carry import Route
from trtswap.stages.cast import cast as cast_as
from trtswap.stages.colour import match_colours
from trtswap.stages.composite import composite
from trtswap.stages.confine import confine
from trtswap.stages.disclose import Disclosure, disclose
from trtswap.stages.enhance import enhance
from trtswap.stages.fitting import Room, fitted
from trtswap.stages.gather import gather, gather_within, singly
from trtswap.stages.hold_masks import hold_masks
from trtswap.stages.landmarks import Refiner
from trtswap.stages.people import People
from trtswap.stages.recall import Past, recall
from trtswap.stages.recognise import recognise
from trtswap.stages.select import select
from trtswap.stages.sift import sift
from trtswap.stages.steady import steady
from trtswap.stages.swap import swap
from trtswap.stages.track_file import from_tracks
from trtswap.video import FrameSource


@contextmanager
def stages(
    reader: FrameSource,
    networks: NetworkSet,
    settings: SwapOptions,
    people: People,
    tracks: StrPath | None,
    monitor: Monitor,
    route: Route,
    *,
    text: Disclosure | None = None,
    room: Room | None = None,
    past: Past | None = None,
) -> Iterator[Iterator[Batch]]:
    """The chain of stages as one iterator of finished batches, whose frames `route.landed` gives; leaving it ends all
    threads. route: where frames lie meanwhile. text: what is written into them at last. room: how many are worked on
    together; by default what the settings say, less once memory runs out. past: of frames that an earlier run has done,
    only what later ones depend on is gone through again."""
    room = room or Room(settings.together)
    size, template = networks.swapper.size, networks.swapper.template
    rate = float(reader.info.frame_rate) if reader.info.frame_rate else None
    threads: list[Ahead[Batch]] = []

    def ahead(batches: Iterable[Batch], name: str, apart: int = settings.queue) -> Iterator[Batch]:
        threads.append(Ahead(route.leaving(batches), apart, name))
        return route.arriving(threads[-1])

    def gathered_within(wait_s: float) -> Iterator[Batch]:
        threads.append(Ahead(route.leaving(singly(reader)), settings.together, "decode"))
        return gather_within(threads[-1], room, wait_s, route.accept)

    try:
        gathered = gathered_within(settings.batch_wait_s) if settings.batch_wait_s else gather(reader, room)
        recalled = gathered if past is None else recall(gathered, past)
        read = ahead(fitted(route.up, recalled, room, patient=True), "read")
        if tracks is None:
            finding = partial(analyse, detector=networks.detector, options=settings.detect)
            found = fitted(finding, read, room)
            refiner = refiner_of(networks, settings)
            if refiner is not None:
                if route.on_gpu:
                    found = ahead(found, "detect", apart=1)
                found = fitted(partial(place_landmarks, refiner=refiner), found, room)
            if route.on_gpu:
                found = ahead(found, "analyse", apart=1)
            final = steady(found, settings.smooth, rate, room)
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
        swapping = partial(swap, swapper=networks.swapper, identities=people.shown, weight=settings.weight)
        swapped = fitted(swapping, ahead(chosen, "steady" if route.on_gpu else "analyse"), room)
        masking = partial(
            confine,
            size=size,
            options=settings.mask,
            occluders=networks.occluders,
            parser=networks.parser,
        )
        masked = fitted(masking, monitor.before(swapped), room)
        masked = hold_masks(masked, settings.smooth.method)
        coloured = match_colours(masked, template, size, settings.blend, settings.smooth, rate)
        joining = partial(composite, template=template, size=size, mask=settings.mask, blend=settings.blend)
        done = fitted(joining, coloured, room)
        if networks.enhancer is not None:
            done = ahead(done, "swap")
            restoring = partial(
                enhance,
                restorer=networks.enhancer,
                options=settings.enhance,
                mask_options=settings.mask,
                occluders=networks.occluders,
            )
            done = fitted(restoring, done, room)
        done = disclose(monitor.after(done), text)
        with prompt_threads():
            yield ahead(route.down(done), "swap" if networks.enhancer is None else "enhance")
    finally:
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.close()


def refiner_of(networks: NetworkSet, settings: SwapOptions) -> Refiner | None:
    """What places sixty-eight points, where a network for that is on disk."""
    if networks.landmarker is None and networks.guesser is None:
        return None
    return Refiner(networks.landmarker, settings.landmarks, networks.guesser)


def _recognises(networks: NetworkSet, settings: SwapOptions, people: People) -> bool:
    """Whether the faces of the target are recognised."""
    unlike = settings.weight != 0.5 and networks.swapper.balances
    return unlike or bool(people.sought) or people.reference is not None
