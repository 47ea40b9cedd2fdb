"""Small ONNX networks for tests, with the public contracts of the real ones, under the real ones' file names.

Analytic ones give answers that are known in closed form; NumPy twins of them stand beside. Random ones are in
random_networks.py and re-exported here.

    analytic_yunet      finds the painted faces of pictures.py, exactly where they are
    analytic_arcface    a fixed linear function of the crop
    analytic_inswapper  mixes the crop with a plain colour that depends on the source vector
    analytic_hyperswap  the same in the hyperswap contract
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from support.graph import Graph
from support.pictures import DISC_COLOURS
from support.random_networks import random_arcface, random_hyperswap, random_inswapper, random_yunet

__all__ = [
    "EMBEDDING_MAP",
    "analytic_arcface",
    "analytic_hyperswap",
    "analytic_inswapper",
    "analytic_yunet",
    "arcface_embedding",
    "box_of_landmarks",
    "centroid",
    "colour_masks",
    "random_arcface",
    "random_hyperswap",
    "random_inswapper",
    "random_yunet",
    "swap_colour",
    "swapped",
    "write_models",
]

STRENGTH = 0.75
"""How much of the crop the analytic swappers replace."""

COLOUR_RADIUS = 110.0
"""Distance in RGB codes at which analytic_yunet no longer takes a pixel for a disc's colour."""

BOX_WIDTH, BOX_HEIGHT = 2.2, 2.8
"""The box of analytic_yunet about the mean of the five points, in eye distances."""

_SIZE = 640
_CELLS = (1147, 1227)
_rng = np.random.default_rng(20260101)
EMBEDDING_MAP = np.linalg.qr(_rng.standard_normal((512, 512)))[0].astype(np.float32)
"""float32 [512, 512], orthogonal: the map in the analytic inswapper's file."""
_COLOUR_WEIGHTS = (_rng.standard_normal((512, 3)) * 3).astype(np.float32)
_EMBEDDING_WEIGHTS = (_rng.standard_normal((3 * 8 * 8, 512)) * 0.1).astype(np.float32)
_EMBEDDING_BIAS = (_rng.standard_normal(512) * 0.02).astype(np.float32)


def write_models(
    folder: Path, *, faces: int = 1, batch: int | str = 1, inswapper: bool = True, hyperswap: bool = True
) -> dict[str, Path]:
    """The analytic networks under their public file names: spec name to path.

    faces: how many faces the detector can find, 1 or 2.
    batch: of every network, 1 as published or "N" for any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "yunet": analytic_yunet(folder / "face_detection_yunet_2023mar.onnx", faces=faces, batch=batch),
        "arcface_w600k_r50": analytic_arcface(folder / "arcface_w600k_r50.onnx", batch=batch),
    }
    if inswapper:
        paths["inswapper_128"] = analytic_inswapper(folder / "inswapper_128.onnx", batch=batch)
    if hyperswap:
        paths["hyperswap_1a_256"] = analytic_hyperswap(folder / "hyperswap_1a_256.onnx", batch=batch)
    return paths


def analytic_yunet(path: Path, *, faces: int = 1, batch: int | str = 1) -> Path:
    """Finds the five discs of pictures.paint_face: the point of each is the centroid of its colour.

    faces=1 looks at the whole 640 x 640 canvas, faces=2 at its left and right halves, one face each: a face
    must not lie across the middle, and a frame less than 640 wide is not enlarged but lies at the left.
    The score rises from 0 to 1 as the scarcest colour covers 2 to 6 pixels of the canvas. One cell of stride
    8 holds each face; all other scores are 0.
    """
    graph = Graph()
    masks = colour_masks(graph, graph.input("input", [batch, 3, _SIZE, _SIZE]))
    found = []
    for face in range(faces):
        left, right = face * _SIZE // faces, (face + 1) * _SIZE // faces
        found.append(_face_rows(graph, masks, left, right, _CELLS[face]))
    for index, (name, width) in enumerate((("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))):
        rows = found[0][index]
        for other in found[1:]:
            rows = graph.node("Add", rows, other[index])
        graph.output(rows, f"{name}_8", [batch, 6400, width])
        first = graph.node("Slice", rows, [0], [1], [1])
        for stride in (16, 32):
            count = (_SIZE // stride) ** 2
            nothing = graph.node("Mul", first, np.zeros((1, count, 1), np.float32))
            graph.output(nothing, f"{name}_{stride}", [batch, count, width])
    return graph.save(path)


def analytic_arcface(path: Path, *, batch: int | str = 1) -> Path:
    """A linear function of the crop averaged to 8 x 8; see `arcface_embedding`."""
    graph = Graph()
    crop = graph.input("input", [batch, 3, 112, 112])
    pooled = graph.node("AveragePool", crop, kernel_shape=[14, 14], strides=[14, 14])
    flat = graph.node("Flatten", pooled)
    graph.output(graph.node("Gemm", flat, _EMBEDDING_WEIGHTS, _EMBEDDING_BIAS), "output", [batch, 512])
    return graph.save(path)


def arcface_embedding(crops: Any) -> Any:
    """What analytic_arcface gives for crops [F, 3, 112, 112]: float64 [F, 512]."""
    pooled = np.asarray(crops, np.float64).reshape(-1, 3, 8, 14, 8, 14).mean(axis=(3, 5))
    return pooled.reshape(len(pooled), -1) @ _EMBEDDING_WEIGHTS + _EMBEDDING_BIAS


def analytic_inswapper(
    path: Path, *, size: int = 128, batch: int | str = 1, strength: float = STRENGTH
) -> Path:
    """output = (1 - strength) target + strength colour, all in 0..1; see `swap_colour`."""
    graph = Graph()
    target = graph.input("target", [batch, 3, size, size])
    source = graph.input("source", [batch, 512])
    mixed = _mixed(graph, target, _colour(graph, source), strength)
    graph.output(mixed, "output", [batch, 3, size, size])
    graph.constant(EMBEDDING_MAP, "buff2fs")
    return graph.save(path)


def analytic_hyperswap(
    path: Path, *, size: int = 256, batch: int | str = 1, strength: float = STRENGTH
) -> Path:
    """The same with target, colour and output in -1..1, and a mask that is `strength` everywhere."""
    graph = Graph()
    source = graph.input("source", [batch, 512])
    target = graph.input("target", [batch, 3, size, size])
    colour = graph.node("Sub", graph.node("Mul", _colour(graph, source), np.float32(2)), np.float32(1))
    graph.output(_mixed(graph, target, colour, strength), "output", [batch, 3, size, size])
    red = graph.node("Slice", target, [0], [1], [1])
    mask = graph.node("Add", graph.node("Mul", red, np.float32(0)), np.float32(strength))
    graph.output(mask, "mask", [batch, 1, size, size])
    return graph.save(path)


def swap_colour(source_vectors: Any) -> Any:
    """What the analytic swappers mix in for source vectors [F, 512]: float64 [F, 3], R G B in 0..1."""
    return 1 / (1 + np.exp(-np.asarray(source_vectors, np.float64) @ _COLOUR_WEIGHTS))


def swapped(target01: Any, source_vectors: Any, strength: float = STRENGTH) -> Any:
    """What the analytic swappers make of crops [F, 3, S, S] in 0..1: float64 of that shape, in 0..1."""
    colours = swap_colour(source_vectors)[:, :, None, None]
    return (1 - strength) * np.asarray(target01, np.float64) + strength * colours


def box_of_landmarks(landmarks: Any) -> Any:
    """The box x1 y1 x2 y2 that analytic_yunet gives a face with landmarks [5, 2]: float64 [4]."""
    landmarks = np.asarray(landmarks, np.float64)
    half = np.linalg.norm(landmarks[1] - landmarks[0]) / 2 * np.array([BOX_WIDTH, BOX_HEIGHT])
    centre = landmarks.mean(axis=0)
    return np.concatenate([centre - half, centre + half])


def _colour(graph: Graph, source: str) -> str:
    logits = graph.node("MatMul", source, _COLOUR_WEIGHTS)
    return graph.node("Unsqueeze", graph.node("Sigmoid", logits), [2, 3])


def _mixed(graph: Graph, target: str, colour: str, strength: float) -> str:
    kept = graph.node("Mul", target, np.float32(1 - strength))
    return graph.node("Add", kept, graph.node("Mul", colour, np.float32(strength)))


def colour_masks(graph: Graph, picture: str) -> str:
    """Of a picture [N, 3, H, W], B G R codes: 1 - (distance to each disc's colour / COLOUR_RADIUS)^2, not below 0,
    [N, 5, H, W]."""
    colours = np.array(DISC_COLOURS, np.float32)[:, ::-1] / COLOUR_RADIUS
    scaled = graph.node("Mul", picture, np.float32(1 / COLOUR_RADIUS))
    bias = (1 - (colours**2).sum(axis=1)).astype(np.float32)
    linear = graph.node("Conv", scaled, (2 * colours)[:, :, None, None], bias)
    squares = graph.node("ReduceSum", graph.node("Mul", scaled, scaled), [1], keepdims=1)
    return graph.node("Relu", graph.node("Sub", linear, squares))


def _face_rows(graph: Graph, masks: str, left: int, right: int, cell: int) -> tuple[str, str, str, str]:
    """cls, obj, bbox, kps [N, 6400, ...] of the face between the columns left and right, in one cell."""
    part = graph.node("Slice", masks, [left], [right], [3])
    columns, rows = (graph.node("ReduceSum", part, [axis], keepdims=0) for axis in (2, 3))
    area = graph.node("ReduceSum", columns, [2], keepdims=0)
    points = [
        centroid(graph, columns, area, np.arange(left, right)),
        centroid(graph, rows, area, np.arange(_SIZE)),
    ]
    landmarks = graph.node("Concat", *points, axis=2)
    scarcest = graph.node("ReduceMin", area, axes=[1], keepdims=1)
    score = graph.node("Clip", graph.node("Div", graph.node("Sub", scarcest, 2.0), 4.0), 0.0, 1.0)
    corner = np.array([cell % 80, cell // 80], np.float32) * 8
    offsets = graph.node("Div", graph.node("Sub", landmarks, corner), 8.0)
    box = graph.node("Concat", _mean_point(graph, offsets), _log_size(graph, offsets), axis=1)
    return _in_cell(graph, score, box, graph.node("Reshape", offsets, [0, 10]), cell)


def _mean_point(graph: Graph, points: str) -> str:
    return graph.node("ReduceMean", points, axes=[1], keepdims=0)


def _log_size(graph: Graph, points: str) -> str:
    """log of the box's width and height in strides: [N, 2]."""
    eyes = [graph.node("Slice", points, [index], [index + 1], [1]) for index in (0, 1)]
    across = graph.node("Reshape", graph.node("Sub", eyes[1], eyes[0]), [0, 2])
    distance = graph.node("ReduceL2", across, axes=[1], keepdims=1)
    sizes = graph.node(
        "Mul", graph.node("Max", distance, np.float32(1e-3)), np.array([[BOX_WIDTH, BOX_HEIGHT]], np.float32)
    )
    return graph.node("Log", sizes)


def _in_cell(graph: Graph, score: str, box: str, points: str, cell: int) -> tuple[str, str, str, str]:
    """cls, obj, bbox and kps as [N, 6400, ...], zero in all cells but one. The objectness there is 1 where
    the class score is above 0, so that their product is the score."""
    one_hot = np.zeros((1, 6400, 1), np.float32)
    one_hot[0, cell] = 1
    rows = (score, graph.node("Ceil", score), box, points)
    first, second, third, fourth = (
        graph.node("Mul", graph.node("Unsqueeze", row, [1]), one_hot) for row in rows
    )
    return first, second, third, fourth


def centroid(graph: Graph, sums: str, area: str, positions: Any) -> str:
    """The mean position under sums [N, 5, L] of the masks: [N, 5, 1]."""
    weighted = graph.node("ReduceSum", graph.node("Mul", sums, positions.astype(np.float32)), [2], keepdims=0)
    return graph.node(
        "Unsqueeze", graph.node("Div", weighted, graph.node("Max", area, np.float32(1e-3))), [2]
    )
