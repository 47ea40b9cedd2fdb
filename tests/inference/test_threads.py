from __future__ import annotations

import os
from pathlib import Path

import pytest

from trtswap.inference import threads


def test_at_least_one_core_and_no_more_than_allowed() -> None:
    assert 1 <= threads.physical_cores() <= (os.cpu_count() or 1)


def test_hyper_threads_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_allowed_cpus", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(threads, "_siblings", lambda cpu: f"{cpu % 2},{cpu % 2 + 2}")
    monkeypatch.setattr(threads, "_quota", lambda: 64)
    assert threads.physical_cores() == 2


@pytest.mark.parametrize(
    ("text", "cpus"), [("max 100000", 1 << 16), ("150000 100000", 2), ("50000 100000", 1)]
)
def test_quota_of_the_control_group(tmp_path: Path, text: str, cpus: int) -> None:
    (tmp_path / "cpu.max").write_text(text, encoding="ascii")
    assert threads._quota(tmp_path / "cpu.max") == cpus
    assert threads._quota(tmp_path / "absent") == 1 << 16
