"""The hidden folder beside an output in which its segments wait, so that an interrupted run can be gone on with."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from trtswap.errors import OptionError, StrPath, VideoError
from trtswap.options import LeftOver
from trtswap.video.segment_file import Segment, SegmentWriter, read_segment

_log = logging.getLogger(__name__)
_BINDING = "run.json"
_LOCK = "lock"
_LENGTH = "the frames of a segment"


def left_length(output: StrPath) -> int | None:
    """How many frames each segment has that an interrupted run of `output` left; None where there are none."""
    length = left_binding(output).get(_LENGTH)
    return length if isinstance(length, int) and length > 0 else None


def left_binding(output: StrPath) -> Mapping[str, Any]:
    """What an interrupted run of `output` was made from; empty where it left no segments or that cannot be read."""
    folder = _folder_of(output)
    try:
        found = json.loads((folder / _BINDING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and any(folder.glob("*.segment")) else {}


class WorkFolder:
    """The folder of one output, held by one run at a time.

    kept: the sound segments, in order from the first frame on. Raises OptionError where another run holds it,
    VideoError where it cannot be made.
    """

    def __init__(self, output: StrPath) -> None:
        self._output = Path(os.fspath(output)).absolute()
        self.path = _folder_of(output)
        self.kept: list[Segment] = []
        self._bound = False
        try:
            self._lock = self._locked()
        except BlockingIOError as cause:
            raise OptionError(
                f"another run is making {self._output}", hint="wait until it has ended"
            ) from cause
        except OSError as cause:
            raise VideoError(
                f"cannot write in {self._output.parent}: {cause.strerror}",
                path=self._output,
                hint="check the folder's permissions and free space",
            ) from cause

    @property
    def frames(self) -> int:
        """How many frames the kept segments hold."""
        return self.kept[-1].end if self.kept else 0

    @property
    def size_bytes(self) -> int:
        """Of all segments."""
        return sum(segment.path.stat().st_size for segment in self.kept)

    def bind(self, binding: Mapping[str, Any], frames_per_segment: int, left_over: LeftOver) -> None:
        """Makes the folder that of the run that `binding` describes (anything JSON takes), and finds what is kept.

        left_over: what is done with segments of an interrupted run; see ResumeOptions. Raises OptionError where they
        are to be refused, or are of a run with another binding.
        """
        wanted = json.loads(json.dumps({**binding, _LENGTH: frames_per_segment}))
        found = self._binding()
        if left_over == "restart" or not any(self.path.glob("*.segment")):
            self._empty()
        elif left_over == "refuse":
            raise OptionError(
                f"an interrupted run of {self._output} has left what it did in {self.path}",
                hint="--resume goes on with it, --restart begins anew",
            )
        elif found != wanted:
            raise OptionError(
                f"the interrupted run of {self._output} cannot be gone on with: {_differences(found, wanted)}",
                hint="give the same files and options again, or begin anew with --restart",
            )
        with (self.path / _BINDING).open("w", encoding="utf-8") as file:
            json.dump(wanted, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        self._sync()
        self._bound = True
        self._find_kept()

    def begin(self) -> SegmentWriter:
        """The next segment, not yet kept."""
        number = len(self.kept)
        return SegmentWriter(self.path / f"{number:06}.part", number, self.frames)

    def keep(self, writer: SegmentWriter) -> None:
        """Completes a segment and keeps it: on the disk before it has its name."""
        segment = replace(writer.finish(), path=self.path / f"{len(self.kept):06}.segment")
        os.replace(writer.path, segment.path)  # noqa: PTH105  atomic
        self._sync()
        self.kept.append(segment)
        _log.debug("kept %s: frames %d to %d", segment.path.name, segment.first, segment.end - 1)

    def notes(self) -> Iterator[bytes]:
        """What was noted of every kept frame, in order."""
        for segment in tuple(self.kept):
            yield from segment.notes()

    def require_space(self, times: int) -> None:
        """Raises VideoError where the disk has no room for all segments so many times more, in files of their own."""
        needed, free = times * self.size_bytes, shutil.disk_usage(self.path).free
        _log.info("joining %d segments takes %d MB; %d MB are free", len(self.kept), needed >> 20, free >> 20)
        if free < needed:
            raise VideoError(
                f"cannot write {self._output}: it needs {needed >> 20} MB, and {free >> 20} MB are free",
                path=self._output,
                hint="make room, then run it again with --resume",
            )

    def remove(self) -> None:
        """Removes the folder and lets go of it; never raises."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._let_go()

    def leave(self) -> None:
        """Lets go of the folder: it stays, and that is told, where it holds something to go on with. Never raises."""
        with suppress(OSError):
            for part in self.path.glob("*.part"):
                part.unlink()
            if not any(self.path.glob("*.segment")):
                self.remove()
                return
            if self._bound:
                size = self.size_bytes >> 20
                _log.warning(
                    "%d frames are kept in %s (%d MB): the same command with --resume goes on from there, with "
                    "--restart it begins anew",
                    self.frames,
                    self.path,
                    size,
                )
        self._let_go()

    def _locked(self) -> int:
        self.path.mkdir(exist_ok=True)
        lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise
        return lock

    def _let_go(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _binding(self) -> Any:
        try:
            return json.loads((self.path / _BINDING).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _empty(self) -> None:
        for path in self.path.iterdir():
            if path.name != _LOCK:
                path.unlink()

    def _find_kept(self) -> None:
        """The sound segments from the first on; what lies behind one that is not sound is removed."""
        while (path := self.path / f"{len(self.kept):06}.segment").exists():
            segment = read_segment(path, len(self.kept), self.frames)
            if segment is None:
                _log.warning("%s is damaged; going on before it, at frame %d", path, self.frames)
                break
            self.kept.append(segment)
        names = {_BINDING, _LOCK, *(segment.path.name for segment in self.kept)}
        for path in list(self.path.iterdir()):
            if path.name not in names:
                path.unlink()

    def _sync(self) -> None:
        """Brings the names in the folder to the disk."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _folder_of(output: StrPath) -> Path:
    final = Path(os.fspath(output)).absolute()
    return final.with_name(f".{final.name[:200]}.trtswap")


def _differences(found: Any, wanted: Mapping[str, Any]) -> str:
    """Which parts of a run differ, in words."""
    if not isinstance(found, dict):
        return "what it was made from cannot be read"
    names = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
    return f"not as it was: {', '.join(names)}"
