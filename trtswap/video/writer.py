"""Frames as a video: encoded like the source, its other streams beside it, under its name only when
complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import Any

import av

from trtswap.errors import StrPath, TrtSwapError, VideoError
from trtswap.options import EncodeOptions
from trtswap.types import Frame, PixelFormat, Range
from trtswap.video.base import DEFAULT_ENCODING, FrameSink
from trtswap.video.containers import TEXT_OPTIONS, AvError, describe
from trtswap.video.encoders import container_format, plan_encoder
from trtswap.video.formats import frame_of, is_rgb
from trtswap.video.paths import Seal, TemporaryOutput, require_output
from trtswap.video.reader import VideoSource
from trtswap.video.streams import StreamCopier, kept_metadata

_BT709, _GBR = 1, 0
_SHORT = 8
_MAX_TIMESCALE = 1_000_000
_ITUNES_KEYS = (
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright"),
    *("grouping", "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords"),
    *("track", "disc", "creation_time", "timecode", "language"),
)


def create_video(
    path: StrPath,
    source: VideoSource,
    *,
    options: EncodeOptions = DEFAULT_ENCODING,
    overwrite: bool = False,
    marks: Mapping[str, str] | None = None,
    seal: Seal | None = None,
) -> VideoSink:
    """Opens a video for writing that reproduces all of `source` but its pictures.

    marks: container metadata to add; an existing entry of that name is kept and the mark appended. seal: called with
    the complete file before it gets its name.
    Raises OptionError for a name or options that cannot work, VideoError when the folder cannot be written.
    """
    return VideoSink(path, source, options=options, overwrite=overwrite, marks=marks or {}, seal=seal)


class VideoSink(FrameSink):
    """Encodes in the calling thread (encoders have threads of their own). See `create_video`."""

    def __init__(
        self,
        path: StrPath,
        source: VideoSource,
        *,
        options: EncodeOptions,
        overwrite: bool,
        marks: Mapping[str, str],
        seal: Seal | None,
    ) -> None:
        self._source = source
        self._info = source.info
        self._overwrite = overwrite
        self._seal = seal
        format_name = container_format(path)
        require_output(path, source.info.path, overwrite=overwrite)
        plan = plan_encoder(source.info, source.probe.hdr, options, path)
        self.notes = list(plan.notes)
        dynamic = source.probe.hdr.dynamic
        if dynamic:
            self.notes.append(f"{' and '.join(dynamic)} metadata is not carried over")
        self._plan = plan
        self._container: Any = None
        self._copier: StreamCopier | None = None
        self._held: list[Any] | None = []
        self._shift = 0
        self._end_pts: int | None = None
        self._file = TemporaryOutput(path, VideoError)
        try:
            with self._errors():
                self._open(format_name, options, marks)
        except BaseException:
            self.abort()
            raise

    def write(self, frame: Frame) -> None:
        if self._container is None:
            raise RuntimeError("the video is complete already")
        with self._errors(frame.pts):
            if self._end_pts is None:
                self._begin(frame)
            picture = frame_of(frame.surface, self._plan.pix_fmt)
            picture.pts = frame.pts - self._shift
            picture.time_base = frame.time_base
            picture.duration = frame.duration
            self._mux(self._stream.encode(picture))
            self._end_pts = frame.pts + (frame.duration or self._frame_ticks())
            if self._copier:
                self._copier.advance(frame.pts * frame.time_base)

    def commit(self) -> None:
        if self._container is None:
            raise RuntimeError("the video is complete already")
        if self._end_pts is None:
            raise VideoError(f"no frame was written to {self._file.final}", path=self._file.final)
        with self._errors():
            self._mux(self._stream.encode(None))
            _restamp(self._held or [])
            self._container.mux(self._held or [])
            if self._copier:
                trimmed = self._source.trim.end is not None
                self._copier.finish(self._end_pts * self._info.time_base if trimmed else None)
                self.notes += self._copier.notes
            self._container.close()
        self.notes += self._file.commit(overwrite=self._overwrite, seal=self._seal)
        self._container = None

    def abort(self) -> None:
        if self._copier is not None:
            self._copier.close()
        if self._container is not None:
            with suppress(AvError, OSError, ValueError):
                self._container.close()
            self._container = None
        self._file.discard()

    def _open(self, format_name: str, options: EncodeOptions, marks: Mapping[str, str]) -> None:
        metadata = _with_marks(kept_metadata(self._info.metadata), marks)
        self._container = av.open(
            f"file:{self._file.path}",
            "w",
            format=format_name,
            container_options=_muxer_options(format_name, metadata, self._info.time_base),
            **TEXT_OPTIONS,
        )
        self._container.metadata.update(metadata)
        self._stream = self._add_video(options)
        if self._info.sample_aspect_ratio not in (None, 1) and format_name in ("matroska", "webm"):
            self._note_lost_aspect()
        self._copier = StreamCopier(self._info.path, self._source.stream_index, self._container, format_name)

    def _add_video(self, options: EncodeOptions) -> Any:
        info, plan = self._info, self._plan
        stream = self._container.add_stream(
            plan.encoder, rate=info.frame_rate or Fraction(25), options=dict(plan.options)
        )
        context = stream.codec_context
        context.width, context.height = info.width_px, info.height_px
        context.pix_fmt = plan.pix_fmt
        context.time_base = info.time_base
        self._tag_colour(context)
        if info.sample_aspect_ratio:
            context.sample_aspect_ratio = info.sample_aspect_ratio
        if plan.codec_tag:
            context.codec_tag = plan.codec_tag
        if options.threads:
            context.thread_count = options.threads
        if info.rotation_deg:
            stream.set_display_rotation(info.rotation_deg)
        stream.metadata.update(kept_metadata(info.stream_metadata))
        stream.disposition = self._source.probe.disposition
        self._open_encoder(context)
        return stream

    def _open_encoder(self, context: Any) -> None:
        try:
            context.open()
        except AvError as cause:
            info = self._info
            raise VideoError(
                f"{self._plan.encoder} cannot encode {self._file.final}: {info.width_px}x{info.height_px} as "
                f"{self._plan.pix_fmt} with {dict(self._plan.options)}",
                path=self._file.final,
                hint="check the preset's name and the size, or choose another codec",
            ) from cause

    def _tag_colour(self, context: Any) -> None:
        """On the codec context: tags set on frames alone are lost."""
        info = self._info
        context.color_primaries, context.color_trc = _code(info.primaries), _code(info.transfer)
        if info.format is not PixelFormat.RGB8:
            context.colorspace = _code(info.matrix_code)
            full = info.colour.range is Range.FULL
            context.color_range = 2 if full else int(info.range_tagged)
        elif is_rgb(self._plan.pix_fmt):
            context.colorspace, context.color_range = _GBR, 2
        else:
            context.colorspace, context.color_range = _BT709, 1

    def _note_lost_aspect(self) -> None:
        if self._plan.encoder in ("libsvtav1", "libvpx-vp9", "ffv1"):
            ratio = self._info.sample_aspect_ratio
            self.notes.append(
                f"the pixel aspect ratio {ratio} cannot be kept with {self._plan.encoder} in this format"
            )

    def _begin(self, first: Frame) -> None:
        """Writes the header: only now is the time known that becomes zero when the start is trimmed."""
        start_s = Fraction(0)
        if self._source.trim.start is not None:
            self._shift = first.pts
            start_s = first.pts * first.time_base
            if self._copier:
                self._copier.start_at(start_s)
        if self._copier:
            self._copier.copy_chapters(start_s, self._source.window.end_s)
        self._container.start_encoding()

    def _mux(self, packets: list[Any]) -> None:
        """Holds the first packets back until there are enough to trust their decoding times."""
        if self._held is None:
            self._container.mux(packets)
            return
        self._held += packets
        if len(self._held) > _SHORT:
            held, self._held = self._held, None
            self._container.mux(held)

    def _frame_ticks(self) -> int:
        rate = self._info.frame_rate
        return max(1, round(1 / (rate * self._info.time_base))) if rate else 1

    @contextmanager
    def _errors(self, pts: int | None = None) -> Iterator[None]:
        try:
            yield
        except TrtSwapError:
            raise
        except (AvError, OSError) as cause:
            raise VideoError(
                f"cannot write {self._file.final}: {describe(cause)}", path=self._file.final, pts=pts
            ) from cause


def _restamp(packets: list[Any]) -> None:
    """Decoding times for a whole video of a few packets: x265 leaves them undefined when it has fewer frames
    than it reorders. The display times in order, earlier by as much as the latest packet needs."""
    times = sorted(packet.pts for packet in packets)
    delay = max((time - packet.pts for time, packet in zip(times, packets, strict=True)), default=0)
    for time, packet in zip(times, packets, strict=True):
        packet.dts = time - delay


def _code(value: int) -> int:
    """An H.273 code, or 2 (unspecified) for reserved ones, which encoders refuse."""
    return value if 1 <= value <= 22 and value != 3 else 2


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
