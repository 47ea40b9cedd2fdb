"""Outputs of whole runs with painted faces and random networks, signed as the options say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import av
import pytest

from support import networks, painted
from trtswap import pipeline
from trtswap.options import ProvenanceOptions, SwapOptions
from trtswap.provenance.identity import KEY
from trtswap.types import SwapReport

SIZE = (320, 240)
VIDEOS = ("mp4", "mov", "mkv", "webm")
PICTURES = ("png", "jpg", "webp")
OUTPUTS = VIDEOS + PICTURES


def make_world(folder: Path) -> Path:
    """models/, me.png, clip.mp4, and one output of each container."""
    (folder / "models").mkdir()
    networks.write_models(folder / "models", faces=1)
    painted.write_portrait(folder / "me.png")
    painted.write_clip(folder / "clip.mp4", [[face] for face in painted.swaying(120, SIZE)[:4]], SIZE)
    for ending in OUTPUTS:
        swap(folder, target_for(folder, ending), folder / f"out_{ending}.{ending}")
    return folder


def target_for(world: Path, ending: str) -> Path:
    """What an output of this kind is made from."""
    return world / ("clip.mp4" if ending in VIDEOS else "me.png")


def swap(world: Path, target: Path, output: Path, **provenance: Any) -> SwapReport:
    """A run from `target` to `output`. provenance: fields of ProvenanceOptions, and `settings` of SwapOptions."""
    settings = {"swapper": "inswapper_128", **provenance.pop("settings", {})}
    options = SwapOptions(
        models=(str(world / "models"),),
        provider="cpu",
        device="cpu",
        provenance=ProvenanceOptions(**provenance),
        **settings,
    )
    return pipeline.swap_video([world / "me.png"], target, output, options=options)


def frames_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return len(list(container.decode(video=0)))


def kept(folder: Path, name: str = "out.unsigned.mp4") -> Path:
    """The finished file, which is all there is."""
    assert [path.name for path in folder.iterdir()] == [name]
    return folder / name


def signing(folder: Path) -> str:
    """A command line that signs with the key in `folder`. Skips the test where there is no OpenSSL."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here")
    return f"openssl dgst -sha256 -sign '{folder / KEY}'"
