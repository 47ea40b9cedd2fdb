"""What a run is made from, in digests: an interrupted one is gone on with only where all of it is the same."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from trtswap import __version__
from trtswap.errors import OptionError, StrPath
from trtswap.inference.cache import digest_of
from trtswap.networks.loader import NetworkSet
from trtswap.options import LONG_S, SEGMENT_S, ProvenanceOptions, ResumeOptions, SwapOptions
from trtswap.stages.people import People
from trtswap.types import Identity, VideoInfo
from trtswap.video.work_folder import left_binding, left_length

_SHAPELESS = (
    *("licence", "memory", "memory_limit", "models", "monitor", "overwrite", "provenance", "queue", "resume"),
)
"""Options without an effect on the frames of their own; memory has one by the batch."""
_OPTION = "the option "
_BATCH = f"{_OPTION}batch"
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
    return max(1, round(seconds * rate / options.together)) * options.together


def segment_length(
    info: VideoInfo,
    expected: int | None,
    output: StrPath,
    debug_overlay: StrPath | None,
    options: SwapOptions,
) -> int | None:
    """How many frames each segment of a run's output has: as asked for, or as an interrupted run left them; None for
    one piece, as beside an overlay, which is not kept in segments. Raises OptionError where those are asked for."""
    if debug_overlay is None:
        length = frames_per_segment(info, expected, options)
        asked = options.resume.segment_s is not None or info.is_picture
        return length if asked else left_length(output) or length
    if options.resume != ResumeOptions():
        raise OptionError(
            "a video with an overlay beside it is made in one piece, and cannot be gone on with",
            hint="leave --debug-overlay or --segment, --resume, --restart out",
        )
    return None


def batch_of(output: StrPath, planned: int, options: SwapOptions) -> int:
    """The batch of a run: that of the interrupted one it is to go on with, where memory left room for less then than
    the options say; else the planned one."""
    left = left_binding(output).get(_BATCH)
    if options.resume.left_over != "resume" or not isinstance(left, int) or not 0 < left <= options.together:
        return planned
    return planned if options.together % left else left


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
        **{f"{_OPTION}{name}": value for name, value in settings.items()},
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
