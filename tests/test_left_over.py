"""What an interrupted run leaves, and what may happen to it: damage, other options, a full disk, kill -9."""

from __future__ import annotations

import errno
import json
import logging
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import networks, painted
from support.resuming import (
    SEGMENT_S,
    assert_same,
    folder_of,
    interrupted,
    options,
    segments_of,
    write_whole,
    write_world,
)

from trtswap import pipeline
from trtswap.errors import OptionError, VideoError
from trtswap.options import (
    MaskOptions,
    ResumeOptions,
)
from trtswap.video import segment_file, work_folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def whole(world: Path) -> Path:
    return write_whole(world)


@pytest.fixture(scope="module")
def stopped(world: Path) -> Path:
    """An output whose run was interrupted."""
    out = world / "stopped" / "out.mp4"
    out.parent.mkdir()
    interrupted([world / "me.png"], world / "one.mp4", out, 50, options=options(world))
    return out


class TestLeftOvers:
    """What an interrupted run left is gone on with only where everything is as it was."""

    @pytest.fixture
    def out(self, stopped: Path, tmp_path: Path) -> Path:
        """As `stopped`, of the test's own."""
        out = tmp_path / "out.mp4"
        shutil.copytree(folder_of(stopped), folder_of(out))
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
            time.sleep(0.001)  # the processor is the other's
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
