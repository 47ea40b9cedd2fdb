"""Frames decoded on the GPU against those of the software decoder: the same, in the same order, at the same times."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support import fake_gpu
from support.fake_core import pretend_operations
from support.targets import gpu_package

from trtswap import device, video
from trtswap.errors import OptionError
from trtswap.options import EncodeOptions, TimePoint, Trim
from trtswap.types import Frame, PixelFormat, Surface
from trtswap.video import nvenc
from trtswap.video.formats import frame_of, surface_of
from trtswap.video.gpu_decoder import GpuVideoDecoder

SIZE = (190, 158)


@pytest.fixture(params=["pretended", pytest.param("real", marks=pytest.mark.gpu)], autouse=True)
def _gpu(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    if request.param == "pretended":
        fake_gpu.pretend(monkeypatch, "8.6.1", tmp_path_factory.mktemp("cache"))
        pretend_operations(monkeypatch)
        yield
        fake_gpu.forget()
    else:
        gpu_package("PyNvVideoCodec")
        yield


def write(
    path: Path, encoder: str, pix_fmt: str, *, frames: int = 40, size: tuple[int, int] = SIZE, **options: str
) -> Path:
    """Noise that moves, with frames between others and uneven times."""
    rng = np.random.default_rng()
    texture = rng.integers(0, 256, (size[1] + 80, size[0] + 80, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=25, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.codec_context.gop_size = 12
        for number in range(frames):
            picture = np.ascontiguousarray(texture[number : number + size[1], number : number + size[0]])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            frame.pts = number + number // 7
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


CLIPS = {
    "h264": ("libx264", "yuv420p", {"bf": "3"}),
    "hevc": ("libx265", "yuv420p", {"x265-params": "log-level=none:bframes=3"}),
    "hevc in 10 bits": ("libx265", "yuv420p10le", {"x265-params": "log-level=none"}),
    "vp9": ("libvpx-vp9", "yuv420p", {"cpu-used": "8"}),
}


def read(path: Path, *, gpu: int | None, trim: Trim | None = None) -> tuple[list[Frame], bool, list[str]]:
    """All frames on the host, whether they came on the GPU, and the notes."""
    arguments = {} if trim is None else {"trim": trim}
    frames, on_device = [], []
    with device.use(), video.open_video(path, gpu=gpu, **arguments) as reader:
        for frame in reader:
            on_device.append(frame.surface.on_device)
            surface = device.download(frame.surface) if on_device[-1] else frame.surface
            frames.append(Frame(surface, frame.index, frame.pts, frame.time_base, frame.duration))
        notes = list(reader.notes)
    return frames, bool(on_device) and all(on_device), notes


def same(found: list[Frame], expected: list[Frame]) -> None:
    fields = ("index", "pts", "time_base", "duration")
    for name in fields:
        assert [getattr(frame, name) for frame in found] == [getattr(frame, name) for frame in expected], name
    for got, want in zip(found, expected, strict=True):
        assert (got.surface.format, got.surface.colour) == (want.surface.format, want.surface.colour)
        for a, b in zip(got.surface.planes, want.surface.planes, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("clip", CLIPS)
def test_the_same_frames(clip: str, suffix: str, tmp_path: Path) -> None:
    encoder, pix_fmt, options = CLIPS[clip]
    path = write(tmp_path / f"clip.{suffix}", encoder, pix_fmt, **options)
    expected, _, notes = read(path, gpu=None)
    found, on_gpu, notes_there = read(path, gpu=0)
    assert on_gpu
    assert len(found) == 40
    same(found, expected)
    assert notes == notes_there


@pytest.mark.parametrize(
    "trim",
    [
        Trim(TimePoint(seconds=0.7), TimePoint(seconds=1.2)),
        Trim(TimePoint(frame=13), TimePoint(frame=31)),
        Trim(None, TimePoint(frame=5)),
        Trim(TimePoint(seconds=1.5), None),
    ],
)
def test_the_same_part(trim: Trim, tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp4", "libx264", "yuv420p", bf="3")
    found, on_gpu, _ = read(path, gpu=0, trim=trim)
    assert on_gpu
    same(found, read(path, gpu=None, trim=trim)[0])


def test_surfaces_are_the_callers_own(tmp_path: Path) -> None:
    """The decoder writes its few surfaces again and again; frames that are kept stay as they are."""
    path = write(tmp_path / "clip.mp4", "libx264", "yuv420p")
    expected = read(path, gpu=None)[0]
    with device.use(), video.open_video(path, gpu=0) as reader:
        kept = list(reader)
        assert all(frame.surface.on_device for frame in kept)
        for frame, want in zip(kept, expected, strict=True):
            np.testing.assert_array_equal(device.download(frame.surface).planes[0], want.surface.planes[0])


@pytest.mark.parametrize(
    ("encoder", "pix_fmt", "size", "reason"),
    [
        ("ffv1", "yuv420p", SIZE, "ffv1 as yuv420p is not decoded"),
        ("libx264", "yuv444p", SIZE, "h264 as yuv444p is not decoded"),
        ("libx264", "yuv420p10le", SIZE, "gives another first frame|not decoded|HandleVideoSequence"),
        ("libvpx-vp9", "yuv420p", (191, 157), "its size is odd"),
    ],
)
def test_what_it_cannot_decode_is_decoded_in_software(
    encoder: str,
    pix_fmt: str,
    size: tuple[int, int],
    reason: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write(tmp_path / "clip.mkv", encoder, pix_fmt, size=size, frames=9)
    with caplog.at_level(logging.INFO):
        found, on_gpu, _ = read(path, gpu=0)
    if pix_fmt == "yuv420p10le" and on_gpu:
        return  # a decoder of 10-bit h264, which some have
    assert not on_gpu
    same(found, read(path, gpu=None)[0])
    assert any("in software" in line.message for line in caplog.records)
    import re

    assert re.search(reason, caplog.text)


@pytest.mark.parametrize("trim", [None, Trim(TimePoint(seconds=0.7), None)])
@pytest.mark.parametrize("fault", ["none", "wrong", "breaks"])
def test_a_decoder_that_fails_is_left(
    fault: str,
    trim: Trim | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    request: Any,
) -> None:
    if "real" in request.node.name:
        pytest.skip("a real decoder does not fail on demand")
    path = write(tmp_path / "clip.mp4", "libx264", "yuv420p", bf="3")
    expected = read(path, gpu=None, trim=trim)[0]
    monkeypatch.setenv("FAKE_NVDEC", fault)
    with caplog.at_level(logging.INFO):
        found, on_gpu, _ = read(path, gpu=0, trim=trim)
    assert not on_gpu
    same(found, expected)
    assert caplog.text.count("in software") == 1
    told = {"none": "HW decoder not supported", "wrong": "another first frame", "breaks": "lost its way"}[
        fault
    ]
    assert told in caplog.text


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    path = write(tmp_path / "clip.mp4", "libx264", "yuv420p", frames=5)
    monkeypatch.setitem(sys.modules, "PyNvVideoCodec", None)
    found, on_gpu, _ = read(path, gpu=0)
    assert not on_gpu
    assert len(found) == 5


def test_closing_early_and_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp4", "libx264", "yuv420p")
    with device.use():
        reader = video.open_video(path, gpu=0)
        assert isinstance(reader._decoder, GpuVideoDecoder)
        next(iter(reader))
        reader.close()
        reader.close()


# --- encoding ------------------------------------------------------------------------------------------------------


def test_nvenc_is_refused_where_it_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "clip.mp4", "libx264", "yuv420p", frames=5)
    nvenc.unusable.cache_clear()
    monkeypatch.setattr(nvenc, "unusable", lambda *_: "ExternalError: no device")
    with (
        video.open_video(path) as reader,
        pytest.raises(OptionError, match="h264_nvenc cannot be used here: ExternalError: no device"),
    ):
        video.create_video(tmp_path / "out.mp4", reader, options=EncodeOptions(encoder="nvenc"))
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codec": "av1"}, "does not encode av1"),
        ({"codec": "lossless"}, "does not encode losslessly"),
        ({"preset": "medium"}, "no preset 'medium'"),
    ],
)
def test_what_nvenc_does_not_do(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp4", "libx264", "yuv420p", frames=5)
    with video.open_video(path) as reader, pytest.raises(OptionError, match=message):
        video.create_video(tmp_path / "out.mp4", reader, options=EncodeOptions(encoder="nvenc", **options))


def test_a_probe_says_why_or_none() -> None:
    nvenc.unusable.cache_clear()
    assert nvenc.unusable("libx264", "yuv420p") is None
    assert "no_such" in (nvenc.unusable("no_such_encoder", "yuv420p") or "")


def test_ten_bits_as_nvenc_takes_them() -> None:
    rng = np.random.default_rng()
    planes = tuple(
        (rng.integers(0, 1024, shape) << 6).astype(np.uint16)
        for shape in PixelFormat.P010.plane_shapes(66, 34)
    )
    surface = Surface(PixelFormat.P010, planes)
    frame = frame_of(surface, "p010le")
    assert frame.format.name == "p010le"
    for got, want in zip(surface_of(frame, PixelFormat.P010, surface.colour).planes, planes, strict=True):
        np.testing.assert_array_equal(got, want)
