"""Decoding one video stream packet by packet, going on past damage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av

from trtswap.errors import StrPath, VideoError
from trtswap.video.containers import AvError, describe, open_input


class VideoDecoder:
    """Decoded frames of one stream, in presentation order.

    packets, frames: how many went in and came out. failed_packets: could not be decoded. flawed_frames:
    decoded with errors concealed. read_error: why reading ended early, or None.
    """

    def __init__(self, path: StrPath, stream_index: int) -> None:
        self._path = path
        self._stream_index = stream_index
        self._container: Any = None
        self.packets = 0
        self.frames = 0
        self.failed_packets = 0
        self.flawed_frames = 0
        self.read_error: str | None = None

    def frames_from(self, seek_pts: int | None) -> Iterator[av.VideoFrame]:
        """All frames from the key frame at or before `seek_pts`, or from the start; None when it is None.

        Raises VideoError when the file cannot be opened any more.
        """
        last_pts: int | None = None
        for frame in self._pass(seek_pts, threads="AUTO"):
            last_pts = frame.pts if frame.pts is not None else last_pts
            yield frame
        # With frame threads an error among the last packets can take whole frames before it along. Decoding
        # the end once more without them finds those, and nothing where packets and frames just are not one to
        # one.
        if last_pts is not None and self.packets > self.frames:
            yield from self._lost_at_the_end(last_pts)

    def close(self) -> None:
        """Closes the file; may be repeated."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _pass(self, seek_pts: int | None, *, threads: str) -> Iterator[av.VideoFrame]:
        stream = self._open(seek_pts, threads)
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (AvError, OSError) as cause:
                self.read_error = describe(cause)
                yield from self._decode(stream, None)
                return
            yield from self._decode(stream, packet)

    def _decode(self, stream: Any, packet: Any) -> Iterator[av.VideoFrame]:
        self.packets += bool(packet is not None and packet.size and not packet.is_discard)
        try:
            frames = stream.decode(packet)
        except EOFError:
            return
        except AvError:
            self.failed_packets += 1
            return
        for frame in frames:
            self.frames += 1
            self.flawed_frames += bool(frame.is_corrupt)
            yield frame

    def _lost_at_the_end(self, last_pts: int) -> Iterator[av.VideoFrame]:
        again = VideoDecoder(self._path, self._stream_index)
        with suppress(VideoError):
            try:
                for frame in again._pass(last_pts, threads="SLICE"):
                    if frame.pts is not None and frame.pts > last_pts:
                        self.frames += 1
                        self.flawed_frames += bool(frame.is_corrupt)
                        yield frame
            finally:
                again.close()

    def _open(self, seek_pts: int | None, threads: str) -> Any:
        self.close()
        self._container = open_input(self._path)
        stream = self._container.streams[self._stream_index]
        stream.codec_context.thread_type = threads
        if seek_pts is not None:
            try:
                self._container.seek(seek_pts, stream=stream, backward=True)
            except (AvError, OSError):
                self._container.close()
                self._container = open_input(self._path)
                stream = self._container.streams[self._stream_index]
                stream.codec_context.thread_type = threads
        return stream
