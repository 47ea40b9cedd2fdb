"""The tree drawn in the docstring of trtswap.errors is the tree of its classes."""

from __future__ import annotations

import builtins
import re

import pytest

from trtswap import errors

_LINE = re.compile(
    r"^(?P<indent>(?:[│ ]   )*)(?P<branch>[├└]── )?"
    r"(?P<name>[A-Z]\w+)(?: \((?P<builtin>\w+)\))?(?:\s+(?P<text>.+))?$"
)


def drawn() -> dict[str, tuple[str | None, str | None, str]]:
    """name: (parent, builtin parent, what the line says), as the docstring draws it."""
    assert errors.__doc__ is not None
    tree: dict[str, tuple[str | None, str | None, str]] = {}
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        match = _LINE.match(line)
        if match is None or (match["branch"] is None and match["name"] != "TrtSwapError"):
            continue
        depth = 0 if match["branch"] is None else len(match["indent"]) // 4 + 1
        path = [*path[:depth], match["name"]]
        tree[match["name"]] = (path[-2] if depth else None, match["builtin"], match["text"] or "")
    return tree


def public_parent(kind: type) -> str | None:
    """The nearest ancestor with a public name in trtswap.errors."""
    for ancestor in kind.__mro__[1:]:
        if ancestor.__module__ == errors.__name__ and not ancestor.__name__.startswith("_"):
            return ancestor.__name__
    return None


def real() -> dict[str, type]:
    return {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, BaseException) and not name.startswith("_")
    }


def test_same_classes() -> None:
    assert set(drawn()) == set(real())


@pytest.mark.parametrize("name", sorted(real()))
def test_same_parents(name: str) -> None:
    parent, builtin, _ = drawn()[name]
    kind = real()[name]
    assert public_parent(kind) == parent
    assert issubclass(kind, errors.TrtSwapError)
    if builtin is not None:
        assert issubclass(kind, getattr(builtins, builtin))


@pytest.mark.parametrize("name", sorted(real()))
def test_attributes_of_the_tree_exist(name: str) -> None:
    _, _, text = drawn()[name]
    keywords = {"path": "some/file"} if ".path" in text or name == "SpecError" else {}
    error = real()[name]("what was wrong", hint="do this", **keywords)
    assert (str(error), error.message, error.hint) == ("what was wrong", "what was wrong", "do this")
    for attribute in re.findall(r"(?<= \.)[a-z_]+", text):
        assert hasattr(error, attribute), attribute
