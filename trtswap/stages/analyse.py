"""Finds the faces of every frame, and their sixty-eight points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from trtswap import tracing
from trtswap.geometry import TEMPLATES, estimate_similarity
from trtswap.networks.detector import Detector
from trtswap.networks.recogniser import Recogniser
from trtswap.options import DetectOptions
from trtswap.stages.batch import Batch
from trtswap.stages.landmarks import Refiner
from trtswap.stages.scenes import Thumbnails
from trtswap.types import Faces, Surface


@tracing.stage("analyse")
def analyse(batches: Iterable[Batch], detector: Detector, options: DetectOptions) -> Iterator[Batch]:
    """Sets `thumbnails`, which a GPU makes meanwhile, and `faces` of each batch: those that can be aligned. Where
    frames are known already, their faces are."""
    for batch in batches:
        surfaces = [frame.surface for frame in batch.frames]
        thumbnails = Thumbnails(surfaces)
        if batch.known:
            found = [item.faces for item in batch.known]
        else:
            found = _alignable(detector.detect(surfaces, options))
        yield replace(batch, faces=tuple(found), thumbnails=thumbnails)


@tracing.stage("place landmarks")
def place_landmarks(batches: Iterable[Batch], refiner: Refiner) -> Iterator[Batch]:
    """Gives `faces` of each batch their sixty-eight points, unless they are known."""
    for batch in batches:
        if batch.known:
            yield batch
            continue
        found = refiner.refine([frame.surface for frame in batch.frames], batch.faces)
        yield replace(batch, faces=tuple(_alignable(found)))


def find_faces(
    surfaces: Sequence[Surface],
    detector: Detector,
    options: DetectOptions,
    recogniser: Recogniser | None = None,
    refiner: Refiner | None = None,
) -> list[Faces]:
    """The faces of each surface, best score first. Faces whose points cannot be aligned are left out."""
    found = _alignable(detector.detect(surfaces, options))
    if refiner is not None:
        found = _alignable(refiner.refine(surfaces, found))
    if recogniser is None:
        return found
    counts = [len(faces) for faces in found]
    landmarks = np.concatenate([faces.landmarks_px for faces in found])
    embeddings = recogniser.embed(surfaces, np.repeat(np.arange(len(found)), counts), landmarks)
    parts = np.split(embeddings, np.cumsum(counts)[:-1])
    return [replace(faces, embeddings=part) for faces, part in zip(found, parts, strict=True)]


def _alignable(faces: Sequence[Faces]) -> list[Faces]:
    points = np.concatenate([item.landmarks_px for item in faces])
    sound = np.isfinite(estimate_similarity(points, TEMPLATES["arcface_112_v2"])).all(axis=(1, 2))
    if sound.all():
        return list(faces)
    parts = np.split(sound, np.cumsum([len(item) for item in faces])[:-1])
    return [item.take(np.flatnonzero(part)) for item, part in zip(faces, parts, strict=True)]
