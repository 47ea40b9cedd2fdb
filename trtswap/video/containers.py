"""Opening video files with FFmpeg and telling its failures in our words."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import av

from trtswap.errors import StrPath, VideoError
from trtswap.video.paths import require_file

AvError = av.error.FFmpegError
MOV_FAMILY = "mov,mp4,m4a,3gp,3g2,mj2"
TEXT_OPTIONS: dict[str, Any] = (
    {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}
)
"""For `av.open`: metadata of any bytes is kept. PyAV 19 always does so, 17 and 18 fail on it unless told."""
_PLAYLISTS = ("hls", "concat", "dash", "imf", "sdp")
_TEXT_ART = ("tty", "bin", "xbin", "idf", "adf")


def open_input(path: StrPath) -> Any:
    """An open `av` input container on a regular file. Raises VideoError with the reason and what to do."""
    require_file(path, VideoError)
    name = os.fspath(path)
    try:
        # "file:" keeps a name such as "concat:a" from being taken for a protocol, the list a playlist from
        # the net.
        container = av.open(
            f"file:{Path(name).absolute()}",
            container_options={"protocol_whitelist": "file"},
            **TEXT_OPTIONS,
        )
    except (AvError, OSError, ValueError, UnicodeError) as cause:
        raise _not_a_video(name, cause) from cause
    refusal = _refusal(container.format.name)
    if refusal:
        container.close()
        message, hint = refusal
        raise VideoError(f"{name} is {message}, not a video", path=name, hint=hint)
    return container


def _refusal(format_name: str) -> tuple[str, str] | None:
    """What else FFmpeg takes for a video, and what to do about it."""
    if format_name in _PLAYLISTS:
        return "a playlist", "name the video itself"
    if format_name in _TEXT_ART:
        return "text", "name a file with moving pictures"
    if format_name == "image2" or format_name.endswith("_pipe"):
        return "a picture", "PNG, JPEG and WebP pictures can be processed; convert it to one of them"
    return None


def describe(error: BaseException) -> str:
    """FFmpeg's or the system's reason, without the path."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "no space left on the disk"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _not_a_video(name: str, cause: BaseException) -> VideoError:
    if _lacks_index(name):
        return VideoError(
            f"{name} is an MP4 or MOV file without its index (no moov atom): it was cut off before the "
            "recording or copy was finished, and nothing can decode it",
            path=name,
            hint="copy it again, or repair it with a tool that has a whole file of the same camera",
        )
    return VideoError(
        f"{name} is not a video that can be read: {describe(cause)}",
        path=name,
        hint="check that it plays elsewhere; it may be damaged or of an unknown format",
    )


def _lacks_index(name: str) -> bool:
    """Whether the file starts as MP4 and none of its top-level boxes is `moov`."""
    try:
        with Path(name).open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            at, first = 0, True
            while at + 8 <= end:
                file.seek(at)
                header = file.read(16)
                kind = header[4:8]
                if first and kind != b"ftyp":
                    return False
                if kind == b"moov":
                    return False
                first = False
                size = int.from_bytes(header[:4], "big")
                if size == 1:
                    size = int.from_bytes(header[8:16], "big")
                at += size if size >= 8 else end
            return not first
    except OSError:
        return False
