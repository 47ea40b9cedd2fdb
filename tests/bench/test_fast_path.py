"""The benchmark of the fast path runs on the pretended GPU; what it prints there are no figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support import fake_gpu
from support.fake_core import pretend_operations

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.timeout(600)
def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    fake_gpu.pretend(monkeypatch, "8.6.1", tmp_path / "cache")
    pretend_operations(monkeypatch)
    import fast_path

    monkeypatch.setattr(fast_path, "_DRAWN", 4)
    report = tmp_path / "rows.json"
    arguments = ["--place", "gpu", "--size", "320x180", "--count", "6", "--batches", "2"]
    arguments += ["--folder", str(tmp_path / "files")]
    monkeypatch.setattr(sys, "argv", ["fast_path.py", *arguments, "--json", str(report)])
    try:
        fast_path.main()
    finally:
        fake_gpu.forget()
    rows = json.loads(report.read_text())
    assert [row["place"] for row in rows] == ["gpu"]
    for row in rows:
        assert row["faces_per_frame"] == 1
        assert all(
            row[name] > 0 for name in ("decode_fps", "encode_fps", "engines_fps", "surfaces_fps", "file_fps")
        )
    assert "share_of_engines" in capsys.readouterr().out
