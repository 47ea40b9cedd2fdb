"""Files named by the user: is the input readable, may the output be written, and the temporary file
between."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from trtswap import tracing
from trtswap.errors import OptionError, PictureError, SigningError, StrPath, TrtSwapError, VideoError

Seal = Callable[[Path, Path], list[str]]
"""Does the last thing to a complete file, given where it is and where it will be; gives notes."""
FileError = type[VideoError] | type[PictureError]


def require_file(path: StrPath, error: FileError) -> os.stat_result:
    """The status of a readable, regular, non-empty file. Raises `error` for everything else, without opening
    it: opening a FIFO would wait for a writer."""
    name = os.fspath(path)
    try:
        status = Path(name).stat()
    except FileNotFoundError:
        raise error(f"no such file: {name}", path=name, hint="check the path") from None
    except (OSError, ValueError) as cause:
        raise error(f"cannot look at {name!r}: {_reason(cause)}", path=name) from cause
    if stat.S_ISDIR(status.st_mode):
        raise error(f"{name} is a folder, not a file", path=name, hint="name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise error(f"{name} is not a regular file", path=name, hint="copy it to a file first")
    if not os.access(name, os.R_OK):
        raise error(f"{name} may not be read by this user", path=name, hint="check its permissions")
    if status.st_size == 0:
        raise error(f"{name} is empty (0 bytes)", path=name, hint="copy or download it again")
    return status


def require_output(path: StrPath, source: StrPath, *, overwrite: bool) -> None:
    """Checks that `path` may become the output of a run that reads `source`. Raises OptionError."""
    output = Path(os.fspath(path))
    if output.is_dir():
        raise OptionError(f"the output {output} is a folder", hint="name a file in it")
    if _same_file(output, Path(os.fspath(source))):
        raise OptionError(f"the output {output} is the input", hint="choose another name for the output")
    if output.exists() or output.is_symlink():
        if not overwrite:
            raise OptionError(
                f"the output {output} exists already", hint="choose another name or allow overwriting"
            )
        if output.exists() and not output.is_file():
            raise OptionError(f"the output {output} is not a regular file")
    if not output.parent.is_dir():
        raise OptionError(f"the output folder {output.parent} does not exist", hint="create it first")


def check_apart(read: Sequence[StrPath | None], written: Sequence[StrPath | None]) -> None:
    """What is written must be neither what is read nor each other. Raises OptionError."""
    taken = {Path(path).resolve() for path in read if path is not None}
    for path in written:
        if path is None:
            continue
        if Path(path).resolve() in taken:
            raise OptionError(
                f"{path} is written, and is an input or another output too", hint="choose another name for it"
            )
        taken.add(Path(path).resolve())


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


class TemporaryOutput:
    """A hidden file beside the output, or in `folder` on the same file system, that takes its name when complete.

    Raises `error` when the folder cannot be written.
    """

    def __init__(self, path: StrPath, error: FileError, *, folder: Path | None = None) -> None:
        self.final = Path(os.fspath(path)).absolute()
        self._error = error
        name = f".{self.final.stem[:80]}.{secrets.token_hex(6)}{self.final.suffix}"
        self.path = (folder or self.final.parent) / name
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as cause:
            raise error(
                f"cannot write in {self.final.parent}: {_reason(cause)}",
                path=self.final,
                hint="check the folder's permissions and free space",
            ) from cause

    def commit(self, *, overwrite: bool, seal: Seal | None = None) -> list[str]:
        """Seals the file, flushes it to the disk and renames it; gives what the seal notes. Raises the error class
        given, or what the seal raises: the complete file then stays, under a name that says that it is unsigned."""
        self._check_free(overwrite)
        notes = self._sealed(seal)
        self._check_free(overwrite)
        try:
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(self.path, self.final)  # noqa: PTH105  Path.replace hides that this is atomic
        except OSError as cause:
            raise self._error(f"cannot write {self.final}: {_reason(cause)}", path=self.final) from cause
        return notes

    def _check_free(self, overwrite: bool) -> None:
        if not overwrite and self.final.exists():
            raise self._error(
                f"{self.final} appeared while it was being made", path=self.final, hint="choose another name"
            )

    @tracing.timed("seal")
    def _sealed(self, seal: Seal | None) -> list[str]:
        if seal is None:
            return []
        try:
            return seal(self.path, self.final)
        except TrtSwapError as error:
            self._keep(error)
            raise
        except Exception as cause:
            unforeseen = SigningError(f"{self.final.name} cannot be signed: {type(cause).__name__}: {cause}")
            self._keep(unforeseen)
            raise unforeseen from cause

    def _keep(self, error: TrtSwapError) -> None:
        """Gives the finished file a name that says that it is unsigned, and says so in `error`."""
        kept = self._kept_name()
        os.replace(self.path, kept)  # noqa: PTH105
        error.message += f"; the finished file was kept as {kept.name}"
        error.args = (error.message,)

    def _kept_name(self) -> Path:
        """A name beside the output that says that it is unsigned, and that no file has."""
        stem, suffix = self.final.stem, self.final.suffix
        names = (f"{stem}.unsigned{number}{suffix}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
        free = (path for path in map(self.final.with_name, names) if not path.exists())
        return next(free, self.final.with_name(f"{stem}.unsigned{suffix}"))

    def discard(self) -> None:
        """Removes the temporary file if it still exists; never raises."""
        with suppress(OSError):
            self.path.unlink()
