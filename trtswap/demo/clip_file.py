"""Clips as video files with a voice."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from trtswap.demo.clips import plan_clip
from trtswap.demo.render import Rendered, render
from trtswap.errors import StrPath, VideoError
from trtswap.options import ClipKind
from trtswap.types import Array

_SAMPLE_RATE = 48_000


def write_clip(
    path: StrPath,
    kind: ClipKind,
    seed: int,
    frames: int,
    size: tuple[int, int],
    *,
    rate: int = 25,
    quality: int = 18,
    swap_path: StrPath | None = None,
) -> None:
    """Draws a clip as `make_clip` does and writes it as H.264 with AAC sound; the voice swells with the syllables.

    size: width, height, both even. quality: x264's constant rate factor, 0..51, lower is better. swap_path: where the
    same clip with the true swap goes. Raises ValueError as `make_clip`, and for an odd size; VideoError when a file
    cannot be written. A file that exists is overwritten.
    """
    if size[0] % 2 or size[1] % 2:
        raise ValueError(f"the width and height of a video are even, not {size[0]}x{size[1]}")
    clip = plan_clip(kind, seed, frames, size, rate=float(rate))
    sound = voice(clip.loudness, rate, seed)
    paths = [path] if swap_path is None else [path, swap_path]
    sources = None if swap_path is None else clip.sources
    with ExitStack() as opened:
        writers = [opened.enter_context(ClipWriter(name, size, rate, quality)) for name in paths]
        for drawn in (render(clip.people, state, sources) for state in clip.states):
            for writer, picture in zip(writers, _pictures(drawn), strict=False):
                writer.picture(picture)
        for writer in writers:
            writer.sound(sound)


def voice(loudness: Array, rate: int, seed: int) -> Array:
    """A hummed voice float32 [samples], -1..1, at 48 kHz, as loud as `loudness` [frames] at `rate` frames/s."""
    rng = np.random.default_rng([seed, 0x501])
    count = round(len(loudness) * _SAMPLE_RATE / rate)
    time = np.arange(count) / _SAMPLE_RATE
    level = np.interp(time * rate, np.arange(len(loudness)) + 0.5, loudness)
    pitch = float(rng.uniform(95, 220)) * (1 + 0.06 * np.sin(2 * np.pi * 0.7 * time) + 0.04 * level)
    phase = 2 * np.pi * np.cumsum(pitch) / _SAMPLE_RATE
    formants = ((700.0, 130.0), (1220.0, 180.0), (2600.0, 260.0))
    mean = float(pitch.mean())
    sound = np.zeros(count)
    for k in range(1, 24):
        strength = (
            sum(np.exp(-(((k * mean - centre) / width) ** 2)) for centre, width in formants) + 0.5 / k**1.5
        )
        sound += strength * np.sin(k * phase)
    sound *= level / max(float(np.abs(sound).max()), 1e-9)
    breath = 0.004 * rng.standard_normal(count)
    return (0.5 * sound + breath).astype(np.float32)


def _pictures(drawn: Rendered) -> Iterable[Array]:
    yield drawn.picture
    if drawn.swap is not None:
        yield drawn.swap


class ClipWriter:
    """One file: H.264 4:2:0 with BT.709 tags, AAC. A context manager; leaving it ends the file."""

    def __init__(self, path: StrPath, size: tuple[int, int], rate: int, quality: int) -> None:
        self.path = str(path)
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self.container = av.open(self.path, "w")
        except (OSError, av.FFmpegError) as error:
            raise VideoError(f"{self.path} cannot be written: {error}", path=self.path) from error
        stream = self.container.add_stream(
            "libx264", rate=Fraction(rate), options={"crf": str(quality), "preset": "veryfast"}
        )
        self.video = stream
        self.video.width, self.video.height = size
        self.video.pix_fmt = "yuv420p"
        context = self.video.codec_context
        context.colorspace, context.color_range = 1, 1
        context.color_primaries, context.color_trc = 1, 1
        self.audio = self.container.add_stream("aac", rate=_SAMPLE_RATE)
        self.audio.layout = "mono"

    def picture(self, picture: Array) -> None:
        """Encodes the next picture, uint8 [H, W, 3]."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        self.container.mux(
            self.video.encode(frame.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1))
        )

    def sound(self, samples: Array) -> None:
        """Encodes all of the sound, float32 [N]."""
        for start in range(0, len(samples), 1024):
            block = np.ascontiguousarray(samples[None, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = _SAMPLE_RATE, start, Fraction(1, _SAMPLE_RATE)
            self.container.mux(self.audio.encode(frame))

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Flushes the encoders and closes the file."""
        for stream in (self.video, self.audio):
            self.container.mux(stream.encode(None))
        self.container.close()
