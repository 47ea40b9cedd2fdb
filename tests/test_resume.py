"""Interrupted runs that are gone on with: the result is that of a run that was never interrupted, bit for bit."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support import face_networks, networks, painted, pictures

from trtswap import pipeline
from trtswap.errors import OptionError, VideoError
from trtswap.networks.classifier import Traits
from trtswap.options import (
    BlendOptions,
    MaskOptions,
    MonitorOptions,
    ProvenanceOptions,
    ResumeOptions,
    SelectOptions,
    SmoothOptions,
    SwapOptions,
)
from trtswap.provenance.verify import verify
from trtswap.types import Progress
from trtswap.video import segment_file, work_folder

SIZE = (320, 180)
FRAMES = 54
SEGMENT_S = 0.5
BAR = (40, 56, 130, 72)
LEFT, RIGHT = (
    [
        pictures.face_placement(
            (x + 14 * np.sin(index / 7), 92), 74 + 6 * np.sin(index / 5), 9 * np.sin(index / 6)
        )
        for index in range(FRAMES)
    ]
    for x in (82, 236)
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/ and models2/ (one face, two), me.png, her.png, one.mp4 with gaps and behind a bar, two.mp4."""
    folder = tmp_path_factory.mktemp("world")
    for name, faces in (("models", 1), ("models2", 2)):
        networks.write_models(folder / name, faces=faces)
        face_networks.analytic_xseg(folder / name / "xseg_1.onnx")
    face_networks.analytic_fan(folder / "models" / "2dfan4.onnx")
    painted.write_portrait(folder / "me.png")
    painted.write_portrait(folder / "her.png", faces=[pictures.face_placement((160, 320), 240)])
    gone = {21, 22, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50}
    one = [[face] if index not in gone else [] for index, face in enumerate(LEFT)]
    painted.write_clip(folder / "one.mp4", one, SIZE, cover=(BAR, face_networks.OCCLUDER_COLOUR))
    painted.write_clip(folder / "two.mp4", [list(pair) for pair in zip(LEFT, RIGHT, strict=True)], SIZE)
    return folder


@pytest.fixture(scope="module")
def whole(world: Path) -> Path:
    """one.mp4 swapped in segments with the default options, by a run that nothing interrupted."""
    path = world / "whole.mp4"
    pipeline.swap_video([world / "me.png"], world / "one.mp4", path, options=options(world))
    return path


def options(world: Path, *, models: str = "models", left_over: str = "refuse", **changes: Any) -> SwapOptions:
    changes.setdefault("provenance", ProvenanceOptions("a test"))
    changes.setdefault("resume", ResumeOptions(SEGMENT_S, left_over))  # type: ignore[arg-type]
    changes.setdefault("swapper", "inswapper_128")
    return SwapOptions(models=(str(world / models),), provider="cpu", **changes)


def contents(path: Path) -> dict[str, Any]:
    """Everything a player or a copy sees: packets of all streams with their times, and what is said of them."""
    with av.open(str(path)) as container:
        packets = [
            (packet.stream.index, packet.pts, packet.dts, packet.duration, packet.is_keyframe, bytes(packet))
            for packet in container.demux()
            if packet.size
        ]
        streams = [
            (stream.type, stream.time_base, stream.start_time, stream.duration, dict(stream.metadata))
            for stream in container.streams
        ]
        return {"packets": packets, "streams": streams, "metadata": dict(container.metadata)}


def pictures_of(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [
            hashlib.md5(frame.to_ndarray().tobytes(), usedforsecurity=False).hexdigest() + str(frame.pts)
            for frame in container.decode(video=0)
        ]


def assert_same(path: Path, other: Path) -> None:
    one, two = contents(path), contents(other)
    assert one["streams"] == two["streams"]
    assert one["metadata"] == two["metadata"]
    assert len(one["packets"]) == len(two["packets"])
    different = [
        number
        for number, pair in enumerate(zip(one["packets"], two["packets"], strict=True))
        if pair[0] != pair[1]
    ]
    assert different == []
    assert pictures_of(path) == pictures_of(other)


def interrupt_at(frames: int, stage: str = "swap") -> Callable[[Progress], None]:
    def progress(step: Progress) -> None:
        if step.stage == stage and step.frames_done >= frames:
            raise KeyboardInterrupt

    return progress


def interrupted(
    sources: Any, target: Path, out: Path, frames: int, stage: str = "swap", **keywords: Any
) -> None:
    with pytest.raises(KeyboardInterrupt):
        pipeline.swap_video(sources, target, out, on_progress=interrupt_at(frames, stage), **keywords)
    assert not out.exists()


def resumed(settings: SwapOptions) -> SwapOptions:
    return replace(settings, resume=replace(settings.resume, left_over="resume"))


def folder_of(out: Path) -> Path:
    return out.with_name(f".{out.name}.trtswap")


def segments_of(out: Path) -> list[Path]:
    return sorted(folder_of(out).glob("*.segment"))


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
    assert 0 < seen["swapper"] <= FRAMES - kept + settings.batch


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
    monkeypatch.setattr(pipeline, "stages", lambda *given: batches.append(given[2].batch) or stages(*given))
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


class TestLeftOvers:
    """What an interrupted run left is gone on with only where everything is as it was."""

    @pytest.fixture
    def out(self, world: Path, tmp_path: Path) -> Path:
        out = tmp_path / "out.mp4"
        interrupted([world / "me.png"], world / "one.mp4", out, 50, options=options(world))
        return out

    def test_it_is_told(self, world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, "trtswap"):
            interrupted([world / "me.png"], world / "one.mp4", tmp_path / "o.mp4", 50, options=options(world))
        (line,) = caplog.messages
        assert "--resume" in line
        assert str(folder_of(tmp_path / "o.mp4")) in line

    def test_nothing_is_done_unasked(self, world: Path, out: Path) -> None:
        before = segments_of(out)
        with pytest.raises(OptionError, match="interrupted run") as caught:
            pipeline.swap_video([world / "me.png"], world / "one.mp4", out, options=options(world))
        assert "--resume" in (caught.value.hint or "")
        assert segments_of(out) == before
        pipeline.swap_video(
            [world / "me.png"], world / "one.mp4", out, options=options(world, left_over="restart")
        )
        assert not folder_of(out).exists()

    @pytest.mark.parametrize("change", ["mask", "source", "target", "network", "batch", "segment", "version"])
    def test_what_differs_is_named(self, world, tmp_path, out, monkeypatch, change) -> None:
        source, target, settings = world / "me.png", world / "one.mp4", options(world, left_over="resume")
        if change == "mask":
            settings, named = replace(settings, mask=MaskOptions(blur=0.2)), "option mask"
        elif change == "source":
            source, named = tmp_path / "other.png", "people"
            painted.write_portrait(source, seed=31)
        elif change == "target":
            target, named = tmp_path / "other.mp4", "target"
            target.write_bytes((world / "one.mp4").read_bytes())
        elif change == "network":
            models, named = tmp_path / "m", "networks"
            networks.write_models(models)
            networks.analytic_inswapper(models / "inswapper_128.onnx", strength=0.5)
            for name in ("xseg_1.onnx", "2dfan4.onnx"):
                (models / name).symlink_to(world / "models" / name)
            settings = replace(settings, models=(str(models),))
        elif change == "batch":
            settings, named = replace(settings, batch=6), "option batch"
        elif change == "segment":
            settings, named = replace(settings, resume=ResumeOptions(1.0, "resume")), "frames of a segment"
        else:
            named = "version"
            monkeypatch.setattr("trtswap.binding.__version__", "0.0.1")
        before = segments_of(out)
        with pytest.raises(OptionError, match=f"cannot be gone on with.*{named}") as caught:
            pipeline.swap_video([source], target, out, options=settings)
        assert "--restart" in (caught.value.hint or "")
        assert segments_of(out) == before

    def test_the_length_of_a_segment_is_remembered(self, world: Path, out: Path) -> None:
        settings = options(world, resume=ResumeOptions(None, "resume"))
        report = pipeline.swap_video([world / "me.png"], world / "one.mp4", out, options=settings)
        assert any("were kept" in note for note in report.notes)

    @pytest.mark.parametrize("damage", ["cut", "flipped", "first", "empty", "missing", "binding"])
    def test_damage_falls_back_to_the_last_sound_boundary(self, world, whole, out, damage) -> None:
        segments = segments_of(out)
        assert len(segments) == 3
        expected = {"first": 0, "missing": 16}.get(damage, 32)
        victim = segments[{"first": 0, "missing": 1}.get(damage, 2)]
        data = bytearray(victim.read_bytes())
        if damage == "cut":
            victim.write_bytes(data[: random.randrange(1, len(data))])
        elif damage in ("flipped", "first"):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
            victim.write_bytes(data)
        elif damage == "empty":
            victim.write_bytes(b"")
        elif damage == "missing":
            victim.unlink()
        else:
            (folder_of(out) / "run.json").write_text("{")
            with pytest.raises(OptionError, match="cannot be read"):
                pipeline.swap_video(
                    [world / "me.png"], world / "one.mp4", out, options=options(world, left_over="resume")
                )
            return
        report = pipeline.swap_video(
            [world / "me.png"], world / "one.mp4", out, options=options(world, left_over="resume")
        )
        kept = [note for note in report.notes if "were kept" in note]
        assert kept == ([f"{expected} frames were kept from an interrupted run"] if expected else [])
        assert_same(out, whole)

    def test_two_runs_do_not_share_it(self, world: Path, out: Path) -> None:
        holder = work_folder.WorkFolder(out)
        with pytest.raises(OptionError, match="another run"):
            pipeline.swap_video(
                [world / "me.png"], world / "one.mp4", out, options=options(world, left_over="resume")
            )
        holder.leave()
        assert len(segments_of(out)) == 3

    def test_no_overlay_beside_segments(self, world: Path, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match="overlay"):
            pipeline.swap_video(
                [world / "me.png"],
                world / "one.mp4",
                tmp_path / "o.mp4",
                debug_overlay=tmp_path / "seen.mp4",
                options=options(world),
            )


class TestFullDisk:
    def test_while_swapping(self, world, whole, tmp_path, monkeypatch) -> None:
        out, settings = tmp_path / "out.mp4", options(world)
        record, written = segment_file.SegmentWriter._record, [0]

        def full(self: Any, kind: bytes, content: bytes) -> None:
            written[0] += 1
            if written[0] > 90:
                raise OSError(errno.ENOSPC, "No space left on device")
            record(self, kind, content)

        with monkeypatch.context() as patched:
            patched.setattr(segment_file.SegmentWriter, "_record", full)
            with pytest.raises(VideoError, match="no space left on the disk"):
                pipeline.swap_video([world / "me.png"], world / "one.mp4", out, options=settings)
        assert len(segments_of(out)) == 2
        assert not list(folder_of(out).glob("*.part"))
        self.goes_on(world, out, whole)

    def test_before_joining(self, world, whole, tmp_path, monkeypatch) -> None:
        out = tmp_path / "out.mp4"
        with monkeypatch.context() as patched:
            patched.setattr(work_folder.shutil, "disk_usage", lambda _: type("", (), {"free": 10})())
            with pytest.raises(VideoError, match="MB are free") as caught:
                pipeline.swap_video([world / "me.png"], world / "one.mp4", out, options=options(world))
        assert "--resume" in (caught.value.hint or "")
        assert len(segments_of(out)) == 4
        self.goes_on(world, out, whole)

    def goes_on(self, world: Path, out: Path, whole: Path) -> None:
        pipeline.swap_video(
            [world / "me.png"], world / "one.mp4", out, options=options(world, left_over="resume")
        )
        assert_same(out, whole)


class TestKilled:
    """kill -9 from outside, of the command itself."""

    def command(self, world: Path, out: Path) -> list[str]:
        return [
            *(sys.executable, "-m", "trtswap", "process", "-s", str(world / "me.png")),
            *("-t", str(world / "one.mp4"), "-o", str(out), "--models", str(world / "models")),
            *("--swapper", "inswapper_128", "--provider", "cpu", "--no-provenance", "a test"),
            *("--segment", str(SEGMENT_S), "--resume", "--json", "-v"),
        ]

    def killed(self, world: Path, out: Path, ready: Callable[[], bool]) -> bool:
        """Runs the command, and kills it a random while after it is `ready`; False where it ended before."""
        process = subprocess.Popen(
            self.command(world, out), cwd=world, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None:
            if ready():
                time.sleep(random.uniform(0, 0.03))
                process.send_signal(signal.SIGKILL)
                return process.wait() == -signal.SIGKILL
        return False

    def finish(self, world: Path, out: Path) -> list[dict[str, Any]]:
        done = subprocess.run(self.command(world, out), cwd=world, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_at_random_moments(self, world: Path, whole: Path, tmp_path: Path) -> None:
        """Three times in one run, each a random while after a segment begins, well before the end."""
        out = tmp_path / "out.mp4"
        kills = 0
        for segments in (1, 1, 2):
            if not out.exists():  # on a fast machine the signal may come too late
                marker = folder_of(out) / f"{segments:06}.part"
                kills += self.killed(world, out, marker.exists)
        assert kills >= 1
        if not out.exists():
            events = self.finish(world, out)
            assert any(event.get("stage") == "resume" for event in events)
            assert events[-1]["exit_code"] == 0
        assert_same(out, whole)
        assert not folder_of(out).exists()

    def test_while_joining(self, world: Path, whole: Path, tmp_path: Path) -> None:
        """The signal comes from inside, when all packets are in the new file but its end."""
        out = tmp_path / "out.mp4"
        script = (
            "import os, sys\n"
            "from trtswap.cli.app import main\n"
            "from trtswap.video import muxer\n"
            "muxer.Muxer.finish = lambda *_: os.kill(os.getpid(), 9)\n"
            "main(sys.argv[1:])\n"
        )
        arguments = self.command(world, out)[3:]
        ended = subprocess.run(
            [sys.executable, "-c", script, *arguments], cwd=world, capture_output=True, check=False
        )
        assert ended.returncode == -signal.SIGKILL
        assert not out.exists()
        assert len(segments_of(out)) == 4
        assert list(folder_of(out).glob(".out.*.mp4")), "what was joined so far is left over"
        self.finish(world, out)
        assert_same(out, whole)
        assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_memory_does_not_grow_with_what_is_kept(world: Path, tmp_path: Path) -> None:
    """What is known is read as it is needed, not before."""
    out = tmp_path / "out.mp4"
    interrupted([world / "me.png"], world / "one.mp4", out, 50, options=options(world))
    segment = segment_file.read_segment(segments_of(out)[0], 0, 0)
    assert segment is not None
    notes: Iterator[bytes] = segment.notes()
    assert iter(notes) is notes
    assert os.path.getsize(segment.path) > sum(map(len, notes))  # noqa: PTH202
