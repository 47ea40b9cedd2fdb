"""What was measured, as files: JSON for programs, one self-contained HTML page for people."""

from __future__ import annotations

import base64
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trtswap import __version__
from trtswap.errors import OptionError, StrPath
from trtswap.quality.compare import Difference
from trtswap.quality.figures import COUNTS, METRICS, TARGETS, Moment, Quality
from trtswap.quality.thresholds import Verdict, is_share, judge, parse_threshold

VERSION = 1
ENDINGS = (".json", ".html")
_TEMPLATE = Path(__file__).with_name("report.html")
_PLACE = "/*REPORT*/null"
_DIGITS = 5


def check_reports(paths: Sequence[StrPath], *, overwrite: bool) -> None:
    """Raises OptionError for a report that could not be written."""
    for name in paths:
        path = Path(name)
        if path.suffix.lower() not in ENDINGS:
            raise OptionError(
                f"a report ends in .json or .html, not {path.name}", hint="choose one of the two"
            )
        if path.exists() and not overwrite:
            raise OptionError(f"{path} exists already", hint="choose another name, or give --overwrite")
        if not path.parent.is_dir():
            raise OptionError(f"the folder of {path} does not exist", hint="create it first")


def default_verdicts(quality: Quality) -> list[Verdict]:
    """How the figures compare with what a steady video reaches."""
    return judge(quality.figures, [parse_threshold(text) for text in TARGETS])


def as_json(
    quality: Quality, verdicts: Sequence[Verdict], subject: Mapping[str, Any], *, pictures: bool = False
) -> dict[str, Any]:
    """The report of one video as plain values. subject: what was measured, such as `video` and `original`.
    pictures: with the pictures of the worst moments, as data URLs."""
    return {
        "trtswap_report": VERSION,
        "made_by": f"trtswap {__version__}",
        **subject,
        "about": dict(quality.about),
        "figures": {name: _rounded(value) for name, value in quality.figures.items()},
        "thresholds": [_verdict(verdict) for verdict in verdicts],
        "metrics": {name: vars(metric) for name, metric in METRICS.items() if name in quality.series},
        "counts": {name: text for name, text in COUNTS.items() if name in quality.figures},
        "series": {
            name: [[_rounded(value) for value in row] for row in rows]
            for name, rows in quality.series.items()
        },
        "cuts_s": [_rounded(time_s) for time_s in quality.cuts_s],
        "moments": [_moment(moment, pictures) for moment in quality.moments],
        "notes": list(quality.notes),
    }


def write_report(
    path: StrPath,
    quality: Quality,
    verdicts: Sequence[Verdict],
    subject: Mapping[str, Any],
) -> None:
    """Writes JSON or HTML, as the ending says; an existing file is replaced. Raises OptionError when it cannot."""
    if Path(path).suffix.lower() == ".html":
        run = as_json(quality, verdicts, subject, pictures=True)
        write_text(path, page({"runs": [run], "comparison": None}))
    else:
        write_text(path, json.dumps(as_json(quality, verdicts, subject), indent=1, allow_nan=False) + "\n")


def write_comparison(
    path: StrPath,
    runs: Sequence[tuple[Quality, Sequence[Verdict], Mapping[str, Any]]],
    differences: Sequence[Difference],
) -> None:
    """Writes two results (each with its verdicts and subject) and their differences as JSON or HTML."""
    rows = [
        {name: _rounded(value) if isinstance(value, float) else value for name, value in asdict(row).items()}
        for row in differences
    ]
    if Path(path).suffix.lower() == ".html":
        reports = [as_json(*run, pictures=True) for run in runs]
        write_text(path, page({"runs": reports, "comparison": rows}))
    else:
        first, second = (as_json(*run) for run in runs)
        content = {"trtswap_comparison": VERSION, "first": first, "second": second, "differences": rows}
        write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def page(content: Mapping[str, Any]) -> str:
    """The HTML page of one run, or of two and their comparison."""
    data = json.dumps(content, separators=(",", ":"), allow_nan=False)
    safe = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    template = _TEMPLATE.read_text(encoding="utf-8")
    before, _, after = template.partition(_PLACE)
    return before + safe + after


def write_text(path: StrPath, text: str) -> None:
    """Writes a file whole or not at all. Raises OptionError when it cannot."""
    try:
        _write_whole(Path(path), text)
    except OSError as error:
        raise OptionError(f"the report {path} cannot be written: {error.strerror or error}") from error


def _write_whole(final: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{final.name}.", dir=final.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(final)
    finally:
        with suppress(OSError):
            Path(temporary).unlink()


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "text": verdict.threshold.text,
        "figure": verdict.threshold.figure,
        "value": _rounded(verdict.value),
        "holds": verdict.holds,
        "share": is_share(verdict.threshold.figure),
    }


def _moment(moment: Moment, pictures: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "kind": moment.kind,
        "frame": moment.frame,
        "time_s": _rounded(moment.time_s),
        "value": _rounded(moment.value),
        "unit": moment.unit,
    }
    if pictures:
        for name, data in zip(("source", "result", "difference"), moment.pictures, strict=True):
            fields[name] = "data:image/jpeg;base64," + base64.b64encode(data).decode() if data else None
    return fields


def _rounded(value: float | None) -> float | None:
    """To five significant digits; what is not finite becomes None."""
    if value is None or not math.isfinite(value):
        return None
    if isinstance(value, int) or value == int(value):
        return int(value)
    return float(f"{value:.{_DIGITS}g}")
