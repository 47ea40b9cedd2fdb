"""Every option of `process` reaches swap_video with the right value; every wrong one is named."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest

from trtswap.cli.app import main
from trtswap.cli.arguments import build_parser, parse
from trtswap.cli.settings import many_options, swap_options
from trtswap.options import EncodeOptions, ManyOptions, SwapOptions, TimePoint

FILES = ["process", "-s", "me.jpg", "-t", "clip.mp4", "-o", "out.mp4"]

OPTIONS: list[tuple[list[str], str, Any]] = [
    (["--swapper", "inswapper_128"], "swapper", "inswapper_128"),
    (["--recogniser", "arcface_w600k_r50"], "recogniser", "arcface_w600k_r50"),
    (["--detector", "yunet"], "detect.network", "yunet"),
    (["--detector-score", "0.75"], "detect.score", 0.75),
    (["--detector-overlap", "0.25"], "detect.overlap", 0.25),
    (["--landmarker", "none"], "landmarks.network", "none"),
    (["--landmarker-score", "0.7"], "landmarks.score", 0.7),
    (["--select", "all"], "select.mode", "all"),
    (["--reference-distance", "0.5"], "select.distance", 0.5),
    (["--order", "left-right"], "select.order", "left-right"),
    (["--position", "2"], "select.position", 2),
    (["--gender", "auto"], "select.gender", "auto"),
    (["--race", "asian"], "select.race", "asian"),
    (["--age", "18-60"], "select.age", (18, 60)),
    (["--enhancer", "gfpgan_1.4"], "enhance.network", "gfpgan_1.4"),
    (["--enhancer-blend", "1"], "enhance.blend", 1.0),
    (["--enhancer-weight", "0.2"], "enhance.weight", 0.2),
    (["--smooth", "one-euro"], "smooth.method", "one-euro"),
    (["--smooth-lag", "0.5"], "smooth.lag_s", 0.5),
    (["--smooth-window", "9"], "smooth.window", 9),
    (["--smooth-alpha", "1"], "smooth.alpha", 1.0),
    (["--bridge", "0"], "smooth.gap_s", 0.0),
    (["--mask", "box"], "mask.kinds", ("box",)),
    (["--mask", "occlusion, box"], "mask.kinds", ("occlusion", "box")),
    (["--mask-areas", "mouth,lower-face"], "mask.areas", ("mouth", "lower-face")),
    (["--mask-regions", "skin, nose"], "mask.regions", ("skin", "nose")),
    (["--occluder", "xseg_1"], "mask.occluder", "xseg_1"),
    (["--parser", "bisenet_resnet_18"], "mask.parser", "bisenet_resnet_18"),
    (["--boost", "512"], "boost", 512),
    (["--swap-weight", "0.75"], "weight", 0.75),
    (["--detector-size", "320"], "detect.size", 320),
    (["--detector-angles", "0,90, 270"], "detect.angles", (0, 90, 270)),
    (["--detector-margin", "50"], "detect.margin", (50, 50, 50, 50)),
    (["--detector-margin", "10", "0"], "detect.margin", (10, 0, 10, 0)),
    (["--second-look", "never"], "detect.second_look", "never"),
    (["--mask-blur", "0"], "mask.blur", 0.0),
    (["--mask-padding", "10"], "mask.padding", (10, 10, 10, 10)),
    (["--mask-padding", "10", "5.5"], "mask.padding", (10, 5.5, 10, 5.5)),
    (["--mask-padding", "1", "2", "3"], "mask.padding", (1, 2, 3, 2)),
    (["--mask-padding", "1", "2", "3", "4"], "mask.padding", (1, 2, 3, 4)),
    (["--mask", "box,ellipse,hull"], "mask.kinds", ("box", "ellipse", "hull")),
    (["--feather", "0.3"], "mask.feather", 0.3),
    (["--blend", "alpha"], "blend.method", "alpha"),
    (["--blend-levels", "8"], "blend.levels", 8),
    (["--colour-transfer", "reinhard"], "blend.colour", "reinhard"),
    (["--colour-strength", "0.5"], "blend.strength", 0.5),
    (["--codec", "hevc"], "encode.codec", "hevc"),
    (["--quality", "0"], "encode.quality", 0),
    (["--quality", "51"], "encode.quality", 51),
    (["--preset", "slow"], "encode.preset", "slow"),
    (["--encoder-threads", "3"], "encode.threads", 3),
    (["--trim-start", "1:30.5"], "trim.start", TimePoint(seconds=90.5)),
    (["--trim-end", "120f"], "trim.end", TimePoint(frame=120)),
    (["--monitor", "full"], "monitor.mode", "full"),
    (["--no-provenance", "a test"], "provenance.unsigned_reason", "a test"),
    (["--timestamp-authority", "http://a"], "provenance.timestamp_url", "http://a"),
    (["--signing-key", "key.pem"], "provenance.signing_key", "key.pem"),
    (["--signing-cert", "chain.pem"], "provenance.signing_cert", "chain.pem"),
    (["--consent", "note.txt"], "provenance.consent", "note.txt"),
    (["--signing-command", "sign --fast"], "provenance.signing_command", "sign --fast"),
    (["--disclose", "AI-altered"], "disclose.text", "AI-altered"),
    (["--disclose-font", "a.ttf"], "disclose.font", "a.ttf"),
    (["--disclose-position", "top"], "disclose.place", "top"),
    (["--disclose-size", "6"], "disclose.size", 6.0),
    (["--monitor-stride", "30"], "monitor.stride", 30),
    (
        ["--require", "tpsnr.min>16", "--require", "jitter.share<5%"],
        "monitor.require",
        ("tpsnr.min>16", "jitter.share<5%"),
    ),
    (["-m", "a"], "models", ("a",)),
    (["--models", "a", "-m", "b"], "models", ("a", "b")),
    (["--device", "cpu"], "device", "cpu"),
    (["--device", "cuda:1"], "device", "cuda:1"),
    (["--provider", "cpu"], "provider", "cpu"),
    (["--licence", "permissive"], "licence", "permissive"),
    (["--frames", "gpu"], "frames", "gpu"),
    (["--decoder", "software"], "decoder", "software"),
    (["--encoder", "nvenc"], "encode.encoder", "nvenc"),
    (["--batch", "64"], "batch", 64),
    (["--batch-wait", "0.25"], "batch_wait_s", 0.25),
    (["--queue", "16"], "queue", 16),
    (["--memory", "strict"], "memory", "strict"),
    (["--memory-limit", "6GB"], "memory_limit", 6 * 10**9),
    (["--memory-limit", "512 MiB"], "memory_limit", 512 * 2**20),
    (["--memory-limit", "1.5gb"], "memory_limit", 15 * 10**8),
    (["--segment", "0"], "resume.segment_s", 0.0),
    (["--resume"], "resume.left_over", "resume"),
    (["--restart"], "resume.left_over", "restart"),
    (["-y"], "overwrite", True),
    (["--overwrite"], "overwrite", True),
]
NOT_SETTINGS = {
    *(
        "--recursive",
        "--skip-existing",
        "--help",
        "--source",
        "--target",
        "--output",
        "--reference",
        "--json",
        "--trace",
        "--quiet",
        "--verbose",
    ),
    *("--map", "--tracks", "--dump-tracks", "--debug-overlay", "--report"),
}

WRONG: list[tuple[list[str], str]] = [
    (["--detector-score", "1.1"], "--detector-score"),
    (["--detector-score", "nan"], "--detector-score"),
    (["--detector-overlap", "-0.1"], "--detector-overlap"),
    (["--select", "smallest"], "--select"),
    (["--reference-distance", "2"], "--reference-distance"),
    (["--order", "random"], "--order"),
    (["--position", "-1"], "--position"),
    (["--gender", "x"], "--gender"),
    (["--race", "x"], "--race"),
    (["--age", "60-18"], "--age"),
    (["--age", "old"], "--age"),
    (["--map", "her.jpg"], "--map"),
    (["--map", "=me.jpg"], "--map"),
    (["--enhancer-blend", "80"], "--enhancer-blend"),
    (["--enhancer-weight", "2"], "--enhancer-weight"),
    (["--segment", "0.1"], "--segment"),
    (["--resume", "--restart"], "--restart"),
    (["--smooth", "kalman"], "--smooth"),
    (["--smooth-lag", "0"], "--smooth-lag"),
    (["--smooth-window", "0"], "--smooth-window"),
    (["--smooth-alpha", "0"], "--smooth-alpha"),
    (["--bridge", "-1"], "--bridge"),
    (["--landmarker-score", "-1"], "--landmarker-score"),
    (["--mask", "hair"], "--mask"),
    (["--mask", ""], "--mask"),
    (["--mask-areas", "hat"], "--mask-areas"),
    (["--mask-regions", "hat"], "--mask-regions"),
    (["--boost", "-1"], "--boost"),
    (["--boost", "big"], "--boost"),
    (["--swap-weight", "1.5"], "--swap-weight"),
    (["--detector-size", "-1"], "--detector-size"),
    (["--detector-angles", "45"], "--detector-angles"),
    (["--detector-angles", "half"], "--detector-angles"),
    (["--detector-margin", "101"], "--detector-margin"),
    (["--detector-margin", "1", "2", "3", "4", "5"], "--detector-margin"),
    (["--mask-blur", "soft"], "--mask-blur"),
    (["--mask-padding", "100"], "--mask-padding"),
    (["--mask-padding", "60", "0"], "--mask-padding"),
    (["--mask-padding", "1", "2", "3", "4", "5"], "--mask-padding"),
    (["--mask-padding", "-5"], "--mask-padding"),
    (["--mask-padding"], "--mask-padding"),
    (["--feather", "0.6"], "--feather"),
    (["--blend", "paste"], "--blend"),
    (["--blend-levels", "0"], "--blend-levels"),
    (["--blend-levels", "9"], "--blend-levels"),
    (["--colour-transfer", "histogram"], "--colour-transfer"),
    (["--colour-strength", "1.1"], "--colour-strength"),
    (["--codec", "mpeg2"], "--codec"),
    (["--disclose", " "], "--disclose"),
    (["--disclose-position", "middle"], "--disclose-position"),
    (["--disclose-size", "1"], "--disclose-size"),
    (["--signing-key", "a", "--signing-command", "b"], "--signing-command"),
    (["--timestamp-authority", "stamp.example"], "--timestamp-authority"),
    (["--no-provenance", ""], "--no-provenance"),
    (["--quality", "52"], "--quality"),
    (["--quality", "1.5"], "--quality"),
    (["--encoder-threads", "-1"], "--encoder-threads"),
    (["--trim-start", "soon"], "--trim-start"),
    (["--trim-end", "1:75"], "--trim-end"),
    (["--trim-start", "5", "--trim-end", "4"], "--trim-end"),
    (["--trim-start", "5f", "--trim-end", "5f"], "--trim-start"),
    (["--device", "gpu"], "--device"),
    (["--device", "cuda:x"], "--device"),
    (["--provider", "rocm"], "--provider"),
    (["--monitor", "always"], "--monitor"),
    (["--monitor-stride", "1"], "--monitor-stride"),
    (["--require", "tpsnr.min"], "--require"),
    (["--require", "tpsnr.most>3"], "--require"),
    (["--require", "shake.mean<5%"], "--require"),
    (["--batch", "0"], "--batch"),
    (["--batch", "65"], "--batch"),
    (["--batch-wait", "-1"], "--batch-wait"),
    (["--batch-wait", "61"], "--batch-wait"),
    (["--queue", "0"], "--queue"),
    (["--queue", "17"], "--queue"),
    (["--quiet", "--verbose"], "--verbose"),
    (["--detector-sc", "0.5"], "--detector-sc"),
    (["--no-such-option"], "--no-such-option"),
]  # fmt: skip


def options(*extra: str) -> SwapOptions:
    return swap_options(parse([*FILES, *extra]))


def value_at(settings: Any, path: str) -> Any:
    for name in path.split("."):
        settings = getattr(settings, name)
    return settings


def leaves(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, TimePoint):
            yield from leaves(value, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, value


def process_parser() -> argparse.ArgumentParser:
    actions = build_parser()._actions
    commands = next(action for action in actions if isinstance(action, argparse._SubParsersAction))
    parser: argparse.ArgumentParser = commands.choices["process"]
    return parser


def test_without_options_the_defaults_are_those_of_the_api() -> None:
    assert options() == SwapOptions()


@pytest.mark.parametrize(("extra", "path", "expected"), OPTIONS, ids=lambda value: str(value))
def test_option_reaches_its_setting_and_no_other(extra: list[str], path: str, expected: Any) -> None:
    settings, defaults = options(*extra), dict(leaves(SwapOptions()))
    assert value_at(settings, path) == expected
    assert expected != defaults[path], "a case that the default would pass proves nothing"
    assert {name for name, value in leaves(settings) if value != defaults[name]} == {path}


def test_every_setting_has_an_option_and_every_option_a_case() -> None:
    assert {path for path, _ in leaves(SwapOptions())} == {path for _, path, _ in OPTIONS}
    known = {
        text for action in process_parser()._actions for text in action.option_strings if text[:2] == "--"
    }
    tried = {text for extra, _, _ in OPTIONS for text in extra}
    short = {"--models", "--overwrite"}
    assert known - NOT_SETTINGS - short == {text for text in tried if text[:2] == "--"} - short


@pytest.mark.parametrize(
    ("option", "settings", "name"),
    [
        ("--codec", EncodeOptions, "codec"),
        ("--provider", SwapOptions, "provider"),
    ],
)
def test_choices_are_those_of_the_api(option: str, settings: type, name: str) -> None:
    for word in get_args(get_type_hints(settings)[name]):
        assert word in dict(leaves(options(option, word))).values()


def test_reference_selection() -> None:
    arguments = parse([*FILES, "--select", "reference", "--reference", "her.png"])
    assert swap_options(arguments).select.mode == "reference"
    assert arguments.reference == "her.png"


def test_several_people_reach_swap_video(pipeline: Any) -> None:
    people = ["--map", "a.jpg=1.jpg", "--map", "b.jpg=2.jpg", "--map", "a.jpg=3=x.jpg"]
    assert main(["process", *people, "-t", "clip.mp4", "-o", "out.mp4"]) == 0
    assert pipeline.arguments == ([], "clip.mp4", "out.mp4")
    assert pipeline.keywords["cast"] == [(["a.jpg"], ["1.jpg", "3=x.jpg"]), (["b.jpg"], ["2.jpg"])]


def test_settings_of_several_targets() -> None:
    assert many_options(parse(FILES)) == ManyOptions()
    arguments = parse([*FILES, "-t", "b.mp4", "c.mp4", "--recursive", "--skip-existing"])
    assert many_options(arguments) == ManyOptions(recursive=True, skip_existing=True)
    assert arguments.target == ["clip.mp4", "b.mp4", "c.mp4"]


def test_files_reach_swap_video(pipeline: Any) -> None:
    sources = ["--source", "a.jpg", "b.jpg", "-s", "c.jpg"]
    chosen = ["--select", "reference", "--reference", "her.png", "--batch", "7", "--tracks", "in.jsonl"]
    chosen += ["--dump-tracks", "out.jsonl", "--debug-overlay", "seen.mp4"]
    chosen += ["--report", "out.html", "--report", "out.json"]
    assert main(["process", *sources, "-t", "clip.mp4", "-o", "out.mp4", *chosen]) == 0
    assert pipeline.arguments == (["a.jpg", "b.jpg", "c.jpg"], "clip.mp4", "out.mp4")
    assert pipeline.keywords["reference"] == "her.png"
    assert pipeline.keywords["cast"] == []
    assert pipeline.keywords["tracks"] == "in.jsonl"
    assert pipeline.keywords["dump_tracks"] == "out.jsonl"
    assert pipeline.keywords["debug_overlay"] == "seen.mp4"
    assert pipeline.keywords["reports"] == ["out.html", "out.json"]
    assert pipeline.keywords["options"].batch == 7


@pytest.mark.parametrize(("extra", "named"), WRONG, ids=lambda value: str(value))
def test_wrong_value_ends_with_2_and_names_the_option(
    extra: list[str], named: str, pipeline: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FILES, *extra]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert named in err.splitlines()[0]
    assert "hint: " in err
    assert pipeline.arguments == (), "nothing runs after a wrong option"


@pytest.mark.parametrize("missing", ["-s", "-t", "-o"])
def test_required_files(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    at = FILES.index(missing)
    assert main(FILES[:at] + FILES[at + 2 :]) == 2
    assert f"{missing}/" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["swap"]])
def test_command_is_required(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert "COMMAND" in capsys.readouterr().err
