"""Packets to a file: one encoded video stream, and everything else of the source beside it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from trtswap import tracing
from trtswap.options import EncodeOptions
from trtswap.video.containers import TEXT_OPTIONS, AvError
from trtswap.video.encoder_plan import EncoderPlan
from trtswap.video.encoding import Encoder
from trtswap.video.reader import VideoSource
from trtswap.video.streams import StreamCopier, kept_metadata

_MAX_TIMESCALE = 1_000_000
_ITUNES_KEYS = (
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright"),
    *("grouping", "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords"),
    *("track", "disc", "creation_time", "timecode", "language"),
)


class Muxer:
    """A file that reproduces all of `source` but its pictures. encoder: of its video stream, whose packets go to `mux`.
    notes: what the format cannot hold.

    path: an empty file to write; final: the name it will get. marks: container metadata to add.
    Raises VideoError, and what FFmpeg raises.
    """

    def __init__(
        self,
        path: Path,
        final: Path,
        source: VideoSource,
        plan: EncoderPlan,
        options: EncodeOptions,
        format_name: str,
        marks: Mapping[str, str],
    ) -> None:
        self._source = source
        self.notes: list[str] = []
        self._copier: StreamCopier | None = None
        info = source.info
        metadata = _with_marks(kept_metadata(info.metadata), marks)
        self._container: Any = av.open(
            f"file:{path}",
            "w",
            format=format_name,
            container_options=_muxer_options(format_name, metadata, info.time_base),
            **TEXT_OPTIONS,
        )
        try:
            self._container.metadata.update(metadata)
            self.encoder = Encoder(self._container, source, plan, options, final)
            self._note_lost_aspect(plan, format_name)
            self._copier = StreamCopier(info.path, source.stream_index, self._container, format_name)
        except BaseException:
            self.close()
            raise

    def begin(self, first_pts: int) -> int:
        """Writes the header; only now is the time known that becomes zero when the start is trimmed. Gives the ticks
        by which time stamps are to be shifted."""
        shift, start_s = 0, Fraction(0)
        if self._source.trim.start is not None:
            shift = first_pts
            start_s = first_pts * self._source.info.time_base
            if self._copier:
                self._copier.start_at(start_s)
        if self._copier:
            self._copier.copy_chapters(start_s, self._source.window.end_s)
        self._container.start_encoding()
        return shift

    @tracing.timed("mux", "video")
    def mux(self, packets: list[Any]) -> None:
        """Adds packets of the video stream, their time stamps shifted."""
        self._container.mux(packets)

    def advance(self, until_s: Fraction) -> None:
        """Copies the other streams up to a time of the source's clock."""
        if self._copier:
            self._copier.advance(until_s)

    @tracing.timed("finish the container", "video")
    def finish(self, end_pts: int) -> None:
        """Copies what is left of the other streams and completes the file. end_pts: where the last frame ends."""
        if self._copier:
            trimmed = self._source.trim.end is not None
            self._copier.finish(end_pts * self._source.info.time_base if trimmed else None)
            self.notes += self._copier.notes
        self._container.close()

    def close(self) -> None:
        """Closes everything, complete or not; may be repeated; never raises."""
        if self._copier is not None:
            self._copier.close()
        with suppress(AvError, OSError, ValueError):
            self._container.close()

    def _note_lost_aspect(self, plan: EncoderPlan, format_name: str) -> None:
        ratio = self._source.info.sample_aspect_ratio
        if ratio in (None, 1) or format_name not in ("matroska", "webm"):
            return
        if plan.encoder in ("libsvtav1", "libvpx-vp9", "ffv1"):
            self.notes.append(
                f"the pixel aspect ratio {ratio} cannot be kept with {plan.encoder} in this format"
            )


def _with_marks(metadata: dict[str, str], marks: Mapping[str, str]) -> dict[str, str]:
    """Adds marks; Matroska hands keys out in capitals, so keys are compared without case."""
    merged = dict(metadata)
    for name, text in marks.items():
        key = next((key for key in merged if key.lower() == name.lower()), name)
        old = merged.get(key, "")
        if text not in old.split("\n"):
            merged[key] = f"{old}\n{text}" if old else text
    return merged


def _muxer_options(format_name: str, metadata: Mapping[str, str], time_base: Fraction) -> dict[str, str]:
    if format_name not in ("mp4", "mov"):
        return {}
    # iTunes-style tags are what players show, but they have no place for other keys.
    other = any(key.lower() not in _ITUNES_KEYS for key in metadata)
    options = {"movflags": "+faststart" + ("+use_metadata_tags" if other else "")}
    if 1000 < time_base.denominator <= _MAX_TIMESCALE:
        # In which the start of a track is stored; the default of 1 ms would round it.
        options["movie_timescale"] = str(time_base.denominator)
    return options
