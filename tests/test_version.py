"""The version stands in one place, and the changelog knows it."""

from __future__ import annotations

import re
from pathlib import Path

import trtswap

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def test_newest_entry_of_the_changelog_is_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == trtswap.__version__


def test_version_is_a_release_number() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", trtswap.__version__)
