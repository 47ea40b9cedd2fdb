"""The benchmark of the fast path runs on the pretended GPU; what it prints there are no figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support import fake_gpu
from support.fake_core import pretend_operations

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def fast_path(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCH))
    import fast_path

    return fast_path


@pytest.mark.timeout(600)
def test_every_part_runs(
    fast_path: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_gpu.pretend(monkeypatch, "8.6.1", tmp_path / "cache")
    pretend_operations(monkeypatch)
    import fast_inputs
    import fast_parts

    for module in (fast_inputs, fast_parts):
        monkeypatch.setattr(module, "DRAWN", 4)
    small = ["--size=320x180", "--count=4", "--batches=1", "--times=1", "--turns=1", "--rounds=1"]
    trace = tmp_path / "one.json"
    arguments = [*small, "--folder", str(tmp_path / "files"), "--trace", str(trace)]
    try:
        fast_parts.run(fast_path.arguments(arguments))
    finally:
        fake_gpu.forget()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"part"')]
    told = [json.loads(line) for line in lines]
    assert [item["part"] for item in told] == list(fast_path.PARTS)
    row: dict[str, Any] = {}
    for item in told:
        assert "errors" not in item, item
        row.update(item)
    assert row["one_faces"] == 1
    names = {event.get("name") for event in json.loads(trace.read_text())["traceEvents"]}
    assert {"analyse", "steady", "swap", "composite"} <= names
    assert row["four_faces"] == 4
    assert all(row[name] > 0 for name in fast_path._COLUMNS)


_CHILD = """
import os, sys, time
print('{"part": "encode", "encode_fps": 5.0}')
if "decode" in sys.argv:
    {fault}
print('{"part": "engines", "errors": {"engines": "no"}}')
"""


@pytest.mark.parametrize("fault", ["time.sleep(100)", "os._exit(3)"])
def test_a_part_that_hangs_or_dies_costs_nothing_else(
    fault: str,
    fast_path: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script, report = tmp_path / "child.py", tmp_path / "rows.json"
    script.write_text(_CHILD.replace("{fault}", fault))
    own = fast_path._command
    monkeypatch.setattr(
        fast_path, "_command", lambda *given: [sys.executable, "-u", str(script), *own(*given)[3:]]
    )
    arguments = ["--batches", "2", "--parts", "encode", "decode", "engines", "--patience", "2"]
    monkeypatch.setattr(sys, "argv", ["fast_path.py", *arguments, "--json", str(report)])
    assert fast_path.main() == 1
    (row,) = json.loads(report.read_text())
    assert row["encode_fps"] == 5.0
    assert set(row["errors"]) == {"decode", "engines"}
    assert "encode_fps" in capsys.readouterr().out
