"""A text as coverage: laid out in a box, in a font, in any script that the font has.

Pillow draws the letters; where it finds Raqm (it has it with FriBiDi on the system) right-to-left and joining scripts
come out right, and where it does not, texts that need it are refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trtswap.errors import OptionError
from trtswap.types import Array

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SMALLEST_PX = 14
"""Below this many pixels letters are not legible."""
_SHRINK = 0.6
"""Of the size asked for, the least that a long text may get."""
_LINE = 1.12
_MOST = 0.34
"""Of the box's height, the most that a text takes."""
_MARGIN = (0.42, 0.24)
"""Around the text, in sizes of the letters: horizontally, vertically."""
_NOT_FIRST = ")]}»›’”!?,.:;…%、。，．！？：；」』）】》〉ー々"


def lettering(text: str, font_file: str | None, size_px: int, box: tuple[int, int], side: str) -> Array:
    """The coverage of `text` by letters, float32 [height, width], 0..1, with a margin around.

    size_px: of the letters; less, down to 60 %, where the text would not fit otherwise. box: the most pixels it may
    take, width and height; a third of the height is used. side: "left", "right" or "centre", where lines of different
    length meet. Raises OptionError when the font cannot be used or lacks a character, or the text is too long.
    """
    plain = unicodedata.normalize("NFC", text.strip())
    size = max(size_px, SMALLEST_PX)
    _check_characters(plain, font_file, size)
    for one in range(size, max(SMALLEST_PX, round(_SHRINK * size)) - 1, -1):
        font = _font(font_file, one)
        across, down = (round(part * one) for part in _MARGIN)
        lines = _wrapped(plain, font, box[0] - 2 * across)
        if lines is not None and len(lines) * _pitch(font) + 2 * down <= _MOST * box[1] + one:
            return _drawn(lines, font, (across, down), side)
    raise OptionError(
        f"the disclosure {_short(plain)!r} is too long to be legible where {box[0]}x{box[1]} pixels are safe",
        hint="shorten it, or choose a smaller --disclose-size",
    )


def _font(path: str | None, size: int) -> FreeTypeFont:
    from PIL import ImageFont

    try:
        if path is None:
            font: Any = ImageFont.load_default(size)
        else:
            font = ImageFont.truetype(path, size)
    except OSError as error:
        raise OptionError(
            f"the font {path} cannot be used: {error.strerror or error}",
            hint="--disclose-font takes a TrueType or OpenType file (.ttf, .otf, .ttc)",
        ) from error
    return font  # type: ignore[no-any-return]


def _check_characters(text: str, path: str | None, size: int) -> None:
    """Raises OptionError naming what the font has no letters for, or what cannot be laid out here."""
    from PIL import ImageFont, features

    font = _font(path, size)
    try:
        basic = font.font_variant(layout_engine=ImageFont.Layout.BASIC)
        absent = _picture_of(basic, "\U0010ffff")  # no character, so every font draws its sign for "missing"
        missing = [one for one in dict.fromkeys(text) if _visible(one) and _picture_of(basic, one) == absent]
    except OSError as error:
        raise OptionError(f"the font {path or 'of Pillow'} cannot draw letters: {error}") from error
    if missing:
        named = ", ".join(f"{one} (U+{ord(one):04X})" for one in missing)
        raise OptionError(
            f"the font {path or 'used by default'} has no letters for {named}",
            hint="name a font that has them with --disclose-font FILE; fc-list shows those of this machine",
        )
    if any(map(_needs_shaping, text)) and not features.check("raqm"):
        raise OptionError(
            "this script is laid out by Raqm with FriBiDi, which Pillow does not find here",
            hint="install FriBiDi (libfribidi0 on Debian and Ubuntu, fribidi elsewhere)",
        )


def _picture_of(font: FreeTypeFont, character: str) -> tuple[Any, bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


def _visible(character: str) -> bool:
    return unicodedata.category(character) not in ("Zs", "Zl", "Zp", "Cf", "Cc")


def _needs_shaping(character: str) -> bool:
    """Right-to-left scripts, and those whose letters join, stack or move."""
    if unicodedata.bidirectional(character) in ("R", "AL", "AN"):
        return True
    code = ord(character)
    return (
        0x0900 <= code < 0x10A0 or 0x1700 <= code < 0x1900 or unicodedata.category(character) in ("Mn", "Mc")
    )


def _wrapped(text: str, font: FreeTypeFont, width: int) -> list[str] | None:
    """Lines of at most `width` pixels; None when a word alone is wider."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in _pieces(paragraph):
            if line and font.getlength((line + piece).rstrip()) > width:
                lines.append(line.rstrip())
                line = piece.lstrip()
            else:
                line += piece
        lines.append(line.rstrip())
    return lines if all(font.getlength(line) <= width for line in lines) else None


def _pieces(paragraph: str) -> Sequence[str]:
    """What a line may not break within: words with the space after them, and single ideographs."""
    pieces: list[str] = []
    for word in re.findall(r"\S+\s*|\s+", paragraph):
        start = 0
        for at in range(1, len(word)):
            wide = any(unicodedata.east_asian_width(one) in ("W", "F") for one in word[at - 1 : at + 1])
            if wide and word[at] not in _NOT_FIRST and not word[at].isspace():
                pieces.append(word[start:at])
                start = at
        pieces.append(word[start:])
    return pieces


def _pitch(font: FreeTypeFont) -> int:
    return round(sum(font.getmetrics()) * _LINE)


def _drawn(lines: Sequence[str], font: FreeTypeFont, margin: tuple[int, int], side: str) -> Array:
    from PIL import Image, ImageDraw

    boxes = [font.getbbox(line, anchor="ls") for line in lines]
    left = min(0.0, *(box[0] for box in boxes))
    widths = [max(box[2], font.getlength(line)) for box, line in zip(boxes, lines, strict=True)]
    pitch = _pitch(font)
    ascent = max(font.getmetrics()[0], *(-box[1] for box in boxes))
    descent = max(font.getmetrics()[1], *(box[3] for box in boxes))
    width = int(np.ceil(max(widths) - left)) + 2 * margin[0]
    height = int(np.ceil(ascent + descent)) + (len(lines) - 1) * pitch + 2 * margin[1]
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    for row, (line, own) in enumerate(zip(lines, widths, strict=True)):
        spare = max(widths) - own
        x = margin[0] - left + {"left": 0.0, "centre": spare / 2, "right": spare}[side]
        draw.text((round(x), margin[1] + round(ascent) + row * pitch), line, fill=255, font=font, anchor="ls")
    return np.asarray(image, np.float32) / 255


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
