"""Opening whatever the user names, picture or video, and creating the output that goes with it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from trtswap.errors import OptionError, StrPath, VideoError
from trtswap.options import EncodeOptions, Trim
from trtswap.video.base import DEFAULT_ENCODING, WHOLE, FrameSink, FrameSource
from trtswap.video.paths import Seal, require_file
from trtswap.video.pictures import (
    PictureSource,
    create_picture,
    is_picture_file,
    open_picture,
    picture_extension,
)
from trtswap.video.reader import VideoSource, open_video
from trtswap.video.segments import SegmentedSink
from trtswap.video.writer import create_video


def open_target(path: StrPath, *, trim: Trim = WHOLE, gpu: int | None = None) -> FrameSource:
    """Opens a picture (PNG, JPEG, WebP, by content) or a video, decoded on the GPU `gpu` where that can.

    Raises VideoError or PictureError when it cannot be read, OptionError when the trim does not fit it.
    """
    require_file(path, VideoError)
    if not is_picture_file(path):
        return open_video(path, trim=trim, gpu=gpu)
    if trim != WHOLE:
        raise OptionError(f"{os.fspath(path)} is a picture and cannot be trimmed", hint="leave the trim out")
    return open_picture(path)


def create_output(
    path: StrPath,
    source: FrameSource,
    *,
    options: EncodeOptions = DEFAULT_ENCODING,
    overwrite: bool = False,
    marks: Mapping[str, str] | None = None,
    seal: Seal | None = None,
    frames_per_segment: int | None = None,
) -> FrameSink:
    """Opens the output of a run over `source`: a picture for a picture, a video for a video, a `SegmentedSink` where
    segments have a length. See `create_picture` and `create_video`, whose errors it raises; OptionError too when the
    extension is of the other kind."""
    name = os.fspath(path)
    if isinstance(source, PictureSource):
        return create_picture(path, source, options=options, overwrite=overwrite, marks=marks, seal=seal)
    if not isinstance(source, VideoSource):
        raise TypeError(f"not a source opened here: {type(source).__name__}")
    if picture_extension(path) is not None:
        raise OptionError(
            f"{source.info.path} is a video; {name} names a picture", hint="name the output .mp4"
        )
    if frames_per_segment is None:
        return create_video(path, source, options=options, overwrite=overwrite, marks=marks, seal=seal)
    return SegmentedSink(
        path,
        source,
        frames_per_segment=frames_per_segment,
        options=options,
        overwrite=overwrite,
        marks=marks,
        seal=seal,
    )
