"""Several people, filters, weights and enhancers through the whole pipeline."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support import networks, painted, pictures, reference, stand_ins
from support.footage import shared_file
from support.recording import record_frames

from trtswap import chain, pipeline, video
from trtswap.errors import OptionError
from trtswap.options import (
    BlendOptions,
    EnhanceOptions,
    LandmarkOptions,
    MaskOptions,
    SelectOptions,
    SwapOptions,
)

SIZE = (640, 360)
HALF = SIZE[0] // 2
FRAMES = 10
SIDES = [
    [pictures.face_placement((150 + step, 180), 150), pictures.face_placement((480 - step, 180), 120, 8)]
    for step in range(FRAMES)
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/, one.png and two.png to show, left.png and right.png who are in two.mp4."""
    folder = tmp_path_factory.mktemp("people")
    networks.write_models(folder / "models", faces=2)
    for name, seed in (("one.png", 9), ("two.png", 21)):
        painted.write_portrait(folder / name, seed=seed, faces=[pictures.face_placement((160, 320), 240)])
    painted.write_clip(folder / "two.mp4", SIDES, SIZE)
    with video.open_video(folder / "two.mp4") as reader:
        rgb = reference.crop(next(iter(reader)).surface, np.eye(3)[:2], SIZE)
    for name, hidden in (("left.png", slice(HALF, None)), ("right.png", slice(0, HALF))):
        picture = rgb[..., ::-1].copy()
        picture[:, hidden] = 105
        cv2.imwrite(str(folder / name), picture)
    return folder


def options(world: Path, **changes: Any) -> SwapOptions:
    plainly = {
        "mask": MaskOptions(kinds=("box",)),
        "landmarks": LandmarkOptions("none"),
        "blend": BlendOptions(method="alpha", colour="off"),
    }
    return SwapOptions(
        models=(str(world / "models"),), swapper="inswapper_128", provider="cpu", **{**plainly, **changes}
    )


def colours(world: Path, name: str) -> Any:
    """R'G'B' 0..255 that the analytic swapper mixes in for a picture."""
    settings = options(world)
    with pipeline.NetworkSet(settings) as loaded:
        person, _ = pipeline.identify([world / name], loaded.detector, loaded.recogniser, settings.detect)
    vector = person.embedding.astype(np.float64) @ networks.EMBEDDING_MAP / np.linalg.norm(person.embedding)
    return 255 * networks.swap_colour(vector[None])[0]


def test_two_people_get_two_sources_and_keep_them(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = record_frames(monkeypatch)
    cast = [([world / "left.png"], [world / "two.png"]), ([world / "right.png"], [world / "one.png"])]
    report = pipeline.swap_video(
        [],
        world / "two.mp4",
        tmp_path / "out.mp4",
        cast=cast,
        options=options(world, select=SelectOptions(distance=0.2)),
    )
    assert report.faces_swapped == 2 * FRAMES
    expected = [colours(world, "two.png"), colours(world, "one.png")]
    assert np.abs(expected[0] - expected[1]).max() > 20, "two that look alike prove nothing"
    for frame, placements in zip(recorded, SIDES, strict=True):
        rgb = reference.crop(frame.surface, np.eye(3)[:2], SIZE)
        for placement, colour, other in zip(placements, expected, expected[::-1], strict=True):
            # a cheek: a quarter is skin, the rest the source's colour
            x, y = np.rint(placement @ [0.5, 0.85, 1]).astype(int)
            patch = rgb[y - 2 : y + 3, x - 2 : x + 3].mean(axis=(0, 1))
            skin = 0.25 * np.array(pictures.SKIN)
            assert np.abs(patch - skin - 0.75 * colour).max() < 12
            assert np.abs(patch - skin - 0.75 * colour).sum() < np.abs(patch - skin - 0.75 * other).sum()


@pytest.mark.parametrize(("order", "side"), [("left-right", 0), ("right-left", 1), ("small-large", 1)])
def test_one_by_its_place(
    order: Any, side: int, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = record_frames(monkeypatch)
    settings = options(world, select=SelectOptions("one", order=order))
    report = pipeline.swap_video([world / "one.png"], world / "two.mp4", tmp_path / "o.mp4", options=settings)
    assert report.faces_swapped == FRAMES
    with video.open_video(world / "two.mp4") as reader:
        for before, after in zip(reader, recorded, strict=True):
            columns = np.nonzero(before.surface.planes[0] != after.surface.planes[0])[1]
            assert {bool(column >= HALF) for column in columns} == {bool(side)}


def test_filters_ask_the_classifier_and_only_then(world: Path, tmp_path: Path) -> None:
    stand_ins.fairface(world / "models" / "fairface.onnx", 5, batch="N")
    seen = {}
    for name, select in (
        ("all", SelectOptions("all")),
        ("female", SelectOptions("all", gender="female")),
        ("male", SelectOptions("all", gender="male")),
        ("auto", SelectOptions("all", gender="auto")),
    ):
        report = pipeline.swap_video(
            [world / "one.png"],
            world / "two.mp4",
            tmp_path / f"{name}.mp4",
            options=options(world, select=select),
        )
        seen[name] = report.faces_swapped
        assert ("classifier" in report.networks) == (name != "all")
    assert seen["all"] == 2 * FRAMES
    assert seen["female"] + seen["male"] == seen["all"]
    assert seen["auto"] in (seen["female"], seen["male"])


def test_a_weight_changes_the_picture_and_a_half_does_not(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []
    for weight in (0.5, 0.0, 1.0):
        recorded = record_frames(monkeypatch)
        pipeline.swap_video(
            [world / "one.png"],
            world / "two.mp4",
            tmp_path / f"{weight}.mp4",
            options=options(world, weight=weight),
        )
        results.append(np.stack([frame.surface.planes[0].astype(int) for frame in recorded]))
    for changed in results[1:]:
        difference = np.abs(changed - results[0])
        assert difference.max() > 3
        assert (difference > 0).mean() < 0.2


def test_an_enhancer_runs_behind_the_swap(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins.restorer(world / "models" / "gpen_bfr_256.onnx", 5, size=256)
    results = []
    for enhancer in (
        EnhanceOptions(),
        EnhanceOptions("auto", blend=1.0),
        EnhanceOptions("gpen_bfr_256", blend=0.0),
    ):
        recorded = record_frames(monkeypatch)
        report = pipeline.swap_video(
            [world / "one.png"],
            world / "two.mp4",
            tmp_path / f"{len(results)}.mp4",
            options=options(world, enhance=enhancer),
        )
        assert ("enhancer" in report.networks) == (enhancer.network != "none")
        results.append(np.stack([frame.surface.planes[0].astype(int) for frame in recorded]))
    assert np.abs(results[1] - results[0]).max() > 10
    assert np.array_equal(results[2], results[0])


def test_people_are_told_in_one_way(world: Path, tmp_path: Path) -> None:
    pair = [([world / "left.png"], [world / "one.png"])]
    for sources, cast, reference_path in (
        ([], [], None),
        ([world / "one.png"], pair, None),
        ([], pair, world / "left.png"),
    ):
        with pytest.raises(OptionError):
            pipeline.swap_video(
                sources,
                world / "two.mp4",
                tmp_path / "out.mp4",
                cast=cast,
                reference=reference_path,
                options=options(world),
            )
    assert not list(tmp_path.iterdir())


def test_two_faces_of_real_footage_keep_their_sources(world: Path, tmp_path: Path) -> None:
    """The real detector; who is who by analytic embeddings of the two halves of the first frame."""
    detector = shared_file("models", "face_detection_yunet_2023mar.onnx")
    clip = shared_file("media", "two_faces_720p.mp4")
    models = tmp_path / "models"
    networks.write_models(models)
    shutil.copyfile(detector, models / detector.name)
    with video.open_video(clip) as reader:
        surfaces = [frame.surface for frame in reader]
    first, frames = surfaces[0], len(surfaces)
    width, height = first.width_px, first.height_px
    rgb = reference.crop(first, np.eye(3)[:2], (width, height))
    for name, part in (("l.png", slice(0, width // 2)), ("r.png", slice(width // 2, None))):
        cv2.imwrite(str(tmp_path / name), np.ascontiguousarray(rgb[:, part, ::-1]))
    settings = replace(options(world, select=SelectOptions(distance=0.3)), models=(str(models),))
    portrait = shared_file("media", "astronaut.png")
    cv2.imwrite(str(tmp_path / "mirrored.png"), cv2.imread(str(portrait))[:, ::-1])
    cast = [([tmp_path / "l.png"], [portrait]), ([tmp_path / "r.png"], [tmp_path / "mirrored.png"])]
    swapped: list[Any] = []
    original = chain.swap

    def watched(batches: Any, *arguments: Any, **options: Any) -> Any:
        for batch in original(batches, *arguments, **options):
            swapped.extend(
                dict(zip(numbers.tolist(), faces.landmarks_px[:, 2, 0].tolist(), strict=True))
                for faces, numbers in zip(batch.faces, batch.sources, strict=True)
            )
            yield batch

    chain.swap = watched  # type: ignore[assignment]
    try:
        pipeline.swap_video([], clip, tmp_path / "out.mp4", cast=cast, options=settings)
    finally:
        chain.swap = original
    assert len(swapped) == frames
    for noses in swapped:
        assert set(noses) == {0, 1}
    # Both are the same photograph, so that who is who is chance; but it stays so.
    assert len({noses[0] < noses[1] for noses in swapped}) == 1
