"""Which files names, folders and patterns mean, and what each becomes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from trtswap.errors import OptionError
from trtswap.video.listing import are_many, plan_jobs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that are named like media; planning opens none of these."""
    names = (
        *("b.mp4", "a.MOV", "old.avi", "photo.jpg", ".hidden.mp4", "notes.txt", "x[1].mkv"),
        *("sub/a.mov", "sub/deep/c.webm", ".cache/d.mp4"),
    )
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "in"


def pairs(folder: Path, jobs: object, out: Path) -> list[tuple[str, str]]:
    return [
        (job.target.relative_to(folder).as_posix(), job.output.relative_to(out).as_posix())
        for job in jobs.todo  # type: ignore[attr-defined]
    ]


def test_a_folder_means_what_lies_in_it(folder: Path, tmp_path: Path) -> None:
    jobs = plan_jobs([folder], tmp_path / "out")
    assert pairs(folder, jobs, tmp_path / "out") == [
        ("a.MOV", "a.MOV"),
        ("b.mp4", "b.mp4"),
        ("old.avi", "old.mkv"),
        ("photo.jpg", "photo.jpg"),
        ("x[1].mkv", "x[1].mkv"),
    ]
    assert not (tmp_path / "out").exists(), "planning makes nothing"


def test_recursive_keeps_the_folders(folder: Path, tmp_path: Path) -> None:
    jobs = plan_jobs([folder], tmp_path / "out", recursive=True)
    below = [pair for pair in pairs(folder, jobs, tmp_path / "out") if "/" in pair[0]]
    assert below == [("sub/a.mov", "sub/a.mov"), ("sub/deep/c.webm", "sub/deep/c.webm")]


def test_an_output_folder_below_the_target_is_not_a_target(folder: Path) -> None:
    out = folder / "sub"
    jobs = plan_jobs([folder], out, recursive=True, overwrite=True)
    assert all("sub" not in job.target.relative_to(folder).parts for job in jobs.todo)


def test_patterns_and_names(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    jobs = plan_jobs([f"{folder}/*.m*", folder / "notes.txt", folder / "b.mp4"], out)
    assert [name for name, _ in pairs(folder, jobs, out)] == ["b.mp4", "x[1].mkv", "notes.txt"]
    jobs = plan_jobs([f"{folder}/x[1].mkv"], out)
    assert [name for name, _ in pairs(folder, jobs, out)] == ["x[1].mkv"], (
        "a file may be named like a pattern"
    )
    jobs = plan_jobs([f"{folder}/**/*.webm"], out)
    assert [name for name, _ in pairs(folder, jobs, out)] == ["sub/deep/c.webm"]


def test_a_picture_of_another_ending_becomes_png(tmp_path: Path) -> None:
    data = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1]
    (tmp_path / "photo.jfif").write_bytes(data.tobytes())
    jobs = plan_jobs([tmp_path / "photo.jfif"], tmp_path / "out")
    assert jobs.todo[0].output.name == "photo.png"


def test_existing_outputs(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.mp4").write_bytes(b"mine")
    with pytest.raises(OptionError, match=r"exist already: .*out/b\.mp4") as caught:
        plan_jobs([folder], out)
    assert "--skip-existing" in (caught.value.hint or "")
    jobs = plan_jobs([folder], out, skip_existing=True)
    assert [job.output.name for job in jobs.skipped] == ["b.mp4"]
    assert len(jobs.todo) == 4
    assert len(plan_jobs([folder], out, overwrite=True).todo) == 5


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("same name", "both become"),
        ("same sidecar", "both become"),
        ("empty folder", "no video or picture in"),
        ("no match", "matches"),
        ("into itself", "another output too"),
        ("over a source", "another output too"),
        ("output is a file", "is a file"),
        ("output named like a file", "named like a file"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(
    folder: Path, tmp_path: Path, problem: str, message: str
) -> None:
    out, targets, inputs = tmp_path / "out", [folder / "b.mp4", folder / "a.MOV"], [tmp_path / "me.png"]
    if problem == "same name":
        (folder / "old.mkv").write_bytes(b"x")
        targets = [folder / "old.avi", folder / "old.mkv"]
    elif problem == "same sidecar":
        (folder / "x[1].webm").write_bytes(b"x")
        targets = [folder / "x[1].mkv", folder / "x[1].webm"]
    elif problem == "empty folder":
        (tmp_path / "empty").mkdir()
        targets = [tmp_path / "empty"]
    elif problem == "no match":
        targets = [folder / "*.wmv"]
    elif problem == "into itself":
        out = folder
    elif problem == "over a source":
        inputs = [out / "b.mp4"]
    elif problem == "output is a file":
        out.write_bytes(b"x")
    elif problem == "output named like a file":
        out = tmp_path / "out.mp4"
    with pytest.raises(OptionError, match=message):
        plan_jobs(targets, out, inputs=inputs, overwrite=True)


def test_when_there_are_many(folder: Path, tmp_path: Path) -> None:
    one = folder / "b.mp4"
    assert not are_many([one], tmp_path / "out.mp4")
    assert not are_many([folder / "x[1].mkv"], tmp_path / "out.mkv")
    assert are_many([one, one], tmp_path / "out")
    assert are_many([folder], tmp_path / "out")
    assert are_many([folder / "*.mp4"], tmp_path / "out")
    assert are_many([one], tmp_path)
    assert are_many([one], f"{tmp_path}/new/")
