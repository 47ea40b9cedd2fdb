"""What is assumed where a stream does not say its colours."""

from __future__ import annotations

import pytest

from trtswap.types import ChromaSiting, Colour, Matrix, Range
from trtswap.video.tags import HLG, PQ, ColourTags, colour_of


def resolve(
    tags: ColourTags, pix_fmt: str = "yuv420p", size: tuple[int, int] = (1920, 1080), codec: str = "vp9"
) -> tuple[Colour, str | None]:
    return colour_of(tags, pix_fmt=pix_fmt, codec=codec, width_px=size[0], height_px=size[1])


@pytest.mark.parametrize(
    ("code", "matrix"),
    [
        (1, Matrix.BT709),
        (4, Matrix.BT601),
        (5, Matrix.BT601),
        (6, Matrix.BT601),
        (9, Matrix.BT2020),
        (10, Matrix.BT2020),
    ],
)
def test_tagged_streams_are_believed(code: int, matrix: Matrix) -> None:
    tags = ColourTags(matrix=code, range=2, siting=ChromaSiting.BOTTOM)
    assert resolve(tags, size=(64, 48)) == (Colour(matrix, Range.FULL, ChromaSiting.BOTTOM), None)


@pytest.mark.parametrize(
    ("tags", "size", "matrix"),
    [
        (ColourTags(), (720, 576), Matrix.BT601),
        (ColourTags(), (1024, 576), Matrix.BT601),
        (ColourTags(), (1025, 576), Matrix.BT709),
        (ColourTags(), (720, 577), Matrix.BT709),
        (ColourTags(matrix=0), (1920, 1080), Matrix.BT709),
        (ColourTags(matrix=77), (1920, 1080), Matrix.BT709),
        (ColourTags(primaries=9), (640, 360), Matrix.BT2020),
        (ColourTags(transfer=PQ), (640, 360), Matrix.BT2020),
        (ColourTags(transfer=HLG), (640, 360), Matrix.BT2020),
    ],
)
def test_matrix_is_guessed(tags: ColourTags, size: tuple[int, int], matrix: Matrix) -> None:
    colour, note = resolve(tags, size=size)
    assert colour.matrix is matrix
    assert note is not None
    assert {"bt601": "BT.601", "bt709": "BT.709", "bt2020": "BT.2020"}[matrix.value] in note


def test_all_guesses_are_one_sentence() -> None:
    colour, note = resolve(ColourTags())
    assert colour == Colour(Matrix.BT709, Range.LIMITED, ChromaSiting.LEFT)
    assert note is not None
    assert note.endswith("assumed: BT.709 matrix, limited range, left chroma siting")


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_left_siting_is_no_guess_where_the_standard_infers_it(codec: str) -> None:
    colour, note = resolve(ColourTags(matrix=1, range=1), codec=codec)
    assert (colour.siting, note) == (ChromaSiting.LEFT, None)


def test_sitings() -> None:
    assert resolve(ColourTags(matrix=9, range=1), codec="hevc")[0].siting is ChromaSiting.TOPLEFT
    assert resolve(ColourTags(), "yuvj420p", codec="mjpeg")[0].siting is ChromaSiting.CENTER
    assert resolve(ColourTags(), "yuvj420p", codec="h264")[0].siting is ChromaSiting.LEFT
    assert resolve(ColourTags(), "yuv444p")[0].siting is ChromaSiting.CENTER


def test_full_range_by_format() -> None:
    colour, note = resolve(ColourTags(matrix=1), "yuvj420p", codec="h264")
    assert (colour.range, note) == (Range.FULL, None)


def test_rgb_needs_no_guess() -> None:
    assert resolve(ColourTags(), "gbrp")[1] is None
