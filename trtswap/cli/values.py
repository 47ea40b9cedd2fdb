"""The text of one option to its value. The limits of each value are those of trtswap.options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from trtswap.engine_options import device_index
from trtswap.errors import OptionError
from trtswap.options import DetectOptions, MaskOptions, SelectOptions, SwapOptions, TimePoint
from trtswap.quality.thresholds import parse_threshold

Value = TypeVar("Value")
Padding = tuple[float, float, float, float]

_FRAME = re.compile(r"([0-9]{1,12})f")
_CLOCK = re.compile(r"(?:(?:([0-9]{1,6}):)?([0-9]{1,6}):)?([0-9]{1,9}(?:\.[0-9]{1,12})?)")
_NOUNS: dict[Callable[[str], Any], str] = {int: "a whole number", float: "a number", str: "a word"}


def time_point(text: str) -> TimePoint:
    """A time (SECONDS, MM:SS or HH:MM:SS, each with an optional fraction) or a frame (NUMBERf).

    Raises argparse.ArgumentTypeError.
    """
    if frame := _FRAME.fullmatch(text):
        return TimePoint(frame=int(frame[1]))
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time or frame; write SECONDS, MM:SS, HH:MM:SS or NUMBERf, "
            "for example 12.5, 1:30, 0:01:30.250 or 120f"
        )
    hours, minutes, seconds = clock.groups(default="0")
    if clock[2] is not None and Decimal(seconds) >= 60:
        raise argparse.ArgumentTypeError(f"{text!r}: after a colon, seconds are below 60")
    if clock[1] is not None and int(minutes) >= 60:
        raise argparse.ArgumentTypeError(f"{text!r}: after a colon, minutes are below 60")
    return TimePoint(seconds=float(int(hours) * 3600 + int(minutes) * 60 + Decimal(seconds)))


def threshold(text: str) -> str:
    """A threshold as it is written, once it is known to be one. Raises argparse.ArgumentTypeError."""
    try:
        return parse_threshold(text).text
    except OptionError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise argparse.ArgumentTypeError(f"{error}{hint}") from None


def device_name(text: str) -> str:
    """A GPU as cuda or cuda:N. Raises argparse.ArgumentTypeError."""
    try:
        if device_index(text) is not None:
            return text
    except OptionError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not cuda or cuda:N")


def memory_size(text: str) -> int:
    """Bytes of a text as 6GB, 800 MB, 1.5GiB. Raises argparse.ArgumentTypeError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b\s*", text.lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 6GB or 800MB")
    number, unit, binary = found.groups()
    size = int(float(number) * float(1024 if binary else 1000) ** " kmgt".index(unit or " "))
    try:
        SwapOptions(memory_limit=size)
    except OptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return size


def field_of(settings: type, name: str, convert: Callable[[str], Value]) -> Callable[[str], Value]:
    """A converter for argparse that also asks the class `settings` whether its field `name` takes it."""

    def parse(text: str) -> Value:
        try:
            value = convert(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {_NOUNS[convert]}") from None
        try:
            settings(**{name: value})
        except OptionError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return value

    return parse


def names_of(settings: type, name: str) -> Callable[[str], tuple[str, ...]]:
    """A converter for words separated by commas, as `field_of`."""
    return _list_of(settings, name, str)


def numbers_of(settings: type, name: str) -> Callable[[str], tuple[int, ...]]:
    """A converter for whole numbers separated by commas, as `field_of`."""
    return _list_of(settings, name, int)


def _list_of(
    settings: type, name: str, convert: Callable[[str], Value]
) -> Callable[[str], tuple[Value, ...]]:
    def parse(text: str) -> tuple[Value, ...]:
        try:
            values = tuple(dict.fromkeys(convert(word.strip()) for word in text.split(",")))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r}: each is {_NOUNS[convert]}") from None
        try:
            settings(**{name: values})
        except OptionError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return values

    return parse


def pair_of_files(text: str) -> tuple[str, str]:
    """WHO=SOURCE to both. Raises argparse.ArgumentTypeError."""
    who, equals, source = text.partition("=")
    if not (who and equals and source):
        raise argparse.ArgumentTypeError(f"{text!r} is not WHO=SOURCE, two pictures")
    return who, source


def years(text: str) -> tuple[int, int]:
    """FIRST-LAST, the last not included. Raises argparse.ArgumentTypeError."""
    found = re.fullmatch(r"([0-9]{1,3})-([0-9]{1,3})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIRST-LAST, for example 18-60")
    age = (int(found[1]), int(found[2]))
    try:
        SelectOptions(age=age)
    except OptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return age


def expand_padding(sides: Sequence[float]) -> Padding:
    """One to four percentages to top, right, bottom, left, as in CSS. Raises OptionError for other counts."""
    if not 1 <= len(sides) <= 4:
        raise OptionError(f"the padding has 1 to 4 numbers, not {len(sides)}")
    top = sides[0]
    right = sides[1] if len(sides) > 1 else top
    bottom = sides[2] if len(sides) > 2 else top
    left = sides[3] if len(sides) > 3 else right
    return (top, right, bottom, left)


class PaddingAction(argparse.Action):
    """Stores one to four numbers as the four sides."""

    _settings: type = MaskOptions
    _field = "padding"

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  argparse's interface
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        try:
            padding = expand_padding(values)
            self._settings(**{self._field: padding})
        except OptionError as error:
            raise argparse.ArgumentError(self, str(error)) from None
        setattr(namespace, self.dest, padding)


class MarginAction(PaddingAction):
    """The same for the detector's margin."""

    _settings = DetectOptions
    _field = "margin"
