"""Source pictures to an identity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from trtswap.errors import NoFaceError, StrPath
from trtswap.networks.detector import Detector
from trtswap.networks.recogniser import Recogniser
from trtswap.options import DetectOptions
from trtswap.stages.analyse import find_faces
from trtswap.stages.landmarks import Refiner
from trtswap.stages.select import largest_face
from trtswap.types import Array, Faces, Identity, PixelFormat, Surface
from trtswap.video import read_picture_bgr

_MARGIN = 0.5
"""Border added around a picture in which nothing is found, of its own size: portraits cut close hide the outline of the
head, and faces larger than a detector's largest anchor are missed."""


def identify(
    pictures: Sequence[StrPath],
    detector: Detector,
    recogniser: Recogniser,
    options: DetectOptions,
    refiner: Refiner | None = None,
    pick: Callable[[Faces], int] = largest_face,
) -> tuple[Identity, list[str]]:
    """The identity of one person from one or several pictures, and notes for the user.

    From each picture the face at the row that `pick` gives counts, the largest. The embedding is the mean of the raw
    embeddings, `unit` the mean of their unit vectors at length 1. Raises NoFaceError naming the picture without a face,
    PictureError.
    """
    notes: list[str] = []
    embeddings = []
    first: tuple[Surface, Array] | None = None
    for path in pictures:
        surface, faces = _faces_of_picture(path, detector, recogniser, options, refiner)
        if len(faces) > 1 and pick is largest_face:
            notes.append(f"{path} shows {len(faces)} faces; the largest is used")
        row = pick(faces)
        first = first or (surface, faces.landmarks_px[row])
        if faces.embeddings is not None:
            embeddings.append(faces.embeddings[row])
    if not embeddings or first is None:
        raise NoFaceError("no source picture was given")
    identity = identity_of(np.stack(embeddings))
    return replace(identity, picture=first[0], landmarks_px=first[1]), notes


def identity_of(embeddings: Array) -> Identity:
    """The identity of raw embeddings [N, D] of one person. Raises NoFaceError for empty or opposite ones."""
    raw = np.asarray(embeddings, np.float64)
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise NoFaceError("the recogniser gave no usable embedding for a source picture")
    unit = (raw / lengths).mean(axis=0)
    length = np.linalg.norm(unit)
    if length < 1e-6:
        raise NoFaceError("the source pictures contradict each other", hint="give pictures of one person")
    return Identity(raw.mean(axis=0).astype(np.float32), (unit / length).astype(np.float32), len(raw))


def _faces_of_picture(
    path: StrPath,
    detector: Detector,
    recogniser: Recogniser,
    options: DetectOptions,
    refiner: Refiner | None,
) -> tuple[Surface, Faces]:
    picture = cv2.cvtColor(read_picture_bgr(path), cv2.COLOR_BGR2RGB)
    for surface in (_surface(picture), _surface(_with_margin(picture))):
        faces = find_faces([surface], detector, options, recogniser, refiner)[0]
        if len(faces):
            return surface, faces
    raise NoFaceError(
        f"no face was found in the source picture {path}",
        hint="use a sharp, well lit picture that shows the face from the front, or lower --detector-score",
    )


def _surface(picture: Array) -> Surface:
    return Surface(PixelFormat.RGB8, (np.ascontiguousarray(picture),))


def _with_margin(picture: Array) -> Array:
    rows, columns = (max(1, int(side * _MARGIN)) for side in picture.shape[:2])
    return np.asarray(
        cv2.copyMakeBorder(picture, rows, rows, columns, columns, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    )
