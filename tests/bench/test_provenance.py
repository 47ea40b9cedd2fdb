"""The bench of provenance runs, and what it measures stays within what is promised."""

from __future__ import annotations

import sys
from pathlib import Path

import av
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from provenance import in_a_child, write_noise

pytest.importorskip("c2pa")


def test_a_large_file_is_signed_within_its_memory_and_time(tmp_path: Path) -> None:
    """A fifth of a gigabyte here; the memory is what one of a gigabyte takes, in a tenth of its time."""
    path = tmp_path / "noise.mp4"
    write_noise(path, 200_000_000)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 60 * 30
        for _, frame in zip(range(20), container.decode(video=0), strict=False):
            assert (frame.width, frame.height) == (1920, 1080)
    signing = in_a_child("sign", path)
    assert signing["peak_mb"] < 1000
    assert signing["sign_s"] < 10
    verifying = in_a_child("verify", path)
    assert verifying["peak_mb"] < 1000
