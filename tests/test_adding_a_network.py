"""A network is added by its description alone: the very example of docs/adding-a-network.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from support import networks, painted, pictures, plain, stand_ins
from support.recording import record_frames
from support.tolerance import CROP_SHARE

from trtswap import pipeline, video
from trtswap.cli.app import main
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.registry import create_swapper
from trtswap.options import LandmarkOptions, MaskOptions, SwapOptions
from trtswap.types import PixelFormat, Surface

PAGE = Path(__file__).parents[1] / "docs" / "adding-a-network.md"


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models with the example's stand-in; its spec in a folder of specs."""
    (tmp_path / "engines").mkdir()
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    (tmp_path / "engines" / "example.toml").write_text(example[1], encoding="utf-8")
    monkeypatch.setenv("TRTSWAP_ENGINES", str(tmp_path / "engines"))
    networks.write_models(tmp_path / "models")
    stand_ins.swapper(
        tmp_path / "models" / "example_192.onnx", 3, size=192, low=0.0, names=("picture", "person")
    )
    return tmp_path / "models"


def test_it_is_listed(added: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks", "--json", "-m", str(added)]) == 0
    listed = {item["name"]: item for item in json.loads(capsys.readouterr().out)["networks"]}
    assert listed["example_192"]["path"] == str(added / "example_192.onnx")


def test_its_numbers_are_used(added: Path) -> None:
    rng = np.random.default_rng()
    picture = plain.smooth_picture(rng, 500, 400)
    landmarks = np.array([plain.TEMPLATES["arcface_128"]]) * 250 + 80
    source = rng.standard_normal((1, 512)).astype(np.float32)
    with OrtSession(added / "example_192.onnx", load_specs()["example_192"], "cpu") as session:
        swapper = create_swapper(session)
        placements = swapper.placements(landmarks)
        surface = Surface(PixelFormat.RGB8, (picture,))
        patches = swapper.swap([surface], np.array([0]), placements, source)
        crop = plain.aligned(picture, landmarks[0], "ffhq_512", 192)[..., ::-1]
        tensor = np.ascontiguousarray(np.moveaxis(crop, -1, 0)[None], np.float32)
        expected = session.run({"target": tensor, "source": source})[0]
    assert np.abs(patches.pixels - expected).mean() < CROP_SHARE


def test_a_clip_is_swapped_with_it(added: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painted.write_portrait(tmp_path / "me.png")
    faces = [[pictures.face_placement((320, 180), 200)]] * 4
    painted.write_clip(tmp_path / "clip.mp4", faces, (640, 360))
    recorded = record_frames(monkeypatch)
    settings = SwapOptions(
        models=(str(added),),
        swapper="example_192",
        provider="cpu",
        boost=384,
        mask=MaskOptions(kinds=("box",)),
        landmarks=LandmarkOptions("none"),
    )
    report = pipeline.swap_video(
        [tmp_path / "me.png"], tmp_path / "clip.mp4", tmp_path / "out.mp4", options=settings
    )
    assert report.networks["swapper"].endswith("example_192.onnx")
    assert report.faces_swapped == 4
    with video.open_video(tmp_path / "clip.mp4") as reader:
        before = next(iter(reader)).surface.planes[0].astype(int)
    assert (np.abs(recorded[0].surface.planes[0] - before) > 5).sum() > 5000
