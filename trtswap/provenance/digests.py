"""SHA-256 of files and of a part of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from trtswap.errors import StrPath

_BLOCK = 1 << 20
_LONGEST = 1 << 16


def file_sha256(path: StrPath) -> str:
    """In hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def file_type_sha256(path: Path) -> str | None:
    """Of the first box of an MP4 or MOV (ISO/IEC 14496-12), which tells its kind; None where a file begins otherwise.
    Raises OSError."""
    with path.open("rb") as file:
        head = file.read(8)
        size = int.from_bytes(head[:4], "big")
        if head[4:] != b"ftyp" or not 8 <= size <= _LONGEST:
            return None
        return hashlib.sha256(head + file.read(size - 8)).hexdigest()
