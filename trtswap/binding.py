"""What a run is made from, in digests: an interrupted one is gone on with only where all of it is the same."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from trtswap import __version__
from trtswap.errors import StrPath
from trtswap.inference.cache import digest_of
from trtswap.networks.loader import NetworkSet
from trtswap.options import LONG_S, SEGMENT_S, ProvenanceOptions, SwapOptions
from trtswap.stages.people import People
from trtswap.types import Identity, VideoInfo

_SHAPELESS = (
    *("models", "monitor", "overwrite", "provenance", "queue", "resume", "licence"),
    *("memory", "memory_limit"),
)
"""Options without an effect on the frames."""
_END_BYTES = 1 << 20
_LIBRARIES = ("av", "numpy", "onnxruntime", "opencv-python-headless", "tensorrt")
_USUAL_RATE = 25.0


def frames_per_segment(info: VideoInfo, expected: int | None, options: SwapOptions) -> int | None:
    """How many frames each segment of an output has, whole batches; None for one made in one piece. expected: frames
    that will come, or None."""
    if info.is_picture:
        return None
    rate = float(info.frame_rate) if info.frame_rate else _USUAL_RATE
    seconds = options.resume.segment_s
    if seconds is None:
        seconds = SEGMENT_S if expected is not None and expected > LONG_S * rate else 0.0
    if not seconds:
        return None
    return max(1, round(seconds * rate / options.batch)) * options.batch


def binding_of(
    target: StrPath,
    output: StrPath,
    tracks: StrPath | None,
    networks: NetworkSet,
    people: People,
    options: SwapOptions,
) -> dict[str, Any]:
    """Everything that shapes the frames of a run, as JSON takes it. Raises OSError for a file that cannot be read."""
    plain = replace(options, provenance=ProvenanceOptions())  # which may hold a function, of no effect here
    settings = {name: value for name, value in asdict(plain).items() if name not in _SHAPELESS}
    return {
        "the version of trtswap": __version__,
        "the libraries": {name: _version(name) for name in _LIBRARIES},
        "the target": _file(Path(target)),
        "the kind of output": Path(output).suffix.lower(),
        "the file of tracks": None if tracks is None else digest_of(Path(tracks)),
        "the networks": [[role, spec.name, digest_of(path)] for role, spec, path in networks.used],
        "the people": _people(people),
        **{f"the option {name}": value for name, value in settings.items()},
    }


def _file(path: Path) -> dict[str, Any]:
    """A file by its size, its time and its two ends."""
    status = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_END_BYTES))
        file.seek(max(0, status.st_size - _END_BYTES), os.SEEK_SET)
        digest.update(file.read(_END_BYTES))
    return {"bytes": status.st_size, "modified_ns": status.st_mtime_ns, "ends": digest.hexdigest()}


def _people(people: People) -> str:
    digest = hashlib.sha256()
    for group in (people.shown, people.sought, () if people.reference is None else (people.reference,)):
        digest.update(b"|")
        for identity in group:
            _add(digest, identity)
    return digest.hexdigest()


def _add(digest: Any, identity: Identity) -> None:
    digest.update(identity.embedding.tobytes() + identity.unit.tobytes())
    if identity.picture is not None and identity.landmarks_px is not None:
        digest.update(identity.landmarks_px.tobytes())
        for plane in identity.picture.planes:
            digest.update(plane.tobytes())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
