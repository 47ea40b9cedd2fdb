"""The visible disclosure in whole runs: in the picture, in the manifest, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import fake_gpu, painted
from support.clips import Clip, write_clip
from support.fake_core import pretend_operations
from support.recording import record_frames
from support.signed import SIZE, swap

from trtswap import pipeline
from trtswap.cli.app import main
from trtswap.errors import OptionError
from trtswap.options import DiscloseOptions, EncodeOptions, SwapOptions
from trtswap.provenance.verify import verify
from trtswap.stages.disclose import Disclosure, disclosure
from trtswap.types import Frame, PixelFormat, VideoInfo
from trtswap.video import open_target

TEXT = DiscloseOptions(text="AI-altered", place="top-right", size=9)
LOSSLESS = EncodeOptions(codec="lossless")


def frames_of(path: Path) -> tuple[list[Frame], VideoInfo]:
    with open_target(path) as source:
        return list(source), source.info


def both(world: Path, target: Path, folder: Path, ending: str) -> tuple[list[Frame], list[Frame], Disclosure]:
    """A run without and one with the text, losslessly; and where the text is."""
    plain, marked = folder / f"plain.{ending}", folder / f"marked.{ending}"
    swap(world, target, plain, settings={"encode": LOSSLESS})
    swap(world, target, marked, settings={"encode": LOSSLESS, "disclose": TEXT})
    (first, info), (second, _) = frames_of(plain), frames_of(marked)
    planned = disclosure(TEXT, info)
    assert planned is not None
    assert len(first) == len(second) >= 1
    return first, second, planned


def check(before: Frame, after: Frame, planned: Disclosure) -> None:
    """Bright letters on dark within the rectangle, upright at the top right; every other sample as without."""
    x, y = planned.corner
    rows, columns = planned.mask.shape[1:]
    for number, (old, new) in enumerate(zip(before.surface.planes, after.surface.planes, strict=True)):
        share = 2 if number else 1
        inside = np.zeros(old.shape[:2], bool)
        inside[y // share : (y + rows) // share, x // share : (x + columns) // share] = True
        assert np.array_equal(old[~inside], new[~inside])
    luma = after.surface.planes[0].astype(np.float64)
    luma = luma.mean(axis=-1) if luma.ndim == 3 else luma
    top = 2**16 - 1 if after.surface.planes[0].dtype == np.uint16 else 255
    part = luma[y : y + rows, x : x + columns] / top
    ink = planned.patch[0, 0] * planned.mask[0]
    assert part[ink > 0.99].min() > 0.88
    assert part[(ink == 0) & (planned.mask[0] > 0.69)].max() < 0.4
    letters = np.zeros(luma.shape, bool)
    letters[y : y + rows, x : x + columns] = part > 0.85
    seen = np.rot90(letters, after.surface.rotation_deg // 90)
    height, width = seen.shape
    bright = np.argwhere(seen)
    assert (bright.mean(axis=0) < (height / 2, width)).all()
    assert bright[:, 1].mean() > width / 2
    assert np.ptp(bright[:, 1]) > 2 * np.ptp(bright[:, 0]), "the line runs across"


@pytest.mark.parametrize("rotation", [0, 90, 270])
def test_in_a_video_of_8_bits(world: Path, tmp_path: Path, rotation: int) -> None:
    target = tmp_path / "turned.mp4"
    placements = [[face] for face in painted.swaying(120, SIZE)[:3]]
    painted.write_clip(target, placements, SIZE, rotation_deg=rotation)
    first, second, planned = both(world, target, tmp_path, "mkv")
    assert first[0].surface.rotation_deg == rotation
    for before, after in zip(first, second, strict=True):
        check(before, after, planned)


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "format"),
    [("libx265", "yuv420p10le", PixelFormat.P010), ("libx264rgb", "rgb24", PixelFormat.RGB8)],
)
def test_in_a_video_of_10_bits_and_in_one_of_rgb(
    world: Path, tmp_path: Path, codec: str, pix_fmt: str, format: PixelFormat
) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    write_clip(tmp_path / "a.mkv", Clip(4, SIZE, codec=codec, pix_fmt=pix_fmt, options=options, moving=True))
    first, second, planned = both(world, tmp_path / "a.mkv", tmp_path, "mkv")
    assert first[0].surface.format is format
    for before, after in zip(first, second, strict=True):
        check(before, after, planned)


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_in_a_picture(world: Path, tmp_path: Path, ending: str) -> None:
    first, second, planned = both(world, world / "me.png", tmp_path, ending)
    check(first[0], second[0], planned)


def test_on_frames_that_stay_on_the_gpu(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the pretended GPU: the text is in every frame, and every sample is as where the frames stay on the host."""
    fake_gpu.pretend(monkeypatch, "8.6.1", tmp_path / "cache")
    pretend_operations(monkeypatch)
    found: dict[str, list[Frame]] = {}
    for place in ("host", "gpu"):
        found[place] = record_frames(monkeypatch)
        settings = SwapOptions(
            models=(str(world / "models"),),
            swapper="inswapper_128",
            device="cuda",
            frames=place,
            disclose=TEXT,
        )
        output = tmp_path / f"{place}.mp4"
        pipeline.swap_video([world / "me.png"], world / "clip.mp4", output, options=settings)
    fake_gpu.forget()
    with open_target(world / "clip.mp4") as source:
        planned = disclosure(TEXT, source.info)
    assert planned is not None
    x, y = planned.corner
    rows, columns = planned.mask.shape[1:]
    ink = planned.patch[0, 0] * planned.mask[0]
    assert len(found["gpu"]) == 4
    for on_gpu, on_host in zip(found["gpu"], found["host"], strict=True):
        for got, want in zip(on_gpu.surface.planes, on_host.surface.planes, strict=True):
            assert np.array_equal(got, want)
        part = on_gpu.surface.planes[0][y : y + rows, x : x + columns]
        assert (part[ink > 0.99] > 225).all()
        assert (part[planned.mask[0] > 0.69] < 100).any()


def test_in_a_transparent_picture(world: Path, tmp_path: Path) -> None:
    with Image.open(world / "me.png") as picture:
        clear = picture.convert("RGBA")
    clear.putalpha(0)
    clear.save(tmp_path / "clear.png")
    swap(world, tmp_path / "clear.png", tmp_path / "out.png", settings={"disclose": TEXT})
    with Image.open(tmp_path / "out.png") as made:
        alpha = np.asarray(made.convert("RGBA"))[..., 3]
    with open_target(tmp_path / "clear.png") as source:
        planned = disclosure(TEXT, source.info)
    assert planned is not None
    x, y = planned.corner
    rows, columns = planned.mask.shape[1:]
    assert np.abs(alpha[y : y + rows, x : x + columns] / 255 - planned.mask[0]).max() < 0.01
    assert alpha.astype(int).sum() == alpha[y : y + rows, x : x + columns].astype(int).sum()


def test_it_is_told_in_the_manifest(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    swap(world, world / "clip.mp4", tmp_path / "out.mp4", settings={"disclose": TEXT})
    step = verify(tmp_path / "out.mp4").chain[0]
    assert step.run is not None
    assert step.run["options"]["disclose"] == {"text": "AI-altered", "place": "top-right", "size": 9}
    assert "c2pa.addedText" in step.actions
    assert main(["verify", str(tmp_path / "out.mp4"), "--json"]) == 0
    assert (
        json.loads(capsys.readouterr().out)["chain"][0]["run"]["options"]["disclose"]["text"] == "AI-altered"
    )
    assert verify(tmp_path / "out.mp4").state == "trusted"
    plain = verify(world / "out_mp4.mp4").chain[0]
    assert plain.run is not None
    assert "disclose" not in plain.run["options"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"text": "geändert"}, r"no letters for ä \(U\+00E4\)"),
        ({"text": "much too long to be read " * 30}, "too long to be legible"),
        ({"text": "AI", "font": "missing.ttf"}, r"missing\.ttf cannot be used"),
    ],
)
def test_what_cannot_be_written_is_told_before_any_work(
    world: Path, tmp_path: Path, wrong: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "NetworkSet", None)  # nothing is opened
    with pytest.raises(OptionError, match=reason):
        swap(world, world / "clip.mp4", tmp_path / "out.mp4", settings={"disclose": DiscloseOptions(**wrong)})
    assert list(tmp_path.iterdir()) == []
