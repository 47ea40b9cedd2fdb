"""Tracks as text, one JSON object a line, to look at, edit and use again. docs/tracks.md has the format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from trtswap import tracing
from trtswap.errors import InputError, StrPath
from trtswap.stages.batch import Batch
from trtswap.types import Array, Faces, VideoInfo
from trtswap.whole_file import whole_text

VERSION = 1


@contextmanager
def track_writer(path: StrPath | None, info: VideoInfo, *, overwrite: bool) -> Iterator[TrackWriter | None]:
    """Writes the tracks of a run to `path`, which exists only after leaving without an exception; None writes nothing.

    Raises OptionError when the file exists or its folder does not.
    """
    if path is None:
        yield None
        return
    with whole_text(path, overwrite=overwrite) as file:
        yield TrackWriter(file, info)


class TrackWriter:
    """Writes one line per frame."""

    def __init__(self, file: IO[str], info: VideoInfo) -> None:
        self._file = file
        header = {"trtswap_tracks": VERSION, "width_px": info.width_px, "height_px": info.height_px}
        self._line(header)

    def write(self, batch: Batch) -> None:
        """Appends the frames of a batch."""
        for frame, faces, detected, cut in zip(
            batch.frames, batch.tracked, batch.detected, batch.cuts, strict=True
        ):
            self._line(
                {
                    "frame": frame.index,
                    "time_s": round(frame.time_s, 6),
                    "cut": cut,
                    "faces": [_face(faces, row) for row in range(len(faces))],
                    "detected": [_rounded(points) for points in detected.landmarks_px],
                }
            )

    def _line(self, fields: dict[str, Any]) -> None:
        self._file.write(json.dumps(fields, separators=(",", ":")) + "\n")


@tracing.stage("from tracks")
def from_tracks(batches: Iterable[Batch], path: StrPath, info: VideoInfo) -> Iterator[Batch]:
    """Sets `faces` and `cuts` of each batch from a file of `TrackWriter`, in place of finding and smoothing them.

    Frames that the file lacks have no faces. Raises InputError naming the line that cannot be used.
    """
    with _opened(path) as file:
        lines = _lines(file, path)
        _check_header(next(lines, None), path, info)
        following = next(lines, None)
        for batch in batches:
            found = []
            for frame in batch.frames:
                while following is not None and following[1]["frame"] < frame.index:
                    following = next(lines, None)
                matches = following is not None and following[1]["frame"] == frame.index
                found.append(_parsed(following, path) if matches else (Faces.empty(), False))
            faces, cuts = zip(*found, strict=True)
            yield replace(batch, faces=faces, detected=faces, tracked=faces, cuts=cuts)


def _opened(path: StrPath) -> IO[str]:
    try:
        return Path(path).open(encoding="utf-8", errors="replace")  # what is no text fails as a line
    except OSError as error:
        raise InputError(f"the tracks {path} cannot be read: {error.strerror or error}") from error


def _lines(file: IO[str], path: StrPath) -> Iterator[tuple[int, dict[str, Any]]]:
    last = -1
    for number, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            fields = json.loads(text)
            if number > 1:
                if not isinstance(fields["frame"], int) or fields["frame"] <= last:
                    raise ValueError("frames must be whole numbers that only grow")
                last = fields["frame"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise _unusable(path, number, error) from error
        yield number, fields


def _check_header(first: tuple[int, dict[str, Any]] | None, path: StrPath, info: VideoInfo) -> None:
    fields = first[1] if first else {}
    if not isinstance(fields, dict) or fields.get("trtswap_tracks") != VERSION:
        raise InputError(
            f"{path} is not a file of tracks (its first line should say so)",
            hint="make one with --dump-tracks",
        )
    size = (fields.get("width_px"), fields.get("height_px"))
    if size != (info.width_px, info.height_px):
        raise InputError(
            f"the tracks {path} are of a video of {size[0]}x{size[1]}, not {info.width_px}x{info.height_px}",
            hint="use the file that was dumped for this video",
        )


def _parsed(line: tuple[int, dict[str, Any]] | None, path: StrPath) -> tuple[Faces, bool]:
    assert line is not None
    number, fields = line
    try:
        return _faces(fields["faces"]), bool(fields.get("cut", False))
    except (ValueError, TypeError, KeyError) as error:
        raise _unusable(path, number, error) from error


def _unusable(path: StrPath, number: int, error: Exception) -> InputError:
    reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return InputError(f"line {number} of the tracks {path} cannot be used: {reason}")


def _faces(rows: list[dict[str, Any]]) -> Faces:
    if not rows:
        return Faces.empty()
    faces = Faces(
        np.array([row["box"] for row in rows], np.float32),
        np.array([row["landmarks"] for row in rows], np.float32),
        np.array([row.get("score", 1.0) for row in rows], np.float32),
        track_ids=np.array([row["track"] for row in rows], np.int32),
        filled=np.array([row.get("filled", False) for row in rows], bool),
        landmarks_68_px=_dense(rows),
    )
    arrays = (faces.boxes_px, faces.landmarks_px, faces.landmarks_68_px)
    if not all(np.isfinite(array).all() for array in arrays if array is not None):
        raise ValueError("a number is not finite")
    return faces


def _dense(rows: list[dict[str, Any]]) -> Array | None:
    if not all("landmarks_68" in row for row in rows):
        return None
    return np.array([row["landmarks_68"] for row in rows], np.float32)


def _face(faces: Faces, row: int) -> dict[str, Any]:
    fields = {
        "track": int(faces.track_ids[row]) if faces.track_ids is not None else row,
        "box": _rounded(faces.boxes_px[row]),
        "landmarks": _rounded(faces.landmarks_px[row]),
        "score": round(float(faces.scores[row]), 4),
        "filled": bool(faces.filled[row]) if faces.filled is not None else False,
    }
    if faces.landmarks_68_px is not None:
        fields["landmarks_68"] = _rounded(faces.landmarks_68_px[row])
    return fields


def _rounded(values: Array) -> Any:
    return np.asarray(values, np.float64).round(3).tolist()
