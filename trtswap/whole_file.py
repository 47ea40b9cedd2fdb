"""Text files that appear complete or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from trtswap.errors import OptionError, StrPath


@contextmanager
def whole_text(path: StrPath, *, overwrite: bool) -> Iterator[IO[str]]:
    """A file to write to, which is at `path` only after leaving without an exception.

    Raises OptionError when the file exists and may not be overwritten, or its folder does not exist.
    """
    final = Path(path)
    if final.is_dir() or (final.exists() and not overwrite):
        raise OptionError(f"{final} exists already", hint="choose another name, or give --overwrite")
    if not final.parent.is_dir():
        raise OptionError(f"the folder of {final} does not exist", hint="create it first")
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{final.name}.", dir=final.parent)
    except OSError as error:
        raise OptionError(f"cannot write in {final.parent}: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(final)
    finally:
        with suppress(OSError):
            Path(temporary).unlink()


def _umask() -> int:
    """The permissions that new files leave out; there is no way to read it but to set it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
