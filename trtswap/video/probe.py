"""What a video is: read from its headers and its first decodable frame."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.stream import Disposition

from trtswap.errors import StrPath, VideoError
from trtswap.types import PixelFormat, VideoInfo
from trtswap.video.bitstream import chroma_siting
from trtswap.video.containers import MOV_FAMILY, AvError, open_input
from trtswap.video.formats import (
    RGB_ENCODED_COLOUR,
    conversion_note,
    is_rgb,
    is_subsampled,
    surface_format,
)
from trtswap.video.hdr import HdrMetadata, hdr_metadata
from trtswap.video.rational import fraction_or_none
from trtswap.video.tags import ColourTags, colour_of, range_is_tagged

MAX_SIDE_PX = 16384
_DURATION_TAG = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)$")
_ATTACHED = int(Disposition.attached_pic) | int(Disposition.timed_thumbnails)


@dataclass(frozen=True)
class Probe:
    """info for the caller; what only the reader and the writer need: the stream's index in the file, the first
    frame, as long as it is needed, and its time stamp in ticks, whether the count of frames comes from an index of all
    packets, the stream's disposition flags, HDR metadata."""

    info: VideoInfo
    stream_index: int
    first_frame: av.VideoFrame | None
    first_pts: int
    count_is_index: bool = False
    disposition: int = 0
    hdr: HdrMetadata = field(default_factory=HdrMetadata)
    notes: tuple[str, ...] = ()


def probe_video(path: StrPath) -> Probe:
    """Opens a video, decodes its first frame and closes it. Raises VideoError."""
    name = os.fspath(path)
    with open_input(name) as container:
        stream, notes = _choose_stream(container, name)
        frame = _first_frame(container, stream, name)
        return _describe(name, container, stream, frame, notes)


def is_attached_picture(stream: Any) -> bool:
    """Cover art and thumbnails, which FFmpeg shows as video streams."""
    return bool(int(stream.disposition) & _ATTACHED)


def _choose_stream(container: Any, name: str) -> tuple[Any, list[str]]:
    streams = [stream for stream in container.streams.video if not is_attached_picture(stream)]
    if not streams:
        raise VideoError(f"{name} holds no video stream", path=name, hint="name a file with moving pictures")
    usable = [stream for stream in streams if stream.codec_context is not None]
    if not usable:
        raise VideoError(f"{name} is of a video codec that cannot be decoded here", path=name)
    default = [stream for stream in usable if int(stream.disposition) & int(Disposition.default)]
    stream = (default or usable)[0]
    notes = []
    if len(streams) > 1:
        notes.append(f"of {len(streams)} video streams only stream {stream.index} is processed")
    return stream, notes


def _first_frame(container: Any, stream: Any, name: str) -> av.VideoFrame:
    context = stream.codec_context
    _check_size(context.width, context.height, name)
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            frames = packet.decode()
        except (StopIteration, EOFError):
            break
        except (AvError, ValueError):  # PyAV 19 has a context without a decoder for unknown codecs
            continue
        if frames:
            _check_size(frames[0].width, frames[0].height, name)
            first: av.VideoFrame = frames[0]
            return first
    raise VideoError(
        f"{name}: not one frame could be decoded",
        path=name,
        hint="the file is damaged, or holds no pictures; check that it plays elsewhere",
    )


def _check_size(width: int, height: int, name: str) -> None:
    if width > MAX_SIDE_PX or height > MAX_SIDE_PX:
        raise VideoError(
            f"{name} is {width}x{height} pixels; at most {MAX_SIDE_PX} per side can be processed",
            path=name,
            hint="scale it down first",
        )


def _describe(name: str, container: Any, stream: Any, frame: av.VideoFrame, notes: list[str]) -> Probe:
    codec = stream.codec_context.codec.canonical_name
    pix_fmt = frame.format.name
    tags = _tags_of(stream, frame, codec)
    colour, guesses = colour_of(
        tags, pix_fmt=pix_fmt, codec=codec, width_px=frame.width, height_px=frame.height
    )
    surface = surface_format(pix_fmt)
    matrix_code = tags.matrix
    if is_rgb(pix_fmt) and surface is not PixelFormat.RGB8:
        colour, matrix_code = RGB_ENCODED_COLOUR, 1
    rotation, turned = _upright_rotation(frame.rotation)
    interlaced = (
        "the video is interlaced; its fields are processed as whole frames"
        if frame.interlaced_frame
        else None
    )
    notes += [note for note in (conversion_note(pix_fmt), guesses, turned, interlaced) if note]
    frame_count, count_is_index = _frame_count(container, stream)
    rate = fraction_or_none(stream.average_rate) or fraction_or_none(stream.guessed_rate)
    info = VideoInfo(
        path=name,
        width_px=frame.width,
        height_px=frame.height,
        format=surface,
        colour=colour,
        codec=codec,
        pix_fmt=pix_fmt,
        rotation_deg=rotation,
        frame_rate=rate,
        time_base=fraction_or_none(stream.time_base) or Fraction(1, 90000),
        frame_count=frame_count,
        duration_s=_duration_s(container, stream),
        sample_aspect_ratio=fraction_or_none(stream.sample_aspect_ratio),
        primaries=tags.primaries,
        transfer=tags.transfer,
        matrix_code=matrix_code,
        range_tagged=range_is_tagged(tags, pix_fmt),
        siting_tagged=tags.siting is not None and is_subsampled(pix_fmt),
        metadata=dict(container.metadata),
        stream_metadata=dict(stream.metadata),
    )
    first_pts = frame.pts if frame.pts is not None else 0
    return Probe(
        info,
        stream.index,
        frame,
        first_pts,
        count_is_index,
        int(stream.disposition),
        hdr_metadata(frame),
        tuple(notes),
    )


def _tags_of(stream: Any, frame: av.VideoFrame, codec: str) -> ColourTags:
    """Each tag from the frame where it says something, else from the stream."""
    context = stream.codec_context

    def code(name: str, unknown: int) -> int:
        value = int(getattr(frame, name))
        return value if value != unknown else int(getattr(context, name))

    extradata = context.extradata
    siting = chroma_siting(codec, bytes(extradata) if extradata else None)
    return ColourTags(
        primaries=code("color_primaries", 2),
        transfer=code("color_trc", 2),
        matrix=code("colorspace", 2),
        range=code("color_range", 0),
        siting=siting,
    )


def _upright_rotation(angle: float) -> tuple[int, str | None]:
    nearest = round(angle / 90) * 90
    note = None
    if abs(angle - nearest) > 1:
        note = f"the video asks to be turned by {angle:g} degrees; {nearest % 360} is used"
    return nearest % 360, note


def _frame_count(container: Any, stream: Any) -> tuple[int | None, bool]:
    """The count declared, and whether it is that of an index listing every packet (edit lists applied)."""
    if container.format.name == MOV_FAMILY and len(stream.index_entries):
        return len(stream.index_entries), True
    return (stream.frames or None), False


def _duration_s(container: Any, stream: Any) -> float | None:
    time_base = fraction_or_none(stream.time_base)
    if stream.duration and time_base:
        return float(stream.duration * time_base)
    tag = next((value for key, value in stream.metadata.items() if key.upper() == "DURATION"), "")
    match = _DURATION_TAG.match(tag.strip())
    if match:
        hours, minutes, seconds = (float(part) for part in match.groups())
        end_s = 3600 * hours + 60 * minutes + seconds
        start_s = float((stream.start_time or 0) * time_base) if time_base else 0.0
        return max(0.0, end_s - start_s)
    return container.duration / 1e6 if container.duration else None
