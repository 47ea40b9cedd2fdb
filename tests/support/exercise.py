"""What the adapter of any network makes of the same faces, as numbers: to hold one session against another."""

from __future__ import annotations

from typing import Any

import numpy as np

from support import plain
from trtswap.inference.session import Session
from trtswap.networks import registry
from trtswap.networks.detector import GridDetector
from trtswap.types import Faces, Identity, PixelFormat, Surface

FACES = 3


class Halving:
    """A converter that needs no network."""

    def convert(self, embedding: Any) -> Any:
        return np.asarray(embedding, np.float64) / 2


def exercise(session: Session, seed: int) -> list[Any]:
    """Arrays whose first axis is the batch of `FACES`, all from one call of the adapter."""
    rng = np.random.default_rng(seed)
    surfaces = [Surface(PixelFormat.RGB8, (plain.smooth_picture(rng, 400, 360),)) for _ in range(FACES)]
    points = np.array([plain.TEMPLATES["arcface_128"]] * FACES) * 220 + rng.uniform(60, 120, (FACES, 1, 2))
    indices = np.arange(FACES)
    spec = session.spec
    kind, role = spec.kind, spec.role
    if role == "detector":
        detector = registry.create_detector(session)
        assert isinstance(detector, GridDetector)
        tensor, _ = detector.inputs(surfaces)
        outputs = session.run({spec.picture.input: tensor})
        scores = detector.scores(outputs)
        items, rows = (index.ravel() for index in np.indices(scores.shape))
        boxes, points = detector.cells(outputs, items, rows)
        return [scores, boxes.reshape(*scores.shape, 4), points.reshape(*scores.shape, 5, 2)]
    if role == "swapper":
        converted = spec.swap is not None and spec.swap.converter is not None
        swapper = registry.create_swapper(session, Halving() if converted else None)  # type: ignore[arg-type]
        raw = rng.standard_normal(512).astype(np.float32)
        person = Identity(raw, raw / np.linalg.norm(raw), 1, surfaces[0], points[0].astype(np.float32))
        sources = np.repeat(swapper.source_vector(person)[None], FACES, axis=0)
        return [swapper.swap(surfaces, indices, swapper.placements(points), sources).pixels]
    if role == "enhancer":
        restorer = registry.create_enhancer(session)
        return [restorer.restore(surfaces, indices, restorer.placements(points), 0.7).pixels]
    if role == "recogniser":
        return [registry.create_recogniser(session).embed(surfaces, indices, points)]
    if role == "classifier":
        traits = registry.create_classifier(session).classify(surfaces, indices, points)
        return [np.array([[hash(item) % 1000 / 1000] for item in traits])]
    if role == "converter":
        converter = registry.create_converter(session)
        return [np.stack([converter.convert(rng.standard_normal(512) * 20) for _ in range(FACES)])]
    if kind == "landmarker/fan_68_5":
        return [registry.create_guesser(session).guess(points.astype(np.float32))]
    if role == "landmarker":
        low, high = points.min(axis=1) - 40, points.max(axis=1) + 40
        boxes = np.concatenate([low, high], axis=1).astype(np.float32)
        faces = [
            Faces(boxes[face : face + 1], points[face : face + 1].astype(np.float32), np.ones(1, np.float32))
            for face in range(FACES)
        ]
        return list(registry.create_landmarker(session).locate(surfaces, faces))
    if kind == "mask/bisenet":
        pictures = np.stack([plain.smooth_picture(rng, 256, 256) for _ in range(FACES)])
        squares = [Surface(PixelFormat.RGB8, (picture,)) for picture in pictures]
        return [registry.create_parser(session).masks(squares, [1, 2, 10])]
    placements = np.stack([plain.matrix(item, "arcface_128", 256) for item in points])
    return [registry.create_occluder(session).masks(surfaces, indices, placements, 256)]
