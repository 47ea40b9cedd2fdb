"""Reading videos: exact frames and times, trims, turns, damage, and files that are no videos."""

from __future__ import annotations

import itertools
import os
import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.clips import MEDIA, Clip, Planes, decode_all, encoded, write_clip

from trtswap.errors import OptionError, VideoError
from trtswap.options import TimePoint, Trim
from trtswap.types import ChromaSiting, Frame, Matrix, PixelFormat, Range
from trtswap.video import open_video

UNEVEN = [0, 512, 700, 1536, 2048, 5000, 5001, 9000]
DAMAGED = {"truncated.mp4", "bitflips.mp4", "not_a_video.mp4", "empty.mp4"}


def read(path: Path, trim: Trim = Trim()) -> tuple[list[Frame], list[str]]:  # noqa: B008
    with open_video(path, trim=trim) as source:
        return list(source), source.notes


def assert_holds(frame: Frame, planes: Planes) -> None:
    np.testing.assert_array_equal(frame.surface.planes[0], planes[0])
    np.testing.assert_array_equal(frame.surface.planes[1], np.stack(planes[1:], axis=-1))


@pytest.mark.parametrize(
    ("codec", "name"), [("libx264", "a.mp4"), ("libx264", "a.mkv"), ("libvpx-vp9", "a.webm")]
)
def test_frames_and_times_are_exact(tmp_path: Path, codec: str, name: str) -> None:
    milliseconds = Fraction(1, 1000) if not name.endswith("mp4") else Fraction(1, 15360)
    pictures = write_clip(tmp_path / name, Clip(codec=codec, time_stamps=UNEVEN, time_base=milliseconds))
    frames, _ = read(tmp_path / name)
    assert [frame.index for frame in frames] == list(range(8))
    assert [frame.pts * frame.time_base for frame in frames] == [pts * milliseconds for pts in UNEVEN]
    for frame, planes in zip(frames, pictures, strict=True):
        assert_holds(frame, planes)


def test_start_other_than_zero_is_kept(tmp_path: Path) -> None:
    write_clip(
        tmp_path / "a.mkv", Clip(time_base=Fraction(1, 1000), time_stamps=[33 * n + 233 for n in range(8)])
    )
    frames, notes = read(tmp_path / "a.mkv")
    assert [frame.pts for frame in frames] == [33 * n + 233 for n in range(8)]
    assert not [note for note in notes if "damaged" in note]


def test_repeated_time_stamps_are_moved_by_a_tick(tmp_path: Path) -> None:
    # 1/15360 s apart is the same millisecond in Matroska
    write_clip(
        tmp_path / "a.mkv", Clip(time_stamps=[0, 512, 1024, 1025, 1536, 2048, 2560, 3072], codec="ffv1")
    )
    frames, notes = read(tmp_path / "a.mkv")
    assert [frame.pts for frame in frames] == [0, 33, 67, 68, 100, 133, 167, 200]
    assert [note for note in notes if note.startswith("1 frames did not come after")]


def test_missing_time_stamps_follow_from_the_rate(tmp_path: Path) -> None:
    (tmp_path / "a.h264").write_bytes(encoded(Clip(rate=Fraction(25)), "h264"))
    frames, _ = read(tmp_path / "a.h264")
    steps = {later.time_s - earlier.time_s for earlier, later in itertools.pairwise(frames)}
    assert len(frames) == 8
    assert list(steps) == [pytest.approx(1 / 25)] * len(steps)


def test_colour_tags(tmp_path: Path) -> None:
    clip = Clip(tags=(9, 16, 9, 1), pix_fmt="yuv420p10le", options={"qp": "0", "x264-params": "chromaloc=2"})
    write_clip(tmp_path / "a.mp4", clip)
    with open_video(tmp_path / "a.mp4") as source:
        info = source.info
    assert (info.primaries, info.transfer, info.matrix_code) == (9, 16, 9)
    assert (info.colour.matrix, info.colour.range) == (Matrix.BT2020, Range.LIMITED)
    assert info.colour.siting is ChromaSiting.TOPLEFT
    assert (info.range_tagged, info.siting_tagged, info.format) == (True, True, PixelFormat.P010)
    assert source.notes == []


def test_info(tmp_path: Path) -> None:
    write_clip(
        tmp_path / "a.mp4", Clip(aspect=Fraction(4, 3), metadata={"title": "T"}, rate=Fraction(30000, 1001))
    )
    with open_video(tmp_path / "a.mp4") as source:
        info = source.info
        assert source.expected_frames == 8
    assert (info.width_px, info.height_px, info.codec, info.pix_fmt) == (64, 48, "h264", "yuv420p")
    assert (info.frame_count, info.sample_aspect_ratio) == (8, Fraction(4, 3))
    assert info.frame_rate is not None
    assert abs(info.frame_rate - Fraction(30000, 1001)) < Fraction(1, 100)
    assert info.duration_s == pytest.approx(8 * 1001 / 30000, abs=0.01)
    assert info.metadata["title"] == "T"


# The `tkhd` matrix of ISO/IEC 14496-12 maps a stored point (x, y) to (a x + c y, b x + d y), y down. Turning
# counter-clockwise by 90 degrees takes right to up, (1, 0) to (0, -1), and down to right, (0, 1) to (1, 0).
MATRICES = {0: (1, 0, 0, 1), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}


def tkhd_matrix_offset(data: bytes) -> int:
    return data.index(b"tkhd") + 44


@pytest.mark.parametrize("rotation", MATRICES)
def test_rotation_is_counter_clockwise(tmp_path: Path, rotation: int) -> None:
    write_clip(tmp_path / "a.mp4")
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    a, b, c, d = (value << 16 for value in MATRICES[rotation])
    at = tkhd_matrix_offset(bytes(data))
    assert struct.unpack_from(">9i", data, at)[::4] == (1 << 16, 1 << 16, 1 << 30)
    struct.pack_into(">9i", data, at, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (tmp_path / "a.mp4").write_bytes(data)
    frames, _ = read(tmp_path / "a.mp4")
    assert {frame.surface.rotation_deg for frame in frames} == {rotation}


def test_odd_angles_become_the_nearest_turn(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", Clip(rotation=70))
    frames, notes = read(tmp_path / "a.mp4")
    assert frames[0].surface.rotation_deg == 90
    assert [note for note in notes if "70 degrees" in note]


# Trimming


def b_frames(tmp_path: Path, open_gop: int, codec: str = "libx264") -> Path:
    params = f"keyint=12:min-keyint=12:bframes=3:b-adapt=0:scenecut=0:open-gop={open_gop}"
    key = "x264-params" if codec == "libx264" else "x265-params"
    prefix = "" if codec == "libx264" else "log-level=none:"
    options = {"crf": "20", key: prefix + params}
    write_clip(tmp_path / "b.mp4", Clip(frames=60, codec=codec, options=options, moving=True))
    return tmp_path / "b.mp4"


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("open_gop", [0, 1])
def test_trims_by_time_equal_the_same_part_of_the_whole(tmp_path: Path, open_gop: int, codec: str) -> None:
    path = b_frames(tmp_path, open_gop, codec)
    whole, _ = read(path)
    assert len(whole) == 60
    for first in (0, 1, 9, 10, 11, 12, 13, 24, 35, 36, 47, 59):
        trim = Trim(TimePoint(seconds=first / 30), TimePoint(seconds=(first + 7) / 30))
        part, _ = read(path, trim)
        assert [frame.pts for frame in part] == [frame.pts for frame in whole[first : first + 7]]
        assert [frame.index for frame in part] == list(range(len(part)))
        for one, other in zip(part, whole[first : first + 7], strict=True):
            np.testing.assert_array_equal(one.surface.planes[0], other.surface.planes[0])
            np.testing.assert_array_equal(one.surface.planes[1], other.surface.planes[1])


def test_trims_by_frame_number(tmp_path: Path) -> None:
    pictures = write_clip(tmp_path / "a.mkv", Clip(time_base=Fraction(1, 1000), time_stamps=UNEVEN))
    with open_video(tmp_path / "a.mkv", trim=Trim(TimePoint(frame=2), TimePoint(frame=5))) as source:
        assert source.expected_frames == 3
        frames = list(source)
    assert [frame.pts for frame in frames] == UNEVEN[2:5]
    for frame, planes in zip(frames, pictures[2:5], strict=True):
        assert_holds(frame, planes)


def test_trims_mix_time_and_number(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    frames, _ = read(tmp_path / "a.mp4", Trim(TimePoint(seconds=2 / 30), TimePoint(frame=6)))
    assert [frame.pts for frame in frames] == [512 * n for n in range(2, 6)]


@pytest.mark.parametrize("start", [TimePoint(seconds=99), TimePoint(frame=8), TimePoint(frame=10**9)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_trim_past_the_end_is_an_option_error(tmp_path: Path, name: str, start: TimePoint) -> None:
    write_clip(tmp_path / name)
    with pytest.raises(OptionError, match="after the end"):
        read(tmp_path / name, Trim(start))


def test_iterating_twice_is_refused(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    with open_video(tmp_path / "a.mp4") as source:
        list(source)
        with pytest.raises(RuntimeError, match="once"):
            list(source)


# Damage


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "libx264"), ("a.mp4", "libx264"), ("a.webm", "libvpx-vp9")]
)
def test_truncated_files_give_what_decodes(tmp_path: Path, name: str, codec: str) -> None:
    muxer = {"movflags": "faststart"} if name == "a.mp4" else {}
    write_clip(tmp_path / name, Clip(frames=60, codec=codec), **muxer)
    whole, _ = read(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * 0.6)])
    expected = 0
    with av.open(str(tmp_path / name)) as container:  # one thread loses no frame before an error
        stream = container.streams.video[0]
        stream.thread_type = "SLICE"
        for packet in container.demux(stream):
            with suppress(av.error.InvalidDataError):
                expected += len(packet.decode())
    frames, notes = read(tmp_path / name)
    assert len(frames) == expected
    assert 20 < len(frames) < 50
    assert [note for note in notes if "truncated or damaged" in note and " of " in note]
    for frame, old in zip(frames[:-1], whole, strict=False):
        assert frame.pts == old.pts
        np.testing.assert_array_equal(frame.surface.planes[0], old.surface.planes[0])


def test_flipped_bytes_do_not_stop_reading(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", Clip(frames=60, options={"crf": "20"}, moving=True))
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    start = data.index(b"mdat") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big")
    rng = np.random.default_rng(5)
    for at in rng.integers(start + size // 3, start + size - 8, 60):
        data[at] ^= 0x55
    (tmp_path / "a.mp4").write_bytes(data)
    frames, notes = read(tmp_path / "a.mp4")
    assert len(frames) > 30
    times = [frame.pts for frame in frames]
    assert times == sorted(set(times))
    assert "damaged" in notes[-1]


def test_a_changing_size_is_told_with_its_place(tmp_path: Path) -> None:
    small, large = (encoded(Clip(size=size), "h264") for size in ((64, 48), (96, 64)))
    (tmp_path / "a.h264").write_bytes(small + large)
    with (
        open_video(tmp_path / "a.h264") as source,
        pytest.raises(VideoError, match="from 64x48 to 96x64") as caught,
    ):
        list(source)
    assert caught.value.pts is not None


# What is no video


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.txt", "a"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"hello, this is text\n" * 50,
        bytes(range(256)) * 40,
        b"\x1aE\xdf\xa3" + b"\xff" * 300,
        b"\x00\x00\x00 ftypisom" + b"\xff" * 900,
        b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n",
        b"RIFF\xff\xff\xff\xffAVI LIST",
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, name: str, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(VideoError) as caught:
        open_video(path)
    assert name in str(caught.value)
    assert caught.value.path == str(path)
    assert capfd.readouterr() == ("", "")


def test_random_bytes_after_a_real_header_neither_hang_nor_crash(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    good = encoded(Clip(frames=4), "matroska")
    for number in range(40):
        data = bytearray(good)
        for at in rng.integers(0, len(data), 30):
            data[at] = rng.integers(256)
        path = tmp_path / f"{number}.mkv"
        path.write_bytes(data)
        with suppress(VideoError):
            read(path)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "nowhere.mp4")
    for name, reason in [
        ("fifo.mp4", "not a regular file"),
        ("missing.mp4", "no such file"),
        ("link.mp4", "no such file"),
        (".", "is a folder"),
        ("a\0b.mp4", "cannot look at"),
    ]:
        with pytest.raises(VideoError, match=reason):
            open_video(str(tmp_path) + "/" + name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").chmod(0)
    with pytest.raises(VideoError, match="may not be read"):
        open_video(tmp_path / "a.mp4")


def test_mp4_without_index(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(VideoError, match="without its index") as caught:
        open_video(tmp_path / "a.mp4")
    assert caught.value.hint


def test_sound_alone(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mka"), "w", format="matroska") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(VideoError, match="no video stream"):
        open_video(tmp_path / "a.mka")


def test_a_picture_is_told_apart(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.bmp"), "w", format="image2") as output:
        stream = output.add_stream("bmp", rate=1)
        stream.width, stream.height, stream.pix_fmt = 8, 8, "bgr24"
        output.mux(stream.encode(av.VideoFrame(8, 8, "bgr24")))
    with pytest.raises(VideoError, match="is a picture"):
        open_video(tmp_path / "a.bmp")


def test_a_header_of_absurd_size(tmp_path: Path) -> None:
    data = encoded(Clip(codec="ffv1", frames=2), "avi")
    for at in (data.index(b"strf") + 12, data.index(b"avih") + 40):
        data = data[:at] + struct.pack("<2I", 60000, 60000) + data[at + 8 :]
    (tmp_path / "a.avi").write_bytes(data)
    with pytest.raises(VideoError):
        open_video(tmp_path / "a.avi")


def test_metadata_that_is_not_utf8(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", Clip(metadata={"title": "caf\u00e9"}))
    data = (tmp_path / "a.mkv").read_bytes().replace("caf\u00e9".encode(), b"caf\xff\xfe")
    (tmp_path / "a.mkv").write_bytes(data)
    assert len(read(tmp_path / "a.mkv")[0]) == 8


def test_names_that_look_like_protocols(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "plain.mp4")
    (tmp_path / "plain.mp4").rename(tmp_path / "concat:a|b 100%.mp4")
    assert len(read(Path("concat:a|b 100%.mp4"))[0]) == 8


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the shared footage is not here")
@pytest.mark.parametrize(
    "path", sorted(MEDIA.glob("*.m[pk]*")) + sorted(MEDIA.glob("*.webm")), ids=lambda p: p.name
)
def test_shared_footage(path: Path) -> None:
    if path.suffix == ".md":
        pytest.skip("a text")
    if path.name in DAMAGED - {"bitflips.mp4"}:
        with pytest.raises(VideoError):
            open_video(path)
        return
    frames, notes = read(path)
    times = [frame.pts for frame in frames]
    assert times == sorted(set(times))
    if path.name == "bitflips.mp4":
        assert len(frames) >= 85
        assert "damaged" in notes[-1]
        return
    decoded = decode_all(path)
    assert len(frames) == len(decoded)
    assert not [note for note in notes if "damaged" in note]


def test_decoding_leaves_no_file_open(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    write_clip(tmp_path / "a.mp4")
    before = len(list(descriptors.iterdir()))
    for _ in range(5):
        read(tmp_path / "a.mp4")
        with open_video(tmp_path / "a.mp4") as source:
            next(iter(source))
    assert len(list(descriptors.iterdir())) <= before
