"""`trtswap report` and `trtswap compare` from call to exit code, and what `process` says of quality."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import networks, painted

from trtswap.cli.app import main
from trtswap.errors import QualityError
from trtswap.types import SwapReport

QUALITY = {
    "tpsnr.mean": 24.5, "tpsnr.min": 18.25, "jitter.share": 0.021, "frames.measured": 20, "frames.count": 240,
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/, and clips of the same person in motion and, with other noise, again."""
    folder = tmp_path_factory.mktemp("shown")
    (folder / "models").mkdir()
    networks.write_models(folder / "models", faces=1)
    faces = [[face] for face in painted.swaying(120, (640, 360))[:12]]
    painted.write_clip(folder / "clip.mp4", faces, (640, 360))
    painted.write_clip(folder / "coarse.mp4", faces, (640, 360), options={"crf": "38"})
    return folder


def call(world: Path, *argv: str) -> int:
    """main with the paths of the world, the CPU and its models."""
    paths = [str(world / word) if word.endswith((".mp4", ".png")) else word for word in argv]
    return main([*paths, "--models", str(world / "models"), "--provider", "cpu"])


def test_report_shows_figures_and_verdicts(world: Path, tmp_path: Path, capsys: Any) -> None:
    page = tmp_path / "r.html"
    code = call(world, "report", "coarse.mp4", "--source-video", "clip.mp4", "--report", str(page))
    assert code == 0
    out, err = capsys.readouterr()
    assert "tpsnr_mc_delta" in out
    assert "jitter.share<5%" in out
    assert "holds" in out
    assert "measuring" in err
    assert page.read_text().startswith("<!doctype html>")


def test_report_is_one_json_line_with_everything(world: Path, capsys: Any) -> None:
    assert call(world, "report", "clip.mp4", "--json", "--quiet") == 0
    (line,) = capsys.readouterr().out.splitlines()
    event = json.loads(line)
    assert event["event"] == "report"
    assert (event["video"], event["original"]) == ("clip.mp4", None)
    assert event["figures"]["frames.measured"] == 12
    assert event["series"]["tpsnr"]


def test_a_missed_threshold_ends_with_5_and_the_reason(world: Path, tmp_path: Path, capsys: Any) -> None:
    data = tmp_path / "r.json"
    asked = ["--require", "tpsnr.mean>59", "--require", "tpsnr.mean>1"]
    assert call(world, "report", "clip.mp4", *asked, "--report", str(data)) == 5
    err = capsys.readouterr().err
    assert "error: tpsnr.mean is" in err
    assert "should be > 59" in err
    assert [row["holds"] for row in json.loads(data.read_text())["thresholds"]] == [False, True]


def test_compare_tells_which_is_better(world: Path, tmp_path: Path, capsys: Any) -> None:
    data = tmp_path / "c.json"
    code = call(
        world, "compare", "clip.mp4", "coarse.mp4", "--original", "clip.mp4", "--report", str(data), "--quiet"
    )
    assert code == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "tpsnr_mc" in out
    rows = {row["metric"]: row for row in json.loads(data.read_text())["differences"]}
    assert rows["change"]["first"] == 0
    assert rows["change"]["second"] > 0.5
    assert rows["sharpness"]["difference"] < 0


def test_compare_gates_both(world: Path, capsys: Any) -> None:
    code = call(
        world,
        "compare",
        "clip.mp4",
        "coarse.mp4",
        "--original",
        "clip.mp4",
        "--require",
        "change.max<0.1",
        "-q",
    )
    assert code == 5
    assert "error: coarse.mp4: change.max is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["report"], 2, "RESULT"),
        (["compare", "a.mp4", "b.mp4"], 2, "--original"),
        (["report", "clip.mp4", "--report", "r.txt"], 2, ".json or .html"),
        (["report", "clip.mp4", "--require", "tpsnr>1"], 2, "--require"),
        (["report", "missing.mp4"], 3, "missing.mp4"),
        (["report", "clip.mp4", "--monitor", "off"], 2, "--monitor"),
        (["report", "clip.mp4", "--select", "reference"], 2, "--select"),
    ],
)
def test_problems_are_told(world: Path, capsys: Any, argv: list[str], code: int, words: str) -> None:
    assert call(world, *argv) == code
    assert words in capsys.readouterr().err


def test_process_sums_up_quality(pipeline: Any, capsys: Any) -> None:
    pipeline.report = replace(pipeline.report, quality=QUALITY)
    assert main(["process", "-s", "a.jpg", "-t", "b.mp4", "-o", "c.mp4", "-q"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line == "quality: steadiness 24.5 dB, lowest 18.25 dB, jitter 2.1%, 20 of 240 frames measured"


def test_process_tells_the_result_before_a_missed_threshold(pipeline: Any, capsys: Any) -> None:
    report: SwapReport = replace(pipeline.report, quality=QUALITY)

    def miss(_: Any) -> None:
        raise QualityError("tpsnr.min is 18.25, and should be > 20", report=report, hint="look at it")

    pipeline.act = miss
    assert main(["process", "-s", "a.jpg", "-t", "b.mp4", "-o", "c.mp4", "--json", "-q"]) == 5
    done, error = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (done["event"], done["exit_code"], done["frames"]) == ("done", 5, 240)
    assert done["quality"] == QUALITY
    assert (error["event"], error["exit_code"], error["error"]) == ("error", 5, "QualityError")
    assert error["hint"] == "look at it"
