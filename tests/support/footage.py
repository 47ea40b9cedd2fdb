"""Public networks and footage that are not part of the repository; tests that need them skip without."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED = Path(__file__).parents[3] / "shared"


def shared_file(folder: str, name: str) -> Path:
    """../shared/<folder>/<name> beside the repository; skips the test when it is missing."""
    path = _SHARED / folder / name
    if not path.is_file():
        pytest.skip(f"needs {name} in the folder shared/{folder} beside the repository")
    return path
