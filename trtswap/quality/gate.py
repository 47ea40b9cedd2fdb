"""What is asked of a result beside the result: reports, and thresholds that it must hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trtswap.errors import QualityError, StrPath
from trtswap.options import MonitorOptions
from trtswap.quality.figures import Quality
from trtswap.quality.report import check_reports, default_verdicts, write_report
from trtswap.quality.thresholds import Verdict, judge, parse_threshold, reasons


class Gate:
    """Checks what is asked for before a run, and judges after it.

    options: the monitor's, with the mode "sample" where it was "off" and something is asked for. Raises OptionError for
    reports that cannot be written and thresholds that are none.
    """

    def __init__(self, options: MonitorOptions, reports: Sequence[StrPath], *, overwrite: bool) -> None:
        check_reports(reports, overwrite=overwrite)
        self._reports = list(reports)
        self._thresholds = [parse_threshold(text) for text in options.require]
        wanted = options.mode == "off" and (self._reports or self._thresholds)
        self.options = replace(options, mode="sample") if wanted else options

    def verdicts(self, quality: Quality) -> list[Verdict]:
        """On the thresholds asked for, else on those of a steady video."""
        if self._thresholds:
            return judge(quality.figures, self._thresholds)
        return default_verdicts(quality)

    def missed(self, quality: Quality) -> list[str]:
        """Why the thresholds asked for do not hold, in words."""
        return reasons(judge(quality.figures, self._thresholds))

    def close(
        self,
        quality: Quality,
        *,
        video: StrPath,
        original: StrPath | None,
        report: object | None = None,
        licences: Mapping[str, str] | None = None,
    ) -> None:
        """Writes the reports; then raises QualityError, carrying `report`, when a threshold asked for does not hold.
        licences: of the networks that made the video, where that is known."""
        subject: dict[str, Any] = subject_of(video, original)
        if licences is not None:
            subject["licences"] = dict(licences)
        for path in self._reports:
            write_report(path, quality, self.verdicts(quality), subject)
        missed = self.missed(quality)
        if missed:
            hint = None if self._reports else "--report out.html shows where"
            raise QualityError("; ".join(missed), report=report, hint=hint)


def subject_of(video: StrPath, original: StrPath | None) -> dict[str, str | None]:
    """What a report says it is about: file names."""
    return {"video": Path(video).name, "original": None if original is None else Path(original).name}
