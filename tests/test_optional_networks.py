"""Landmarker and occluder through the whole pipeline: there, not there, asked for by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import face_networks, networks, painted, pictures, stand_ins
from support.recording import record_frames

from trtswap import pipeline, video
from trtswap.errors import NetworkNotFoundError, OptionError
from trtswap.networks.detector import YuNet
from trtswap.networks.loader import NetworkSet
from trtswap.networks.second_look import LookingTwice
from trtswap.options import (
    BlendOptions,
    DetectOptions,
    LandmarkOptions,
    MaskOptions,
    SmoothOptions,
    SwapOptions,
)

SIZE = (640, 360)
FACES = [pictures.face_placement((300 + 4 * step, 190), 240, 3 * step) for step in range(6)]
BAR = (200, 78, 440, 128)
"""Over the forehead, above the eyes."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/ with what a swap needs, more/ with a landmarker and an occluder, me.png, clip.mp4, covered.mp4."""
    folder = tmp_path_factory.mktemp("world")
    networks.write_models(folder / "models")
    (folder / "more").mkdir()
    face_networks.analytic_fan(folder / "more" / "2dfan4.onnx")
    face_networks.analytic_xseg(folder / "more" / "xseg_1.onnx")
    painted.write_portrait(folder / "me.png")
    painted.write_clip(folder / "clip.mp4", [[face] for face in FACES], SIZE)
    painted.write_clip(
        folder / "covered.mp4", [[face] for face in FACES], SIZE, cover=(BAR, face_networks.OCCLUDER_COLOUR)
    )
    return folder


def options(world: Path, *folders: str, **changes: Any) -> SwapOptions:
    models = tuple(str(world / folder) for folder in ("models", *folders))
    plainly = BlendOptions(method="alpha", colour="off")
    return SwapOptions(models=models, swapper="inswapper_128", provider="cpu", blend=plainly, **changes)


def test_points_of_the_landmarker_are_tracked(world: Path, tmp_path: Path) -> None:
    settings = options(world, "more", smooth=SmoothOptions(method="off"))
    report = pipeline.swap_video(
        [world / "me.png"],
        world / "clip.mp4",
        tmp_path / "out.mp4",
        dump_tracks=tmp_path / "tracks.jsonl",
        options=settings,
    )
    assert report.networks["landmarker"].endswith("2dfan4.onnx")
    assert report.networks["occluder"].endswith("xseg_1.onnx")
    assert report.notes == ()
    _, *lines = map(json.loads, (tmp_path / "tracks.jsonl").read_text().splitlines())
    assert len(lines) == len(FACES)
    for line, placement in zip(lines, FACES, strict=True):
        truth = pictures.face_landmarks(placement)
        (face,) = line["faces"]
        np.testing.assert_allclose(face["landmarks"], truth, atol=1.0)
        np.testing.assert_allclose(face["landmarks_68"], face_networks.dense_points(truth), atol=2.5)


def test_what_covers_the_face_keeps_every_bit(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x1, y1, x2, y2 = BAR
    core = (slice(y1 + 12, y2 - 12), slice(x1 + 20, x2 - 20))
    with video.open_video(world / "covered.mp4") as reader:
        originals = [frame.surface.copy() for frame in reader]
    for kinds, kept in ((("box", "occlusion"), True), (("box",), False)):
        recorded = record_frames(monkeypatch)
        settings = options(world, "more", mask=MaskOptions(kinds=kinds))
        out = tmp_path / f"{kept}.mp4"
        report = pipeline.swap_video([world / "me.png"], world / "covered.mp4", out, options=settings)
        assert report.faces_swapped == len(FACES)
        for before, frame in zip(originals, recorded, strict=True):
            after = frame.surface
            assert np.array_equal(before.planes[0][core], after.planes[0][core]) is kept
            cheeks = (slice(200, 220), slice(270, 340))
            assert np.abs(before.planes[0][cheeks].astype(int) - after.planes[0][cheeks]).mean() > 5


@pytest.mark.usefixtures("nowhere")
def test_without_their_files_the_run_goes_on_and_says_so(world: Path, tmp_path: Path) -> None:
    report = pipeline.swap_video(
        [world / "me.png"], world / "clip.mp4", tmp_path / "out.mp4", options=options(world)
    )
    assert report.faces_swapped == len(FACES)
    assert set(report.networks) == {"detector", "recogniser", "swapper"}
    landmarker, occluder = report.notes
    assert "2dfan4" in landmarker
    assert "five points" in landmarker
    assert "xseg_1 or xseg_2 or xseg_3" in occluder


@pytest.mark.usefixtures("nowhere")
def test_switched_off_nothing_is_said(world: Path, tmp_path: Path) -> None:
    settings = options(world, landmarks=LandmarkOptions("none"), mask=MaskOptions(kinds=("box",)))
    report = pipeline.swap_video(
        [world / "me.png"], world / "clip.mp4", tmp_path / "out.mp4", options=settings
    )
    assert report.notes == ()


@pytest.mark.usefixtures("nowhere")
def test_asked_for_by_name_they_must_be_there(world: Path) -> None:
    for changes, name in (
        ({"landmarks": LandmarkOptions("2dfan4")}, "2dfan4"),
        ({"mask": MaskOptions(occluder="xseg_2")}, "xseg_2"),
    ):
        with pytest.raises(NetworkNotFoundError, match=name):
            NetworkSet(options(world, **changes))
    with pytest.raises(OptionError, match="no landmarker named 'yunet'"):
        NetworkSet(options(world, landmarks=LandmarkOptions("yunet")))
    with pytest.raises(OptionError, match="no occluder named 'nobody'"):
        NetworkSet(options(world, mask=MaskOptions(occluder="nobody")))


@pytest.mark.usefixtures("nowhere")
def test_a_second_look_where_nothing_else_places_points(world: Path) -> None:
    def detector(*more: str, **detect: Any) -> Any:
        with NetworkSet(options(world, *more, detect=DetectOptions(**detect))) as networks:
            return networks.detector

    assert isinstance(detector(), LookingTwice)
    assert isinstance(detector("more"), YuNet)
    assert isinstance(detector("more", second_look="always"), LookingTwice)
    assert isinstance(detector(second_look="never"), YuNet)
    with pytest.raises(OptionError, match="demo_detector has no second look") as caught:
        detector(network="demo_detector", second_look="always")
    assert "detect with yunet" in str(caught.value.hint)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Networks are in the given folders alone."""
    empty = tmp_path_factory.mktemp("home")
    monkeypatch.chdir(empty)
    for variable in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(empty))
    for variable in ("TRTSWAP_MODELS", "FACEFUSION_HOME"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("kinds", [("area",), ("region",), ("box", "area", "region", "occlusion")])
def test_masks_of_areas_and_regions_confine_the_patch(
    kinds: Any, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the outline of the mouth, only the half that the parser calls skin."""
    face_networks.left_bisenet(world / "more" / "bisenet_resnet_34.onnx")
    recorded = record_frames(monkeypatch)
    mask = MaskOptions(kinds=kinds, areas=("mouth",), regions=("skin", "nose"))
    with video.open_video(world / "clip.mp4") as reader:
        original = next(iter(reader)).surface.planes[0].astype(int)
    report = pipeline.swap_video(
        [world / "me.png"],
        world / "clip.mp4",
        tmp_path / "out.mp4",
        options=options(world, "more", mask=mask),
    )
    assert report.faces_swapped == len(FACES)
    rows, columns = np.nonzero(recorded[0].surface.planes[0] != original)
    assert len(rows) > 100
    if "area" in kinds:
        points = face_networks.dense_points(pictures.face_landmarks(FACES[0]))[48:]
        low, high = points.min(axis=0) - 4, points.max(axis=0) + 4  # landmarks are good to a pixel or two
        assert low[0] < columns.min() <= columns.max() < high[0]
        assert low[1] < rows.min() <= rows.max() < high[1]
    if "region" in kinds:
        middle = FACES[0] @ [0.5, 0.5, 1]
        assert columns.max() < middle[0] + 4


@pytest.mark.usefixtures("nowhere")
def test_areas_need_sixty_eight_points(world: Path, tmp_path: Path) -> None:
    settings = options(world, mask=MaskOptions(kinds=("area",)))
    with pytest.raises(OptionError, match="sixty-eight points"):
        pipeline.swap_video([world / "me.png"], world / "clip.mp4", tmp_path / "out.mp4", options=settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("nowhere")
def test_five_points_are_enough_where_they_are_guessed_from(world: Path, tmp_path: Path) -> None:
    (tmp_path / "guess").mkdir()
    stand_ins.fan_68_5(tmp_path / "guess" / "fan_68_5.onnx", 3)
    settings = options(world, str(tmp_path / "guess"), mask=MaskOptions(kinds=("area",)))
    report = pipeline.swap_video(
        [world / "me.png"], world / "clip.mp4", tmp_path / "out.mp4", options=settings
    )
    assert report.networks["guesser"].endswith("fan_68_5.onnx")
    assert any("2dfan4" in note for note in report.notes)


@pytest.mark.parametrize("name", ["simswap_256", "ghost_1_256", "uniface_256", "blendswap_256"])
@pytest.mark.usefixtures("nowhere")
def test_another_swapper_takes_a_name_and_no_more(name: str, world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "swappers"
    folder.mkdir()
    stand_ins.make(name, folder / f"{name}.onnx", 3)
    for space in ("simswap", "ghost"):
        stand_ins.crossface(folder / f"crossface_{space}.onnx", 3)
    settings = SwapOptions(
        models=(str(world / "models"), str(folder)), swapper=name, provider="cpu", boost=512
    )
    report = pipeline.swap_video(
        [world / "me.png"], world / "clip.mp4", tmp_path / "out.mp4", options=settings
    )
    assert report.faces_swapped == len(FACES)
    assert ("converter" in report.networks) == name.startswith(("simswap", "ghost"))


@pytest.mark.usefixtures("nowhere")
def test_a_missing_converter_is_named(world: Path, tmp_path: Path) -> None:
    stand_ins.make("simswap_256", tmp_path / "simswap_256.onnx", 3)
    settings = SwapOptions(
        models=(str(world / "models"), str(tmp_path)), swapper="simswap_256", provider="cpu"
    )
    with pytest.raises(NetworkNotFoundError, match="crossface_simswap"):
        NetworkSet(settings)
