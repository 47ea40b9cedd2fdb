"""One entry for pictures and videos."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.clips import Clip, write_clip

from trtswap.errors import OptionError, VideoError
from trtswap.options import TimePoint, Trim
from trtswap.video import create_output, open_target


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", Clip(frames=3))
    (tmp_path / "a.mp4").rename(tmp_path / "a.png")
    with open_target(tmp_path / "a.png", trim=Trim(TimePoint(frame=1))) as source:
        assert not source.info.is_picture
        assert len(list(source)) == 2


def test_a_round_trip_by_the_common_interface(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    with open_target(tmp_path / "a.mp4") as source, create_output(tmp_path / "b.mkv", source) as sink:
        for frame in source:
            sink.write(frame)
    with open_target(tmp_path / "b.mkv") as copied:
        assert len(list(copied)) == 8


def test_a_video_is_not_written_as_a_picture(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    with open_target(tmp_path / "a.mp4") as source, pytest.raises(OptionError, match="is a video"):
        create_output(tmp_path / "b.png", source)


def test_a_missing_target(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no such file"):
        open_target(tmp_path / "none.mp4")


def test_frames_of_ndarray_type(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    with open_target(tmp_path / "a.mp4") as source:
        for frame in source:
            assert all(
                isinstance(plane, np.ndarray) and plane.flags.owndata for plane in frame.surface.planes
            )


def test_importing_prints_nothing() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import trtswap.video"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert (run.stdout, run.stderr) == ("", "")
