"""One part of a video on its way: the packets of its frames and what the run noted of each, with a checksum for every
record, so that a file that is torn or damaged is known for what it is.

A magic line, then records: kind (1 byte), length (uint32), CRC-32 of kind and content (uint32), content; little
endian. `H`, JSON: which part it is. `P`: a packet, as pts, dts, duration (int64, ticks), whether it is a key frame (1
byte), data. `N`: bytes about a frame, in the order of frames. `E`, JSON, the last: how many of each.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

MAGIC = b"trtswap segment 1\n"
_RECORD = struct.Struct("<cII")
_PACKET = struct.Struct("<qqqB")
_MOST_BYTES = 1 << 30


class Packet(NamedTuple):
    """An encoded picture. pts, dts, duration: in ticks of the source."""

    pts: int
    dts: int
    duration: int
    is_key: bool
    data: bytes


@dataclass(frozen=True)
class Segment:
    """A sound file. first: the index of its first frame, frames: how many. first_pts: the time stamp of its first
    frame, end_pts: where its last one ends."""

    path: Path
    number: int
    first: int
    frames: int
    first_pts: int
    end_pts: int

    @property
    def end(self) -> int:
        """The index of the frame after its last."""
        return self.first + self.frames

    def packets(self) -> Iterator[Packet]:
        """The packets in the order of decoding."""
        for content in _contents(self.path, b"P"):
            pts, dts, duration, key = _PACKET.unpack_from(content)
            yield Packet(pts, dts, duration, bool(key), content[_PACKET.size :])

    def notes(self) -> Iterator[bytes]:
        """What was noted of each frame."""
        return _contents(self.path, b"N")


class SegmentWriter:
    """Writes a segment to `path`, which is a sound file only after `finish`. Raises OSError."""

    def __init__(self, path: Path, number: int, first: int) -> None:
        self.path = path
        self.frames = 0
        self._number, self._first = number, first
        self._packets = 0
        self._first_pts: int | None = None
        self._end_pts = 0
        self._file: IO[bytes] = path.open("wb")
        self._file.write(MAGIC)
        self._record(b"H", json.dumps({"number": number, "first": first}).encode())

    def packet(self, packet: Any) -> None:
        """Adds a packet of PyAV."""
        times = (packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe)
        self._record(b"P", _PACKET.pack(*times) + bytes(packet))
        self._packets += 1

    def frame(self, pts: int, end_pts: int) -> None:
        """Counts a frame that was encoded."""
        self.frames += 1
        self._end_pts = end_pts
        if self._first_pts is None:
            self._first_pts = pts

    def note(self, content: bytes) -> None:
        """Adds what is to be known of the frame counted last."""
        self._record(b"N", content)

    def finish(self) -> Segment:
        """Completes the file and brings it to the disk."""
        first_pts = self._first_pts or 0
        segment = Segment(self.path, self._number, self._first, self.frames, first_pts, self._end_pts)
        about = {name: value for name, value in asdict(segment).items() if name != "path"}
        self._record(b"E", json.dumps({**about, "packets": self._packets}).encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return segment

    def close(self) -> None:
        """Closes the file as it is; may be repeated."""
        self._file.close()

    def _record(self, kind: bytes, content: bytes) -> None:
        self._file.write(_RECORD.pack(kind, len(content), zlib.crc32(content, zlib.crc32(kind))))
        self._file.write(content)


def read_segment(path: Path, number: int, first: int) -> Segment | None:
    """The segment in a file, once all of it has been read and found sound, and is the one expected; else None."""
    counts = {b"P": 0, b"N": 0}
    end: dict[str, int] | None = None
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return None
            while (header := file.read(_RECORD.size)) and end is None:
                kind, length, checksum = _RECORD.unpack(header)
                content = file.read(length) if length <= _MOST_BYTES else b""
                if len(content) < length or zlib.crc32(content, zlib.crc32(kind)) != checksum:
                    return None
                if kind in counts:
                    counts[kind] += 1
                end = json.loads(content) if kind == b"E" else None
            if end is None or header:
                return None
    except (OSError, ValueError, struct.error):
        return None
    expected = {"number": number, "first": first, "packets": counts[b"P"], "frames": counts[b"N"]}
    if any(end.get(name) != value for name, value in expected.items()) or not end["frames"]:
        return None
    return Segment(path, number, first, end["frames"], end["first_pts"], end["end_pts"])


def _contents(path: Path, wanted: bytes) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(len(MAGIC))
        while header := file.read(_RECORD.size):
            kind, length, _ = _RECORD.unpack(header)
            if kind == wanted:
                yield file.read(length)
            else:
                file.seek(length, os.SEEK_CUR)
