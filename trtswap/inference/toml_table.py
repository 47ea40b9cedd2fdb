"""Reads TOML tables key by key with types; every complaint names file, key, expected and found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from trtswap.errors import SpecError, StrPath

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]


def read_toml(text: str, origin: StrPath) -> Table:
    """The root table of TOML `text`. Raises SpecError when it is not TOML."""
    try:
        return Table(tomllib.loads(text), origin)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{origin} is not TOML: {error}", path=origin) from error


class Table:
    """One table. A method takes a key out of it and checks its type; `finish` refuses what is left over."""

    def __init__(self, values: dict[str, Any], origin: StrPath, place: str = "") -> None:
        self._values = dict(values)
        self._origin = origin
        self._place = place

    def fail(self, key: str, expected: str, found: str) -> NoReturn:
        """Raises the SpecError about `key`."""
        raise SpecError(
            f"{self._origin}: {self._place}{key}: expected {expected}, found {found}",
            path=self._origin,
            hint="docs/engine-specs.md describes the format.",
        )

    def finish(self) -> None:
        """Raises SpecError when keys are left that nobody asked for."""
        for key in self._values:
            self.fail(key, "no such key", "it")

    def string(self, key: str, *, default: str | None = None) -> str:
        """A string; one without default must not be empty."""
        value = self._take(key, str, "a string", default)
        if not value and default is None:
            self.fail(key, "a string that is not empty", "an empty one")
        return str(value)

    def boolean(self, key: str, *, default: bool | None = None) -> bool:
        """true or false."""
        return bool(self._take(key, bool, "true or false", default))

    def integer(self, key: str, *, minimum: int | None = None, default: int | None = None) -> int:
        """A whole number, at least `minimum`."""
        value = int(self._take(key, int, "a whole number", default))
        if minimum is not None and value < minimum:
            self.fail(key, f"at least {minimum}", str(value))
        return value

    def number(self, key: str) -> float:
        """A whole or decimal number."""
        return float(self._take(key, (int, float), "a number", None))

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of `choices`."""
        value = self.string(key)
        if value not in choices:
            self.fail(key, f"one of {', '.join(choices)}", repr(value))
        return value

    def strings(self, key: str, *, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(self._list(key, str, "a list of strings", default))

    def numbers(
        self, key: str, *, count: int | None = None, default: tuple[float, ...] | None = None
    ) -> tuple[float, ...]:
        """A list of numbers, `count` of them where given."""
        wanted = "a list of numbers" if count is None else f"a list of {count} numbers"
        values = self._list(key, (int, float), wanted, default)
        if count is not None and len(values) != count:
            self.fail(key, f"{count} numbers", f"{len(values)}")
        return tuple(float(value) for value in values)

    def integers(
        self, key: str, *, count: int | None = None, minimum: int, default: tuple[int, ...] | None = None
    ) -> tuple[int, ...]:
        """A list of whole numbers of at least `minimum`, `count` of them where given."""
        values = self._list(key, int, "a list of whole numbers", default)
        if count is not None and len(values) != count:
            self.fail(key, f"{count} whole numbers", f"{len(values)}")
        if any(value < minimum for value in values):
            self.fail(key, f"whole numbers of at least {minimum}", str(values))
        return tuple(values)

    def shape(self, key: str) -> tuple[int | str, ...]:
        """A list of dimensions: whole numbers from 1, or symbols such as "N"."""
        values = self._list(key, (int, str), "a list of whole numbers and symbols", None)
        good = all(value.isidentifier() if isinstance(value, str) else value >= 1 for value in values)
        if not values or not good:
            self.fail(key, "lengths from 1 and symbols such as N", str(values))
        return tuple(values)

    def table(self, key: str, *, optional: bool = False) -> Table:
        """A table within this one; an empty one where it may be missing and is."""
        return Table(
            self._take(key, dict, "a table", {} if optional else None), self._origin, f"{self._place}{key}."
        )

    def tables(self, key: str) -> tuple[Table, ...]:
        """An array of tables, at least one."""
        values = self._list(key, dict, "an array of tables", None)
        if not values:
            self.fail(key, "at least one table", "none")
        return tuple(
            Table(value, self._origin, f"{self._place}{key}[{index}].") for index, value in enumerate(values)
        )

    def _list(
        self, key: str, kind: type | tuple[type, ...], expected: str, default: Sequence[Any] | None
    ) -> list[Any]:
        values = list(self._take(key, (list, tuple), expected, default))
        if not all(_is(value, kind) for value in values):
            self.fail(key, expected, str(values))
        return values

    def _take(self, key: str, kind: type | tuple[type, ...], expected: str, default: Any) -> Any:
        value = self._values.pop(key, default)
        if value is None:
            self.fail(key, expected, "nothing")
        if not _is(value, kind):
            self.fail(key, expected, repr(value))
        return value


def _is(value: Any, kind: type | tuple[type, ...]) -> bool:
    """isinstance, except that a bool is not a number."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
