"""The plan cache: keys, records, staleness, and writing that is whole or nothing."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from trtswap.errors import EngineError
from trtswap.inference import cache, plan
from trtswap.inference.plan import PlanKey, PlanRecord

KEY = PlanKey(
    "net",
    (128, 128),
    "ab" * 32,
    "8.6.1",
    "GPU",
    "9.0",
    "auto",
    ((1, 1, 1), (2, 8, 8)),
    1024,
    3,
    ("JIT_CONVOLUTIONS",),
)


def record(key: PlanKey = KEY, content: bytes = b"plan") -> PlanRecord:
    import hashlib

    return PlanRecord(
        key,
        hashlib.sha256(content).hexdigest(),
        len(content),
        1.0,
        2.0,
        "fp16",
        {"text": "x"},
        ("a",),
        {"n": "why"},
        "file",
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRTSWAP_CACHE", str(tmp_path))
    (tmp_path / "engines").mkdir()
    return tmp_path / "engines"


def test_a_stored_plan_is_found_with_its_record() -> None:
    assert plan.find(KEY) == "there is none yet"
    plan.store(b"plan", record())
    assert plan.find(KEY) == (b"plan", record())


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "cd" * 32},
        {"picture": (320, 320)},
        {"tensorrt": "10.0.1"},
        {"gpu": "other"},
        {"compute_capability": "8.9"},
        {"precision": "fp32"},
        {"profiles": ((1, 1, 1),)},
        {"workspace_mib": 2048},
        {"optimization_level": 4},
        {"tactic_sources": ()},
        {"hardware_compatible": True},
        {"version_compatible": True},
        {"recipe": 2},
    ],
)
def test_everything_that_matters_is_in_the_key(change: dict[str, object]) -> None:
    plan.store(b"plan", record())
    other = replace(KEY, **change)  # type: ignore[arg-type]
    assert other.digest != KEY.digest
    assert plan.find(other) == "there is none yet"


def test_a_record_of_something_else_under_the_name_is_refused() -> None:
    path = plan.store(b"plan", record())
    other = plan.store(b"plan", record(replace(KEY, gpu="other")))
    other.with_suffix(".json").replace(path.with_suffix(".json"))
    assert plan.find(KEY) == "the one there was built for something else"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"record": 99}', '{"record": 1, "key": {}}'])
def test_a_damaged_record(content: str) -> None:
    path = plan.store(b"plan", record())
    path.with_suffix(".json").write_text(content)
    assert "record is missing or damaged" in str(plan.find(KEY))
    (entry,) = plan.entries()
    assert entry.problem is not None
    assert plan.staleness(entry, None, (), {}) is not None


def test_halves_without_the_other() -> None:
    path = plan.store(b"plan", record())
    path.unlink()
    assert "cannot be read" in str(plan.find(KEY))
    (entry,) = plan.entries()
    assert "0 of 4 bytes" in str(entry.problem)


def test_staleness() -> None:
    plan.store(b"plan", record())
    (entry,) = plan.entries()
    assert plan.staleness(entry, "8.6.1", ["GPU"], {"net": KEY.sha256}) is None
    assert plan.staleness(entry, None, [], {}) is None
    assert "TensorRT 8.6.1" in str(plan.staleness(entry, "10.0.1", ["GPU"], {}))
    assert "another GPU" in str(plan.staleness(entry, "8.6.1", ["other"], {}))
    assert "changed" in str(plan.staleness(entry, "8.6.1", ["GPU"], {"net": "other"}))


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "x.plan"
    cache.write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EngineError, match="the disk is full") as caught:
        cache.write_whole(path, b"new")
    assert "prune" in str(caught.value.hint)
    assert path.read_bytes() == b"old"
    assert [path.name for path in folder.iterdir()] == ["x.plan"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file" / "cache", Path("/proc/trtswap")):
        with pytest.raises(EngineError, match="cannot be written") as caught:
            cache.make_writable(folder)
        assert cache.CACHE_VARIABLE in str(caught.value.hint)


def test_an_interrupted_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cache.write_whole(folder / "x.plan", b"new")
    assert not list(folder.iterdir())


def test_digests_are_remembered_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"one")
    first = cache.digest_of(path)
    monkeypatch.setattr(cache, "sha256_of", lambda _: "read again")
    assert cache.digest_of(path) == first
    path.write_bytes(b"other")
    assert cache.digest_of(path) == "read again"


def test_removing_and_leftovers(folder: Path) -> None:
    plan.store(b"plan", record())
    plan.lock_path(KEY).write_bytes(b"")
    (entry,) = plan.entries()
    assert plan.remove(entry) > 4
    assert not list(folder.iterdir())
    old, new = folder / ".a.plan.1.part", folder / ".b.plan.2.part"
    for path in (old, new):
        path.write_bytes(b"")
    os.utime(old, (1, 1))
    assert list(plan.leftovers()) == [old]
