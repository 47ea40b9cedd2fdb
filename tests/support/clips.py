"""Small synthetic clips written with PyAV directly, for tests of reading and writing; nothing of trtswap."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

os.environ.setdefault("SVT_LOG", "0")  # keeps SVT-AV1's banner out of the tests' output

MEDIA = Path(__file__).resolve().parents[2].parent / "shared" / "media"
LOSSLESS = {"libx264": {"qp": "0"}, "libx264rgb": {"qp": "0"}, "libvpx-vp9": {"lossless": "1"}, "ffv1": {}}
Planes = list[np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Clip:
    """What to write. tags: primaries, transfer, matrix, range (H.273 codes; range as FFmpeg's 0, 1, 2)."""

    frames: int = 8
    size: tuple[int, int] = (64, 48)
    rate: Fraction = Fraction(30)
    pix_fmt: str = "yuv420p"
    codec: str = "libx264"
    options: Mapping[str, str] | None = None
    tags: tuple[int, int, int, int] = (2, 2, 2, 0)
    rotation: int | None = None
    aspect: Fraction | None = None
    time_base: Fraction = Fraction(1, 15360)
    time_stamps: Sequence[int] | None = None
    audio: str | None = None
    subtitles: str | None = None
    chapters: Sequence[tuple[float, float, str]] = ()
    attachment: tuple[str, bytes] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    stream_metadata: Mapping[str, str] = field(default_factory=dict)
    seed: int = 1
    moving: bool = False


def write_clip(path: Path, clip: Clip = Clip(), **muxer_options: str) -> list[Planes]:
    """Writes the clip; returns the planes of each frame, without padding, as handed to the encoder."""
    rng = np.random.default_rng(clip.seed)
    pictures = [_planes(rng, clip, index) for index in range(clip.frames)]
    with av.open(str(path), "w", container_options=muxer_options) as output:
        output.metadata.update(clip.metadata)
        video = _add_video(output, clip)
        audio = _add_audio(output, clip)
        subtitles = output.add_mux_stream(clip.subtitles) if clip.subtitles else None
        if subtitles is not None:
            subtitles.metadata["language"] = "deu"
            subtitles.time_base = Fraction(1, 1000)
        if clip.attachment:
            output.add_attachment(clip.attachment[0], "font/ttf", clip.attachment[1])
        output.set_chapters([_chapter(number, *entry) for number, entry in enumerate(clip.chapters)])
        duration_s = clip.frames / clip.rate
        for index, planes in enumerate(pictures):
            frame = frame_from_planes(planes, clip.pix_fmt, clip.size)
            frame.pts = _time_stamp(clip, index)
            frame.time_base = clip.time_base
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if audio is not None:
            _mux_tone(output, audio, float(duration_s))
        if subtitles is not None:
            _mux_subtitles(output, subtitles, clip, float(duration_s))
    return pictures


def frame_from_planes(planes: Planes, pix_fmt: str, size: tuple[int, int]) -> av.VideoFrame:
    """An `av` frame holding the planes, whatever padding FFmpeg gave it."""
    frame = av.VideoFrame(size[0], size[1], pix_fmt)
    for plane, samples in zip(frame.planes, planes, strict=True):
        target = np.frombuffer(memoryview(plane), samples.dtype).reshape(
            -1, plane.line_size // samples.itemsize
        )
        target[: samples.shape[0], : samples.shape[1]] = samples
    return frame


def encoded(clip: Clip, format_name: str) -> bytes:
    """The clip as a file in memory, without other streams."""
    buffer = io.BytesIO()
    rng = np.random.default_rng(clip.seed)
    with av.open(buffer, "w", format=format_name) as output:
        video = _add_video(output, clip)
        for index in range(clip.frames):
            frame = frame_from_planes(_planes(rng, clip, index), clip.pix_fmt, clip.size)
            frame.pts, frame.time_base = _time_stamp(clip, index), clip.time_base
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return buffer.getvalue()


def decode_all(path: Path) -> list[av.VideoFrame]:
    """Every frame, as FFmpeg decodes it in one thread."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        return list(container.decode(stream))


def packet_bytes(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """Time in seconds and payload of every packet of the streams of one kind."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        if not streams:
            return []  # demux() of nothing means of everything
        return [
            (Fraction(packet.pts or 0) * Fraction(packet.time_base), bytes(packet))
            for packet in container.demux(*streams)
            if packet.size
        ]


def _planes(rng: np.random.Generator, clip: Clip, index: int) -> Planes:
    width, height = clip.size
    half = ((height + 1) // 2, (width + 1) // 2)
    layouts: dict[str, list[tuple[int, int]]] = {
        "yuv420p": [(height, width), half, half],
        "yuv444p": [(height, width)] * 3,
        "yuv422p": [(height, width), (height, half[1]), (height, half[1])],
        "nv12": [(height, width), (half[0], 2 * half[1])],
        "rgb24": [(height, 3 * width)],
        "gbrp": [(height, width)] * 3,
        "gray": [(height, width)],
        "pal8": [(height, width)],
    }
    base = clip.pix_fmt.replace("yuvj", "yuv").removesuffix("10le")
    deep = clip.pix_fmt.endswith("10le")
    dtype, top = (np.uint16, 1024) if deep else (np.uint8, 256)
    if not clip.moving:
        return [rng.integers(0, top, shape).astype(dtype) for shape in layouts[base]]
    planes = []
    for rows, columns in layouts[base]:
        ramp = np.add.outer(np.arange(rows) * 3, np.arange(columns) * 2) + 9 * index
        planes.append((ramp % (top - top // 8) + top // 16).astype(dtype))
    return planes


def _add_video(output: Any, clip: Clip) -> Any:
    options = LOSSLESS.get(clip.codec, {}) if clip.options is None else clip.options
    stream = output.add_stream(clip.codec, rate=clip.rate, options=dict(options))
    context = stream.codec_context
    context.width, context.height = clip.size
    context.pix_fmt = clip.pix_fmt
    context.time_base = clip.time_base
    context.color_primaries, context.color_trc, context.colorspace, context.color_range = clip.tags
    if clip.aspect:
        context.sample_aspect_ratio = clip.aspect
    if clip.rotation is not None:
        stream.set_display_rotation(clip.rotation)
    stream.metadata.update(clip.stream_metadata)
    return stream


def _add_audio(output: Any, clip: Clip) -> Any:
    if clip.audio is None:
        return None
    stream = output.add_stream(clip.audio, rate=48000, layout="stereo")
    stream.metadata["language"] = "fra"
    return stream


def _mux_tone(output: Any, stream: Any, seconds: float) -> None:
    samples = stream.frame_size or 1024
    stream.codec_context.open(strict=False)
    samples = stream.codec_context.frame_size or samples
    kind = stream.codec_context.format.name
    for start in range(0, round(seconds * 48000), samples):
        wave = 0.3 * np.sin(2 * np.pi * 440 * (start + np.arange(samples)) / 48000)
        if kind == "fltp":
            data = np.stack([wave, wave]).astype(np.float32)
        else:
            data = np.repeat(np.round(wave * 32767), 2).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(data, format=kind, layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _mux_subtitles(output: Any, stream: Any, clip: Clip, seconds: float) -> None:
    for number in range(3):
        text = f"line {number}".encode()
        body = len(text).to_bytes(2, "big") + text if clip.subtitles == "mov_text" else text
        packet = av.Packet(body)
        packet.stream = stream
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = round(1000 * seconds * number / 3)
        packet.duration = round(1000 * seconds / 3)
        output.mux(packet)


def _chapter(number: int, start_s: float, end_s: float, title: str) -> dict[str, Any]:
    return {
        "id": number + 1,
        "start": round(start_s * 1000),
        "end": round(end_s * 1000),
        "time_base": Fraction(1, 1000),
        "metadata": {"title": title},
    }


def _time_stamp(clip: Clip, index: int) -> int:
    if clip.time_stamps is not None:
        return clip.time_stamps[index]
    return round(index / clip.rate / clip.time_base)
