"""Tracks written and read again; files that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from trtswap.errors import InputError, OptionError, VideoError
from trtswap.stages.batch import Batch
from trtswap.stages.track_file import from_tracks, track_writer
from trtswap.types import Colour, Faces, Frame, PixelFormat, Surface, VideoInfo

INFO = VideoInfo("clip.mp4", 64, 48, PixelFormat.NV12, Colour(), "h264", "yuv420p")


def random_batch(rng: np.random.Generator, start: int, frames: int, dense: bool = False) -> Batch:
    def faces() -> Faces:
        count = int(rng.integers(0, 4))
        return Faces(
            rng.uniform(-50, 2000, (count, 4)).astype(np.float32),
            rng.uniform(-50, 2000, (count, 5, 2)).astype(np.float32),
            rng.uniform(0, 1, count).astype(np.float32),
            track_ids=rng.permutation(100)[:count].astype(np.int32),
            filled=rng.integers(0, 2, count).astype(bool),
            landmarks_68_px=rng.uniform(-50, 2000, (count, 68, 2)).astype(np.float32) if dense else None,
        )

    surface = Surface.allocate(PixelFormat.NV12, 64, 48)
    tracked = tuple(faces() for _ in range(frames))
    return Batch(
        tuple(Frame(surface, start + k, 512 * (start + k), Fraction(1, 15360)) for k in range(frames)),
        faces=tuple(found.take([]) for found in tracked),  # what was selected does not matter
        detected=tuple(faces() for _ in range(frames)),
        tracked=tracked,
        cuts=tuple(bool(flag) for flag in rng.integers(0, 2, frames)),
    )


def bare(batch: Batch) -> Batch:
    return Batch(batch.frames)


@pytest.mark.parametrize("dense", [False, True])
def test_tracks_come_back_as_they_were(dense: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng()
    batches = [random_batch(rng, 4 * k, 4, dense) for k in range(5)]
    path = tmp_path / "tracks.jsonl"
    with track_writer(path, INFO, overwrite=False) as writer:
        assert writer is not None
        for batch in batches:
            writer.write(batch)
        assert not path.exists()
    again = list(from_tracks(map(bare, batches), path, INFO))
    for got, want in zip(again, batches, strict=True):
        assert got.cuts == want.cuts
        for first, second in zip(got.faces, want.tracked, strict=True):
            assert np.allclose(first.landmarks_px, second.landmarks_px, atol=6e-4)
            if dense and len(second):
                assert np.allclose(first.landmarks_68_px, second.landmarks_68_px, atol=6e-4)
            else:
                assert first.landmarks_68_px is None
            assert np.allclose(first.boxes_px, second.boxes_px, atol=6e-4)
            assert np.allclose(first.scores, second.scores, atol=6e-5)
            if len(second):
                assert np.array_equal(first.track_ids, second.track_ids)
                assert np.array_equal(first.filled, second.filled)


def test_frames_taken_out_have_no_faces(tmp_path: Path) -> None:
    batch = random_batch(np.random.default_rng(), 0, 6)
    path = tmp_path / "tracks.jsonl"
    with track_writer(path, INFO, overwrite=False) as writer:
        writer.write(batch)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "", lines[2], lines[5]]) + "\n")  # frames 1 and 4 are left
    (again,) = from_tracks([bare(batch)], path, INFO)
    assert [len(faces) for faces in again.faces] == [
        len(batch.tracked[k]) if k in (1, 4) else 0 for k in range(6)
    ]


def test_an_interrupted_dump_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with track_writer(tmp_path / "tracks.jsonl", INFO, overwrite=False):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "tracks.jsonl"
    path.write_text("mine")
    with pytest.raises(OptionError, match="exists"), track_writer(path, INFO, overwrite=False):
        pass
    with (
        pytest.raises(OptionError, match="folder"),
        track_writer(tmp_path / "no" / "a.jsonl", INFO, overwrite=False),
    ):
        pass
    assert path.read_text() == "mine"


HEADER = json.dumps({"trtswap_tracks": 1, "width_px": 64, "height_px": 48})
FACE = {"track": 0, "box": [1, 2, 3, 4], "landmarks": [[1, 1]] * 5}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["hello"], "line 1"),
        ([], "not a file of tracks"),
        (['{"trtswap_tracks":9}'], "not a file of tracks"),
        (['{"trtswap_tracks":1,"width_px":10,"height_px":10}'], "10x10, not 64x48"),
        ([HEADER, "{"], "line 2"),
        ([HEADER, '{"faces":[]}'], "'frame' is missing"),
        ([HEADER, '{"frame":0}'], "'faces' is missing"),
        ([HEADER, '{"frame":"0","faces":[]}'], "whole numbers"),
        ([HEADER, '{"frame":0,"faces":[]}', '{"frame":0,"faces":[]}'], "line 3.*only grow"),
        ([HEADER, json.dumps({"frame": 0, "faces": [{**FACE, "landmarks": [[1, 1]] * 4}]})], "line 2"),
        ([HEADER, json.dumps({"frame": 0, "faces": [{**FACE, "box": [1, 2, 3]}]})], "line 2"),
        ([HEADER, json.dumps({"frame": 0, "faces": [{"track": 0}]})], "'box' is missing"),
        (
            [HEADER, json.dumps({"frame": 0, "faces": [{**FACE, "box": [1, 2, 3, float("nan")]}]})],
            "not finite",
        ),
        ([HEADER, json.dumps({"frame": 0, "faces": [{**FACE, "landmarks": "none"}]})], "line 2"),
    ],
)
def test_unusable_lines_are_named(tmp_path: Path, lines: list[str], message: str) -> None:
    path = tmp_path / "tracks.jsonl"
    path.write_text("\n".join(lines))
    batch = bare(random_batch(np.random.default_rng(), 0, 2))
    with pytest.raises(InputError, match=message):
        list(from_tracks([batch], path, INFO))


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0 a picture", b"\x00" * 100, b"[" * 100_000])
def test_what_is_no_text_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tracks.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="line 1"):
        list(from_tracks([bare(random_batch(np.random.default_rng(), 0, 2))], path, INFO))


def test_an_error_of_the_frames_passes_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tracks.jsonl"
    path.write_text(HEADER)

    def broken() -> Iterator[Batch]:
        yield bare(random_batch(np.random.default_rng(), 0, 2))
        raise VideoError("lost", path="clip.mp4")

    with pytest.raises(VideoError, match="lost"):
        list(from_tracks(broken(), path, INFO))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(from_tracks([bare(random_batch(np.random.default_rng(), 0, 2))], tmp_path / "none.jsonl", INFO))
