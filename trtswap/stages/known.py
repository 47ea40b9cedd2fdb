"""What a run found in each frame, as bytes to keep, so that a later run can go on after it without finding it again.

Only what networks and pixels said is kept. What is made of it over time (tracks, smoothing, decisions) is made again by
the same stages from the same values.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from trtswap.networks.classifier import Traits
from trtswap.types import Array, Faces

_HEAD = struct.Struct("<3sB")
_SIDE = struct.Struct("<I")
_ABSENT = b"---"


@dataclass(frozen=True)
class Known:
    """One frame. faces: as analysed. traits: the answers about the faces that `sift` asked for. embedded: float32
    [K, 512], of the faces that `recognise` asked for. moments: float64 [F, 3, 10], of the colours of the faces swapped.
    in_view: whether stages that look back from new frames see this one."""

    faces: Faces
    traits: tuple[Traits, ...]
    embedded: Array
    moments: Array
    in_view: bool = False

    def to_bytes(self) -> bytes:
        """To keep."""
        faces = self.faces
        own = (faces.boxes_px, faces.landmarks_px, faces.scores, faces.embeddings, faces.landmarks_68_px)
        traits = json.dumps([asdict(item) for item in self.traits]).encode()
        return b"".join(_packed(array) for array in (*own, self.embedded, self.moments)) + traits

    @classmethod
    def from_bytes(cls, content: bytes) -> Known:
        """What `to_bytes` gave. Raises ValueError or struct.error for what it cannot have given."""
        place = 0
        arrays: list[Array] = []
        optional: list[Array | None] = []
        for number in range(7):
            array, place = _unpacked(content, place)
            if number in (3, 4):
                optional.append(array)
            elif array is None:
                raise ValueError("an array is missing")
            else:
                arrays.append(array)
        boxes, landmarks, scores, embedded, moments = arrays
        faces = Faces(boxes, landmarks, scores, embeddings=optional[0], landmarks_68_px=optional[1])
        traits = tuple(
            Traits(item["gender"], (item["age"][0], item["age"][1]), item["race"])
            for item in json.loads(content[place:])
        )
        return cls(faces, traits, embedded, moments)


class Past:
    """The frames that an earlier run has done. frames: how many. notes: what it kept of each, in order. reach: so many
    frames before the first new one are looked back at."""

    def __init__(self, frames: int, notes: Iterator[bytes], reach: int) -> None:
        self.frames = frames
        self._notes = notes
        self._reach = reach

    def take(self, indices: Sequence[int]) -> tuple[Known, ...]:
        """What is known of the next frames, whose indices these are; empty where one of them is new."""
        if indices[-1] >= self.frames:
            return ()
        in_view = indices[-1] >= self.frames - self._reach
        return tuple(replace(Known.from_bytes(next(self._notes)), in_view=in_view) for _ in indices)


def _packed(array: Array | None) -> bytes:
    if array is None:
        return _HEAD.pack(_ABSENT, 0)
    sides = b"".join(_SIDE.pack(side) for side in array.shape)
    return _HEAD.pack(array.dtype.str.encode(), array.ndim) + sides + array.tobytes()


def _unpacked(content: bytes, place: int) -> tuple[Array | None, int]:
    """The array at a place, and the place behind it."""
    name, axes = _HEAD.unpack_from(content, place)
    place += _HEAD.size
    if name == _ABSENT:
        return None, place
    shape = tuple(_SIDE.unpack_from(content, place + axis * _SIDE.size)[0] for axis in range(axes))
    place += axes * _SIDE.size
    dtype, count = np.dtype(name.decode()), int(np.prod(shape, dtype=np.int64))
    array = np.frombuffer(content, dtype, count, place).reshape(shape).copy()
    return array, place + count * dtype.itemsize
