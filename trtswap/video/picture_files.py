"""PNG, JPEG and WebP as containers: which one a file is, its size, and its XMP packet. Pixels stay untouched.

PNG: ISO/IEC 15948; JPEG: ISO/IEC 10918-1 with XMP as in its specification part 3; WebP: the RIFF container.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_XMP_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
_MAX_JPEG_XMP = 65502
_MAX_TEXT_BYTES = 16 << 20


def picture_kind(head: bytes) -> str | None:
    """`png`, `jpeg`, `webp`, or None, by a file's first 16 bytes."""
    if head.startswith(PNG_MAGIC):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return None


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the header declares them, None when there is no such header."""
    kind = picture_kind(data)
    if kind == "png":
        if data[12:16] != b"IHDR" or len(data) < 24:
            return None
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if kind == "jpeg":
        return _jpeg_size(data)
    return _webp_size(data) if kind == "webp" else None


def is_animated(data: bytes) -> bool:
    """Whether a PNG or WebP holds more than one picture."""
    kind = picture_kind(data)
    if kind == "png":
        return any(name == b"acTL" for name, _, _ in _png_chunks(data))
    return kind == "webp" and any(name == b"ANIM" for name, _, _ in _webp_chunks(data))


def read_xmp(data: bytes) -> bytes | None:
    """The XMP packet of a picture file, or None."""
    kind = picture_kind(data)
    if kind == "png":
        bodies = (data[start:end] for name, start, end in _png_chunks(data) if name == b"iTXt")
        return next((xmp for body in bodies if (xmp := _itxt_xmp(body)) is not None), None)
    if kind == "jpeg":
        for marker, start, end in _jpeg_segments(data):
            if marker == 0xE1 and data.startswith(_XMP_NAMESPACE, start):
                return data[start + len(_XMP_NAMESPACE) : end]
        return None
    if kind == "webp":
        return next((data[start:end] for name, start, end in _webp_chunks(data) if name == b"XMP "), None)
    return None


def add_xmp(data: bytes, packet: bytes) -> bytes | None:
    """A PNG or JPEG file that has no XMP yet, with `packet`; None when a JPEG segment cannot hold it."""
    if picture_kind(data) == "png":
        body = b"iTXt" + _XMP_KEYWORD + b"\0\0\0\0\0" + packet
        chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        end_of_header = len(PNG_MAGIC) + 25
        return data[:end_of_header] + chunk + data[end_of_header:]
    if len(packet) > _MAX_JPEG_XMP:
        return None
    size = (2 + len(_XMP_NAMESPACE) + len(packet)).to_bytes(2, "big")
    at = 2
    for marker, start, end in _jpeg_segments(data):
        if marker == 0xE0 or (marker == 0xE1 and data.startswith(b"Exif", start)):
            at = end
    return data[:at] + b"\xff\xe1" + size + _XMP_NAMESPACE + packet + data[at:]


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = len(PNG_MAGIC)
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at + 8, min(at + 8 + size, len(data))
        at += 12 + size


def _itxt_xmp(body: bytes) -> bytes | None:
    keyword, _, rest = body.partition(b"\0")
    if keyword != _XMP_KEYWORD or len(rest) < 2:
        return None
    text = rest[2:].split(b"\0", 2)[-1]
    if rest[0] == 0:
        return text
    try:
        return zlib.decompressobj().decompress(text, _MAX_TEXT_BYTES)
    except zlib.error:
        return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment's content, up to the scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in (0xD9, 0xDA):
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, at + 4, min(end, len(data))
        at = max(end, at + 4)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, start, end in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and end - start >= 5:
            height = int.from_bytes(data[start + 1 : start + 3], "big")
            return int.from_bytes(data[start + 3 : start + 5], "big"), height
    return None


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], at + 8, min(at + 8 + size, len(data))
        at += 8 + size + size % 2


def _webp_size(data: bytes) -> tuple[int, int] | None:
    for name, start, end in _webp_chunks(data):
        body = data[start : min(end, start + 10)]
        if len(body) < 10 and not (name == b"VP8L" and len(body) >= 5):
            continue
        if name == b"VP8X":
            return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        if name == b"VP8L":
            packed = int.from_bytes(body[1:5], "little")
            return 1 + (packed & 0x3FFF), 1 + ((packed >> 14) & 0x3FFF)
        if name == b"VP8 ":
            width, height = int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little")
            return width & 0x3FFF, height & 0x3FFF
    return None
