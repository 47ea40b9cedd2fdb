"""What encodes a video, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EncoderPlan:
    """encoder: FFmpeg's name. pix_fmt: what frames are handed over in. options: the encoder's private ones.
    codec_tag: to be set, or None. notes: what the encoder changes or cannot keep, one sentence each."""

    encoder: str
    pix_fmt: str
    options: Mapping[str, str]
    codec_tag: str | None = None
    notes: tuple[str, ...] = field(default=())
