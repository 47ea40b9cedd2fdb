"""Frames that stay on the GPU: the same pixels as on the host, and nothing of their size comes down before its time.

Here on the pretended GPU, which puts all work off until something waits for it; on a real one the same bodies run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import fake_gpu, networks, painted
from support.fake_core import pretend_operations
from support.recording import record_frames

from trtswap import pipeline
from trtswap.options import BlendOptions, SwapOptions

SIZE = (640, 360)
FRAMES = 14
FRAME_BYTES = SIZE[0] * SIZE[1] * 3 // 2


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    (folder / "models").mkdir()
    networks.write_models(folder / "models", faces=1)
    painted.write_portrait(folder / "me.png")
    painted.write_clip(folder / "clip.mp4", [[face] for face in painted.swaying(120, SIZE)[:FRAMES]], SIZE)
    return folder


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch, world: Path) -> Iterator[Any]:
    fake_gpu.pretend(monkeypatch, "8.6.1", world / "cache")
    pretend_operations(monkeypatch)
    from pycuda import driver

    yield driver
    fake_gpu.forget()


def run(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, **changes: Any) -> list[Any]:
    recorded = record_frames(monkeypatch)
    settings = SwapOptions(
        models=(str(world / "models"),), swapper="inswapper_128", device="cuda", frames=place, **changes
    )
    pipeline.swap_video([world / "me.png"], world / "clip.mp4", tmp_path / f"{place}.mp4", options=settings)
    return recorded


def test_the_same_pixels(world, tmp_path, monkeypatch, gpu) -> None:
    import time
    t = time.time()
    expected = run(world, tmp_path, monkeypatch, "host")
    print("host", time.time() - t); t = time.time()
    found = run(world, tmp_path, monkeypatch, "gpu")
    print("gpu", time.time() - t)
    assert len(found) == len(expected) == FRAMES
    for got, want in zip(found, expected, strict=True):
        for a, b in zip(got.surface.planes, want.surface.planes, strict=True):
            np.testing.assert_array_equal(a, b)
    print(len(gpu.copies), [c for c in gpu.copies if c[1] >= FRAME_BYTES // 8][-30:])
