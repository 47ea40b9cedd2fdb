"""`trtswap process` with several targets: a call of swap_many, each file told as it is done, and a table at the end."""

from __future__ import annotations

from argparse import Namespace
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console

from trtswap.cli.output import DONE, Output, exit_code, explain
from trtswap.cli.process_output import counted, outcome_table, show_result
from trtswap.cli.progress import reporter_for
from trtswap.cli.settings import grouped
from trtswap.errors import OptionError, QualityError, SomeFailedError

if TYPE_CHECKING:
    from trtswap.many import Job, Outcome
    from trtswap.options import ManyOptions, SwapOptions
    from trtswap.progress import OnProgress

_OF_ONE = ("tracks", "dump_tracks", "debug_overlay", "report")


def is_meant(arguments: Namespace) -> bool:
    """Whether the output is a folder for what is made of the targets."""
    from trtswap.video.listing import are_many

    return are_many(arguments.target, arguments.output)


def run(
    arguments: Namespace, output: Output, console: Console, options: SwapOptions, many: ManyOptions
) -> int:
    """Raises what swap_many raises; SomeFailedError, or QualityError where only thresholds were missed, at the end."""
    for name in _OF_ONE:
        if getattr(arguments, name):
            raise OptionError(
                f"--{name.replace('_', '-')} is a file of one target, and there are several",
                hint="process that target by itself",
            )
    from trtswap.many import swap_many

    teller = _Teller(output, console)
    try:
        for outcome in swap_many(
            arguments.source,
            arguments.target,
            arguments.output,
            reference=arguments.reference,
            cast=grouped(arguments.map),
            options=options,
            many=many,
            on_start=teller.start,
        ):
            teller.tell(outcome)
    finally:
        teller.sum_up()
    _raise_failed(teller.outcomes)
    output.event("done", exit_code=DONE, **counted(teller.outcomes))
    return DONE


class _Teller:
    """Tells of each target when it begins, while it is worked on, and when it is done. outcomes: so far."""

    def __init__(self, output: Output, console: Console) -> None:
        self._output = output
        self._console = console
        self._showing = ExitStack()
        self._told: set[str] = set()
        self.outcomes: list[Outcome] = []

    def start(self, job: Job, number: int, count: int) -> OnProgress:
        """Tells that a target begins; gives what shows its progress."""
        names = {"target": str(job.target), "output": str(job.output)}
        self._output.event("file", number=number, count=count, **names)
        if not self._output.quiet and not self._output.json:
            self._output.message(f"{number}/{count}: {job.target}")
        reporter = reporter_for(self._output, self._console, target=str(job.target))
        return self._showing.enter_context(reporter)

    def tell(self, outcome: Outcome) -> None:
        """Tells what became of a target."""
        self._showing.close()
        self.outcomes.append(outcome)
        report, error = outcome.report, outcome.error
        fields: dict[str, object] = {"target": str(outcome.job.target), "status": outcome.status}
        if report is not None:
            show_result(report, self._output, tuple(self._told))
            self._told.update(report.notes)
            fields.update(asdict(report))
        if error is not None:
            message, hint = explain(error)
            self._output.message(f"error: {outcome.job.target}: {message}")
            if hint is not None:
                self._output.message(f"hint: {hint}")
            fields.update(error=type(error).__name__, message=message, hint=hint)
        self._output.event("file_done", exit_code=DONE if error is None else exit_code(error), **fields)

    def sum_up(self) -> None:
        """The table of what was done, also when the rest was not."""
        self._showing.close()
        if self.outcomes and not self._output.json:
            Console().print(outcome_table(self.outcomes))


def _raise_failed(outcomes: list[Outcome]) -> None:
    wrong = [outcome for outcome in outcomes if outcome.error is not None]
    if not wrong:
        return
    if all(isinstance(outcome.error, QualityError) for outcome in wrong):
        raise QualityError(f"{len(wrong)} of {len(outcomes)} targets miss a threshold; all are written")
    failed = [outcome for outcome in wrong if outcome.report is None]
    raise SomeFailedError(
        f"{len(failed)} of {len(outcomes)} targets could not be swapped",
        hint="what is wrong with each is told above; --skip-existing does only those that are missing",
    )
