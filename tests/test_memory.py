"""The sum that decides on batch and queues, against what really is in memory; and what the tiers do."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import subprocess
import sys
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support import face_networks, fake_gpu, networks, painted, reference
from support.fake_core import pretend_operations
from support.recording import record_frames

from trtswap import chain, host_memory, memory, pipeline
from trtswap.inference.spec import load_specs
from trtswap.memory import Networks, fitting, frames_in_flight, needed, surface_bytes
from trtswap.options import (
    GPU_BATCH,
    HOST_BATCH,
    BlendOptions,
    DetectOptions,
    ProvenanceOptions,
    SelectOptions,
    SmoothOptions,
    SwapOptions,
)
from trtswap.pipeline import Pipeline, swap_video
from trtswap.types import Colour, Frame, PixelFormat, VideoInfo

SIZE = (320, 180)
FRAMES = 60
NETWORKS = Networks(device_bytes=600_000_000, item_bytes=6_000_000)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    (folder / "models").mkdir()
    networks.write_models(folder / "models")
    (folder / "more").mkdir()
    face_networks.analytic_fan(folder / "more" / "2dfan4.onnx")
    painted.write_portrait(folder / "me.png")
    painted.write_clip(folder / "clip.mp4", [[face] for face in painted.swaying(FRAMES, SIZE)], SIZE)
    return folder


def options(world: Path, **changes: Any) -> SwapOptions:
    return SwapOptions(
        models=(str(world / "models"),),
        detect=DetectOptions(second_look="never"),
        provenance=ProvenanceOptions(unsigned_reason="a test"),
        overwrite=True,
        **{"device": "cpu", **changes},
    )


def info(width: int, height: int, format: PixelFormat = PixelFormat.NV12) -> VideoInfo:
    return VideoInfo("x", width, height, format, Colour(), "h264", "yuv420p", frame_rate=Fraction(30))


@pytest.fixture
def pretended_gpu(monkeypatch: pytest.MonkeyPatch, world: Path) -> Iterator[None]:
    fake_gpu.pretend(monkeypatch, "8.6.1", world / "cache")
    pretend_operations(monkeypatch)
    yield
    fake_gpu.forget()


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": 4, "queue": 2},
        {"batch": 4, "queue": 1, "more": True},
        {"batch": 3, "queue": 1, "smooth": SmoothOptions("off")},
        {"batch": 6, "queue": 1, "blend": BlendOptions(colour="off")},
        {"batch": 1, "queue": 3, "smooth": SmoothOptions("one-euro")},
    ],
)
@pytest.mark.parametrize("place", ["host", "gpu"])
def test_no_more_frames_are_in_flight_than_it_says(
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    place: str,
    request: Any,
) -> None:
    """Surfaces that are alive while a slow writer lets everything fill up. more: with a landmarker."""
    changes = dict(changes)
    landmarks = changes.pop("more", False)
    if place == "gpu":
        request.getfixturevalue("pretended_gpu")
        changes = {**changes, "frames": "gpu", "device": "cuda"}
    alive: set[int] = set()
    most = 0

    def watched(frames: Iterable[Frame]) -> Iterator[Frame]:
        nonlocal most
        for frame in frames:
            alive.add(frame.index)
            weakref.finalize(frame.surface, alive.discard, frame.index)
            most = max(most, len(alive))
            yield frame
            del frame

    gathered = chain.gather
    settings = options(world, **changes)
    if landmarks:
        settings = replace(settings, models=(*settings.models, str(world / "more")))
    monkeypatch.setattr(chain, "gather", lambda frames, size: gathered(watched(frames), size))
    swap_video([world / "me.png"], world / "clip.mp4", world / "out.mp4", options=settings)
    said = frames_in_flight(settings, 25.0, settings.batch, settings.queue, landmarks=landmarks)
    assert 0.3 * min(said, FRAMES) <= most <= said


@pytest.mark.parametrize("format", list(PixelFormat))
def test_bytes_of_a_surface(format: PixelFormat) -> None:
    surface = reference.random_surface(np.random.default_rng(), format, 64, 48)
    assert surface_bytes(info(64, 48, format)) == sum(plane.nbytes for plane in surface.planes)


def test_the_largest_that_fits_is_taken() -> None:
    rng = np.random.default_rng()
    for _ in range(300):
        settings = SwapOptions(
            batch=int(2 ** rng.integers(0, 7)),
            queue=int(rng.integers(1, 9)),
            frames=rng.choice(["host", "gpu"]),
            select=SelectOptions(rng.choice(["largest", "all"])),
        )
        clip = info(*rng.choice([(640, 360), (1920, 1080), (3840, 2160)]).tolist())
        limits: dict[memory.Place, int] = {
            "host": int(rng.uniform(0.2e9, 8e9)),
            "device": int(rng.uniform(0.5e9, 8e9)),
        }
        found = fitting(settings, clip, NETWORKS, limits, resident=150_000_000)
        assert found.needs == needed(settings, clip, NETWORKS, found.batch, found.queue, resident=150_000_000)

        def fits(batch: int, queue: int) -> bool:
            needs = needed(settings, clip, NETWORKS, batch, queue, resident=150_000_000)  # noqa: B023
            return all(needs[place] <= limits[place] for place in needs)  # noqa: B023

        assert found.fits == fits(found.batch, found.queue)
        larger = [
            (batch, queue)
            for batch in (64, 32, 16, 8, 4, 2, 1)
            for queue in range(8, 0, -1)
            if batch <= settings.batch
            and queue <= settings.queue
            and (batch, queue) > (found.batch, found.queue)
        ]
        assert not any(fits(*pair) for pair in larger)
        if not found.fits:
            assert (found.batch, found.queue) == (1, 1)
            assert found.notes(settings)


def test_more_of_anything_needs_more() -> None:
    small = needed(SwapOptions(), info(640, 360), NETWORKS, 2, 1, resident=0)
    for other in (
        needed(SwapOptions(), info(1920, 1080), NETWORKS, 2, 1, resident=0),
        needed(SwapOptions(), info(640, 360, PixelFormat.P010), NETWORKS, 2, 1, resident=0),
        needed(SwapOptions(), info(640, 360), NETWORKS, 4, 1, resident=0),
        needed(SwapOptions(), info(640, 360), NETWORKS, 2, 2, resident=0),
        needed(SwapOptions(), info(640, 360), NETWORKS, 2, 1, resident=10),
    ):
        assert sum(other.values()) > sum(small.values())
    there = needed(SwapOptions(frames="gpu"), info(640, 360), NETWORKS, 2, 1, resident=0)
    assert there["device"] > small["device"]


def test_limits_follow_the_tier_and_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    free = 3 * 10**9
    monkeypatch.setattr(memory, "available_bytes", lambda: free)
    monkeypatch.setattr(memory, "resident_bytes", lambda: 10**9)
    monkeypatch.setattr(memory, "device_memory", lambda _: (5 * 10**9, 80 * 10**9))
    found = {
        tier: memory.plan(SwapOptions(memory=tier), info(640, 360), NETWORKS).limits
        for tier in ("strict", "moderate", "normal")
    }
    assert found["strict"] == {"host": 2 * 10**9, "device": 2 * 10**9}
    assert found["moderate"] == {"host": 28 * 10**8, "device": 3 * 10**9}
    assert found["normal"] == {"host": 36 * 10**8, "device": 4 * 10**9}
    more = memory.plan(SwapOptions(memory_limit=6 * 10**9), info(640, 360), NETWORKS).limits
    assert more == {"host": 36 * 10**8, "device": int(0.9 * (5.6e9 + memory.DEVICE_BASE))}
    free = 10**8
    assert memory.plan(SwapOptions(), info(640, 360), NETWORKS).limits["host"] == int(0.9 * 1.1e9)


def test_sessions_are_asked() -> None:
    spec = load_specs()["arcface_w600k_r50"]
    engine = SimpleNamespace(spec=spec, memory_bytes=123, enqueue=None)
    host = SimpleNamespace(spec=spec)
    found = memory.networks_of([engine, engine, host])
    item = 4 * (3 * 112 * 112 + 512)
    assert found == Networks(device_bytes=246, item_bytes=3 * item, on_host=1)
    assert memory.networks_of([engine, SimpleNamespace(spec=load_specs()["2dfan4"])]).landmarks


def test_a_small_limit_makes_the_batch_small(
    world: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paths = ([world / "me.png"], world / "clip.mp4", world / "out.mp4")
    with monkeypatch.context() as local:
        free = record_frames(local)
        report = swap_video(*paths, options=options(world, batch=8))
    assert not any("memory" in note for note in report.notes)
    with monkeypatch.context() as local, caplog.at_level(logging.INFO, "trtswap"):
        tight = record_frames(local)
        report = swap_video(*paths, options=options(world, batch=8, memory_limit=10**8))
    assert any("memory" in note for note in report.notes)
    assert any("batch 1, queue 1" in record.getMessage() for record in caplog.records)
    assert len(free) == len(tight) == FRAMES
    for mine, other in zip(free, tight, strict=True):
        for plane, expected in zip(mine.surface.planes, other.surface.planes, strict=True):
            assert np.array_equal(plane, expected)


def test_a_batch_that_nobody_asked_for_becomes_smaller_without_a_note() -> None:
    clip = info(1920, 1080)
    limits: dict[memory.Place, int] = {"host": 10**9, "device": 2 * 10**9}
    for place, usual, fits in (("host", HOST_BATCH, HOST_BATCH), ("gpu", GPU_BATCH, GPU_BATCH // 2)):
        settings = SwapOptions(frames=place)
        assert settings.together == usual
        found = fitting(settings, clip, NETWORKS, limits)
        assert found.batch == fits
        asked = replace(settings, batch=usual)
        assert found == fitting(asked, clip, NETWORKS, limits)
        assert not found.notes(settings)
        assert bool(found.notes(asked)) is (fits < usual)


def test_freed_memory_is_given_back_between_targets(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there: list[bool] = []
    with Pipeline([world / "me.png"], options=options(world)) as run:
        for number in range(2):
            output = world / f"given{number}.mp4"
            monkeypatch.setattr(pipeline, "give_back", lambda: there.append(output.exists()))  # noqa: B023
            run.swap(world / "clip.mp4", output)
    assert there == [True, True]


def test_strict_gives_networks_back_between_targets(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for tier, opened in (("normal", 1), ("strict", 3)):
        count = 0
        make = pipeline.NetworkSet

        def counted(*arguments: Any) -> Any:
            nonlocal count
            count += 1
            return make(*arguments)  # noqa: B023

        with monkeypatch.context() as local:
            local.setattr(pipeline, "NetworkSet", counted)
            met = pipeline.meet
            meetings: list[int] = []
            local.setattr(pipeline, "meet", lambda *rest: (meetings.append(1), met(*rest))[1])  # noqa: B023
            settings = options(world, memory=tier)
            outputs = []
            with Pipeline([world / "me.png"], options=settings) as run:
                for number in range(3):
                    output = world / f"{tier}{number}.mp4"
                    run.swap(world / "clip.mp4", output)
                    outputs.append(output.read_bytes())
        assert (count, len(meetings)) == (opened, 1)
        assert outputs[0] == outputs[1] == outputs[2]


def test_free_memory_of_a_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_gpu.pretend(monkeypatch, fake_gpu.VERSIONS[0], tmp_path)
    try:
        free, total = memory.device_memory(0)
        assert 0 < free <= total
        probe = memory.device_probes(SwapOptions())["device"]
        assert probe() == total - free
    finally:
        fake_gpu.forget()
    assert memory.device_probes(SwapOptions(device="cpu")) == {}


glibc = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library")


@glibc
def test_freed_memory_of_the_host_is_given_back() -> None:
    """Small blocks below one that stays, which the C library would keep."""
    program = (
        "from trtswap import host_memory as memory; blocks = [b'x' * n for n in range(50_000, 70_000, 10)];"
        "stays = b'x' * 60_000; before = memory.resident_bytes(); del blocks; freed = memory.resident_bytes();"
        "memory.give_back(); print(before, freed, memory.resident_bytes(), len(stays))"
    )
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    before, freed, given, _ = map(int, printed.stdout.split())
    assert before - freed < 12_000_000
    assert before - given > 0.9 * 120_000_000


HEAPS = """
import ctypes, os, threading
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
every = threading.Barrier(8)
def hold():
    blocks = [libc.malloc(5_000) for _ in range(10)]
    every.wait()
threads = [threading.Thread(target=hold) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
stream = ctypes.c_void_p(libc.fdopen(os.dup(1), b"w"))
libc.malloc_info(0, stream)
libc.fclose(stream)
"""
CLAIM = "from trtswap.host_memory import claim_process, expect_frames; claim_process()"


def told_by_malloc(first: str, **environment: str) -> str:
    """What glibc tells of its heaps after `first` and threads that hold blocks at the same time, in a process."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    program = [sys.executable, "-c", f"{first}\n{HEAPS}"]
    return subprocess.run(program, check=True, capture_output=True, text=True, env=usual | environment).stdout


@glibc
@pytest.mark.parametrize(
    ("first", "environment", "at_least", "at_most"),
    [
        (CLAIM, {}, 1, 4),
        ("from trtswap.cli.app import main; main(['networks', '--json'])", {}, 1, 4),
        (CLAIM, {"MALLOC_ARENA_MAX": "6"}, 5, 6),
        (CLAIM, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=7"}, 5, 7),
        ("import trtswap", {}, 5, 9),
    ],
    ids=["claimed", "by the command", "unless tuned", "either way", "a library's"],
)
def test_all_threads_of_the_command_share_four_heaps(
    first: str, environment: dict[str, str], at_least: int, at_most: int
) -> None:
    assert at_least <= told_by_malloc(first, **environment).count("<heap nr=") <= at_most


@glibc
@pytest.mark.parametrize(
    ("first", "apart"),
    [
        (f"{CLAIM}; expect_frames(3_000_000)", 2),  # 6.5 and 7 MB
        (f"{CLAIM}; expect_frames(100)", 3),  # 5 MB too
        (f"{CLAIM}; expect_frames(10**9)", 0),
        (CLAIM, 0),
        ("from trtswap.host_memory import expect_frames; expect_frames(3_000_000)", 0),
    ],
    ids=["large ones", "small frames", "huge ones", "not told", "not claimed"],
)
def test_what_is_larger_than_two_frames_is_taken_apart(first: str, apart: int) -> None:
    """After a block of 33 MB came and went, for which glibc raises what it thinks large to that."""

    def count(blocks: str) -> int:
        told = told_by_malloc(
            f"import ctypes; libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p\n{first}\n"
            f"libc.free(ctypes.c_void_p(libc.malloc(33_000_000)))\n{blocks}\nlibc.malloc.restype = ctypes.c_int"
        )
        found = re.findall(r'<total type="mmap" count="(\d+)"', told)
        return int(found[-1])

    assert (
        count("[libc.malloc(size) for size in (3_000_000, 5_000_000, 6_500_000, 7_000_000)]") - count("")
        == apart
    )


def test_memory_of_the_host(tmp_path: Path) -> None:
    """In a process of its own: in this one an allocation may be served from what earlier tests left."""
    program = (
        "import numpy as np; from trtswap import host_memory as memory; before = memory.resident_bytes();"
        "block = np.ones(25_000_000); print(before, memory.resident_bytes(), memory.peak_bytes())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    before, after, peak = map(int, printed.split())
    assert after - before > 0.9 * 200_000_000
    assert peak >= 0.99 * after
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 100 kB\nMemAvailable:   40 kB\n")
    group = tmp_path / "group"
    assert host_memory.available_bytes(meminfo, group) == 40 * 1024
    group.mkdir()
    (group / "memory.max").write_text("50000\n")
    (group / "memory.current").write_text("30000\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 5000\n")
    assert host_memory.available_bytes(meminfo, group) == 25_000
    (group / "memory.max").write_text("max\n")
    assert host_memory.available_bytes(meminfo, group) == 40 * 1024
    assert host_memory.available_bytes(tmp_path / "none", tmp_path / "none") is None
