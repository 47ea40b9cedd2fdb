"""Which files are meant by names, folders and patterns, and what becomes of each in an output folder."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trtswap.errors import InputError, OptionError, StrPath
from trtswap.video.encoders import FORMATS
from trtswap.video.paths import check_apart
from trtswap.video.pictures import is_picture_file, picture_extension

_OTHER_VIDEOS = (
    *(".3g2", ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m2v", ".mpeg", ".mpg", ".mts", ".mxf"),
    *(".ogv", ".ts", ".vob", ".wmv", ".y4m"),
)
_OTHER_BECOME = ".mkv"
_SHARE_A_SIDECAR = (".mkv", ".webm")
_SHOWN = 5


@dataclass(frozen=True)
class Job:
    """A target and its output."""

    target: Path
    output: Path


@dataclass(frozen=True)
class Jobs:
    """todo: in order. skipped: whose outputs are there already."""

    todo: tuple[Job, ...]
    skipped: tuple[Job, ...] = ()


@dataclass(frozen=True)
class _Found:
    """A file, and the folder it goes to below the output folder."""

    path: Path
    below: Path = Path()


def are_many(targets: Sequence[StrPath], output: StrPath) -> bool:
    """Whether `output` is a folder for what is made of `targets`: there are several, or a folder or a pattern among
    them, or the output is a folder or written like one."""
    folder = os.fspath(output).endswith(os.sep) or Path(output).is_dir()
    return len(targets) > 1 or folder or any(Path(name).is_dir() or _is_pattern(name) for name in targets)


def plan_jobs(
    targets: Sequence[StrPath],
    output: StrPath,
    *,
    inputs: Sequence[StrPath] = (),
    recursive: bool = False,
    skip_existing: bool = False,
    overwrite: bool = False,
) -> Jobs:
    """What is to be done, decided before any of it begins; each file once.

    targets: files, folders, patterns. output: a folder, which need not exist. inputs: further files that are read.
    A file named is taken whatever it is; of a folder or pattern, what its ending says to be a video or picture.
    Raises OptionError where nothing is meant, two targets would get one output, an output exists, or would be an input.
    """
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"the output {folder} is a file", hint="several targets need a folder as output")
    if not folder.exists() and (folder.suffix.lower() in FORMATS or picture_extension(folder)):
        raise OptionError(
            f"the output {folder} is named like a file", hint="several targets need a folder as output"
        )
    found = _once([file for name in targets for file in _meant(name, folder, recursive)])
    jobs = [Job(file.path, folder / file.below / _output_name(file.path)) for file in found]
    _check_distinct(jobs)
    check_apart([*inputs, *(job.target for job in jobs)], [job.output for job in jobs])
    there = [job for job in jobs if os.path.lexists(job.output)]
    if skip_existing:
        return Jobs(tuple(job for job in jobs if job not in there), tuple(there))
    if there and not overwrite:
        raise OptionError(
            f"outputs exist already: {_listed([job.output for job in there])}",
            hint="--overwrite replaces them, --skip-existing leaves them and their targets out",
        )
    return Jobs(tuple(jobs))


def _meant(name: StrPath, output: Path, recursive: bool) -> list[_Found]:
    path = Path(name)
    if path.is_dir():
        found = _in_folder(path, output, recursive)
        if not found:
            raise OptionError(
                f"there is no video or picture in {path}",
                hint=None if recursive else "--recursive looks in the folders below too",
            )
        return found
    if not _is_pattern(name):
        return [_Found(path)]
    named = glob.iglob(os.fspath(name), recursive=True)  # noqa: PTH207  patterns may be absolute
    matches = sorted(Path(match) for match in named)
    files = [_Found(match) for match in matches if match.is_file() and _is_usable(match)]
    if not files:
        raise OptionError(f"no video or picture matches {os.fspath(name)}", hint="check the pattern")
    return files


def _in_folder(folder: Path, output: Path, recursive: bool) -> list[_Found]:
    """Visible files, by name; not what lies in the output folder, where that is below."""
    found: list[_Found] = []
    for top, folders, names in os.walk(folder):
        here = Path(top)
        below = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        folders[:] = [name for name in below if (here / name).resolve() != output.resolve()]
        files = [here / name for name in sorted(names) if not name.startswith(".")]
        found += [_Found(file, here.relative_to(folder)) for file in files if _is_usable(file)]
    return found


def _is_usable(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in FORMATS or suffix in _OTHER_VIDEOS or picture_extension(path) is not None


def _is_pattern(name: StrPath) -> bool:
    """A file may be named like a pattern; then it is the file."""
    return glob.has_magic(os.fspath(name)) and not os.path.lexists(name)


def _once(files: list[_Found]) -> list[_Found]:
    first: dict[Path, _Found] = {}
    for file in files:
        first.setdefault(file.path.resolve(), file)
    return list(first.values())


def _output_name(target: Path) -> str:
    """The target's own name; with another ending where that cannot be written."""
    if target.suffix.lower() in FORMATS or picture_extension(target):
        return target.name
    try:
        picture = is_picture_file(target)
    except InputError:
        picture = False  # told when its turn comes
    return f"{target.stem}{'.png' if picture else _OTHER_BECOME}"


def _check_distinct(jobs: list[Job]) -> None:
    """Raises OptionError for two targets of one output, or of one file beside it (provenance)."""
    taken: dict[Path, Job] = {}
    for job in jobs:
        beside = job.output.suffix.lower() in _SHARE_A_SIDECAR
        key = job.output.with_suffix(_SHARE_A_SIDECAR[0]) if beside else job.output
        if key in taken:
            raise OptionError(
                f"{taken[key].target} and {job.target} would both become {key.name}",
                hint="rename one of them, or give them in two runs with two output folders",
            )
        taken[key] = job


def _listed(paths: list[Path]) -> str:
    shown = ", ".join(str(path) for path in paths[:_SHOWN])
    return f"{shown} and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else shown
