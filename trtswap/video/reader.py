"""Videos as frames: decoded, trimmed, with time stamps that only grow, going on past damage."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Union

import av

from trtswap.errors import StrPath, VideoError
from trtswap.options import Trim
from trtswap.types import Frame
from trtswap.video.base import WHOLE, FrameSource
from trtswap.video.decoder import VideoDecoder
from trtswap.video.formats import surface_of
from trtswap.video.gpu_decoder import GpuPicture, GpuVideoDecoder, unfit
from trtswap.video.probe import Probe, probe_video
from trtswap.video.window import Window

_SEEK_MARGINS_S = (0, 2, 20)
_UNNOTICED_GAP_S = 0.5
_log = logging.getLogger(__name__)

Decoded = Union[av.VideoFrame, GpuPicture]  # noqa: UP007  evaluated at run time


def open_video(path: StrPath, *, trim: Trim = WHOLE, gpu: int | None = None) -> VideoSource:
    """Opens a video for reading. gpu: where it may be decoded, if that GPU can.

    Raises VideoError, or OptionError when the trim starts past the end.
    """
    return VideoSource(path, trim=trim, gpu=gpu)


class VideoSource(FrameSource):
    """The frames of a video's first or default video stream. Nothing is decoded before the first is asked
    for, except one frame to know the format. gpu: where frames are decoded to and stay, if that GPU can."""

    def __init__(self, path: StrPath, *, trim: Trim = WHOLE, gpu: int | None = None) -> None:
        probe = probe_video(path)
        self.probe: Probe = replace(probe, first_frame=None)
        self.info = self.probe.info
        self.notes = list(self.probe.notes)
        self.trim = trim
        self.window = Window.of(trim, self.info, self.probe.first_pts)
        self.expected_frames = self.window.expected_frames()
        self._decoder = _decoder(os.fspath(path), probe, gpu)
        self._clock = _Clock(self.probe)
        self._started = False

    @property
    def stream_index(self) -> int:
        """The index of the video stream in the file."""
        return self.probe.stream_index

    def __iter__(self) -> Iterator[Frame]:
        if self._started:
            raise RuntimeError("a video source can be iterated once; open it again")
        self._started = True
        return self._deliver()

    def close(self) -> None:
        self._decoder.close()

    def _deliver(self) -> Iterator[Frame]:
        index = 0
        completed = True
        for number, decoded in enumerate(self._decoded()):
            pts = self._clock.stamp(decoded)
            if not self.window.has_started(number, pts):
                continue
            if self.window.has_ended(number, pts):
                completed = False
                break
            yield self._frame(decoded, index, pts)
            index += 1
        self.close()
        if index == 0 and not self.window.is_whole:
            raise self.window.nothing_left()
        self.notes += self._clock.notes()
        self.notes += self._damage(index, completed)

    def _decoded(self) -> Iterator[Decoded]:
        """From a key frame at or before the trim's start. A container may seek by decoding time or go wrong:
        a first frame later than asked for means starting earlier."""
        target = self.window.seek_pts
        if target is not None:
            for margin_s in _SEEK_MARGINS_S:
                frames = self._decoder.frames_from(target - round(margin_s / self.info.time_base))
                first = next(frames, None)
                if first is not None and first.pts is not None and first.pts <= target:
                    yield from chain([first], frames)
                    return
        yield from self._decoder.frames_from(None)

    def _frame(self, decoded: Decoded, index: int, pts: int) -> Frame:
        info = self.info
        if (decoded.width, decoded.height) != (info.width_px, info.height_px):
            raise VideoError(
                f"{info.path} changes its size from {info.width_px}x{info.height_px} to "
                f"{decoded.width}x{decoded.height} at frame {index} ({float(pts * info.time_base):.3f} s)",
                path=info.path,
                pts=pts,
                hint="trim it there and process the parts one by one",
            )
        if isinstance(decoded, av.VideoFrame):
            surface = surface_of(decoded, info.format, info.colour, info.rotation_deg)
        else:
            surface = decoded.surface
        return Frame(surface, index, pts, info.time_base, int(decoded.duration or 0))

    def _damage(self, delivered: int, completed: bool) -> list[str]:
        """One sentence about what the file should have held, or none."""
        decoder = self._decoder
        facts = []
        if decoder.failed_packets:
            facts.append(f"{decoder.failed_packets} packets could not be decoded")
        if decoder.flawed_frames:
            facts.append(f"{decoder.flawed_frames} frames were decoded with errors concealed")
        if decoder.read_error:
            facts.append(f"reading stopped early ({decoder.read_error})")
        missing = self._missing(delivered) if completed else None
        if missing:
            facts.insert(0, missing)
        return [f"{'; '.join(facts)}; the file is truncated or damaged"] if facts else []

    def _missing(self, delivered: int) -> str | None:
        if not self.window.is_whole:
            return None
        if self.probe.count_is_index and self.info.frame_count:
            lost = self.info.frame_count - delivered
            return f"{delivered} of {self.info.frame_count} frames could be read" if lost > 0 else None
        if self.info.duration_s and not self.info.frame_count:
            end_s = float((self._clock.end_pts - self.probe.first_pts) * self.info.time_base)
            if self.info.duration_s - end_s > _UNNOTICED_GAP_S:
                return f"{end_s:.2f} of {self.info.duration_s:.2f} s could be read"
        return None


def _decoder(path: str, probe: Probe, gpu: int | None) -> VideoDecoder | GpuVideoDecoder:
    """The one on the GPU where that may be tried; else that in software, and the log says why."""
    if gpu is not None:
        reason = unfit(probe)
        if reason is None:
            return GpuVideoDecoder(path, probe, gpu)
        _log.info("%s is decoded in software: %s", path, reason)
    return VideoDecoder(path, probe.stream_index)


class _Clock:
    """Time stamps that only grow: what is missing is extrapolated, what repeats is moved by one tick."""

    def __init__(self, probe: Probe) -> None:
        info = probe.info
        self._step = max(1, round(1 / (info.frame_rate * info.time_base))) if info.frame_rate else 1
        self._last: int | None = None
        self._last_duration = 0
        self._missing = 0
        self._moved = 0

    @property
    def end_pts(self) -> int:
        """Where the last frame ends."""
        return 0 if self._last is None else self._last + (self._last_duration or self._step)

    def stamp(self, decoded: Decoded) -> int:
        """The time stamp of the next frame in ticks."""
        pts = decoded.pts
        if pts is None:
            self._missing += 1
            pts = self.end_pts
        elif self._last is not None and pts <= self._last:
            self._moved += 1
            pts = self._last + 1
        self._last, self._last_duration = pts, int(decoded.duration or 0)
        return pts

    def notes(self) -> list[str]:
        """What was changed."""
        notes = []
        if self._missing:
            notes.append(f"{self._missing} frames had no time stamp; theirs follow from the frame rate")
        if self._moved:
            notes.append(f"{self._moved} frames did not come after the one before; they were moved by a tick")
        return notes
