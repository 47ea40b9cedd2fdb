"""`trtswap networks` tells what the store finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trtswap.cli.app import main
from trtswap.inference.spec import load_specs

CONTENT = b"not a real network, but a file with its name"


pytestmark = pytest.mark.usefixtures("only_given_folders")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file for the first known swapper."""
    models = tmp_path / "models"
    models.mkdir()
    (models / swapper_file()).write_bytes(CONTENT)
    return models


def swapper_file() -> str:
    spec = next(spec for spec in load_specs().values() if spec.role == "swapper" and not spec.built_in)
    return spec.file_names[0]


def test_json_lists_every_spec_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks", "--json", "-m", str(folder)]) == 0
    event = json.loads(capsys.readouterr().out)
    specs = load_specs()
    assert event["event"] == "networks"
    assert event["model_folders"][0] == str(folder)
    assert sorted(network["name"] for network in event["networks"]) == sorted(specs)
    for network in event["networks"]:
        spec = specs[network["name"]]
        assert (network["kind"], network["licence"]) == (spec.kind, spec.licence.label)
        found = str(folder / swapper_file()) if swapper_file() in spec.file_names else None
        assert network["path"] == found or spec.built_in
        assert network["verified"] is None
        assert network["published"]


def test_table(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["networks", "-m", str(folder)]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["name", "kind", "licence", "file"]
    specs = load_specs()
    assert sorted(row.split()[0] for row in rows) == sorted(specs)
    for row in rows:
        spec = specs[row.split()[0]]
        assert spec.kind in row
        assert spec.licence.label in row
        assert ("no commercial use" in row) is not spec.licence.commercial_use
        found = swapper_file() in spec.file_names
        shown = str(folder / swapper_file()) if found else "missing"
        assert row.rstrip().endswith(f"{spec.name}.onnx" if spec.built_in else shown)


def test_folder_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks", "-m", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
