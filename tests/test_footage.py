"""Real footage with known truth, and damaged files. Needs the media and the YuNet file beside the repository."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import networks, reference
from support.footage import shared_file
from support.recording import record_frames

from trtswap import pipeline, video
from trtswap.cli.app import main
from trtswap.geometry import estimate_similarity, template_points, transform_points
from trtswap.networks.loader import NetworkSet
from trtswap.options import BlendOptions, EncodeOptions, SwapOptions
from trtswap.stages.identity import identify

YUNET = "face_detection_yunet_2023mar.onnx"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real detector, analytic recogniser and swappers."""
    detector = shared_file("models", YUNET)
    folder = tmp_path_factory.mktemp("models")
    networks.write_models(folder)
    shutil.copyfile(detector, folder / YUNET)
    return folder


def options(models: Path) -> SwapOptions:
    plain = BlendOptions(method="alpha", colour="off")
    quick = EncodeOptions(preset="ultrafast")
    return SwapOptions(
        models=(str(models),), swapper="inswapper_128", provider="cpu", blend=plain, encode=quick
    )


def colour_of(models: Path, source: Path) -> Any:
    """R'G'B' 0..255 that the analytic swapper mixes in for a source picture."""
    settings = options(models)
    with NetworkSet(settings) as loaded:
        person, _ = identify([source], loaded.detector, loaded.recogniser, settings.detect)
    embedding = person.embedding.astype(np.float64)
    vector = embedding @ networks.EMBEDDING_MAP / np.linalg.norm(embedding)
    return 255 * networks.swap_colour(vector[None])[0]


def true_landmarks(name: str) -> Any:
    """float64 [frames, 5, 2] in frame pixels."""
    truth = json.loads(shared_file("media", "truth.json").read_text())
    points = np.array(truth["points5_in_astronaut_png"])
    return np.stack([transform_points(np.array(matrix), points) for matrix in truth["clips"][name]])


def test_talk_1080p_is_swapped_in_every_frame(models, tmp_path, monkeypatch) -> None:
    name = "talk_1080p.mp4"
    clip, source = shared_file("media", name), shared_file("media", "astronaut.png")
    recorded = record_frames(monkeypatch)
    out = tmp_path / "out.mp4"
    report = pipeline.swap_video([source], clip, out, options=options(models))
    truth = true_landmarks(name)
    assert report.frames == report.faces_swapped == len(truth) == 150

    colour = colour_of(models, source)
    template = template_points("arcface_128", (128, 128))
    x, y = np.arange(1920.0)[None], np.arange(1080.0)[:, None]
    with video.open_video(clip) as reader:
        for frame, got, points in zip(reader, recorded, truth, strict=True):
            assert got.pts == frame.pts
            if frame.index % 3:
                continue
            before, after = frame.surface, got.surface
            placement = estimate_similarity(points[None], template)[0]
            u, v = (row[0] * x + (row[1] * y + row[2]) for row in placement)
            outside = (np.abs(u - 63.5) > 79.5) | (np.abs(v - 63.5) > 79.5)  # beyond -16 to 143
            assert np.array_equal(after.planes[0][outside], before.planes[0][outside])
            blocks = outside.reshape(540, 2, 960, 2).all(axis=(1, 3))
            assert np.array_equal(after.planes[1][blocks], before.planes[1][blocks])
            if frame.index % 15:
                continue
            size = (64, 64)  # the middle half of the crop, where the mask is whole
            middle = placement - np.array([[0, 0, 32], [0, 0, 32]])
            old, new = (reference.crop(surface, middle, size) for surface in (before, after))
            expected = (1 - networks.STRENGTH) * old + networks.STRENGTH * colour
            assert np.abs(new - expected).mean() < 2.5, f"frame {frame.index}"
    check_same_stream(clip, out, frames=150)


def check_same_stream(clip: Path, out: Path, frames: int) -> None:
    """Frame count, time stamps, sound and tags of a finished file."""
    import av

    with video.open_video(clip) as source, video.open_video(out) as result:
        first, second = list(source), list(result)
        assert len(first) == len(second) == frames
        assert [f.pts * f.time_base for f in first] == [f.pts * f.time_base for f in second]
        for name in (
            "width_px",
            "height_px",
            "format",
            "primaries",
            "transfer",
            "matrix_code",
            "range_tagged",
        ):
            assert getattr(source.info, name) == getattr(result.info, name), name

    def sound(path: Path) -> tuple[list[Any], Any]:
        with av.open(str(path)) as container:
            packets = [(packet.pts, bytes(packet)) for packet in container.demux(audio=0) if packet.size]
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        return packets, np.concatenate(frames, axis=-1)[0]

    (packets, samples), (new_packets, new_samples) = sound(clip), sound(out)
    assert packets == new_packets
    # where a track ends is written in the file's own clock: a thousandth of a second here, finer in the output
    common = min(len(samples), len(new_samples))
    assert np.array_equal(samples[:common], new_samples[:common])
    assert abs(len(samples) - len(new_samples)) <= 48


FILES = {
    "talk_360p.mp4": (0, 90),
    "small_face_1080p.mp4": (0, 60),
    "still_720p.mp4": (0, 60),
    "fast_720p.mp4": (0, 60),
    "edge_720p.mp4": (0, 60),
    "cuts_360p.mp4": (0, 75),
    "two_faces_720p.mp4": (0, 60),
    "vfr_360p.mkv": (0, 90),
    "tenbit_360p.mp4": (0, 45),
    "fullrange_360p.mp4": (0, 45),
    "odd_853x479.mkv": (0, 45),
    "vp9_360p.webm": (0, 45),
    "no_face_360p.mp4": (0, 30),
    "bitflips.mp4": (0, 88),
    "truncated.mp4": (3, 0),
    "not_a_video.mp4": (3, 0),
    "empty.mp4": (3, 0),
}
"""Exit code and frames of every file."""


@pytest.mark.parametrize("name", FILES)
def test_every_file_gives_a_result_or_a_clear_error(models, tmp_path, capfd, name) -> None:
    code, frames = FILES[name]
    clip, source = shared_file("media", name), shared_file("media", "astronaut.png")
    before = clip.stat()
    out = tmp_path / f"out{clip.suffix}"
    arguments = ["process", "-s", str(source), "-t", str(clip), "-o", str(out), "-m", str(models)]
    quick = ["--swapper", "inswapper_128", "--provider", "cpu"]
    quick += ["--preset", "ultrafast"] if clip.suffix != ".webm" else []
    assert main([*arguments, *quick]) == code
    shown = capfd.readouterr()
    assert "Traceback" not in shown.err
    if code:
        assert shown.err.count("error:") == 1
        assert name in shown.err
        assert list(tmp_path.iterdir()) == []
    else:
        with video.open_video(clip) as target, video.open_video(out) as result:
            assert sum(1 for _ in result) == frames
            kept = [
                "width_px",
                "height_px",
                "colour",
                "format",
                *(["frame_rate"] if name != "bitflips.mp4" else []),
            ]
            for field in kept:
                assert getattr(result.info, field) == getattr(target.info, field), field
        signature = (
            [] if out.suffix == ".mp4" else [out.with_suffix(".c2pa").name]
        )  # beside what cannot hold it
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*signature, out.name])
    after = clip.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
