"""Several targets in one run, by the API and by the command line."""

from __future__ import annotations

import gc
import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import networks, painted

from trtswap import many, pipeline, video
from trtswap.cli.app import main
from trtswap.errors import NetworkNotFoundError, NoFaceError, OptionError, VideoError
from trtswap.options import ManyOptions, ProvenanceOptions, SwapOptions

SIZE = (320, 180)
FRAMES = 6
MOTION = painted.swaying(120, SIZE)[:FRAMES]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/, me.png, and in/ with two clips of a person, one of nobody, a picture and a broken file."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "models").mkdir()
    (folder / "in").mkdir()
    networks.write_models(folder / "models")
    painted.write_portrait(folder / "me.png")
    painted.write_clip(folder / "in" / "a.mp4", [[face] for face in MOTION], SIZE)
    painted.write_clip(folder / "in" / "b.mkv", [[face] for face in MOTION[::-1]], SIZE)
    painted.write_clip(folder / "in" / "empty.mp4", [[]] * FRAMES, SIZE)
    painted.write_portrait(folder / "in" / "photo.png", seed=4)
    (folder / "in" / "broken.mp4").write_bytes(b"no video at all")
    return folder


def options(world: Path, **changes: Any) -> SwapOptions:
    changes.setdefault("provenance", ProvenanceOptions("a test"))
    return SwapOptions(models=(str(world / "models"),), swapper="inswapper_128", provider="cpu", **changes)


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("TRTSWAP_STATE", str(tmp_path_factory.mktemp("state")))


def frames_of(path: Path) -> list[Any]:
    with video.open_video(path) as reader:
        return [frame.surface.planes[0] for frame in reader]


def test_everything_that_can_be_swapped_is(world: Path, tmp_path: Path) -> None:
    told = []
    outcomes = list(
        many.swap_many(
            [world / "me.png"],
            [world / "in"],
            tmp_path / "out",
            options=options(world),
            on_start=lambda job, number, count: told.append((job.target.name, number, count)),
        )
    )
    names = ["a.mp4", "b.mkv", "broken.mp4", "empty.mp4", "photo.png"]
    assert told == [(name, number, 5) for number, name in enumerate(names, 1)]
    assert [outcome.status for outcome in outcomes] == ["done", "done", "failed", "no face", "done"]
    assert isinstance(outcomes[2].error, VideoError)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.mp4",
        "b.mkv",
        "empty.mp4",
        "photo.png",
    ]


def test_each_is_what_it_is_alone(world: Path, tmp_path: Path) -> None:
    """No state of one target reaches the next."""
    targets = [world / "in" / name for name in ("b.mkv", "a.mp4")]
    list(many.swap_many([world / "me.png"], targets, tmp_path / "out", options=options(world)))
    for target in targets:
        alone = tmp_path / target.name
        pipeline.swap_video([world / "me.png"], target, alone, options=options(world))
        for one, other in zip(frames_of(alone), frames_of(tmp_path / "out" / target.name), strict=True):
            assert np.array_equal(one, other)


def test_networks_and_people_are_prepared_once(world, tmp_path, monkeypatch) -> None:
    made = []

    class Counted(pipeline.NetworkSet):
        def __init__(self, *arguments: Any) -> None:
            made.append(self)
            super().__init__(*arguments)

    people = []
    meet = pipeline.meet
    monkeypatch.setattr(pipeline, "NetworkSet", Counted)
    monkeypatch.setattr(pipeline, "meet", lambda *arguments: people.append(1) or meet(*arguments))
    outcomes = list(
        many.swap_many([world / "me.png"], [world / "in"], tmp_path / "out", options=options(world))
    )
    assert len(outcomes) == 5
    assert (len(made), len(people)) == (1, 1)


@pytest.mark.parametrize("wrong", ["source", "models"])
def test_what_befalls_all_is_raised_before_any(world, tmp_path, monkeypatch, wrong) -> None:
    source, settings = world / "me.png", options(world)
    if wrong == "source":
        source = tmp_path / "nobody.png"
        painted.write_portrait(source, faces=[])
    else:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        monkeypatch.delenv("TRTSWAP_MODELS", raising=False)
        settings = SwapOptions(models=(str(tmp_path),))
    outcomes = many.swap_many([source], [world / "in"], tmp_path / "out", options=settings)
    with pytest.raises((NoFaceError, NetworkNotFoundError)):
        next(outcomes)
    assert not (tmp_path / "out").exists()


def test_names_are_checked_at_the_call(world: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="both become"):
        many.swap_many(
            [world / "me.png"],
            [world / "in" / "a.mp4", world / "in" / ".." / "models" / "a.mp4"],
            tmp_path,
            options=options(world),
        )


def test_interrupting_keeps_what_is_complete(world: Path, tmp_path: Path) -> None:
    def start(job: many.Job, _number: int, _count: int) -> Any:
        def progress(step: Any) -> None:
            if job.target.name == "b.mkv" and step.frames_done:
                raise KeyboardInterrupt

        return progress

    outcomes = many.swap_many(
        [world / "me.png"], [world / "in"], tmp_path / "out", options=options(world), on_start=start
    )
    assert next(outcomes).status == "done"
    with pytest.raises(KeyboardInterrupt):
        next(outcomes)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.mp4"]
    rest = list(
        many.swap_many(
            [world / "me.png"],
            [world / "in"],
            tmp_path / "out",
            options=options(world),
            many=ManyOptions(skip_existing=True),
        )
    )
    assert [outcome.status for outcome in rest] == ["skipped", "done", "failed", "no face", "done"]


def test_nothing_grows_from_target_to_target(world: Path, tmp_path: Path) -> None:
    """Threads and open files after each of a dozen targets, every third of them broken. bench/many.py does it with two
    hundred, and looks at memory and time too."""
    targets = []
    for number in range(12):
        target = tmp_path / f"{number}.mp4"
        name = "broken.mp4" if number % 3 == 2 else "a.mp4"
        target.write_bytes((world / "in" / name).read_bytes())
        targets.append(target)
    held = []
    for outcome in many.swap_many([world / "me.png"], targets, tmp_path / "out", options=options(world)):
        assert outcome.status in ("done", "failed")
        gc.collect()
        held.append((threading.active_count(), len(os.listdir("/proc/self/fd"))))  # noqa: PTH208
    assert len(held) == 12
    assert min(held[-4:]) == min(held[1:5])  # for an instant the runner of tests may hold some too


class TestCommandLine:
    def arguments(self, world: Path, out: Path) -> list[str]:
        common = ["--models", str(world / "models"), "--provider", "cpu", "--no-provenance", "a test"]
        return ["process", "-s", str(world / "me.png"), "-t", str(world / "in"), "-o", str(out), *common]

    def test_a_table_and_an_exit_code_of_its_own(self, world, tmp_path, capsys) -> None:
        assert main([*self.arguments(world, tmp_path / "out"), "--swapper", "inswapper_128"]) == 7
        out, err = capsys.readouterr()
        table = [line for line in out.splitlines() if str(world / "in")[-8:] in line or "done" in line]
        assert sum("done" in line for line in table) == 3
        assert "no face" in out
        assert "failed" in out
        assert "error: 1 of 5 targets could not be swapped" in err
        assert "broken.mp4" in err

    def test_json_tells_of_each_file(self, world, tmp_path, capsys) -> None:
        assert main([*self.arguments(world, tmp_path / "out"), "--json", "--swapper", "inswapper_128"]) == 7
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        files = [event for event in events if event["event"] == "file"]
        assert [(Path(event["target"]).name, event["number"], event["count"]) for event in files] == [
            (name, number, 5)
            for number, name in enumerate(["a.mp4", "b.mkv", "broken.mp4", "empty.mp4", "photo.png"], 1)
        ]
        done = [event for event in events if event["event"] == "file_done"]
        assert [(event["status"], event["exit_code"]) for event in done] == [
            ("done", 0),
            ("done", 0),
            ("failed", 3),
            ("no face", 0),
            ("done", 0),
        ]
        assert done[0]["frames"] == FRAMES
        assert all("target" in event for event in events if event["event"] == "progress")
        assert (events[-1]["event"], events[-1]["exit_code"]) == ("error", 7)

    def test_all_well_ends_with_zero(self, world, tmp_path, capsys) -> None:
        arguments = self.arguments(world, tmp_path / "out")
        arguments[4:5] = [str(world / "in" / "a.mp4"), str(world / "in" / "*.png")]
        assert main([*arguments, "--json", "--swapper", "inswapper_128"]) == 0
        last = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert last == {
            "event": "done",
            "exit_code": 0,
            "done": 2,
            "no face": 0,
            "skipped": 0,
            "missed": 0,
            "failed": 0,
        }

    @pytest.mark.parametrize(
        "extra", [["--tracks", "t.jsonl"], ["--debug-overlay", "o.mp4"], ["--report", "r.json"]]
    )
    def test_what_belongs_to_one_target(self, world, tmp_path, extra, capsys) -> None:
        assert main([*self.arguments(world, tmp_path / "out"), *extra]) == 2
        assert extra[0] in capsys.readouterr().err

    def test_what_belongs_to_several(self, world, tmp_path, capsys) -> None:
        arguments = self.arguments(world, tmp_path / "out.mp4")
        arguments[4] = str(world / "in" / "a.mp4")
        assert main([*arguments, "--recursive"]) == 2
        assert "--recursive" in capsys.readouterr().err
