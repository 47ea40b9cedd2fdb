"""Licences: which networks may run is settled before anything starts, and what ran is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.signed import swap

from trtswap import pipeline
from trtswap.cli.app import main
from trtswap.errors import OptionError
from trtswap.inference.spec import load_specs
from trtswap.networks import loader
from trtswap.options import EnhanceOptions, SwapOptions

SPECS = load_specs()


def refusal(world: Path, output: Path, **options: object) -> OptionError:
    with pytest.raises(OptionError) as caught:
        swap(world, world / "clip.mp4", output, settings={"licence": "permissive", **options})
    return caught.value


def test_the_networks_and_what_to_use_instead_are_named_before_any_session(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("a session was opened")

    monkeypatch.setattr(loader, "open_session", started)
    error = refusal(world, tmp_path / "out.mp4", recogniser="demo_recogniser")
    assert "swapper" in error.message
    assert f"inswapper_128: {SPECS['inswapper_128'].licence.label}" in error.message
    assert "nearest that may run is ghost_1_256" in (error.hint or "")
    assert "--swapper ghost_1_256" in (error.hint or "")
    assert list(tmp_path.iterdir()) == []


def test_where_only_a_built_in_network_may_run_that_is_said(world: Path, tmp_path: Path) -> None:
    error = refusal(world, tmp_path / "out.mp4", swapper="ghost_1_256", recogniser="arcface_w600k_r50")
    assert "arcface_w600k_r50" in error.message
    assert "demo_recogniser" in (error.hint or "")
    assert "rendered people only" in (error.hint or "")


@pytest.mark.parametrize("name", ["gpen_bfr_512", "codeformer"])
def test_the_nearest_is_rather_of_the_same_kind(world: Path, tmp_path: Path, name: str) -> None:
    allowed = {one for one, spec in SPECS.items() if spec.role == "enhancer" and spec.licence.commercial_use}
    error = refusal(
        world, tmp_path / "out.mp4", swapper="demo_swapper", recogniser="demo_recogniser",
        enhance=EnhanceOptions(network=name),
    )  # fmt: skip
    assert name in error.message
    assert any(f"--enhancer {one}" in (error.hint or "") for one in allowed)


def test_on_the_command_line_it_is_wrong_usage(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "out.mp4")
    command = ["process", "-s", str(world / "me.png"), "-t", str(world / "clip.mp4"), "-o", output]
    models = ["--models", str(world / "models"), "--swapper", "inswapper_128", "--device", "cpu"]
    more = ["--recogniser", "demo_recogniser", "--licence", "permissive"]
    assert main([*command, *models, *more]) == 2
    told = capsys.readouterr().err
    assert "inswapper_128" in told
    assert "ghost_1_256" in told
    assert list(tmp_path.iterdir()) == []


def test_licences_are_in_the_reports(world: Path, tmp_path: Path) -> None:
    options = SwapOptions(models=(str(world / "models"),), swapper="inswapper_128", device="cpu")
    report = pipeline.swap_video(
        [world / "me.png"],
        world / "clip.mp4",
        tmp_path / "out.mp4",
        options=options,
        reports=[tmp_path / "r.json", tmp_path / "r.html"],
    )
    assert report.licences["inswapper_128"] == SPECS["inswapper_128"].licence.label
    assert set(report.licences) >= {"inswapper_128", "arcface_w600k_r50"}
    assert len(report.licences) == len(report.networks)
    assert json.loads((tmp_path / "r.json").read_text())["licences"] == report.licences
    page = (tmp_path / "r.html").read_text()
    assert '"licences":{' in page
    assert "first.licences" in page
