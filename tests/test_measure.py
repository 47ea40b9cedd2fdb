"""Finished videos measured: painted people and drawn ones, encoded; and footage that lies beside the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from support import faults, networks, painted
from support.footage import shared_file

from trtswap import pipeline
from trtswap.errors import InputError, NetworkNotFoundError, OptionError, QualityError
from trtswap.measure import measure_video
from trtswap.options import MonitorOptions, SelectOptions, SmoothOptions, SwapOptions, TimePoint, Trim
from trtswap.types import Progress

SIZE = (640, 360)
FRAMES = 16


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/, me.png, clip.mp4 of one person, and out.mp4 and out.json: the clip swapped and what was measured."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "models").mkdir()
    networks.write_models(folder / "models", faces=1)
    painted.write_portrait(folder / "me.png")
    painted.write_clip(folder / "clip.mp4", [[face] for face in painted.swaying(120, SIZE)[:FRAMES]], SIZE)
    return folder


def options(world: Path, **changes: Any) -> SwapOptions:
    return SwapOptions(models=(str(world / "models"),), swapper="inswapper_128", provider="cpu", **changes)


@pytest.fixture(scope="module")
def swapped(world: Path) -> Any:
    """What a run measured of its own result."""
    settings = options(world, monitor=MonitorOptions("full"))
    return pipeline.swap_video([world / "me.png"], world / "clip.mp4", world / "out.mp4", options=settings)


def test_a_run_and_its_file_measure_alike(world: Path, swapped: Any) -> None:
    """The run saw the frames before encoding, the file went through a codec and other tracks."""
    seen: list[Progress] = []
    measured = measure_video(
        world / "out.mp4", original=world / "clip.mp4", options=options(world), on_progress=seen.append
    ).figures
    assert measured["frames.measured"] == swapped.quality["frames.measured"] == FRAMES
    for name, apart in (("tpsnr.mean", 3), ("change.mean", 2), ("sharpness.mean", 0.1), ("shake.mean", 0.3)):
        assert measured[name] == pytest.approx(swapped.quality[name], abs=apart), name
    assert measured["change.mean"] > 20
    assert [step.frames_done for step in seen] == [4, 8, 12, 16]
    assert {step.stage for step in seen} == {"measure"}


def test_identity_in_a_run_and_in_a_file(world: Path, swapped: Any) -> None:
    """The stand-in recogniser tells by colour; the swap made the face like the source."""
    figures = measure_video(
        world / "out.mp4", original=world / "clip.mp4", sources=[world / "me.png"], options=options(world)
    ).figures
    assert figures["identity_source.mean"] == pytest.approx(swapped.quality["identity_source.mean"], abs=0.1)
    assert -1 <= figures["identity_target.mean"] <= 1
    without = measure_video(world / "out.mp4", original=world / "clip.mp4", options=options(world)).figures
    assert "identity_source.mean" not in without


def test_the_original_itself_has_no_fault(world: Path) -> None:
    figures = measure_video(world / "clip.mp4", original=world / "clip.mp4", options=options(world)).figures
    for name in ("tpsnr_delta.max", "tpsnr_mc_delta.min", "shake.max", "colour_gap_added.max", "change.max"):
        assert figures.get(name, 0) == pytest.approx(0, abs=1e-6), name
    assert figures["jitter.share"] == figures["frozen.share"] == figures["unswapped.share"] == 0
    assert figures["sharpness.mean"] == pytest.approx(1)
    alone = measure_video(world / "clip.mp4", options=options(world)).figures
    assert alone["tpsnr.mean"] == pytest.approx(figures["tpsnr.mean"])
    assert "shake.mean" not in alone
    assert 0 < figures["landmark_jitter.mean"] == pytest.approx(alone["landmark_jitter.mean"])


def test_tracks_stand_in_for_a_detector(world: Path, tmp_path: Path) -> None:
    tracks = tmp_path / "tracks.jsonl"
    settings = options(world, smooth=SmoothOptions())
    pipeline.swap_video(
        [world / "me.png"], world / "clip.mp4", tmp_path / "a.mp4", dump_tracks=tracks, options=settings
    )
    own = measure_video(world / "clip.mp4", options=options(world)).figures
    given = measure_video(world / "clip.mp4", tracks=tracks, options=SwapOptions(provider="cpu")).figures
    assert given["tpsnr.mean"] == pytest.approx(own["tpsnr.mean"], abs=0.01)


def test_a_trimmed_result_is_set_against_its_part(world: Path, tmp_path: Path) -> None:
    part = Trim(TimePoint(frame=4), TimePoint(frame=12))
    settings = options(world, trim=part, monitor=MonitorOptions("full"))
    run = pipeline.swap_video([world / "me.png"], world / "clip.mp4", tmp_path / "a.mp4", options=settings)
    quality = measure_video(tmp_path / "a.mp4", original=world / "clip.mp4", options=settings)
    assert quality.figures["frames.count"] == 8
    assert quality.figures["shake.mean"] == pytest.approx(run.quality["shake.mean"], abs=0.3)
    assert not any("ends after" in note for note in quality.notes)
    whole = measure_video(tmp_path / "a.mp4", original=world / "clip.mp4", options=options(world))
    assert any("the result ends after 8 frames" in note for note in whole.notes)
    turned = measure_video(world / "clip.mp4", original=tmp_path / "a.mp4", options=options(world))
    assert any("the original ends after 8 frames" in note for note in turned.notes)


def test_a_run_writes_reports_and_ends_with_the_missed_threshold(world: Path, tmp_path: Path) -> None:
    out, page, data = tmp_path / "out.mp4", tmp_path / "out.html", tmp_path / "out.json"
    asked = MonitorOptions(require=("tpsnr.mean>10", "jitter.share<=0%", "sharpness.min>2"))
    with pytest.raises(QualityError, match=r"^sharpness.min is 0\.\d+, and should be > 2$") as caught:
        pipeline.swap_video(
            [world / "me.png"],
            world / "clip.mp4",
            out,
            reports=[page, data],
            options=options(world, monitor=asked),
        )
    assert out.is_file()
    assert page.is_file()
    assert data.is_file()
    report: Any = caught.value.report
    assert report.frames == FRAMES
    assert report.quality["frames.measured"] == 2  # one pair of the first 24 frames
    with pytest.raises(OptionError, match="exists"):
        pipeline.swap_video(
            [world / "me.png"], world / "clip.mp4", tmp_path / "b.mp4", reports=[data], options=options(world)
        )
    with pytest.raises(OptionError, match="another output"):
        pipeline.swap_video(
            [world / "me.png"],
            world / "clip.mp4",
            page,
            reports=[page],
            options=options(world, overwrite=True),
        )
    assert not (tmp_path / "b.mp4").exists()


def test_without_a_monitor_nothing_is_measured(world: Path, tmp_path: Path) -> None:
    report = pipeline.swap_video(
        [world / "me.png"], world / "clip.mp4", tmp_path / "a.mp4", options=options(world)
    )
    assert report.quality == {}


def test_an_error_of_the_monitor_leaves_the_run_whole(world: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("no squares today")

    monkeypatch.setattr("trtswap.quality.region.squares", broken)
    settings = options(world, monitor=MonitorOptions("full"))
    report = pipeline.swap_video([world / "me.png"], world / "clip.mp4", tmp_path / "a.mp4", options=settings)
    assert report.faces_swapped == FRAMES
    assert any("no squares today" in note for note in report.notes)


def test_a_result_that_was_turned_upright_is_measured_alike(world: Path, tmp_path: Path) -> None:
    """The original is stored turned, the other tool wrote it upright and half as large."""
    faces = [[face] for face in painted.swaying(120, SIZE)[:8]]
    painted.write_clip(tmp_path / "turned.mp4", faces, SIZE, rotation_deg=90)
    painted.write_clip(tmp_path / "upright.mp4", faces, SIZE)
    with av.open(str(tmp_path / "upright.mp4")) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    coded(
        tmp_path / "half.mp4",
        [cv2.resize(one, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for one in pictures],
        "8",
    )
    for name in ("upright.mp4", "half.mp4"):
        figures = measure_video(
            tmp_path / name, original=tmp_path / "turned.mp4", options=options(world)
        ).figures
        assert figures["frames.measured"] == 8
        assert figures["change.mean"] < 10, name  # a face elsewhere would change by some 50
        assert figures["shake.mean"] < 0.1
        assert figures["tpsnr_delta.mean"] == pytest.approx(0, abs=2)  # shrinking takes noise away


def test_a_picture_is_measured(world: Path, tmp_path: Path) -> None:
    settings = options(world, monitor=MonitorOptions("full"))
    run = pipeline.swap_video([world / "me.png"], world / "me.png", tmp_path / "a.png", options=settings)
    assert run.quality["frames.measured"] == 1
    assert run.quality["change.mean"] > 10
    quality = measure_video(tmp_path / "a.png", original=world / "me.png", options=options(world))
    assert quality.figures["change.mean"] == pytest.approx(run.quality["change.mean"], abs=0.5)
    assert "tpsnr.mean" not in quality.figures


def test_another_shape_is_refused(world: Path, tmp_path: Path) -> None:
    coded(tmp_path / "square.mp4", [np.zeros((360, 360, 3), np.uint8)] * 2, "20")
    with pytest.raises(InputError, match="do not show the same"):
        measure_video(tmp_path / "square.mp4", original=world / "clip.mp4", options=options(world))


def test_what_cannot_be_measured_is_told(world: Path, tmp_path: Path, monkeypatch: Any) -> None:
    with pytest.raises(OptionError, match="largest face or on all"):
        measure_video(world / "clip.mp4", options=options(world, select=SelectOptions("reference")))
    with pytest.raises(OptionError, match="another output"):
        measure_video(world / "clip.mp4", written=[world / "clip.mp4"], options=options(world))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("TRTSWAP_MODELS", raising=False)
    with pytest.raises(NetworkNotFoundError):
        measure_video(world / "clip.mp4", options=SwapOptions(models=(str(tmp_path),)))


def coded(path: Path, pictures: Any, quality: str) -> None:
    """A video as another program would write it."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=faults.RATE, options={"crf": quality})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.colorspace, context.color_range = 1, 1
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_shaken_swap_by_another_tool_is_found_out(tmp_path: Path) -> None:
    """Through a codec, with tracks of a real detector."""
    models = str(shared_file("models", "face_detection_yunet_2023mar.onnx").parent)
    one = faults.scene("talking", 3, 22, (640, 480))
    coded(tmp_path / "original.mp4", one.pictures, "14")
    coded(tmp_path / "good.mp4", one.swaps, "18")
    coded(tmp_path / "bad.mp4", faults.shaken(one, 1.5, np.random.default_rng()), "18")
    good, bad = (
        measure_video(
            tmp_path / name,
            original=tmp_path / "original.mp4",
            options=SwapOptions(models=(models,), provider="cpu"),
        ).figures
        for name in ("good.mp4", "bad.mp4")
    )
    assert good["shake.mean"] < 0.35
    assert bad["shake.mean"] == pytest.approx(1.5 * 4 / np.pi, rel=0.35)
    assert good["jitter.share"] < 0.05 < 0.15 < bad["jitter.share"]


@pytest.mark.parametrize("clip", ["still_720p.mp4", "fast_720p.mp4"])
@pytest.mark.parametrize("how", ["alone", "coded again"])
def test_footage_without_a_swap_does_not_jitter(tmp_path: Path, clip: str, how: str) -> None:
    """A face that stands still in noise, and one in fast motion: neither alone, nor against itself after a codec."""
    models = str(shared_file("models", "face_detection_yunet_2023mar.onnx").parent)
    path = shared_file("media", clip)
    settings = SwapOptions(models=(models,), provider="cpu")
    if how == "alone":
        figures = measure_video(path, options=settings).figures
    else:
        with av.open(str(path)) as container:
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        coded(tmp_path / "again.mp4", pictures, "23")
        figures = measure_video(tmp_path / "again.mp4", original=path, options=settings).figures
        assert figures["shake.mean"] < 0.1
    assert figures["jitter.share"] == 0
