"""Several targets in one run: what is to be done is decided first, networks and people are prepared once, and a file
that cannot be swapped does not keep the others from it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from traceback import clear_frames

from trtswap.errors import DeviceError, DeviceMemoryError, NetworkError, QualityError, StrPath
from trtswap.options import ManyOptions, SwapOptions
from trtswap.pipeline import Pipeline
from trtswap.progress import OnProgress
from trtswap.stages.people import Cast
from trtswap.types import SwapReport
from trtswap.video.listing import Job, Jobs, are_many, plan_jobs

__all__ = ["Job", "OnStart", "Outcome", "are_many", "swap_many"]

_log = logging.getLogger(__name__)

OnStart = Callable[[Job, int, int], "OnProgress | None"]
"""Called before each target with its number, from 1, and how many there are; gives what is told of its progress."""


@dataclass(frozen=True)
class Outcome:
    """What became of one target. report: None where nothing was made. error: why not, or which thresholds were missed.
    Neither is set where the output was there already."""

    job: Job
    report: SwapReport | None = None
    error: Exception | None = None

    @property
    def status(self) -> str:
        """In a word or two."""
        if self.error is not None:
            return "missed" if self.report is not None else "failed"
        if self.report is None:
            return "skipped"
        return "done" if self.report.faces_swapped else "no face"


def swap_many(
    sources: Sequence[StrPath],
    targets: Sequence[StrPath],
    output: StrPath,
    *,
    reference: StrPath | None = None,
    cast: Cast = (),
    options: SwapOptions | None = None,
    many: ManyOptions | None = None,
    on_start: OnStart | None = None,
) -> Iterator[Outcome]:
    """Swaps faces in several videos and pictures, and gives an outcome for each, in order, when it is done.

    targets: files, folders, patterns. output: a folder; a file keeps its name there, and its ending where that can be
    written. sources, reference, cast, options: as for `Pipeline`.
    What is wrong with the names as a whole is raised at once (OptionError), what is wrong with people, networks or the
    device by the first outcome. Errors of one target are in its outcome. Outputs that are complete stay, however the
    iteration ends.
    """
    settings, how = options or SwapOptions(), many or ManyOptions()
    pipeline = Pipeline(sources, reference=reference, cast=cast, options=settings)
    jobs = plan_jobs(
        targets,
        output,
        inputs=pipeline.inputs,
        recursive=how.recursive,
        skip_existing=how.skip_existing,
        overwrite=settings.overwrite,
    )
    return _outcomes(pipeline, jobs, on_start or (lambda _job, _number, _count: None))


def _outcomes(pipeline: Pipeline, jobs: Jobs, on_start: OnStart) -> Iterator[Outcome]:
    yield from (Outcome(job) for job in jobs.skipped)
    if not jobs.todo:
        return
    with pipeline:
        pipeline.prepare()
        for number, job in enumerate(jobs.todo, 1):
            yield _swapped(pipeline, job, on_start(job, number, len(jobs.todo)))


def _swapped(pipeline: Pipeline, job: Job, on_progress: OnProgress | None) -> Outcome:
    """Raises only what would befall every target alike."""
    try:
        job.output.parent.mkdir(parents=True, exist_ok=True)
        return Outcome(job, pipeline.swap(job.target, job.output, on_progress=on_progress))
    except QualityError as error:
        report = error.report if isinstance(error.report, SwapReport) else None
        return Outcome(job, report, error)
    except DeviceMemoryError as error:
        return Outcome(job, error=_light(error))
    except (NetworkError, DeviceError):
        raise
    except Exception as error:  # whatever it is, the other targets are not to blame
        _log.debug("%s could not be swapped", job.target, exc_info=True)
        return Outcome(job, error=_light(error))


def _light(error: Exception) -> Exception:
    """The exception without the frames and buffers that its traceback holds."""
    link: BaseException | None = error
    while link is not None:
        clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__
    return error
