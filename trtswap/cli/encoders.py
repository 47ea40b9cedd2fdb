"""Which video encoders really open here. That FFmpeg lists one says nothing about the driver behind it."""

from __future__ import annotations

import importlib
from fractions import Fraction
from typing import Any

from trtswap.cli.quiet import native_output_discarded

ENCODERS = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "h264_nvenc", "hevc_nvenc", "av1_nvenc")

_NVENC_NEEDS = "needs an NVIDIA GPU with an encoder, and its driver"
_WIDTH_PX, _HEIGHT_PX = 320, 192  # above the smallest picture that NVENC takes


def encoder_problems() -> dict[str, str | None]:
    """For each of `ENCODERS`, None when it encodes a frame, else why not. Raises ImportError without PyAV."""
    with native_output_discarded():
        av = importlib.import_module("av")
        return {name: _problem(av, name) for name in ENCODERS}


def _problem(av: Any, name: str) -> str | None:
    try:
        context = av.CodecContext.create(name, "w")
        context.width, context.height = _WIDTH_PX, _HEIGHT_PX
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, 25)
        frame = av.VideoFrame(_WIDTH_PX, _HEIGHT_PX, "yuv420p")  # what it shows does not matter
        packets = [*context.encode(frame), *context.encode(None)]
    except Exception as error:  # whatever it is, this encoder does not work
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        return f"{reason} ({_NVENC_NEEDS})" if name.endswith("_nvenc") else reason
    return None if packets else "opened, but encoded nothing"
