"""Videos and pictures as frames, and back; no faces, no threads."""

from __future__ import annotations

from trtswap.video.base import FrameSink, FrameSource
from trtswap.video.pictures import create_picture, open_picture, read_picture_bgr
from trtswap.video.reader import open_video
from trtswap.video.segments import SegmentedSink
from trtswap.video.target import create_output, open_target
from trtswap.video.writer import create_video

__all__ = [
    "FrameSink",
    "FrameSource",
    "SegmentedSink",
    "create_output",
    "create_picture",
    "create_video",
    "open_picture",
    "open_target",
    "open_video",
    "read_picture_bgr",
]
