"""The orientation that EXIF asks for (TIFF 6.0 structure, tag 0x0112)."""

from __future__ import annotations

_ORIENTATION = 0x0112
_UP = {1: 0, 2: 0, 3: 180, 4: 180, 5: 270, 6: 270, 7: 90, 8: 90}


def orientation(exif: bytes | None) -> int:
    """1 to 8 as in EXIF; 1 (upright) when absent or malformed."""
    if not exif:
        return 1
    if exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    order = {b"II": "little", b"MM": "big"}.get(exif[:2])
    if order is None:
        return 1
    little = order == "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], "little" if little else "big")

    directory = number(4, 4)
    for index in range(number(directory, 2)):
        entry = directory + 2 + 12 * index
        if entry + 12 > len(exif):
            break
        if number(entry, 2) == _ORIENTATION:
            value = number(entry + 8, 2)
            return value if value in _UP else 1
    return 1


def rotation_deg(value: int) -> int:
    """The counter-clockwise turn that puts a picture of EXIF orientation `value` upright; a mirrored one
    stays mirrored."""
    return _UP[value]


def is_mirrored(value: int) -> bool:
    """Whether the orientation also mirrors."""
    return value in (2, 4, 5, 7)
