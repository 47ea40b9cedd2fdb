"""SHA-256 of files and of a part of them."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

_BLOCK = 1 << 20
_LONGEST = 1 << 16


class Digest:
    """The SHA-256 of a file, worked out in a thread of its own from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._value = ""
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="digest", daemon=True)
        self._thread.start()

    def value(self) -> str:
        """In hexadecimal, once it is known. Raises OSError when the file cannot be read."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value

    def _work(self) -> None:
        digest = hashlib.sha256()
        try:
            with self._path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            self._error = error
        self._value = digest.hexdigest()


def file_type_sha256(path: Path) -> str | None:
    """Of the first box of an MP4 or MOV (ISO/IEC 14496-12), which tells its kind; None where a file begins otherwise.
    Raises OSError."""
    with path.open("rb") as file:
        head = file.read(8)
        size = int.from_bytes(head[:4], "big")
        if head[4:] != b"ftyp" or not 8 <= size <= _LONGEST:
            return None
        return hashlib.sha256(head + file.read(size - 8)).hexdigest()
