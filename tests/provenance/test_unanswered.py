"""A time-stamp authority that says nothing. c2pa waits for it for thirty seconds, beside the other tests of this
folder, which come before this one (conftest.py)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.patience import PATIENCE_S


def test_a_time_stamp_authority_that_does_not_answer(
    unanswered: tuple[Path, subprocess.Popen[str]] | None, world: Path
) -> None:
    if unanswered is None:
        pytest.skip("there is no openssl here")
    folder, process = unanswered
    told, problems = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3, problems
    assert "no valid time stamp came from" in told
    assert (folder / "a.png").read_bytes() == (world / "me.png").read_bytes()
    assert not (folder / "out.png").exists()
