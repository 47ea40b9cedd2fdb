"""The encoder on the GPU, through FFmpeg: used only where it could be opened."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import av

from trtswap.errors import OptionError
from trtswap.options import EncodeOptions
from trtswap.video.encoder_plan import EncoderPlan

_ENCODERS = {"h264": "h264_nvenc", "hevc": "hevc_nvenc"}
_PRESETS = tuple(f"p{number}" for number in range(1, 8))
_USUAL_PRESET = "p5"
_TRIED_SIZE = (640, 480)
"""Larger than the smallest that any of these encoders takes."""


def nvenc_plan(
    codec: str, pix_fmt: str, quality: int, options: EncodeOptions, *, lost: tuple[str, ...]
) -> EncoderPlan:
    """How the GPU encodes frames that software would take as `pix_fmt`: at a constant quality.

    lost: what is not kept, for the notes. Raises OptionError for what it does not encode, and where there is no such
    encoder or it does not open.
    """
    if codec not in _ENCODERS or pix_fmt not in ("yuv420p", "yuv420p10le"):
        raise OptionError(
            f"nvenc does not encode {codec} as {pix_fmt} here", hint="leave --encoder nvenc out"
        )
    if codec == "h264" and pix_fmt != "yuv420p":
        raise OptionError("nvenc encodes 10-bit video as hevc only", hint="add --codec hevc")
    preset = options.preset or _USUAL_PRESET
    if preset not in _PRESETS:
        raise OptionError(f"nvenc has no preset {preset!r}", hint=f"use one of {', '.join(_PRESETS)}")
    stored = "p010le" if pix_fmt == "yuv420p10le" else "yuv420p"
    settings = {"preset": preset, "rc": "vbr", "cq": str(max(1, quality)), "b": "0", "tune": "hq"}
    reason = unusable(_ENCODERS[codec], stored)
    if reason is not None:
        raise OptionError(
            f"the GPU's encoder {_ENCODERS[codec]} cannot be used here: {reason}",
            hint="leave --encoder nvenc out",
        )
    return EncoderPlan(_ENCODERS[codec], stored, settings, notes=lost)


@lru_cache
def unusable(encoder: str, pix_fmt: str) -> str | None:
    """Why an encoder does not encode a frame here, or None when it did."""
    try:
        context: Any = av.CodecContext.create(encoder, "w")
        context.width, context.height = _TRIED_SIZE
        context.pix_fmt = pix_fmt
        context.time_base = Fraction(1, 25)
        context.framerate = Fraction(25)
        context.open()
        frame = av.VideoFrame(*_TRIED_SIZE, pix_fmt)
        frame.pts = 0
        packets = [*context.encode(frame), *context.encode(None)]
    except Exception as error:  # FFmpeg's, or that of an encoder it was built without
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return None if packets else "it gave nothing"
