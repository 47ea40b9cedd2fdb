"""SHA-256 of the part of a file that the standard leaves out."""

from __future__ import annotations

import hashlib
from pathlib import Path

_LONGEST = 1 << 16


def file_type_sha256(path: Path) -> str | None:
    """Of the first box of an MP4 or MOV (ISO/IEC 14496-12), which tells its kind; None where a file begins otherwise.
    Raises OSError."""
    with path.open("rb") as file:
        head = file.read(8)
        size = int.from_bytes(head[:4], "big")
        if head[4:] != b"ftyp" or not 8 <= size <= _LONGEST:
            return None
        return hashlib.sha256(head + file.read(size - 8)).hexdigest()
