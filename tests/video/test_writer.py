"""Writing videos: what comes back from the file equals what went in, and failures leave nothing behind."""

from __future__ import annotations

import io
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.clips import MEDIA, Clip, packet_bytes, write_clip

from trtswap.errors import OptionError, VideoError
from trtswap.options import EncodeOptions, TimePoint, Trim
from trtswap.types import ChromaSiting, Frame, PixelFormat, Range, Surface
from trtswap.video import create_video, open_video
from trtswap.video.hdr import hdr_metadata

LOSSLESS = EncodeOptions(codec="lossless")
UNEVEN = [0, 512, 700, 1536, 2048, 5000, 5001, 9000]
MATRICES = {90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}


def copy(
    source: Path,
    target: Path,
    options: EncodeOptions = EncodeOptions(),  # noqa: B008
    trim: Trim = Trim(),  # noqa: B008
    **more: Any,
) -> tuple[list[Frame], list[str]]:
    """Reads and writes all frames; returns them and the writer's notes."""
    frames = []
    with (
        open_video(source, trim=trim) as opened,
        create_video(target, opened, options=options, **more) as sink,
    ):
        for frame in opened:
            sink.write(frame)
            frames.append(frame)
    return frames, sink.notes


def read(path: Path) -> list[Frame]:
    with open_video(path) as source:
        return list(source)


def assert_same(frames: list[Frame], others: list[Frame], tick: Fraction = Fraction(0)) -> None:
    """Equal planes; equal times, but for the rounding of a container with ticks of `tick` seconds."""
    assert len(frames) == len(others)
    for frame, other in zip(frames, others, strict=True):
        assert abs(frame.pts * frame.time_base - other.pts * other.time_base) <= tick / 2
        assert frame.surface.format is other.surface.format
        for plane, same in zip(frame.surface.planes, other.surface.planes, strict=True):
            np.testing.assert_array_equal(plane, same)


def psnr_db(frames: list[Frame], others: list[Frame]) -> float:
    shift = 6 if frames[0].surface.format is PixelFormat.P010 else 0
    peak = 1023 if shift else 255
    errors = [
        np.mean(((a.surface.planes[0] >> shift).astype(float) - (b.surface.planes[0] >> shift)) ** 2)
        for a, b in zip(frames, others, strict=True)
    ]
    return float(10 * np.log10(peak**2 / max(np.mean(errors), 1e-9)))


@pytest.mark.parametrize("size", [(64, 48), (37, 21)])
@pytest.mark.parametrize(
    ("pix_fmt", "codec", "names"),
    [
        ("yuv420p", "ffv1", ["mp4", "mkv", "mov", "webm"]),
        ("yuv420p10le", "ffv1", ["mp4", "mkv", "mov"]),
        ("rgb24", "libx264rgb", ["mp4", "mkv", "mov", "webm"]),
    ],
)
def test_lossless_is_bit_identical(
    tmp_path: Path, pix_fmt: str, codec: str, names: list[str], size: tuple[int, int]
) -> None:
    write_clip(tmp_path / "a.mkv", Clip(codec=codec, pix_fmt=pix_fmt, size=size))
    odd = bool(size[0] % 2)
    for name in names:
        holds_odd = pix_fmt == "rgb24" or name in ("mkv", "webm") or (pix_fmt == "yuv420p" and name == "mp4")
        if odd and not holds_odd:
            with pytest.raises(OptionError, match="losslessly"):
                copy(tmp_path / "a.mkv", tmp_path / f"b.{name}", LOSSLESS)
            continue
        frames, _ = copy(tmp_path / "a.mkv", tmp_path / f"b.{name}", LOSSLESS)
        assert_same(frames, read(tmp_path / f"b.{name}"))


@pytest.mark.parametrize("name", ["b.mp4", "b.mov", "b.mkv", "b.webm"])
def test_time_stamps_and_start_are_kept(tmp_path: Path, name: str) -> None:
    shifted = [
        stamp + 3564 for stamp in UNEVEN if stamp != 5001
    ]  # MP4 as written here rounds a start to 1 ms
    write_clip(tmp_path / "a.mp4", Clip(time_stamps=shifted, frames=7))
    frames, _ = copy(tmp_path / "a.mp4", tmp_path / name, LOSSLESS)
    assert [frame.pts for frame in frames] == shifted
    tick = Fraction(0) if name[-3] == "m" and name != "b.mkv" else Fraction(1, 1000)
    assert_same(frames, read(tmp_path / name), tick)


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("h264", "b.mp4"),
        ("hevc", "b.mp4"),
        ("av1", "b.mp4"),
        ("vp9", "b.webm"),
        ("av1", "b.mkv"),
        ("hevc", "b.mov"),
    ],
)
@pytest.mark.parametrize("full", [False, True])
def test_lossy_codecs_keep_tags_and_look(tmp_path: Path, codec: str, name: str, full: bool) -> None:
    clip = Clip(frames=12, moving=True, size=(128, 96), tags=(6, 6, 6, 2 if full else 1))
    write_clip(tmp_path / "a.mkv", replace(clip, time_base=Fraction(1, 1000)))
    frames, notes = copy(tmp_path / "a.mkv", tmp_path / name, EncodeOptions(codec=codec))
    with open_video(tmp_path / name) as source:
        info, others = source.info, list(source)
    assert info.codec == codec
    assert (info.primaries, info.transfer, info.matrix_code) == (6, 6, 6)
    assert (info.colour.range, info.range_tagged) == (Range.FULL if full else Range.LIMITED, True)
    assert [frame.pts * frame.time_base for frame in others] == [
        frame.pts * frame.time_base for frame in frames
    ]
    assert psnr_db(frames, others) > 35
    assert notes == []


@pytest.mark.parametrize(("codec", "name"), [("h264", "b.mp4"), ("hevc", "b.mp4"), ("av1", "b.webm")])
def test_ten_bits_stay_ten(tmp_path: Path, codec: str, name: str) -> None:
    write_clip(tmp_path / "a.mkv", Clip(frames=10, moving=True, size=(128, 96), pix_fmt="yuv420p10le"))
    frames, _ = copy(tmp_path / "a.mkv", tmp_path / name, EncodeOptions(codec=codec))
    others = read(tmp_path / name)
    assert others[0].surface.format is PixelFormat.P010
    assert psnr_db(frames, others) > 35


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "name", "expected"),
    [
        ("libx264", "yuv420p", "b.mp4", "h264"),
        ("libx264", "yuv420p10le", "b.mkv", "h264"),
        ("libx264", "yuv420p", "b.webm", "vp9"),
        ("libx264", "yuv420p10le", "b.webm", "av1"),
        ("libvpx-vp9", "yuv420p", "b.mkv", "vp9"),
        ("libvpx-vp9", "yuv420p", "b.mov", "h264"),
        ("ffv1", "yuv420p", "b.mp4", "h264"),
        ("ffv1", "yuv420p10le", "b.mp4", "hevc"),
    ],
)
def test_automatic_codec(tmp_path: Path, codec: str, pix_fmt: str, name: str, expected: str) -> None:
    write_clip(tmp_path / "a.mkv", Clip(codec=codec, pix_fmt=pix_fmt, frames=3, moving=True))
    _, notes = copy(tmp_path / "a.mkv", tmp_path / name)
    with open_video(tmp_path / name) as source:
        assert source.info.codec == expected
    assert bool(notes) == (
        codec != "ffv1" and expected not in {"libx264": "h264", "libvpx-vp9": "vp9"}[codec]
    )


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 8, 9])
@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
def test_the_shortest_videos(tmp_path: Path, codec: str, frames: int) -> None:
    write_clip(tmp_path / "a.mkv", Clip(frames=frames, moving=True, size=(128, 96)))
    for number in range(3):
        originals, _ = copy(tmp_path / "a.mkv", tmp_path / f"{number}.mp4", EncodeOptions(codec=codec))
        others = read(tmp_path / f"{number}.mp4")
        assert [frame.time_s for frame in others] == pytest.approx([frame.time_s for frame in originals])


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_odd_sizes_are_kept_with_full_chroma(tmp_path: Path, codec: str) -> None:
    write_clip(tmp_path / "a.mkv", Clip(codec="ffv1", size=(85, 63), moving=True))
    frames, notes = copy(tmp_path / "a.mkv", tmp_path / "b.mp4", EncodeOptions(codec=codec))
    with open_video(tmp_path / "b.mp4") as source:
        assert (source.info.width_px, source.info.height_px, source.info.pix_fmt) == (85, 63, "yuv444p")
        assert psnr_db(frames, list(source)) > 35
    assert "85x63 is odd" in notes[0]


@pytest.mark.parametrize("codec", ["av1", "vp9"])
def test_odd_sizes_need_no_help_elsewhere(tmp_path: Path, codec: str) -> None:
    write_clip(tmp_path / "a.mkv", Clip(codec="ffv1", size=(85, 63), moving=True))
    frames, notes = copy(tmp_path / "a.mkv", tmp_path / "b.mkv", EncodeOptions(codec=codec))
    others = read(tmp_path / "b.mkv")
    assert (others[0].surface.width_px, others[0].surface.height_px, notes) == (85, 63, [])
    assert psnr_db(frames, others) > 35


def test_rgb_becomes_bt709_for_lossy_codecs(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", Clip(codec="libx264rgb", pix_fmt="rgb24", moving=True))
    frames, notes = copy(tmp_path / "a.mkv", tmp_path / "b.mp4", EncodeOptions(codec="h264", quality=4))
    with open_video(tmp_path / "b.mp4") as source:
        info, others = source.info, list(source)
    assert (info.matrix_code, info.range_tagged, info.colour.range) == (1, True, Range.LIMITED)
    assert info.colour.siting is ChromaSiting.CENTER
    assert "BT.709" in notes[0]
    red, green, blue = np.moveaxis(frames[3].surface.planes[0].astype(float), -1, 0)
    luma = 16 + (0.2126 * red + 0.7152 * green + 0.0722 * blue) * 219 / 255
    assert np.abs(others[3].surface.planes[0] - luma).mean() < 1.5


@pytest.mark.parametrize(("codec", "name"), [("h264", "b.mp4"), ("hevc", "b.mkv"), ("lossless", "b.mp4")])
@pytest.mark.parametrize("code", range(6))
def test_siting_is_signalled_again(tmp_path: Path, code: int, codec: Any, name: str) -> None:
    params = f"log-level=none:chromaloc={code}"
    options = {"preset": "ultrafast", "x265-params": params}
    write_clip(tmp_path / "a.mkv", Clip(codec="libx265", options=options, frames=10))
    copy(tmp_path / "a.mkv", tmp_path / name, EncodeOptions(codec=codec))
    with open_video(tmp_path / name) as source:
        assert source.info.colour.siting is tuple(ChromaSiting)[code]


def test_halved_chroma_is_signalled_as_centred(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", Clip(pix_fmt="yuv444p"))
    copy(tmp_path / "a.mkv", tmp_path / "b.mp4")
    with open_video(tmp_path / "b.mp4") as source:
        assert (source.info.colour.siting, source.info.siting_tagged) == (ChromaSiting.CENTER, True)


@pytest.mark.parametrize("name", ["b.mp4", "b.mov", "b.mkv"])
@pytest.mark.parametrize("rotation", MATRICES)
def test_rotation_is_written(tmp_path: Path, name: str, rotation: int) -> None:
    write_clip(tmp_path / "a.mp4", Clip(rotation=rotation))
    frames, _ = copy(tmp_path / "a.mp4", tmp_path / name, LOSSLESS)
    others = read(tmp_path / name)
    assert {frame.surface.rotation_deg for frame in [*frames, *others]} == {rotation}
    if name == "b.mp4":
        data = (tmp_path / name).read_bytes()
        at = data.index(b"tkhd") + 44
        a, b, _, c, d = np.frombuffer(data, ">i4", 5, at) // (1 << 16)
        assert (a, b, c, d) == MATRICES[rotation]


@pytest.mark.parametrize(
    ("codec", "name"), [("h264", "b.mp4"), ("h264", "b.mkv"), ("hevc", "b.mkv"), ("vp9", "b.mp4")]
)
def test_pixel_aspect_ratio(tmp_path: Path, codec: Any, name: str) -> None:
    write_clip(tmp_path / "a.mp4", Clip(aspect=Fraction(4, 3), frames=10, size=(128, 96), moving=True))
    _, notes = copy(tmp_path / "a.mp4", tmp_path / name, EncodeOptions(codec=codec))
    with open_video(tmp_path / name) as source:
        assert source.info.sample_aspect_ratio == Fraction(4, 3)
    assert notes == []


def test_a_lost_pixel_aspect_ratio_is_noted(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", Clip(aspect=Fraction(4, 3), moving=True))
    _, notes = copy(tmp_path / "a.mp4", tmp_path / "b.webm")
    with open_video(tmp_path / "b.webm") as source:
        assert source.info.sample_aspect_ratio != Fraction(4, 3)
    assert [note for note in notes if "4/3" in note]


@pytest.mark.parametrize(("codec", "name"), [("hevc", "b.mp4"), ("av1", "b.mkv")])
def test_hdr10_metadata_is_passed_on(tmp_path: Path, codec: Any, name: str) -> None:
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    params = f"log-level=none:hdr10=1:master-display={display}:max-cll=1000,400"
    clip = Clip(
        codec="libx265", pix_fmt="yuv420p10le", tags=(9, 16, 9, 1), frames=10, moving=True, size=(128, 96)
    )
    write_clip(tmp_path / "a.mp4", replace(clip, options={"x265-params": params}))
    _, notes = copy(tmp_path / "a.mp4", tmp_path / name, EncodeOptions(codec=codec))
    with av.open(str(tmp_path / name)) as container:
        seen = hdr_metadata(next(container.decode(video=0)))
    assert seen.content_light == (1000, 400)
    assert seen.red is not None
    assert seen.luminance is not None
    assert [float(value) for value in seen.red] == pytest.approx([0.68, 0.32], abs=1e-4)
    assert [float(value) for value in seen.luminance] == pytest.approx([0.005, 1000], abs=1e-3)
    assert notes == []
    _, notes = copy(tmp_path / "a.mp4", tmp_path / "c.mp4", EncodeOptions(codec="h264"))
    assert [note for note in notes if "HDR10" in note]


def test_hevc_in_mp4_is_hvc1(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4", EncodeOptions(codec="hevc"))
    assert b"hvc1" in (tmp_path / "b.mp4").read_bytes()
    assert b"hev1" not in (tmp_path / "b.mp4").read_bytes()


# The other streams


def test_everything_else_is_copied(tmp_path: Path) -> None:
    clip = Clip(
        frames=30,
        time_base=Fraction(1, 1000),
        audio="aac",
        subtitles="subrip",
        chapters=[(0, 0.4, "One"), (0.4, 1, "Two")],
        attachment=("font.ttf", b"\0\1\2" * 500),
        metadata={"title": "A title", "custom": "kept"},
        stream_metadata={"title": "Main", "language": "ita"},
    )
    write_clip(tmp_path / "a.mkv", clip)
    _, notes = copy(tmp_path / "a.mkv", tmp_path / "b.mkv", marks={"comment": "swapped"})
    assert notes == []
    for kind in ("audio", "subtitle"):
        assert packet_bytes(tmp_path / "a.mkv", kind) == packet_bytes(tmp_path / "b.mkv", kind)
    with av.open(str(tmp_path / "b.mkv")) as container:
        kinds = [stream.type for stream in container.streams]
        font = next(stream for stream in container.streams if stream.type == "attachment")
        assert kinds == ["video", "audio", "subtitle", "attachment"]
        assert (font.metadata["filename"], bytes(font.data)) == ("font.ttf", b"\0\1\2" * 500)
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["One", "Two"]
        assert [stream.language for stream in list(container.streams)[:3]] == ["ita", "fra", "deu"]
        assert container.streams.video[0].metadata["title"] == "Main"
        tags = {key.lower(): value for key, value in container.metadata.items()}
    assert (tags["title"], tags["custom"], tags["comment"]) == ("A title", "kept", "swapped")


@pytest.mark.parametrize("name", ["b.mp4", "b.mov", "b.mkv"])
def test_metadata_and_marks(tmp_path: Path, name: str) -> None:
    metadata = {"title": "T", "comment": "old", "location": "+48.2+16.3/", "com.example.key": "v"}
    write_clip(tmp_path / "a.mkv", Clip(metadata=metadata))
    copy(tmp_path / "a.mkv", tmp_path / name, marks={"comment": "new"})
    copy(tmp_path / name, tmp_path / f"2{name}", marks={"comment": "new"})
    for path in (tmp_path / name, tmp_path / f"2{name}"):
        with av.open(str(path)) as container:
            tags = {key.lower(): value for key, value in container.metadata.items()}
        assert (tags["title"], tags["comment"], tags["com.example.key"]) == ("T", "old\nnew", "v")


def test_chapters_and_text_in_mp4(tmp_path: Path) -> None:
    clip = Clip(frames=30, audio="aac", subtitles="mov_text", chapters=[(0, 0.4, "One"), (0.4, 1, "Two")])
    write_clip(tmp_path / "a.mp4", clip)
    _, notes = copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert notes == []
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["One", "Two"]
        assert [stream.type for stream in container.streams] == ["video", "audio", "subtitle", "data"]
    assert packet_bytes(tmp_path / "a.mp4", "audio") == packet_bytes(tmp_path / "b.mp4", "audio")


def test_what_the_container_cannot_hold_is_noted(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", Clip(audio="aac", subtitles="subrip", attachment=("f.ttf", b"abc")))
    _, notes = copy(tmp_path / "a.mkv", tmp_path / "b.mp4")
    assert len(notes) == 2
    assert "subtitle" in notes[0]
    assert "attachment" in notes[1]
    assert len(packet_bytes(tmp_path / "b.mp4", "audio")) > 5


def with_cover(path: Path, target: Path) -> None:
    picture = io.BytesIO()
    with av.open(picture, "w", format="image2pipe") as output:
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
        output.mux(stream.encode(av.VideoFrame(16, 16, "yuvj420p")))
        output.mux(stream.encode(None))
    with av.open(str(path)) as source, av.open(str(target), "w") as output:
        stream = source.streams.video[0]
        video = output.add_stream_from_template(stream, opaque=True)
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 16, 16, "yuvj420p"
        cover.disposition = 1024
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = video
                output.mux(packet)
        packet = av.Packet(picture.getvalue())
        packet.stream, packet.pts, packet.dts = cover, 0, 0
        output.mux(packet)


@pytest.mark.parametrize("trim", [Trim(), Trim(TimePoint(frame=3))])
def test_cover_art_is_copied_not_processed(tmp_path: Path, trim: Trim) -> None:
    write_clip(tmp_path / "plain.mp4")
    with_cover(tmp_path / "plain.mp4", tmp_path / "a.mp4")
    with open_video(tmp_path / "a.mp4") as source:
        assert (source.info.width_px, source.notes[1:]) == (64, [])
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4", trim=trim)
    with av.open(str(tmp_path / "b.mp4")) as container:
        cover = container.streams.video[1]
        assert int(cover.disposition) & 1024
        assert (cover.width, cover.height) == (16, 16)
    _, picture = packet_bytes(tmp_path / "a.mp4", "video")[0]
    assert picture.startswith(b"\xff\xd8")
    assert picture in [data for _, data in packet_bytes(tmp_path / "b.mp4", "video")]


def test_trimming_cuts_and_shifts_everything(tmp_path: Path) -> None:
    chapters = [(0, 0.8, "One"), (0.8, 1.5, "Two"), (1.5, 2, "No")]
    clip = Clip(frames=60, audio="aac", time_base=Fraction(1, 1000), chapters=chapters)
    write_clip(tmp_path / "a.mkv", clip)
    trim = Trim(TimePoint(seconds=0.5), TimePoint(seconds=1.5))
    frames, _ = copy(tmp_path / "a.mkv", tmp_path / "b.mkv", LOSSLESS, trim)
    others = read(tmp_path / "b.mkv")
    assert len(frames) == 30
    assert [frame.pts for frame in others] == [frame.pts - frames[0].pts for frame in frames]
    sound = {data: time for time, data in packet_bytes(tmp_path / "a.mkv", "audio")}
    copied = packet_bytes(tmp_path / "b.mkv", "audio")
    start_s = frames[0].pts * frames[0].time_base
    assert 44 <= len(copied) <= 48
    assert all(0 <= time <= 1 for time, _ in copied)
    assert all(abs(sound[data] - start_s - time) <= Fraction(1, 1000) for time, data in copied)
    with av.open(str(tmp_path / "b.mkv")) as container:
        spans = [
            (
                float(entry["start"] * Fraction(entry["time_base"])),
                float(entry["end"] * Fraction(entry["time_base"])),
            )
            for entry in container.chapters()
        ]
    assert spans == [pytest.approx((0, 0.3), abs=0.02), pytest.approx((0.3, 1), abs=0.02)]


def test_sound_that_starts_before_zero_is_whole(tmp_path: Path) -> None:
    """AAC in MP4 begins with a priming packet at a negative time."""
    write_clip(tmp_path / "a.mp4", Clip(audio="aac", moving=True))
    sound = packet_bytes(tmp_path / "a.mp4", "audio")
    assert sound[0][0] < 0
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert packet_bytes(tmp_path / "b.mp4", "audio") == sound


def test_damaged_sound_does_not_stop_the_run(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", Clip(frames=60, audio="aac", time_base=Fraction(1, 1000), moving=True))
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(data[: len(data) * 2 // 3])
    frames, _ = copy(tmp_path / "a.mkv", tmp_path / "b.mkv")
    assert len(read(tmp_path / "b.mkv")) == len(frames)
    assert len(packet_bytes(tmp_path / "b.mkv", "audio")) > 10


# Names, failures, leftovers


@contextmanager
def opened(tmp_path: Path) -> Iterator[Any]:
    write_clip(tmp_path / "a.mp4", Clip(frames=20))
    with open_video(tmp_path / "a.mp4") as source:
        yield source


def only(tmp_path: Path, *names: str) -> bool:
    return sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_the_output_appears_only_when_complete(tmp_path: Path) -> None:
    with opened(tmp_path) as source, create_video(tmp_path / "b.mp4", source) as sink:
        for frame in source:
            sink.write(frame)
            assert not (tmp_path / "b.mp4").exists()
    assert only(tmp_path, "a.mp4", "b.mp4")
    assert (tmp_path / "b.mp4").stat().st_mode & 0o777 == (tmp_path / "a.mp4").stat().st_mode & 0o777


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("written", [0, 1, 15])
def test_an_exception_leaves_nothing(tmp_path: Path, error: type[BaseException], written: int) -> None:
    def fail() -> None:
        with opened(tmp_path) as source, create_video(tmp_path / "b.mp4", source) as sink:
            for frame in source:
                if frame.index == written:
                    raise error
                sink.write(frame)

    with pytest.raises(error):
        fail()
    assert only(tmp_path, "a.mp4")


def test_no_frame_no_file(tmp_path: Path) -> None:
    with (
        opened(tmp_path) as source,
        pytest.raises(VideoError, match="no frame"),
        create_video(tmp_path / "b.mp4", source),
    ):
        pass
    assert only(tmp_path, "a.mp4")


def test_an_older_output_survives_a_failure(tmp_path: Path) -> None:
    (tmp_path / "b.mp4").write_bytes(b"old")
    with (
        opened(tmp_path) as source,
        pytest.raises(VideoError),
        create_video(tmp_path / "b.mp4", source, overwrite=True),
    ):
        pass
    assert (tmp_path / "b.mp4").read_bytes() == b"old"
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4", overwrite=True)
    assert len(read(tmp_path / "b.mp4")) == 20


def test_names_that_cannot_work(tmp_path: Path) -> None:
    with opened(tmp_path) as source:
        (tmp_path / "hard.mp4").hardlink_to(tmp_path / "a.mp4")
        (tmp_path / "soft.mp4").symlink_to(tmp_path / "a.mp4")
        (tmp_path / "there.mp4").write_bytes(b"x")
        (tmp_path / "folder.mp4").mkdir()
        for name, reason in [
            ("a.mp4", "is the input"),
            ("hard.mp4", "is the input"),
            ("soft.mp4", "is the input"),
            ("there.mp4", "exists already"),
            ("folder.mp4", "is a folder"),
            ("none/b.mp4", "does not exist"),
            ("b.avi", "not a video format"),
            ("b", "not a video format"),
        ]:
            with pytest.raises(OptionError, match=reason):
                create_video(tmp_path / name, source, overwrite=name != "there.mp4")
    assert only(tmp_path, "a.mp4", "hard.mp4", "soft.mp4", "there.mp4", "folder.mp4")


@pytest.mark.parametrize(
    ("options", "name", "error"),
    [
        (EncodeOptions(codec="vp9"), "b.mov", OptionError),
        (EncodeOptions(codec="h264"), "b.webm", OptionError),
        (EncodeOptions(codec="lossless", quality=3), "b.mp4", OptionError),
        (EncodeOptions(codec="h264", preset="nonsense"), "b.mp4", OptionError),
        (EncodeOptions(codec="hevc", preset="nonsense"), "b.mp4", OptionError),
        (EncodeOptions(codec="av1", preset="nonsense"), "b.mp4", OptionError),
    ],
)
def test_options_that_cannot_work(
    tmp_path: Path,
    options: EncodeOptions,
    name: str,
    error: type[Exception],
    capfd: pytest.CaptureFixture[str],
) -> None:
    with opened(tmp_path) as source, pytest.raises(error) as caught:
        create_video(tmp_path / name, source, options=options)
    assert only(tmp_path, "a.mp4")
    assert getattr(caught.value, "hint", None)
    assert capfd.readouterr() == ("", "")


def test_a_full_disk_is_a_video_error(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", Clip(frames=60, size=(256, 192)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
        with pytest.raises(VideoError, match="cannot write"):
            copy(tmp_path / "a.mp4", tmp_path / "b.mp4", LOSSLESS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert only(tmp_path, "a.mp4")


def test_committing_twice_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as source:
        sink = create_video(tmp_path / "b.mp4", source)
        for frame in source:
            sink.write(frame)
        sink.commit()
        sink.abort()
        with pytest.raises(RuntimeError):
            sink.commit()
    assert only(tmp_path, "a.mp4", "b.mp4")


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9", "lossless"])
def test_encoders_are_silent_and_keep_no_frame(
    tmp_path: Path, codec: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "a.mkv", Clip(frames=12, moving=True, size=(128, 96)))
    with open_video(tmp_path / "a.mkv") as source:
        frames = [replace(frame, surface=frame.surface.copy()) for frame in source]
    with open_video(tmp_path / "a.mkv") as source, create_video(
        tmp_path / "b.mkv", source, options=EncodeOptions(codec=codec, threads=2)
    ) as sink:  # fmt: skip
        for frame in source:
            sink.write(frame)
            for plane in frame.surface.planes:
                plane[...] = 0  # what is done to a frame afterwards must not show
    assert capfd.readouterr() == ("", "")
    assert psnr_db(frames, read(tmp_path / "b.mkv")) > 35


def test_a_changed_frame_is_what_is_written(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    with (
        open_video(tmp_path / "a.mp4") as source,
        create_video(tmp_path / "b.mp4", source, options=LOSSLESS) as sink,
    ):
        for frame in source:
            flat = Surface(frame.surface.format, tuple(np.full_like(p, 90) for p in frame.surface.planes))
            sink.write(replace(frame, surface=flat))
    assert {
        int(value) for frame in read(tmp_path / "b.mp4") for value in np.unique(frame.surface.planes[0])
    } == {90}


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the shared footage is not here")
@pytest.mark.parametrize(
    "name",
    [
        "cuts_360p.mp4",
        "fullrange_360p.mp4",
        "tenbit_360p.mp4",
        "odd_853x479.mkv",
        "vp9_360p.webm",
        "vfr_360p.mkv",
    ],
)
def test_shared_footage_survives_bit_identical(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    frames, _ = copy(MEDIA / name, target, EncodeOptions(codec="lossless", preset=None))
    assert_same(frames, read(target))
    assert packet_bytes(MEDIA / name, "audio") == packet_bytes(target, "audio")
