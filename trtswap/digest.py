"""SHA-256 of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from trtswap.errors import StrPath

_BLOCK_BYTES = 1 << 20


def file_sha256(path: StrPath) -> str:
    """In lower-case hexadecimal, read in pieces. Raises OSError."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
