"""`trtswap models`: from call to report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.file_server import Site, serving

from trtswap.cli.app import main
from trtswap.inference.spec import load_specs

BODY = b"points of a face" * 5000

pytestmark = pytest.mark.usefixtures("only_given_folders")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({"models-3.0.0/peppa_wutz.onnx": BODY})) as running:
        yield running


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "home" / "data" / "trtswap" / "models"


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_fetch_shows_the_licence_and_needs_consent(
    site: Site, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["models", "fetch", "peppa_wutz", "--mirror", f"{site.url}/{{tag}}/{{file}}"]
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "peppa_wutz: Apache-2.0 (commercial use permitted)" in err
    assert "trtswap models fetch peppa_wutz --accept-licence" in err
    assert not own.exists()
    assert main([*command, "--accept-licence"]) == 0
    out, err = capsys.readouterr()
    assert out == f"peppa_wutz: {own / 'peppa_wutz.onnx'}\n"
    assert (own / "peppa_wutz.onnx").read_bytes() == BODY
    assert main([*command, "--json"]) == 0
    assert events(capsys.readouterr().out) == [
        {"event": "fetched", "network": "peppa_wutz", "path": str(own / "peppa_wutz.onnx")}
    ]


def test_import_verify_info_list_remove(
    tmp_path: Path, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "facefusion"
    there.mkdir()
    (there / "peppa_wutz.onnx").write_bytes(BODY)
    (there / "unknown.onnx").write_bytes(b"\x00")
    assert main(["models", "import", str(there)]) == 0
    assert capsys.readouterr().out == f"peppa_wutz: {there / 'peppa_wutz.onnx'} linked\n"
    assert main(["models", "verify"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"peppa_wutz: {own / 'peppa_wutz.onnx'}: unlisted" in lines
    assert all(line.endswith("as published") for line in lines if line.startswith("demo_"))
    (own / "peppa_wutz.hash").write_text("12345678")
    assert main(["models", "verify", "peppa_wutz", "--json"]) == 4
    (event,) = events(capsys.readouterr().out)
    assert event["state"].startswith("is damaged")
    assert main(["models", "info", "peppa_wutz", "--json"]) == 0
    (event,) = events(capsys.readouterr().out)
    assert event["path"] == str(own / "peppa_wutz.onnx")
    assert main(["models", "list", "--json", "--verify"]) == 0
    (event,) = events(capsys.readouterr().out)
    states = {network["name"]: network["verified"] for network in event["networks"]}
    assert set(states) == set(load_specs())
    assert states["peppa_wutz"] == "unknown"
    assert main(["models", "remove", "peppa_wutz"]) == 0
    assert not (own / "peppa_wutz.onnx").exists()
    assert (there / "peppa_wutz.onnx").exists()
    assert main(["models", "remove", "peppa_wutz"]) == 4


def test_tables_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert main(["models", "list"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["name", "kind", "licence", "size", "file"]
    assert len(rows) == len(load_specs())
    assert any("402.7 MB" in row for row in rows)
    assert main(["models", "info", "codeformer"]) == 0
    out, err = capsys.readouterr()
    assert "S-Lab-1.0 (no commercial use)" in out
    assert "376951650 bytes" in out
    assert "trtswap models fetch codeformer" in err


@pytest.mark.parametrize("action", ["info", "fetch", "verify", "remove"])
def test_an_unknown_network_is_named(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", action, "nobody"]) == 2
    err = capsys.readouterr().err
    assert "'nobody'" in err
    assert "hyperswap_1a_256" in err


def test_what_is_missing_is_named_with_the_command_that_gets_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "strange.onnx").write_bytes(b"\x00\x01")
    picture = tmp_path / "me.png"
    import cv2
    import numpy as np

    cv2.imwrite(str(picture), np.zeros((64, 64, 3), np.uint8))
    code = main(
        [
            "process",
            "-s",
            str(picture),
            "-t",
            str(picture),
            "-o",
            str(tmp_path / "out.png"),
            "-m",
            str(tmp_path / "models"),
        ]
    )
    assert code == 4
    assert "trtswap models fetch yunet" in capsys.readouterr().err
