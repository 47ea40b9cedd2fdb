"""Colour tags: H.273 code points to `Colour`, and what to assume where a stream says nothing."""

from __future__ import annotations

from dataclasses import dataclass

from trtswap.types import ChromaSiting, Colour, Matrix, Range
from trtswap.video.formats import is_rgb, is_subsampled

UNSPECIFIED = 2
PQ, HLG = 16, 18
_BT2020_PRIMARIES = 9
_SITING_INFERRED_LEFT = (
    "h264",
    "hevc",
    "mpeg2video",
    "mpeg4",
)  # what their standards say when it is not signalled
_MATRICES = {
    1: Matrix.BT709,
    4: Matrix.BT601,
    5: Matrix.BT601,
    6: Matrix.BT601,
    9: Matrix.BT2020,
    10: Matrix.BT2020,
}


@dataclass(frozen=True)
class ColourTags:
    """What a stream says of its colours: H.273 codes, 2 where it says nothing. range: 0 unspecified, 1
    limited, 2 full. siting: None where not signalled."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    range: int = 0
    siting: ChromaSiting | None = None


def colour_of(
    tags: ColourTags, *, pix_fmt: str, codec: str, width_px: int, height_px: int
) -> tuple[Colour, str | None]:
    """The colour to assume for frames of `pix_fmt`, and a sentence naming every guess, or None without
    any."""
    if is_rgb(pix_fmt):
        return Colour(Matrix.BT709, Range.LIMITED, ChromaSiting.CENTER), None
    guesses = []
    matrix = _MATRICES.get(tags.matrix)
    if matrix is None:
        matrix = _guessed_matrix(tags, width_px, height_px)
        guesses.append(f"{_MATRIX_NAMES[matrix]} matrix")
    code_range = _tagged_range(tags, pix_fmt)
    if code_range is None:
        code_range = Range.LIMITED
        guesses.append("limited range")
    siting = tags.siting
    if siting is None:
        siting = _guessed_siting(pix_fmt, codec, matrix, code_range)
        inferred = codec in _SITING_INFERRED_LEFT and siting is ChromaSiting.LEFT
        if is_subsampled(pix_fmt) and not inferred:
            guesses.append(f"{siting.value} chroma siting")
    note = f"the video does not say its colours in full; assumed: {', '.join(guesses)}" if guesses else None
    return Colour(matrix, code_range, siting), note


def range_is_tagged(tags: ColourTags, pix_fmt: str) -> bool:
    """Whether the range is known from the stream, its tag or its format."""
    return _tagged_range(tags, pix_fmt) is not None


_MATRIX_NAMES = {Matrix.BT601: "BT.601", Matrix.BT709: "BT.709", Matrix.BT2020: "BT.2020"}


def _guessed_matrix(tags: ColourTags, width_px: int, height_px: int) -> Matrix:
    if tags.primaries == _BT2020_PRIMARIES or tags.transfer in (PQ, HLG):
        return Matrix.BT2020
    if height_px <= 576 and width_px <= 1024:
        return Matrix.BT601
    return Matrix.BT709


def _tagged_range(tags: ColourTags, pix_fmt: str) -> Range | None:
    if tags.range == 2 or pix_fmt.startswith("yuvj"):
        return Range.FULL
    return Range.LIMITED if tags.range == 1 else None


def _guessed_siting(pix_fmt: str, codec: str, matrix: Matrix, code_range: Range) -> ChromaSiting:
    if not is_subsampled(pix_fmt):
        return ChromaSiting.CENTER  # where FFmpeg's scaler puts the chroma it halves
    if codec == "mjpeg" and code_range is Range.FULL:
        return ChromaSiting.CENTER
    return ChromaSiting.TOPLEFT if matrix is Matrix.BT2020 else ChromaSiting.LEFT
