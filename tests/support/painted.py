"""Footage of painted faces, encoded, with everything about it known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from support import pictures

RATE = 30


def swaying(frames: int, size: tuple[int, int]) -> list[Any]:
    """Placements of one face that sways and nods across the middle of the picture."""
    width, height = size
    turns = [2 * math.pi * index / frames for index in range(frames)]
    return [
        pictures.face_placement(
            (width / 2 + 0.15 * width * math.sin(turn), height / 2), 0.4 * height, 12 * math.sin(turn)
        )
        for turn in turns
    ]


def write_clip(
    path: Path,
    faces: Iterable[Sequence[Any]],
    size: tuple[int, int],
    *,
    rotation_deg: int = 0,
    options: dict[str, str] | None = None,
    cover: tuple[tuple[int, int, int, int], Sequence[int]] | None = None,
) -> None:
    """One frame for each element of `faces`, the placements of that frame's faces; h264, BT.709 limited, a tone as
    sound. rotation_deg: stored turned, so that players turn it back counter-clockwise by this.
    cover: x1, y1, x2, y2 of a bar in front of all, and its R G B."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options=options or {"crf": "10"})
        context = video.codec_context
        turned = rotation_deg in (90, 270)
        context.width, context.height = size[::-1] if turned else size
        context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 15360)
        context.colorspace, context.color_range = 1, 1
        context.color_primaries, context.color_trc = 1, 1
        if rotation_deg:
            video.set_display_rotation(rotation_deg)
        audio = container.add_stream("aac", rate=48000, layout="mono")
        count = 0
        for placements in faces:
            picture, _ = pictures.scene(*size, placements, seed=3)
            if cover is not None:
                (x1, y1, x2, y2), colour = cover
                picture[y1:y2, x1:x2] = colour
            stored = np.ascontiguousarray(np.rot90(picture, -rotation_deg // 90))
            frame = av.VideoFrame.from_ndarray(stored, format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = count, Fraction(1, RATE)
            container.mux(video.encode(frame))
            count += 1
        container.mux(audio.encode(_tone(count / RATE)))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def write_portrait(path: Path, *, seed: int = 9, faces: Sequence[Any] | None = None) -> None:
    """A picture of one face, or of those given; another seed is another person."""
    placements = [pictures.face_placement((320, 320), 400)] if faces is None else faces
    picture, _ = pictures.scene(640, 640, placements, seed=seed)
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _tone(seconds: float) -> av.AudioFrame:
    wave = 0.1 * np.sin(2 * np.pi * 440 * np.arange(round(48000 * seconds)) / 48000)
    sound = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
    sound.sample_rate, sound.pts = 48000, 0
    return sound
