"""Copying everything but the video through: audio, subtitles, data, further videos, chapters, attachments,
tags."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av

from trtswap.video.containers import TEXT_OPTIONS, AvError, describe, open_input
from trtswap.video.probe import is_attached_picture
from trtswap.video.rational import fraction_or_none

_STALE = {
    "encoder",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "duration",
    "vendor_id",
    "number_of_bytes",
    "number_of_frames",
    "bps",
}


def kept_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Without what described the old file rather than its content."""
    return {
        key: value
        for key, value in metadata.items()
        if key.lower().split("-")[0] not in _STALE and not key.lower().startswith("_statistics_")
    }


class StreamCopier:
    """Muxes a file's other streams into an output, packet by packet, without decoding them.

    Opens the input a second time. notes: what the output's format cannot hold and what was damaged.
    Raises VideoError when the input cannot be opened any more or the output cannot be written.
    """

    def __init__(self, path: str, video_index: int, output: Any, format_name: str) -> None:
        self.notes: list[str] = []
        self._output = output
        self._input = open_input(path)
        self._start_s: Fraction | None = None
        self._shift_s = Fraction(0)
        self._lost: dict[int, int] = {}
        self._last_dts: dict[int, int] = {}
        self._targets: dict[int, Any] = {}
        for stream in self._input.streams:
            if stream.index == video_index or self._is_chapter_text(stream):
                continue
            if _can_hold(format_name, stream):
                self._targets[stream.index] = _add_copy(output, stream)
            else:
                self.notes.append(f"{_name(stream)} is left out: a {format_name} file cannot hold it")
        sources = [self._input.streams[index] for index in self._targets]
        flowing = [stream for stream in sources if stream.type != "attachment"]
        self._packets: Iterator[Any] = self._input.demux(*flowing) if flowing else iter(())
        self._pending: Any = None

    def copy_chapters(self, start_s: Fraction, end_s: Fraction | None) -> None:
        """Gives the output the input's chapters within a window, shifted to begin at its start."""
        chapters = []
        for chapter in self._input.chapters():
            base = fraction_or_none(chapter["time_base"]) or Fraction(1, 1000)
            first, last = chapter["start"] * base, chapter["end"] * base
            first = max(first, start_s)
            last = last if end_s is None else min(last, end_s)
            if last > first:
                bounds = {
                    "start": round((first - start_s) / base),
                    "end": round((last - start_s) / base),
                    "time_base": base,
                }
                chapters.append({**chapter, **bounds})
        if chapters:
            self._output.set_chapters(chapters)

    def start_at(self, start_s: Fraction) -> None:
        """Leaves out what is before `start_s` and makes that the output's zero."""
        self._start_s = self._shift_s = start_s

    def advance(self, until_s: Fraction) -> None:
        """Copies every packet before `until_s` (of the input's clock)."""
        while (packet := self._next()) is not None:
            if _time_s(packet) >= until_s:
                return
            self._pending = None
            self._copy(packet)

    def finish(self, end_s: Fraction | None) -> None:
        """Copies what is left, up to `end_s`, and notes what was lost."""
        if end_s is not None:
            self.advance(end_s)
        else:
            while (packet := self._next()) is not None:
                self._pending = None
                self._copy(packet)
        for index, count in self._lost.items():
            stream = self._input.streams[index]
            self.notes.append(f"{count} damaged packets of {_name(stream)} were left out")

    def close(self) -> None:
        """Closes the input; may be repeated."""
        self._packets = iter(())
        self._input.close()

    def _next(self) -> Any:
        while self._pending is None:
            try:
                packet = next(self._packets)
            except StopIteration:
                return None
            except (AvError, OSError) as cause:
                self.notes.append(f"copying the other streams stopped early: {describe(cause)}")
                self._packets = iter(())
                return None
            if is_attached_picture(packet.stream):
                packet.pts = packet.dts = 0  # which it has none of
            if packet.size and (packet.dts is not None or packet.pts is not None):
                self._pending = packet
        return self._pending

    def _copy(self, packet: Any) -> None:
        stream = packet.stream
        attached = is_attached_picture(stream)
        if not attached and self._start_s is not None and _time_s(packet) < self._start_s:
            return
        if packet.is_corrupt or not self._stamp(packet, 0 if attached else self._ticks(packet)):
            self._lose(stream)
            return
        packet.stream = self._targets[stream.index]
        try:
            self._output.mux(packet)
        except (AvError, OSError) as cause:
            if getattr(cause, "errno", None) in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG):
                raise
            self._lose(stream)

    def _ticks(self, packet: Any) -> int:
        base = fraction_or_none(packet.time_base)
        return round(self._shift_s / base) if base else 0

    def _stamp(self, packet: Any, shift: int) -> bool:
        """Shifts a packet; False when its decoding time does not come after the one before."""
        packet.dts = (packet.dts if packet.dts is not None else packet.pts) - shift
        if packet.pts is not None:
            packet.pts -= shift
        index = packet.stream.index
        last = self._last_dts.get(index)
        strict = packet.stream.type != "subtitle"
        if last is not None and (packet.dts < last or (strict and packet.dts == last)):
            return False
        self._last_dts[index] = packet.dts
        return True

    def _lose(self, stream: Any) -> None:
        self._lost[stream.index] = self._lost.get(stream.index, 0) + 1

    def _is_chapter_text(self, stream: Any) -> bool:
        """MP4 stores chapter titles as a data stream too; the output gets its own from its chapters."""
        return stream.type == "data" and stream.name == "bin_data" and bool(self._input.chapters())


def _time_s(packet: Any) -> Fraction:
    ticks = packet.dts if packet.dts is not None else packet.pts
    return Fraction(ticks * (fraction_or_none(packet.time_base) or Fraction(0)))


def _name(stream: Any) -> str:
    codec = getattr(stream, "name", None) or "unknown codec"
    language = stream.metadata.get("language")
    return f"{stream.type} stream {stream.index} ({codec}{', ' + language if language else ''})"


def _add_copy(output: Any, stream: Any) -> Any:
    copy = output.add_stream_from_template(stream, opaque=True)
    copy.metadata.update(kept_metadata(stream.metadata))
    copy.disposition = int(stream.disposition)
    return copy


def _can_hold(format_name: str, stream: Any) -> bool:
    """Asks the muxer itself, by writing a header with this stream alone."""
    trial = av.open(io.BytesIO(), "w", format=format_name, **TEXT_OPTIONS)
    try:
        _add_copy(trial, stream)
        trial.start_encoding()
    except (AvError, ValueError, OSError):
        return False
    finally:
        with suppress(AvError, ValueError, OSError):
            trial.close()
    return True
