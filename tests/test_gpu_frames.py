"""Frames that stay on the GPU: the same pixels as on the host, and nothing of their size comes down before its time.

On the pretended GPU all work is put off until something waits for it, so that a missing dependency gives other pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from support import fake_gpu, gpu_world, painted, tolerance
from support.fake_core import pretend_operations
from support.gpu_world import FRAME_BYTES, FRAMES, planes, run
from support.targets import gpu_package
from support.tracing import Kept

from trtswap import chain, device, native, ops, pipeline, tracing
from trtswap.device import streams
from trtswap.errors import DeviceError, EngineError, OptionError
from trtswap.inference.engine import Recipe
from trtswap.options import (
    GPU_BATCH,
    BlendOptions,
    EnhanceOptions,
    MaskOptions,
    MonitorOptions,
    SelectOptions,
    SwapOptions,
)
from trtswap.stages import carry
from trtswap.stages.batch import Batch
from trtswap.stages.carry import GpuRoute, route_of
from trtswap.video import open_target

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gpu_world.make(tmp_path_factory.mktemp("world"))


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, world: Path) -> Iterator[Any]:
    """The pretended GPU's driver."""
    fake_gpu.pretend(monkeypatch, "8.6.1", world / "cache")
    pretend_operations(monkeypatch)
    from pycuda import driver

    yield driver
    fake_gpu.forget()


@pytest.fixture(params=["pretended", pytest.param("real", marks=pytest.mark.gpu)])
def exact(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, world: Path) -> bool:
    """Whether the pixels are the same to the bit: on the pretended GPU, where the host build works on them."""
    if request.param == "pretended":
        request.getfixturevalue("driver")
    else:
        gpu_package("tensorrt")
        monkeypatch.setenv("TRTSWAP_CACHE", str(world / "real-cache"))
        monkeypatch.setattr(Recipe, "optimization_level", 0)  # a search takes minutes, and changes no meaning
    return bool(request.param == "pretended")


def same(found: list[Any], expected: list[Any], *, exact: bool) -> None:
    assert len(found) == len(expected)
    for got, want in zip(planes(found), planes(expected), strict=True):
        if exact:
            np.testing.assert_array_equal(got, want)
            continue
        off = np.abs(got.astype(int) - want.astype(int)) >> (6 if got.dtype == np.uint16 else 0)
        assert (off > tolerance.TARGETS_CODES).mean() <= tolerance.GPU_FRAMES_SHARE
        assert off.max() <= tolerance.GPU_FRAMES_CODES


CASES: dict[str, dict[str, Any]] = {
    "as usual": {},
    "batches of one": {"batch": 1, "queue": 1},
    "alpha, no colour, boost": {"boost": 256, "blend": BlendOptions(method="alpha", colour="off")},
    "alpha with colour": {"blend": BlendOptions(method="alpha", colour="reinhard")},
    "everything": {
        "clip": "gaps.mp4",
        "more": True,
        "enhance": EnhanceOptions(network="gpen_bfr_256"),
        "mask": MaskOptions(kinds=("box", "hull", "occlusion", "area", "region"), occluder="xseg_1"),
        "monitor": MonitorOptions(mode="full"),
        "select": SelectOptions(mode="all", age=(0, 101)),
    },
    "skin by landmarks": {"more": True, "mask": MaskOptions(kinds=("box", "hull"))},
    "frames that do not wait": {"batch": 8, "batch_wait_s": 0.001},
    "another weight": {"weight": 0.8, "blend": BlendOptions(method="poisson")},
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_pixels_as_on_the_host(
    case: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    settings = CASES[case]
    first, expected = run(world, tmp_path / "out.mp4", monkeypatch, frames="host", **settings)
    second, found = run(world, tmp_path / "out.mp4", monkeypatch, frames="gpu", **settings)
    assert first.faces_swapped == second.faces_swapped == FRAMES
    same(found, expected, exact=exact)
    assert first.notes == second.notes
    if exact:
        # On a GPU the monitor's squares cross the bus in halves.
        for name, value in first.quality.items():
            assert (value is None) == (second.quality[name] is None), name
            assert value is None or second.quality[name] == pytest.approx(value, rel=0.02, abs=0.05), name


def test_a_picture(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exact: bool) -> None:
    painted.write_portrait(world / "photo.png", seed=4)
    results = []
    for place in ("host", "gpu"):
        run(world, tmp_path / f"{place}.png", monkeypatch, clip="photo.png", frames=place)
        results.append(cv2.imread(str(tmp_path / f"{place}.png")).astype(int))
    assert np.abs(results[0] - cv2.imread(str(world / "photo.png"))).max() > 15
    assert np.abs(results[1] - results[0]).max() <= (0 if exact else tolerance.GPU_FRAMES_CODES)


@pytest.mark.parametrize("decoder", ["auto", "software"])
def test_each_frame_goes_up_once_and_comes_down_once(
    decoder: Any, world: Path, tmp_path: Path, driver: Any
) -> None:
    """Up only where it was decoded in software."""
    frame_bytes = 1280 * 720 * 3 // 2
    settings = gpu_world.options(world, more=True, frames="gpu", decoder=decoder, batch=1)
    with pipeline.Pipeline([world / "me.png"], options=settings) as prepared:
        prepared.prepare()
        with (
            device.use(),
            open_target(world / "large.mp4", gpu=0) as reader,
        ):  # the decoder was tried on the first frame
            list(reader)
        driver.copies.clear()
        driver.launched.clear()
        report = prepared.swap(world / "large.mp4", tmp_path / "out.mp4")
    assert report.faces_swapped == report.frames == 5
    tried = decoder == "auto"
    for kind, frames in (("htod", 5 * (not tried)), ("dtoh", 5 + tried)):
        sizes = [(size, stream) for copied, size, stream in driver.copies if copied == kind]
        large = [(size, stream) for size, stream in sizes if size > frame_bytes / 2]
        assert [size for size, _ in large] == [frame_bytes] * frames, kind
        own = {stream for _, stream in large[tried and kind == "dtoh" :]}
        assert len(own) == (frames > 0), "frames are copied on one stream"
        others = [size for size, stream in sizes[1:] if stream in own and size != frame_bytes]
        assert not others or decoder == "auto", "which has nothing else to do"
    # Nothing of the run's own work is on the default stream, which would wait for all others.
    assert not [name for name, stream in driver.launched if stream == 0]


def test_threads_work_on_streams_of_their_own(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: Any
) -> None:
    run(world, tmp_path / "out.mp4", monkeypatch, frames="gpu")
    driver.launched.clear()
    run(world, tmp_path / "out.mp4", monkeypatch, frames="gpu")
    where = {
        name: {stream for other, stream in driver.launched if other == name} for name in ("blend", "resample")
    }
    assert len(where["blend"]) == 1
    assert len(where["resample"] - where["blend"]) >= 1


@pytest.mark.usefixtures("exact")
def test_the_gpus_own_times_are_told(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    with tracing.recording(kept):
        run(world, tmp_path / "out.mp4", monkeypatch, frames="gpu", decoder="software", batch=4)
    gpu = [span for span in kept.spans if span.category == "gpu"]
    names = Counter(span.name for span in gpu)
    batches = -(-FRAMES // 4)
    assert {names[name] for name in ("frames up", "frames down", "inswapper_128", "composite")} == {batches}
    assert names["letterbox"] >= batches
    assert names["measure_colour"] >= batches
    assert len({span.row for span in gpu}) >= 4
    for row in {span.row for span in gpu}:
        for one, other in pairwise(span for span in gpu if span.row == row):
            assert one.start_ns <= one.end_ns <= other.start_ns


@pytest.mark.usefixtures("exact")
def test_occluders_run_beside_the_swapper(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """... and their masks stay there."""
    kept = Kept()
    held, places = chain.hold_masks, set()

    def watched(batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            places.add(device.is_on_device(batch.masks))
            yield batch

    monkeypatch.setattr(chain, "hold_masks", lambda batches, method: watched(held(watched(batches), method)))
    mask = MaskOptions(kinds=("box", "occlusion"), occluder="xseg_1")
    with tracing.recording(kept):
        run(world, tmp_path / "out.mp4", monkeypatch, more=True, frames="gpu", mask=mask, clip="gaps.mp4")
    rows = {
        name: {span.row for span in kept.spans if span.category == "gpu" and span.name == name}
        for name in ("inswapper_128", "xseg_1", "composite")
    }
    assert places == {True}
    assert rows["composite"]
    # An engine may have been built here too, and proven on another stream.
    assert rows["composite"] <= rows["inswapper_128"]
    assert rows["xseg_1"]
    assert not rows["xseg_1"] & rows["inswapper_128"]


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("fault", ["streams do not wait", "copies are not awaited"])
def test_what_is_forgotten_shows(
    fault: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above can fail: without a dependency the pixels are others, or the work touches what is not there."""
    _, expected = run(world, tmp_path / "out.mp4", monkeypatch, frames="host")
    if fault == "streams do not wait":
        monkeypatch.setattr(streams.Stream, "wait", lambda *_: None)
    else:
        monkeypatch.setattr(GpuRoute, "landed", lambda _, batch: iter(batch.frames))
    try:
        _, found = run(world, tmp_path / "out.mp4", monkeypatch, frames="gpu")
    except Exception:  # of whatever kind: a face found nowhere, an address that is not there any more
        return
    pairs = zip(planes(found), planes(expected), strict=True)
    assert any(not np.array_equal(got, want) for got, want in pairs)


def test_memory_does_not_grow_with_the_runs(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: Any
) -> None:
    held = []
    for _ in range(4):
        run(world, tmp_path / "out.mp4", monkeypatch, frames="gpu", batch=2)
        held.append(driver.allocated)
    assert held[-1] <= 1.25 * held[1]  # as many frames are on their way as the threads happen to allow
    assert held[-1] < 60 * FRAME_BYTES + (300 << 20)


@pytest.mark.usefixtures("driver")
def test_what_contradicts_is_told() -> None:
    with pytest.raises(OptionError, match="networks run on the CPU"):
        route_of(SwapOptions(frames="gpu", device="cpu"))
    with pytest.raises(DeviceError, match="there is no GPU 3"):
        route_of(SwapOptions(frames="gpu", device="cuda:3"))


@pytest.mark.usefixtures("driver")
def test_frames_stay_on_the_gpu_by_themselves(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept()
    with tracing.recording(kept):
        report, _ = run(world, tmp_path / "out.mp4", monkeypatch, batch=None)
    batches = {"frames up": [], "frames down": []}
    for span in kept.spans:
        if span.category == "gpu" and span.name in batches:
            batches[span.name].append(span.facts["frames"])
    for sizes in batches.values():
        assert max(sizes) == min(GPU_BATCH, report.frames)
    assert not route_of(SwapOptions(frames="host")).on_gpu


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("networks on the CPU", "the networks run on the CPU"),
        ("a GPU", "there is no GPU 3"),
        ("kernels", "built with its CUDA kernels"),
        ("kernels for this GPU", "no kernel image"),
        ("TensorRT", "TensorRT is not installed"),
    ],
)
def test_without_all_that_it_takes_they_stay_on_the_host(
    lacking: str, reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    devices = {"networks on the CPU": "cpu", "a GPU": "cuda:3"}
    if lacking == "kernels":
        monkeypatch.setattr(native.core, "cuda_built", False)
    if lacking == "kernels for this GPU":
        failing = Mock(
            side_effect=DeviceError("CUDA: no kernel image is available for execution on the device")
        )
        monkeypatch.setattr(ops, "maxima", failing)
    if lacking == "TensorRT":
        failing = Mock(side_effect=EngineError("TensorRT is not installed"))
        monkeypatch.setattr(carry, "usable_tensorrt", failing)
    route = route_of(SwapOptions(device=devices.get(lacking, "auto")))
    assert not route.on_gpu
    assert route.decodes_on is None
    assert reason in caplog.text


def test_a_build_without_kernels_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native.core, "cuda_built", False)
    with pytest.raises(DeviceError, match="CUDA kernels"):
        route_of(SwapOptions(frames="gpu"))
