"""`trtswap demo`: its files, its figures, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trtswap.cli.app import main
from trtswap.cli.demo import WRITTEN


def test_a_demo_writes_its_files_and_says_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "shown"
    assert main(["demo", str(folder), "--seconds", "0.3", "--device", "cpu", "--json"]) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert done["event"] == "demo"
    assert sorted(path.name for path in folder.iterdir()) == sorted(WRITTEN)
    assert all(path.stat().st_size > 0 for path in folder.iterdir())
    assert json.loads((folder / "figures.json").read_text())["figures"] == done["figures"]
    assert done["figures"]["psnr_face_db"] > 20
    assert [path.name for path in tmp_path.iterdir()] == ["shown"], "nothing is left beside the folder"


def test_an_earlier_demo_is_not_replaced_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    earlier = tmp_path / "swapped.mp4"
    earlier.write_bytes(b"mine")
    assert main(["demo", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert earlier.read_bytes() == b"mine"


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file"
    path.touch()
    assert main(["demo", str(path)]) == 2
    assert "needs a folder" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", str(tmp_path / "file" / "under")]) == 2
    assert "cannot be made" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--seconds", "0"], ["--seed", "-1"], ["--clip", "opera"]])
def test_wrong_values_are_told(tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", str(tmp_path / "new"), *wrong]) == 2
    assert wrong[0] in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
