"""Interrupted runs that are gone on with: the result is that of a run that was never interrupted, bit for bit."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.resuming import (
    FRAMES,
    SIZE,
    assert_same,
    interrupted,
    options,
    resumed,
    segments_of,
    write_whole,
    write_world,
)

from trtswap import pipeline
from trtswap.networks.classifier import Traits
from trtswap.options import (
    BlendOptions,
    MaskOptions,
    MonitorOptions,
    ProvenanceOptions,
    SelectOptions,
    SmoothOptions,
)
from trtswap.provenance.verify import verify
from trtswap.video import segment_file


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def whole(world: Path) -> Path:
    return write_whole(world)


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "defaults": ("one.mp4", {}),
    "one-euro": ("one.mp4", {"smooth": SmoothOptions("one-euro"), "blend": BlendOptions(colour="reinhard")}),
    "ema, batches of one": ("one.mp4", {"smooth": SmoothOptions("ema"), "batch": 1}),
    "individual, batches of three": ("one.mp4", {"smooth": SmoothOptions("individual"), "batch": 3}),
    "unsmoothed": ("one.mp4", {"smooth": SmoothOptions("off"), "mask": MaskOptions(kinds=("box", "hull"))}),
    "all, away from themselves": (
        "two.mp4",
        {"models": "models2", "select": SelectOptions("all"), "weight": 0.8, "batch": 5},
    ),
    "a reference": ("two.mp4", {"models": "models2", "select": SelectOptions("reference", distance=1.0)}),
}


@pytest.mark.parametrize("case", CASES)
def test_going_on_gives_the_same_video(world: Path, tmp_path: Path, case: str) -> None:
    """Whatever the state over time is made of; interrupted at a random frame."""
    clip, changes = CASES[case]
    settings = options(world, **changes)
    keywords: dict[str, Any] = {"options": settings}
    if settings.select.mode == "reference":
        keywords["reference"] = world / "her.png"  # the nearer of the two
    whole, out = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    sources = [world / ("me.png" if clip == "one.mp4" else "her.png")]
    before = pipeline.swap_video(sources, world / clip, whole, **keywords)
    assert before.faces_swapped > FRAMES // 2
    stop = random.randint(20, FRAMES - 4)
    print(f"interrupted at frame {stop}")
    interrupted(sources, world / clip, out, stop, **keywords)
    assert segments_of(out)
    keywords["options"] = resumed(settings)
    after = pipeline.swap_video(sources, world / clip, out, **keywords)
    assert_same(out, whole)
    assert (after.frames, after.frames_with_faces, after.faces_swapped) == (
        before.frames,
        before.frames_with_faces,
        before.faces_swapped,
    )
    assert any("frames were kept from an interrupted run" in note for note in after.notes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "whole.mp4"]


def test_filters_vote_as_they_did(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier that says something else at every call is asked again only about new frames."""
    calls: list[int] = []

    class Fickle:
        def classify(self, _surfaces: Any, indices: Any, landmarks: Any) -> list[Traits]:
            calls.append(len(indices))
            said = [int(1000 * abs(points).sum()) % 3 for points in landmarks]
            return [Traits("female" if word else "male", (20, 29), "white") for word in said]

    class WithFickle(pipeline.NetworkSet):
        def _classifier(self) -> Any:
            return Fickle()

    monkeypatch.setattr(pipeline, "NetworkSet", WithFickle)
    settings = options(world, models="models2", select=SelectOptions("all", gender="female"))
    whole, out = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    pipeline.swap_video([world / "her.png"], world / "two.mp4", whole, options=settings)
    first = sum(calls)
    assert first >= 2
    interrupted([world / "her.png"], world / "two.mp4", out, 40, options=settings)
    calls.clear()
    pipeline.swap_video([world / "her.png"], world / "two.mp4", out, options=resumed(settings))
    assert sum(calls) == 0, "five votes a track were cast before"
    assert_same(out, whole)


def test_what_is_done_is_not_done_again(world, tmp_path, monkeypatch) -> None:
    """No network looks at kept frames, but for the masks that the first new frames look back at."""
    settings, out = options(world), tmp_path / "out.mp4"
    interrupted([world / "me.png"], world / "one.mp4", out, 50, options=settings)
    kept = 16 * len(segments_of(out))
    assert kept >= 32
    seen = {"detector": 0, "swapper": 0}

    class Counting(pipeline.NetworkSet):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            detect, swap = self.detector.detect, self.swapper.swap

            def detected(surfaces: Any, how: Any) -> Any:
                seen["detector"] += surfaces[0].width_px == SIZE[0] and len(surfaces)
                return detect(surfaces, how)

            def swapped(surfaces: Any, indices: Any, *rest: Any) -> Any:
                seen["swapper"] += len(surfaces)
                return swap(surfaces, indices, *rest)

            self.detector.detect, self.swapper.swap = detected, swapped  # type: ignore[method-assign]

    monkeypatch.setattr(pipeline, "NetworkSet", Counting)
    pipeline.swap_video([world / "me.png"], world / "one.mp4", out, options=resumed(settings))
    assert seen["detector"] == FRAMES - kept
    assert 0 < seen["swapper"] <= FRAMES - kept + settings.together


@pytest.mark.parametrize(
    ("first", "stage"), [(30, "swap"), (52, "swap"), (0, "finish"), (8, "swap"), (0, "prepare")]
)
def test_interrupted_twice(world: Path, whole: Path, tmp_path: Path, first: int, stage: str) -> None:
    """In the middle, in the last segment, while joining begins, before anything is kept; then again while going on."""
    settings, out = options(world), tmp_path / "out.mp4"
    interrupted([world / "me.png"], world / "one.mp4", out, first, stage, options=settings)
    assert bool(segments_of(out)) is (first >= 20 or stage == "finish")
    if not segments_of(out):
        assert list(tmp_path.iterdir()) == []
    again = ("resume", 10) if segments_of(out) else ("swap", 50)
    interrupted([world / "me.png"], world / "one.mp4", out, again[1], again[0], options=resumed(settings))
    pipeline.swap_video([world / "me.png"], world / "one.mp4", out, options=resumed(settings))
    assert_same(out, whole)


def test_the_batch_that_memory_left_room_for_is_kept(world, tmp_path, monkeypatch) -> None:
    """Other batches may round otherwise; the run that goes on has more memory, and still takes the smaller one."""
    plan = pipeline.memory.plan
    out, whole = tmp_path / "out.mp4", tmp_path / "whole.mp4"
    settings = options(world, batch=4)
    with monkeypatch.context() as patched:
        patched.setattr(pipeline.memory, "plan", lambda *given: replace(plan(*given), batch=2))
        pipeline.swap_video([world / "me.png"], world / "one.mp4", whole, options=settings)
        interrupted([world / "me.png"], world / "one.mp4", out, 40, options=settings)
    batches = []
    stages = pipeline.stages
    monkeypatch.setattr(
        pipeline, "stages", lambda *given, **more: batches.append(given[2].batch) or stages(*given, **more)
    )
    pipeline.swap_video([world / "me.png"], world / "one.mp4", out, options=resumed(settings))
    assert batches == [2]
    assert_same(out, whole)


def test_tracks_are_told_in_full(world: Path, tmp_path: Path) -> None:
    settings = options(world)
    pipeline.swap_video(
        [world / "me.png"],
        world / "one.mp4",
        tmp_path / "whole.mp4",
        dump_tracks=tmp_path / "whole.jsonl",
        options=settings,
    )
    out, lines = tmp_path / "out.mp4", tmp_path / "out.jsonl"
    interrupted([world / "me.png"], world / "one.mp4", out, 50, dump_tracks=lines, options=settings)
    pipeline.swap_video(
        [world / "me.png"], world / "one.mp4", out, dump_tracks=lines, options=resumed(settings)
    )
    assert lines.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    given = tmp_path / "given.mp4"
    keywords = {"tracks": lines, "options": settings}
    pipeline.swap_video([world / "me.png"], world / "one.mp4", given, **keywords)
    interrupted([world / "me.png"], world / "one.mp4", tmp_path / "again.mp4", 40, **keywords)
    keywords["options"] = resumed(settings)
    pipeline.swap_video([world / "me.png"], world / "one.mp4", tmp_path / "again.mp4", **keywords)
    assert_same(tmp_path / "again.mp4", given)


def test_a_signed_output_and_figures_of_the_rest(world: Path, tmp_path: Path) -> None:
    settings = options(world, provenance=ProvenanceOptions(), monitor=MonitorOptions("full"))
    out = tmp_path / "out.mp4"
    interrupted([world / "me.png"], world / "one.mp4", out, 50, options=settings)
    kept = 16 * len(segments_of(out))
    report = pipeline.swap_video([world / "me.png"], world / "one.mp4", out, options=resumed(settings))
    assert report.quality["frames.count"] == FRAMES - kept
    assert any("quality are of the other frames alone" in note for note in report.notes)
    assert verify(out).intact


def test_memory_does_not_grow_with_what_is_kept(world: Path, tmp_path: Path) -> None:
    """What is known is read as it is needed, not before."""
    out = tmp_path / "out.mp4"
    interrupted([world / "me.png"], world / "one.mp4", out, 50, options=options(world))
    segment = segment_file.read_segment(segments_of(out)[0], 0, 0)
    assert segment is not None
    notes: Iterator[bytes] = segment.notes()
    assert iter(notes) is notes
    assert os.path.getsize(segment.path) > sum(map(len, notes))  # noqa: PTH202
