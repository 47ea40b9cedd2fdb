"""Plans on disk: what a plan was built for, whether it still fits, and the record beside it."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from trtswap.errors import EngineError
from trtswap.inference import cache

RECORD_VERSION = 1
_PLAN, _RECORD, _LOCK = ".plan", ".json", ".lock"


@dataclass(frozen=True)
class PlanKey:
    """All that decides whether a plan fits. picture: width and height of the input in pixels. sha256: of the ONNX file.
    profiles: (min, opt, max) batch of each profile. recipe: version of the way networks are prepared."""

    network: str
    picture: tuple[int, int]
    sha256: str
    tensorrt: str
    gpu: str
    compute_capability: str
    precision: str
    profiles: tuple[tuple[int, int, int], ...]
    workspace_mib: int
    optimization_level: int
    tactic_sources: tuple[str, ...] = ()
    hardware_compatible: bool = False
    version_compatible: bool = False
    recipe: int = 1

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that stand for all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def stem(self) -> str:
        """The name of its files, without an ending."""
        return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', self.network)}-{self.digest}"


@dataclass(frozen=True)
class PlanRecord:
    """What is known of a built plan; the JSON file beside it.

    plan_sha256, plan_bytes: of the plan. precision: what was reached ("fp16", "fp16+fp32", "tf32", "fp32").
    fidelity: the proof's figures. steps: one line for each build tried. kept: node to the reason why it is in float32.
    batched: "file", "rewritten", or why the network cannot take a batch. outputs: their names in the file's order.
    latency_ms: batch to milliseconds.
    """

    key: PlanKey
    plan_sha256: str
    plan_bytes: int
    built_at: float
    build_s: float
    precision: str
    fidelity: Mapping[str, Any]
    steps: tuple[str, ...]
    kept: Mapping[str, str]
    batched: str
    outputs: tuple[str, ...] = ()
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    last_used: float = 0.0


def folder() -> Path:
    """Where plans are, whether it exists or not."""
    return cache.cache_folder() / "engines"


def lock_path(key: PlanKey) -> Path:
    """The file whose lock a builder of `key` holds."""
    return folder() / f"{key.stem}{_LOCK}"


def plan_path(key: PlanKey) -> Path:
    """The file of the plan itself."""
    return folder() / f"{key.stem}{_PLAN}"


def store(plan: bytes, record: PlanRecord) -> Path:
    """Writes plan and record; the record last, so that a plan counts only when both are whole. Raises EngineError."""
    path = plan_path(record.key)
    with suppress(OSError):
        path.with_suffix(_RECORD).unlink()
    cache.write_whole(path, plan)
    cache.write_whole(path.with_suffix(_RECORD), _dump(record))
    return path


def find(key: PlanKey) -> tuple[bytes, PlanRecord] | str:
    """The plan for `key` with its record; or why there is none, in words that fit after a colon."""
    path = plan_path(key)
    if not path.exists() and not path.with_suffix(_RECORD).exists():
        return "there is none yet"
    try:
        record = read_record(path.with_suffix(_RECORD))
    except EngineError as error:
        return f"its record is missing or damaged ({error.message})"
    if record.key != key:
        return "the one there was built for something else"
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"
    flaw = _flaw(content, record)
    return flaw if flaw is not None else (content, record)


def _flaw(content: bytes, record: PlanRecord) -> str | None:
    if len(content) != record.plan_bytes:
        return f"it is truncated or was changed ({len(content)} of {record.plan_bytes} bytes)"
    if hashlib.sha256(content).hexdigest() != record.plan_sha256:
        return "it is damaged (its SHA-256 differs from the record)"
    return None


def read_record(path: Path) -> PlanRecord:
    """The record in a JSON file. Raises EngineError."""
    try:
        values = json.loads(path.read_text("utf-8"))
        if values.pop("record") != RECORD_VERSION:
            raise ValueError("written by another version of trtswap")
        key = values.pop("key")
        key["profiles"] = tuple(tuple(int(item) for item in profile) for profile in key["profiles"])
        key["picture"] = tuple(key["picture"])
        key["tactic_sources"] = tuple(key["tactic_sources"])
        for name in ("steps", "outputs"):
            values[name] = tuple(values[name])
        return PlanRecord(PlanKey(**key), **values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            f"{path.name}: {error}", hint="`trtswap engines prune` removes what cannot be used."
        ) from error


def touch(record: PlanRecord) -> None:
    """Notes that a plan was used now; a cache that cannot be written is left as it is."""
    with suppress(EngineError):
        path = plan_path(record.key).with_suffix(_RECORD)
        cache.write_whole(path, _dump(replace(record, last_used=time.time())))


def _dump(record: PlanRecord) -> bytes:
    return json.dumps({"record": RECORD_VERSION, **asdict(record)}, indent=1).encode()


@dataclass(frozen=True)
class Entry:
    """A plan found in the cache. record: None where it cannot be read; problem: why the plan cannot be used at all."""

    path: Path
    bytes: int
    record: PlanRecord | None
    problem: str | None


def entries() -> Iterator[Entry]:
    """Every plan in the cache, by name; also records and plans without their other half."""
    place = folder()
    if not place.is_dir():
        return
    stems = sorted({path.stem for path in place.iterdir() if path.suffix in (_PLAN, _RECORD)})
    for stem in stems:
        path = place / f"{stem}{_PLAN}"
        try:
            record = read_record(path.with_suffix(_RECORD))
        except EngineError as error:
            yield Entry(path, _size(path), None, error.message)
            continue
        size = _size(path)
        problem = None if size == record.plan_bytes else f"{size} of {record.plan_bytes} bytes are there"
        yield Entry(path, size, record, problem)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def staleness(
    entry: Entry, tensorrt: str | None, gpus: Sequence[str], digests: Mapping[str, str]
) -> str | None:
    """Why an entry is of no more use, or None.

    tensorrt: the version installed; gpus: the names of those here; digests: network name to the SHA-256 of its file.
    What is None or empty is not held against it.
    """
    if entry.problem is not None or entry.record is None:
        return entry.problem or "without a record"
    key = entry.record.key
    if tensorrt is not None and key.tensorrt != tensorrt and not key.version_compatible:
        return f"built with TensorRT {key.tensorrt}, installed is {tensorrt}"
    if gpus and key.gpu not in gpus and not key.hardware_compatible:
        return f"built for another GPU: {key.gpu}"
    if key.network in digests and digests[key.network] != key.sha256:
        return "the network's file has changed since"
    return None


def remove(entry: Entry) -> int:
    """Deletes the files of an entry; returns the bytes freed. Raises EngineError."""
    freed = 0
    for ending in (_RECORD, _PLAN, _LOCK):
        path = entry.path.with_suffix(ending)
        freed += _size(path)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise cache.cache_error(path, error) from error
    return freed


def leftovers() -> Iterator[Path]:
    """Files that an interrupted build left behind, an hour old or more."""
    for place in (folder(), cache.cache_folder(), cache.cache_folder() / "networks"):
        if place.is_dir():
            for path in place.glob(".*.part"):
                if time.time() - path.stat().st_mtime > 3600:
                    yield path
