"""Pictures in and out: pixels, turns, what files carry beside pixels, and files that are no pictures."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trtswap.errors import OptionError, PictureError, VideoError
from trtswap.options import EncodeOptions, TimePoint, Trim
from trtswap.types import PixelFormat
from trtswap.video import create_output, open_picture, open_target, read_picture_bgr
from trtswap.video.exif import orientation
from trtswap.video.picture_files import add_xmp, picture_kind, picture_size, read_xmp
from trtswap.video.xmp import COMPOSITE, marked_packet

LOSSLESS = EncodeOptions(codec="lossless")
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/png">'
    b'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">a face</rdf:li></rdf:Alt></dc:description>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def exif_with(value: int, order: str = "MM") -> bytes:
    end = ">" if order == "MM" else "<"
    entry = struct.pack(end + "HHIHH", 0x0112, 3, 1, value, 0)
    return order.encode() + struct.pack(end + "HIH", 42, 8, 1) + entry + bytes(4)


def icc(space: bytes = b"RGB ") -> bytes:
    """A minimal version 2 display profile: header, and a description and white point tag."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    text = b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78)
    table = struct.pack(">I", 2) + b"desc" + struct.pack(">2I", 156, len(text))
    table += b"wtpt" + struct.pack(">2I", 156 + len(text), len(white))
    head = bytes(4) + bytes(4) + b"\2\x10\0\0" + b"mntr" + space + b"XYZ "
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    profile = head.ljust(128, b"\0") + table + text + white
    return struct.pack(">I", len(profile)) + profile[4:]


def noise(channels: int = 3, size: tuple[int, int] = (40, 30), dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(channels + size[0])
    top = 256 if dtype is np.uint8 else 65536
    return rng.integers(0, top, (size[1], size[0], channels)).astype(dtype)


def smooth(size: tuple[int, int] = (64, 48)) -> np.ndarray[Any, Any]:
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    return np.stack([x * 3, y * 4, 255 - x * 2 - y], axis=-1).clip(0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray[Any, Any], exif: bytes = b"", profile: bytes = b"") -> Path:
    parts = {cv2.IMAGE_METADATA_EXIF: exif, cv2.IMAGE_METADATA_ICCP: profile}
    kept = {key: np.frombuffer(value, np.uint8) for key, value in parts.items() if value}
    done, data = cv2.imencodeWithMetadata(path.suffix, pixels, list(kept), list(kept.values()))
    assert done
    path.write_bytes(bytes(data))
    return path


def copy(source: Path, target: Path, options: EncodeOptions = LOSSLESS, **more: Any) -> list[str]:
    with open_target(source) as opened, create_output(target, opened, options=options, **more) as sink:
        for frame in opened:
            sink.write(frame)
    return [*opened.notes, *sink.notes]


def stored_rgb(path: Path) -> np.ndarray[Any, Any]:
    with open_picture(path) as source:
        (frame,) = source
    pixels: np.ndarray[Any, Any] = frame.surface.planes[0]
    return pixels


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_pixels_are_exact(tmp_path: Path, name: str) -> None:
    pixels = noise()
    params = [cv2.IMWRITE_WEBP_QUALITY, 101] if name == "a.webp" else []
    (tmp_path / name).write_bytes(cv2.imencode(Path(name).suffix, pixels, params)[1].tobytes())
    with open_target(tmp_path / name) as source:
        info = source.info
        (frame,) = source
    assert (info.is_picture, info.format, info.width_px, info.height_px) == (True, PixelFormat.RGB8, 40, 30)
    assert (source.expected_frames, info.frame_count, frame.index, frame.pts, source.notes) == (
        1,
        1,
        0,
        0,
        [],
    )
    np.testing.assert_array_equal(frame.surface.planes[0], pixels[..., ::-1])
    np.testing.assert_array_equal(read_picture_bgr(tmp_path / name), pixels)
    for target in ("b.png", "b.webp"):
        copy(tmp_path / name, tmp_path / target)
        np.testing.assert_array_equal(stored_rgb(tmp_path / target), pixels[..., ::-1])


@pytest.mark.parametrize("name", ["b.jpg", "b.jpeg", "b.webp"])
def test_quality_is_respected(tmp_path: Path, name: str) -> None:
    pixels = smooth()
    save(tmp_path / "a.png", pixels)
    sizes, errors = [], []
    for quality in (0, None, 51):
        copy(tmp_path / "a.png", tmp_path / name, EncodeOptions(quality=quality), overwrite=True)
        sizes.append((tmp_path / name).stat().st_size)
        errors.append(np.abs(stored_rgb(tmp_path / name).astype(int) - pixels[..., ::-1]).mean())
    assert sizes == sorted(sizes, reverse=True)
    assert errors[0] < 1.5
    assert errors[1] < 3


# Where the picture's top row ends up: turn by `rotation_deg` counter-clockwise and the top is up again.
TURNS = {1: 0, 2: 0, 3: 180, 4: 180, 5: 270, 6: 270, 7: 90, 8: 90}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("value", TURNS)
def test_orientation(tmp_path: Path, suffix: str, value: int) -> None:
    pixels = smooth()
    path = save(tmp_path / f"a{suffix}", pixels, exif_with(value))
    with open_target(path) as source:
        (frame,) = source
        notes = source.notes
    assert frame.surface.planes[0].shape == (48, 64, 3)
    assert frame.surface.rotation_deg == source.info.rotation_deg == TURNS[value]
    assert bool(notes) == (value in (2, 4, 5, 7))
    upright = np.rot90(frame.surface.planes[0][..., ::-1], TURNS[value] // 90)
    if value in (2, 4, 5, 7):
        upright = upright[:, ::-1]
    np.testing.assert_array_equal(read_picture_bgr(path), upright)


@pytest.mark.parametrize("order", ["II", "MM"])
def test_exif_byte_orders(order: str) -> None:
    assert orientation(exif_with(6, order)) == 6
    assert orientation(b"Exif\0\0" + exif_with(8, order)) == 8
    assert orientation(exif_with(9, order)) == 1
    assert orientation(None) == 1


@given(st.binary(max_size=80))
def test_exif_garbage_is_upright(data: bytes) -> None:
    assert orientation(data) in range(1, 9)
    assert orientation(b"MM\0*" + data) in range(1, 9)


@pytest.mark.parametrize("target", ["b.png", "b.jpg", "b.webp"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_metadata_is_carried_over(tmp_path: Path, suffix: str, target: str) -> None:
    source = save(tmp_path / f"a{suffix}", smooth(), exif_with(6), icc())
    if suffix != ".webp":
        marked = add_xmp(source.read_bytes(), XMP)
        assert marked is not None
        source.write_bytes(marked)
    notes = copy(source, tmp_path / target, EncodeOptions())
    assert notes == []
    with open_picture(tmp_path / target) as picture:
        assert picture.metadata.icc == icc()
        assert orientation(picture.metadata.exif) == 6
        assert picture.metadata.xmp == (None if suffix == ".webp" else XMP)
    assert cv2.imread(str(tmp_path / target)).shape == (64, 48, 3)


@pytest.mark.parametrize("target", ["b.png", "b.jpg", "b.webp"])
def test_marks_are_readable_as_xmp(tmp_path: Path, target: str) -> None:
    source = save(tmp_path / "a.png", smooth())
    source.write_bytes(add_xmp(source.read_bytes(), XMP) or b"")
    copy(source, tmp_path / target, EncodeOptions(), marks={"comment": "swapped & <marked>"})
    packet = read_xmp((tmp_path / target).read_bytes())
    assert packet is not None
    root = ElementTree.fromstring(packet)
    texts = [element.text for element in root.iter()]
    assert COMPOSITE in texts
    assert "a face\nswapped & <marked>" in texts
    assert b"image/png" in packet
    again = ElementTree.fromstring(marked_packet(packet, "swapped & <marked>"))
    assert [element.text for element in again.iter()] == texts


@settings(deadline=None)
@given(
    st.one_of(
        st.none(), st.binary(max_size=60), st.just(XMP[:200]), st.just(b"<a/>"), st.just(b"\xff\xfe<a/>")
    )
)
def test_unreadable_xmp_is_replaced(existing: bytes | None) -> None:
    root = ElementTree.fromstring(marked_packet(existing, "note"))
    assert {COMPOSITE, "note"} <= {element.text for element in root.iter()}


def test_entities_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><a>' + b"&b;" * 50 + b"</a>"
    assert len(marked_packet(bomb, "note")) < 1500


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_transparency_is_kept(tmp_path: Path, suffix: str) -> None:
    pixels = noise(4)
    pixels[..., 3] |= 1  # WebP is free to change what cannot be seen
    source = save(tmp_path / "a.png", pixels)
    notes = copy(source, tmp_path / f"b{suffix}")
    written = cv2.imread(str(tmp_path / f"b{suffix}"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(written, pixels)
    assert notes == []
    assert [note for note in copy(source, tmp_path / "b.jpg", EncodeOptions()) if "transparency" in note]


def test_other_kinds_of_pixels(tmp_path: Path) -> None:
    grey = noise(1)
    save(tmp_path / "grey.png", grey)
    np.testing.assert_array_equal(stored_rgb(tmp_path / "grey.png"), np.repeat(grey, 3, axis=2))
    deep = noise(3, dtype=np.uint16)
    save(tmp_path / "deep.png", deep)
    with open_picture(tmp_path / "deep.png") as source:
        (frame,) = source
    assert "16 bits" in source.notes[0]
    np.testing.assert_allclose(frame.surface.planes[0], deep[..., ::-1] / 257, atol=0.501)


def test_a_grey_profile_is_not_attached_to_colours(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", noise(1), profile=icc(b"GRAY"))
    notes = copy(tmp_path / "a.jpg", tmp_path / "b.png")
    assert [note for note in notes if "profile" in note]


def corrupted(data: bytes) -> list[bytes]:
    flipped = bytearray(data)
    for at in range(len(data) // 2, len(data) // 2 + 30):
        flipped[at] ^= 0xFF
    return [data[:20], data[: len(data) // 2], bytes(flipped), data[:16] + b"\xff" * 200]


def refuses(read: Callable[[Path], object], path: Path) -> bool:
    """Whether reading fails as it should; not every damage can be noticed."""
    try:
        read(path)
    except PictureError as error:
        return error.path == str(path)
    return False


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_damaged_pictures(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = save(tmp_path / f"good{suffix}", noise()).read_bytes()
    path = tmp_path / f"a{suffix}"
    refused = 0
    for content in corrupted(data):
        path.write_bytes(content)
        for read in (read_picture_bgr, open_picture):
            refused += refuses(read, path)
    assert refused >= 4
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a" + bytes(50)]
)
def test_files_that_are_no_pictures(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes(content)
    for read in (read_picture_bgr, open_picture):
        with pytest.raises(PictureError):
            read(tmp_path / "a.png")
    with pytest.raises((PictureError, VideoError)):
        open_target(tmp_path / "a.png")
    assert capfd.readouterr() == ("", "")


def test_paths_that_are_no_pictures(tmp_path: Path) -> None:
    for name, reason in (("none.png", "no such file"), (".", "folder")):
        with pytest.raises(PictureError, match=reason):
            read_picture_bgr(tmp_path / name)


@pytest.mark.parametrize("size", [(20000, 9000), (60000, 60000), (0, 5)])
def test_absurd_sizes_are_refused_before_decoding(tmp_path: Path, size: tuple[int, int]) -> None:
    png = bytearray(save(tmp_path / "a.png", noise()).read_bytes())
    png[16:24] = struct.pack(">2I", *size)
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(png)
    with pytest.raises(PictureError, match=r"megapixels|header"):
        open_picture(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("lossless", [False, True])
def test_size_from_the_header(tmp_path: Path, suffix: str, lossless: bool) -> None:
    for size in ((40, 30), (257, 1), (1, 300)):
        params = [cv2.IMWRITE_WEBP_QUALITY, 101 if lossless else 80] if suffix == ".webp" else []
        data = cv2.imencode(suffix, noise(3, size), params)[1].tobytes()
        assert picture_size(data) == size
        assert picture_kind(data) == {".jpg": "jpeg"}.get(suffix, suffix[1:])
    assert picture_size(save(tmp_path / f"a{suffix}", noise(), exif_with(1)).read_bytes()) == (40, 30)


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"]), st.binary(max_size=300))
def test_walking_garbage_ends(magic: bytes, data: bytes) -> None:
    picture_size(magic + data)
    read_xmp(magic + data)


def test_names_and_options_that_cannot_work(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png", noise())
    with open_target(source) as opened:
        for name, options, reason in [
            ("b.mp4", EncodeOptions(), "cannot write a picture"),
            ("b.gif", EncodeOptions(), "cannot write a picture"),
            ("b.jpg", LOSSLESS, "cannot be lossless"),
            ("a.png", EncodeOptions(), "is the input"),
            ("none/b.png", EncodeOptions(), "does not exist"),
        ]:
            with pytest.raises(OptionError, match=reason):
                create_output(tmp_path / name, opened, options=options, overwrite=True)
    with pytest.raises(OptionError, match="trimmed"):
        open_target(source, trim=Trim(TimePoint(frame=1)))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_failures_leave_nothing(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png", noise())

    def write(count: int) -> None:
        with open_target(source) as opened, create_output(tmp_path / "b.png", opened) as sink:
            (frame,) = opened
            for _ in range(count):
                sink.write(frame)
            if count == 1:
                raise KeyboardInterrupt

    for count, error in ((0, PictureError), (1, KeyboardInterrupt), (2, PictureError)):
        with pytest.raises(error):
            write(count)
        assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
