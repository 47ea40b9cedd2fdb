"""The order of the stages, and the threads between them: read, analyse, steady, sift, recognise, select, swap, confine,
hold masks, match colours, composite, enhance, disclose.

Reading, analysing, swapping and enhancing each run in a thread of their own, at most `options.queue` batches apart.
Memory holds a fixed number of frames, whatever the length of the video. The first error of any thread ends the chain
and is raised where its result is asked for; leaving it joins every thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from trtswap.concurrency import Ahead
from trtswap.errors import StrPath
from trtswap.networks.loader import NetworkSet
from trtswap.options import SwapOptions
from trtswap.quality.monitor import Monitor
from trtswap.stages.analyse import analyse
from trtswap.stages.batch import Batch
from trtswap.stages.carry import Route
from trtswap.stages.cast import cast as cast_as
from trtswap.stages.colour import match_colours
from trtswap.stages.composite import composite
from trtswap.stages.confine import confine
from trtswap.stages.disclose import Disclosure, disclose
from trtswap.stages.enhance import enhance
from trtswap.stages.gather import gather
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
    text: Disclosure | None = None,
    past: Past | None = None,
) -> Iterator[Iterator[Batch]]:
    """The chain of stages as one iterator of finished batches, whose frames `route.landed` gives; leaving it ends all
    threads. route: where frames lie meanwhile. text: what is written into them at last. past: of frames that an earlier
    run has done, only what later ones depend on is gone through again.
    """
    size, template = networks.swapper.size, networks.swapper.template
    rate = float(reader.info.frame_rate) if reader.info.frame_rate else None
    threads: list[Ahead[Batch]] = []

    def ahead(batches: Iterable[Batch], name: str) -> Iterator[Batch]:
        threads.append(Ahead(route.leaving(batches), settings.queue, name))
        return route.arriving(threads[-1])

    try:
        gathered = gather(reader, settings.batch)
        read = ahead(route.up(gathered if past is None else recall(gathered, past)), "read")
        if tracks is None:
            refiner = refiner_of(networks, settings)
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
        done = disclose(monitor.after(done), text)
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
