"""One changed byte, wherever it is in the media, is found."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from support.signed import OUTPUTS

from trtswap.cli.app import main
from trtswap.provenance.parent import sidecar_of
from trtswap.provenance.verify import FILE_TYPE, verify

c2pa = pytest.importorskip("c2pa")
_C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
KINDS = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
}


class Part(NamedTuple):
    """A stretch of a file. media: whether it is anything but the manifest."""

    name: str
    start: int
    end: int
    media: bool = True


def parts_of(data: bytes, ending: str) -> list[Part]:
    """The boxes, chunks or segments of a file, one after another without a gap."""
    read = {"mp4": boxes, "mov": boxes, "png": chunks, "jpg": segments, "webp": riff}.get(ending)
    if read is None:
        return [Part("all", 0, len(data))]
    found = list(read(data))
    assert [part.start for part in found[1:]] == [part.end for part in found[:-1]]
    assert (found[0].start, found[-1].end) == (0, len(data))
    assert sum(not part.media for part in found) >= 1
    return found


def boxes(data: bytes) -> Iterator[Part]:
    at = 0
    while at < len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8].decode("latin-1")
        assert size >= 8
        yield Part(name, at, at + size, not (name == "uuid" and data[at + 8 : at + 24] == _C2PA_BOX))
        at += size


def chunks(data: bytes) -> Iterator[Part]:
    yield Part("signature", 0, 8)
    at = 8
    while at < len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8].decode()
        yield Part(name, at, at + size + 12, name != "caBX")
        at += size + 12


def segments(data: bytes) -> Iterator[Part]:
    yield Part("start", 0, 2)
    at = 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield Part(f"{data[at + 1]:02x}", at, end, data[at + 1] != 0xEB)
        at = end
    yield Part("scan", at, len(data))


def riff(data: bytes) -> Iterator[Part]:
    yield Part("RIFF", 0, 12)
    at = 12
    while at < len(data):
        size, name = int.from_bytes(data[at + 4 : at + 8], "little"), data[at : at + 4].decode()
        yield Part(name, at, at + 8 + size + size % 2, name != "C2PA")
        at += 8 + size + size % 2


def positions(part: Part, rng: np.random.Generator) -> list[int]:
    """The first and last byte, the eight after the first, and some anywhere."""
    places = {part.start, part.end - 1, *range(part.start, min(part.start + 8, part.end))}
    return sorted(places | set(rng.integers(part.start, part.end, 6).tolist()))


@pytest.mark.parametrize("ending", OUTPUTS)
def test_one_changed_byte_anywhere_is_found(world: Path, tmp_path: Path, ending: str) -> None:
    original = world / f"out_{ending}.{ending}"
    data = bytearray(original.read_bytes())
    changed = tmp_path / f"changed.{ending}"
    if sidecar_of(original).name == f"out_{ending}.c2pa" and sidecar_of(original).exists():
        sidecar_of(changed).write_bytes(sidecar_of(original).read_bytes())
    rng = np.random.default_rng()
    media = [part for part in parts_of(data, ending) if part.media]
    tried = {(part.name, place) for part in media for place in positions(part, rng)}
    if len(media) == 1:
        tried |= {("all", int(place)) for place in rng.integers(0, len(data), 60)}
    missed = []
    for name, place in sorted(tried, key=lambda one: one[1]):
        flip = 1 << int(rng.integers(8))
        data[place] ^= flip
        changed.write_bytes(data)
        data[place] ^= flip
        if verify(changed).intact:
            missed.append((name, place, flip))
    assert missed == []
    assert len(tried) > 40
    changed.write_bytes(data)
    assert verify(changed).intact, "unchanged it is"


@pytest.mark.parametrize("ending", sorted(KINDS))
def test_the_reader_of_c2pa_finds_it_too(world: Path, ending: str) -> None:
    """In what carries the picture. The first box of MP4 and MOV is left out by the standard itself."""
    data = bytearray((world / f"out_{ending}.{ending}").read_bytes())
    rng = np.random.default_rng()
    largest = max(
        (part for part in parts_of(data, ending) if part.media), key=lambda part: part.end - part.start
    )
    for place in rng.integers(largest.start + 8, largest.end, 12):
        data[place] ^= 1
        try:
            with c2pa.Reader(KINDS[ending], io.BytesIO(data)) as reader:
                assert reader.get_validation_state() == "Invalid", (largest.name, place)
        except c2pa.C2paError:
            pass  # not readable at all
        data[place] ^= 1


@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_a_changed_file_type_is_told(world: Path, tmp_path: Path, ending: str) -> None:
    data = bytearray((world / f"out_{ending}.{ending}").read_bytes())
    first = parts_of(data, ending)[0]
    assert first.name == "ftyp"
    data[first.end - 1] ^= 1
    (tmp_path / f"changed.{ending}").write_bytes(data)
    verdict = verify(tmp_path / f"changed.{ending}")
    assert (verdict.state, verdict.problems) == ("invalid", (FILE_TYPE,))


@pytest.mark.parametrize("ending", OUTPUTS)
def test_a_changed_file_ends_with_5(
    world: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    original = world / f"out_{ending}.{ending}"
    changed = tmp_path / f"changed.{ending}"
    assert main(["verify", str(original)]) == 0
    data = bytearray(original.read_bytes())
    data[-2] ^= 4
    changed.write_bytes(data)
    if ending in ("mkv", "webm"):
        assert main(["verify", str(changed)]) == 5, "without what lies beside it"
        assert "no signed manifest" in capsys.readouterr().out
        sidecar_of(changed).write_bytes(sidecar_of(original).read_bytes())
    assert main(["verify", str(changed)]) == 5
    assert "NOT intact" in capsys.readouterr().out


@pytest.mark.parametrize("ending", OUTPUTS)
def test_a_shortened_file_is_found(world: Path, tmp_path: Path, ending: str) -> None:
    original = world / f"out_{ending}.{ending}"
    data = original.read_bytes()
    cut = tmp_path / f"cut.{ending}"
    if ending in ("mkv", "webm"):
        sidecar_of(cut).write_bytes(sidecar_of(original).read_bytes())
    for left in (len(data) - 1, len(data) // 2, 100, 1):
        cut.write_bytes(data[:left])
        assert not verify(cut).intact, left


@pytest.mark.parametrize("what", ["shortened", "noise", "empty", "another's"])
def test_a_damaged_sidecar_is_invalid(world: Path, tmp_path: Path, what: str) -> None:
    original = world / "out_mkv.mkv"
    (tmp_path / "a.mkv").write_bytes(original.read_bytes())
    store = sidecar_of(original).read_bytes()
    damaged = {
        "shortened": store[: len(store) // 2],
        "noise": np.random.default_rng().bytes(4000),
        "empty": b"",
        "another's": sidecar_of(world / "out_webm.webm").read_bytes(),
    }
    (tmp_path / "a.c2pa").write_bytes(damaged[what])
    verdict = verify(tmp_path / "a.mkv")
    assert verdict.state == "invalid"
    assert verdict.problems
    assert main(["verify", str(tmp_path / "a.mkv")]) == 5
