"""Reports as files: complete, valid, self-contained, small."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support import faults

from trtswap.errors import OptionError
from trtswap.options import MonitorOptions
from trtswap.quality import report
from trtswap.quality.compare import compare
from trtswap.quality.figures import METRICS, Quality
from trtswap.quality.monitor import Monitor
from trtswap.quality.tally import Tally
from trtswap.quality.trace import Shot

SUBJECT = {"video": "out </script><b>.mp4", "original": "clip.mp4"}


@pytest.fixture(scope="module")
def quality() -> Quality:
    one = faults.scene("talking", 3, 30, (400, 300))
    made = faults.dropped(one, [12])
    with Monitor(MonitorOptions("full")) as monitor:
        for index, picture in enumerate(made):
            result = faults.surface_of(picture)
            monitor.observe(one.frame(index), one.faces[index], cut=index == 0, result=result)
    return monitor.quality(["a note"])


def written(path: Path, quality: Quality) -> str:
    report.write_report(path, quality, report.default_verdicts(quality), SUBJECT)
    return path.read_text(encoding="utf-8")


def content_of(page: str) -> Any:
    match = re.search(r"^const REPORT = (.*);$", page, re.M)
    assert match is not None
    return json.loads(match[1])


def test_the_json_has_everything(quality: Quality, tmp_path: Path) -> None:
    data = json.loads(written(tmp_path / "a.json", quality))
    assert data["trtswap_report"] == report.VERSION
    assert (data["video"], data["original"]) == (SUBJECT["video"], SUBJECT["original"])
    assert data["notes"] == ["a note"]
    assert data["about"] == {"mode": "full", "stride": 1, "square_px": 128}
    assert data["figures"].keys() == quality.figures.keys()
    for name, value in quality.figures.items():
        assert data["figures"][name] == (None if value is None else pytest.approx(value, rel=1e-4, abs=1e-9))
    assert data["series"].keys() == quality.series.keys() == data["metrics"].keys()
    assert data["metrics"]["shake"] == vars(METRICS["shake"])
    assert [row["figure"] for row in data["thresholds"]] == [
        *("tpsnr.mean", "tpsnr.std", "tpsnr.min", "jitter.share"),
    ]
    assert all(isinstance(row["holds"], bool) for row in data["thresholds"])
    assert {moment["kind"] for moment in data["moments"]} >= {"unswapped"}
    assert "source" not in data["moments"][0]


def test_the_page_needs_nothing_else(quality: Quality, tmp_path: Path) -> None:
    page = written(tmp_path / "a.html", quality)
    links = set(re.findall(r"https?://[^\"' <]+", page))
    assert links == {"http://www.w3.org/2000/svg"}, "the name of SVG, which nobody fetches"
    assert not re.search(r"<(link|script|img|iframe)[^>]+(src|href)=", page)
    assert "@import" not in page
    assert page.count("</script>") == 1, "no data ends the script"
    data = content_of(page)
    assert data["comparison"] is None
    (run,) = data["runs"]
    assert run["video"] == SUBJECT["video"]


def test_the_pictures_are_those_of_the_moment(quality: Quality, tmp_path: Path) -> None:
    (run,) = content_of(written(tmp_path / "a.html", quality))["runs"]
    moment = next(moment for moment in run["moments"] if moment["kind"] == "unswapped")
    assert moment["frame"] == 12
    pictures = {
        name: cv2.imdecode(
            np.frombuffer(base64.b64decode(moment[name].split(",")[1]), np.uint8), cv2.IMREAD_COLOR
        )
        for name in ("source", "result", "difference")
    }
    assert {picture.shape for picture in pictures.values()} == {(128, 128, 3)}
    assert np.array_equal(pictures["source"], pictures["result"])  # it was not swapped
    assert pictures["difference"].max() == 0


def test_an_hour_stays_below_two_megabytes(tmp_path: Path) -> None:
    """25 frames a second, every metric in every frame, the noisiest pictures as moments, a cut every four seconds."""
    rng = np.random.default_rng()
    tally = Tally()
    shot = Shot(rng.uniform(0, 255, (128, 128, 3)).astype(np.float32), rng.uniform(0, 255, (128, 128, 3)))
    flags = {"jitter": 1.0, "unswapped": 1.0, "frozen": 1.0}
    for index in range(90_000):
        values = dict(zip(METRICS, rng.normal(20, 5, len(METRICS)), strict=True))
        tally.add(index / 25, values)
        if index % 1000 == 0:
            tally.watch(index, index / 25, {**values, **flags}, shot)
        if index % 100 == 0:
            tally.cut(index / 25)
    hour = tally.quality({})
    assert len(hour.moments) == 18
    page = written(tmp_path / "hour.html", hour)
    assert len(page.encode()) < 2_000_000
    assert len(content_of(page)["runs"][0]["series"]["tpsnr"]) >= 360


def test_a_comparison_holds_both(quality: Quality, tmp_path: Path) -> None:
    runs = [(quality, report.default_verdicts(quality), {"video": name, "original": "o"}) for name in "ab"]
    rows = compare(quality, quality)
    report.write_comparison(tmp_path / "c.html", runs, rows)
    data = content_of((tmp_path / "c.html").read_text())
    assert [run["video"] for run in data["runs"]] == ["a", "b"]
    assert [row["metric"] for row in data["comparison"]] == [row.metric for row in rows]
    report.write_comparison(tmp_path / "c.json", runs, rows)
    data = json.loads((tmp_path / "c.json").read_text())
    assert data["trtswap_comparison"] == report.VERSION
    assert data["second"]["video"] == "b"
    assert data["differences"][0]["p"] == 1


def test_what_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    there = tmp_path / "there.json"
    there.write_text("mine")
    for path, words in (
        (tmp_path / "a.txt", r"\.json or \.html"),
        (there, "exists"),
        (tmp_path / "no" / "a.json", "folder"),
    ):
        with pytest.raises(OptionError, match=words):
            report.check_reports([path], overwrite=False)
    report.check_reports([there, tmp_path / "A.HTML"], overwrite=True)
    assert there.read_text() == "mine"


def test_a_full_disk_leaves_the_old_report(quality: Quality, tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OptionError, match="No space left"):
        written(path, quality)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
