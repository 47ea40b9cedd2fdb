"""Frames to packets: one video stream like the source's, encoded as planned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from trtswap import tracing
from trtswap.errors import TrtSwapError, VideoError
from trtswap.options import EncodeOptions
from trtswap.types import Frame, PixelFormat, Range, VideoInfo
from trtswap.video.containers import AvError, describe
from trtswap.video.encoder_plan import EncoderPlan
from trtswap.video.formats import frame_of, is_rgb
from trtswap.video.reader import VideoSource
from trtswap.video.streams import kept_metadata

_BT709, _GBR = 1, 0
_SHORT = 8


class Encoder:
    """The video stream of an open output container, with its encoder. stream: PyAV's.

    Raises VideoError when the encoder refuses.
    """

    def __init__(
        self, container: Any, source: VideoSource, plan: EncoderPlan, options: EncodeOptions, final: Path
    ) -> None:
        self._source = source
        self._plan = plan
        self._final = final
        self._held: list[Any] | None = []
        self.stream = self._add_stream(container, options)

    @tracing.timed("encode", "video")
    def encode(self, frame: Frame, shift: int) -> list[Any]:
        """The packets that are ready once `frame` is taken, its time stamp less `shift` ticks.

        The first packets are held back until there are enough to trust their decoding times.
        """
        picture = frame_of(frame.surface, self._plan.pix_fmt)
        picture.pts = frame.pts - shift
        picture.time_base = frame.time_base
        picture.duration = frame.duration
        packets = list(self.stream.encode(picture))
        if self._held is None:
            return packets
        self._held += packets
        if len(self._held) <= _SHORT:
            return []
        held, self._held = self._held, None
        return held

    @tracing.timed("encode the rest", "video")
    def flush(self) -> list[Any]:
        """The packets left after the last frame."""
        packets = list(self.stream.encode(None))
        if self._held is not None:
            packets, self._held = [*self._held, *packets], None
            if len(packets) <= _SHORT:
                _restamp(packets)
        return packets

    def _add_stream(self, container: Any, options: EncodeOptions) -> Any:
        info, plan = self._source.info, self._plan
        stream = container.add_stream(
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
        context.thread_type = "AUTO"  # not PyAV's "SLICE", for which x264 cuts every frame into slices
        if options.threads:
            context.thread_count = options.threads
        if info.rotation_deg:
            stream.set_display_rotation(info.rotation_deg)
        stream.metadata.update(kept_metadata(info.stream_metadata))
        stream.disposition = self._source.probe.disposition
        self._open(context)
        return stream

    def _open(self, context: Any) -> None:
        try:
            context.open()
        except AvError as cause:
            info = self._source.info
            raise VideoError(
                f"{self._plan.encoder} cannot encode {self._final}: {info.width_px}x{info.height_px} as "
                f"{self._plan.pix_fmt} with {dict(self._plan.options)}",
                path=self._final,
                hint="check the preset's name and the size, or choose another codec",
            ) from cause

    def _tag_colour(self, context: Any) -> None:
        """On the codec context: tags set on frames alone are lost."""
        info = self._source.info
        context.color_primaries, context.color_trc = _code(info.primaries), _code(info.transfer)
        if info.format is not PixelFormat.RGB8:
            context.colorspace = _code(info.matrix_code)
            full = info.colour.range is Range.FULL
            context.color_range = 2 if full else int(info.range_tagged)
        elif is_rgb(self._plan.pix_fmt):
            context.colorspace, context.color_range = _GBR, 2
        else:
            context.colorspace, context.color_range = _BT709, 1


def end_of(frame: Frame, info: VideoInfo) -> int:
    """Where a frame ends, in ticks; by the frame rate where it does not say."""
    return frame.pts + (frame.duration or frame_ticks(info))


def frame_ticks(info: VideoInfo) -> int:
    """The length of a usual frame."""
    rate = info.frame_rate
    return max(1, round(1 / (rate * info.time_base))) if rate else 1


@contextmanager
def write_errors(final: Path, pts: int | None = None) -> Iterator[None]:
    """Turns what FFmpeg and the system raise within into VideoError."""
    try:
        yield
    except TrtSwapError:
        raise
    except (AvError, OSError) as cause:
        raise VideoError(f"cannot write {final}: {describe(cause)}", path=final, pts=pts) from cause


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
