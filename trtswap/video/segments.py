"""Frames as a video made in segments, each kept on the disk as soon as it is complete, and joined at the end.

The encoder begins anew with every segment, so that each can be decoded by itself and none needs what came before.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from trtswap.errors import StrPath, VideoError
from trtswap.host_memory import give_back
from trtswap.options import EncodeOptions, LeftOver
from trtswap.types import Array, Frame
from trtswap.video.base import DEFAULT_ENCODING, FrameSink
from trtswap.video.containers import AvError
from trtswap.video.encoders import container_format
from trtswap.video.encoding import Encoder, end_of, write_errors
from trtswap.video.muxer import Muxer
from trtswap.video.paths import Seal, TemporaryOutput
from trtswap.video.reader import VideoSource
from trtswap.video.segment_file import Packet, Segment, SegmentWriter
from trtswap.video.work_folder import WorkFolder
from trtswap.video.writer import planned


class SegmentedSink(FrameSink):
    """A VideoSink whose segments outlive an interruption. `bind` comes before the first frame.

    frames_per_segment: of all but the last. Otherwise as `create_video`; OptionError too where another run is making
    the same output.
    """

    def __init__(
        self,
        path: StrPath,
        source: VideoSource,
        *,
        frames_per_segment: int,
        options: EncodeOptions = DEFAULT_ENCODING,
        overwrite: bool = False,
        marks: Mapping[str, str] | None = None,
        seal: Seal | None = None,
    ) -> None:
        self._source = source
        self._length = frames_per_segment
        self._options = options
        self._overwrite, self._marks, self._seal = overwrite, marks or {}, seal
        self._plan, self.notes = planned(path, source, options, overwrite=overwrite)
        self._format = container_format(path)
        self._folder: WorkFolder | None = WorkFolder(path)
        self._file: TemporaryOutput | None = None
        self._final = Path(os.fspath(path)).absolute()
        self._writer: SegmentWriter | None = None
        self._encoding: Any = None
        self._encoder: Encoder | None = None
        try:
            with write_errors(self._final):
                self._begin_encoder()
        except BaseException:
            self.abort()
            raise

    def bind(self, binding: Mapping[str, Any], left_over: LeftOver) -> tuple[int, Iterator[bytes]]:
        """Finds what an interrupted run of the same `binding` has left; see `WorkFolder.bind`. Gives how many frames
        are kept, which `write` then passes over, and what was noted of them."""
        folder = self._open_folder()
        with write_errors(self._final):
            folder.bind(binding, self._length, left_over)
        return folder.frames, folder.notes()

    def write(self, frame: Frame) -> None:
        folder = self._open_folder()
        if frame.index < folder.frames:
            return
        with write_errors(self._final, frame.pts):
            if self._writer is not None and self._writer.frames >= self._length:
                self._keep()
            if self._writer is None:
                self._writer = folder.begin()
            assert self._encoder is not None
            self._take(self._encoder.encode(frame, 0))
            self._writer.frame(frame.pts, end_of(frame, self._source.info))

    def note(self, content: bytes) -> None:
        """Keeps what is to be known of the frame written last; once for every frame."""
        if self._writer is not None:
            with write_errors(self._final):
                self._writer.note(content)

    def commit(self) -> None:
        folder = self._open_folder()
        with write_errors(self._final):
            if self._writer is not None:
                self._keep()
            if not folder.kept:
                raise VideoError(f"no frame was written to {self._final}", path=self._final)
            folder.require_space(1 if self._seal is None else 2)  # a file is signed as a copy
            self._file = TemporaryOutput(self._final, VideoError, folder=folder.path)
            self._join(folder.kept, self._file)
        self.notes += self._file.commit(overwrite=self._overwrite, seal=self._seal)
        folder.remove()
        self._folder = None

    def abort(self) -> None:
        self._end_encoder()
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
            self._writer = None
        if self._file is not None:
            self._file.discard()
        if self._folder is not None:
            self._folder.leave()
            self._folder = None

    def _open_folder(self) -> WorkFolder:
        if self._folder is None:
            raise RuntimeError("the video is complete already")
        return self._folder

    def _begin_encoder(self) -> None:
        """One for a single segment, in a container that is never written."""
        self._encoding = av.open(io.BytesIO(), "w", format=self._format)
        self._encoder = Encoder(self._encoding, self._source, self._plan, self._options, self._final)

    def _end_encoder(self) -> None:
        """Before the next begins, and down to its memory: else that one takes more beside it."""
        if self._encoding is not None:
            with suppress(AvError, OSError, ValueError):
                self._encoding.close()
            self._encoding = self._encoder = None
            give_back()

    def _take(self, packets: Sequence[Any]) -> None:
        assert self._writer is not None
        for packet in packets:
            self._writer.packet(packet)

    def _keep(self) -> None:
        """Completes the segment in hand."""
        writer, folder = self._writer, self._open_folder()
        assert writer is not None
        assert self._encoder is not None
        self._take(self._encoder.flush())
        folder.keep(writer)
        self._writer = None
        self._end_encoder()
        self._begin_encoder()

    def _join(self, segments: Sequence[Segment], file: TemporaryOutput) -> None:
        """One file of all packets, with everything else of the source."""
        self._end_encoder()
        muxer = Muxer(
            file.path, file.final, self._source, self._plan, self._options, self._format, self._marks
        )
        try:
            base = self._source.info.time_base
            shift = muxer.begin(segments[0].first_pts)
            for packet in stamped(segments):
                muxer.mux([_revived(packet, shift, base, muxer.encoder.stream)])
                muxer.advance(packet.dts * base)
            muxer.finish(segments[-1].end_pts)
            self.notes += muxer.notes
        finally:
            muxer.close()


def stamped(segments: Sequence[Segment]) -> Iterator[Packet]:
    """The packets of all segments, with decoding times that grow across them.

    Encoders that begin anew place the first decoding times of a segment by its own frames; where these are not evenly
    spaced, they may come before the last ones of the segment before. Then all are made anew: the times of display in
    order, as many frames late as the encoders reorder.
    """
    last: int | None = None
    sound = True
    times, delay = [], 0
    for segment in segments:
        shown = []
        for packet in segment.packets():
            sound = sound and (last is None or packet.dts > last) and packet.dts <= packet.pts
            last = packet.dts
            shown.append(packet.pts)
        ranks = np.argsort(np.argsort(shown))
        delay = max(delay, int((np.arange(len(shown)) - ranks).max(initial=0)))
        times.append(np.sort(shown))
    packets = (packet for segment in segments for packet in segment.packets())
    if sound:
        yield from packets
        return
    for packet, dts in zip(packets, _delayed(np.concatenate(times), delay).tolist(), strict=True):
        yield packet._replace(dts=dts)


def _delayed(times: Array, delay: int) -> Array:
    """Times in order, each `delay` places late; before the first as they follow each other, ahead of it."""
    if not delay:
        return times
    lead = times[:delay] - (times[min(delay, len(times) - 1)] - times[0])
    late: Array = np.concatenate([lead, times])[: len(times)]
    return late


def _revived(packet: Packet, shift: int, base: Fraction, stream: Any) -> Any:
    made = av.Packet(packet.data)
    made.pts, made.dts = packet.pts - shift, packet.dts - shift
    made.duration, made.time_base = packet.duration, base
    made.is_keyframe = packet.is_key
    made.stream = stream
    return made
