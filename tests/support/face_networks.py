"""Stand-ins of landmarkers and mask networks, with the public contracts of the real ones.

analytic_fan   sixty-eight points of the painted faces of pictures.py, a fixed combination of their five discs
random_fan     random weights
analytic_xseg  takes pixels of OCCLUDER_COLOUR for what covers a face
random_xseg    random weights
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from support.graph import Graph
from support.networks import centroid, colour_masks

OCCLUDER_COLOUR = (0, 230, 255)
"""R G B of what analytic_xseg takes for an occlusion."""

_rng = np.random.default_rng(6868)
_WEIGHTS = _rng.dirichlet(np.ones(5), 68)
_OFFSETS = _rng.uniform(-1.2, 1.2, (68, 2))


def _fix_the_five() -> None:
    """The points that five_of_68 reads are the discs themselves; the six of an eye lie around it."""
    around = np.array([[-2, 0], [-1, -1], [1, -1], [2, 0], [1, 1], [-1, 1]]) / 10
    for disc, points in enumerate(([*range(36, 42)], [*range(42, 48)], [30], [48], [54])):
        _WEIGHTS[points] = np.eye(5)[disc]
        _OFFSETS[points] = around if len(points) == 6 else 0


_fix_the_five()


def dense_points(landmarks: Any) -> Any:
    """What analytic_fan makes of five points [..., 5, 2]: float64 [..., 68, 2].

    Combinations of the points, and offsets along and across the line of the eyes, in its length.
    """
    points = np.asarray(landmarks, np.float64)
    across = points[..., 1, :] - points[..., 0, :]
    axes = np.stack([across, np.stack([-across[..., 1], across[..., 0]], axis=-1)], axis=-2)
    return _WEIGHTS @ points + _OFFSETS @ axes


def analytic_fan(path: Path, *, batch: int | str = 1, score: float = 0.9) -> Path:
    """See `dense_points`; all heat maps are `score` all over where the face is seen."""
    graph = Graph()
    codes = graph.node("Mul", graph.input("input", [batch, 3, 256, 256]), np.float32(255))
    masks = colour_masks(graph, codes)
    columns, rows = (graph.node("ReduceSum", masks, [axis], keepdims=0) for axis in (2, 3))
    area = graph.node("ReduceSum", columns, [2], keepdims=0)
    places = np.arange(256)
    points = graph.node(
        "Concat", centroid(graph, columns, area, places), centroid(graph, rows, area, places), axis=2
    )
    cells = graph.node("Div", _dense(graph, points), np.float32(4))
    scarcest = graph.node("ReduceMin", area, axes=[1], keepdims=1)
    seen = graph.node("Clip", graph.node("Div", scarcest, np.float32(8)), 0.0, 1.0)
    level = graph.node("Mul", graph.node("Unsqueeze", seen, [2, 3]), np.float32(score))
    third = graph.node("Mul", graph.node("Unsqueeze", seen, [2]), np.ones((1, 68, 1), np.float32))
    graph.output(graph.node("Concat", cells, third, axis=2), "landmarks_xyscore", [batch, 68, 3])
    maps = graph.node("Mul", level, np.ones((1, 68, 64, 64), np.float32))
    graph.output(maps, "heatmaps", [batch, 68, 64, 64])
    return graph.save(path)


def _dense(graph: Graph, points: str) -> str:
    """`dense_points` as nodes: [N, 5, 2] to [N, 68, 2]."""
    difference = np.zeros((1, 5), np.float32)
    difference[0, :2] = -1, 1
    across = graph.node("MatMul", difference, points)
    turned = graph.node("MatMul", across, np.array([[0, 1], [-1, 0]], np.float32))
    axes = graph.node("Concat", across, turned, axis=1)
    mixed = graph.node("MatMul", _WEIGHTS.astype(np.float32), points)
    return graph.node("Add", mixed, graph.node("MatMul", _OFFSETS.astype(np.float32), axes))


def random_fan(path: Path, *, seed: int, batch: int | str = 1) -> Path:
    """Points somewhere in the 64 x 64 cells, heat maps somewhere in 0..1."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    features = _conv(graph, rng, graph.input("input", [batch, 3, 256, 256]), 3, 8, 4)
    maps = graph.node("Sigmoid", _conv(graph, rng, features, 8, 68, 1))
    pooled = graph.node(
        "Flatten", graph.node("AveragePool", features, kernel_shape=[16, 16], strides=[16, 16])
    )
    weights = (rng.standard_normal((8 * 16, 68 * 3)) * 0.5).astype(np.float32)
    points = graph.node("Mul", graph.node("Sigmoid", graph.node("MatMul", pooled, weights)), np.float32(64))
    graph.output(graph.node("Reshape", points, [0, 68, 3]), "landmarks_xyscore", [batch, 68, 3])
    graph.output(maps, "heatmaps", [batch, 68, 64, 64])
    return graph.save(path)


def analytic_xseg(path: Path, *, batch: int | str = 1) -> Path:
    """1 away from OCCLUDER_COLOUR, 0 near it; a slope in between."""
    graph = Graph()
    picture = graph.input("input", [batch, 256, 256, 3])
    colour = np.array(OCCLUDER_COLOUR[::-1], np.float32) / 255
    away = graph.node("Sub", picture, colour)
    distance = graph.node("ReduceSum", graph.node("Mul", away, away), [3], keepdims=1)
    graph.output(graph.node("Sub", graph.node("Mul", distance, 8.0), 0.5), "output", [batch, 256, 256, 1])
    return graph.save(path)


def xseg_mask(bgr01: Any) -> Any:
    """What analytic_xseg gives for [F, H, W, 3], B G R in 0..1: float64 [F, H, W]; not clamped."""
    colour = np.array(OCCLUDER_COLOUR[::-1]) / 255
    return 8 * ((np.asarray(bgr01, np.float64) - colour) ** 2).sum(axis=-1) - 0.5


def left_bisenet(path: Path, *, batch: int | str = 1) -> Path:
    """Class 1 in the left half, class 17 in the right, whatever is seen."""
    graph = Graph()
    picture = graph.input("input", [batch, 3, 512, 512])
    nothing = graph.node("Mul", graph.node("Slice", picture, [0], [1], [1]), np.float32(0))
    scores = np.zeros((1, 19, 1, 512), np.float32)
    scores[:, 1, :, :256] = scores[:, 17, :, 256:] = 1
    graph.output(graph.node("Add", nothing, scores), "output", [batch, 19, 512, 512])
    return graph.save(path)


def random_xseg(path: Path, *, seed: int, batch: int | str = 1) -> Path:
    """Spread about a half, values below 0 and above 1 too."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    planes = graph.node("Transpose", graph.input("input", [batch, 256, 256, 3]), perm=[0, 3, 1, 2])
    mask = _conv(graph, rng, graph.node("Relu", _conv(graph, rng, planes, 3, 8, 1)), 8, 1, 1)
    spread = graph.node("Sub", mask, graph.node("ReduceMean", mask, axes=[2, 3], keepdims=1))
    spread = graph.node("Add", graph.node("Mul", spread, 3.0), 0.5)
    graph.output(graph.node("Transpose", spread, perm=[0, 2, 3, 1]), "output", [batch, 256, 256, 1])
    return graph.save(path)


def _conv(graph: Graph, rng: Any, tensor: str, channels: int, filters: int, stride: int) -> str:
    """A convolution as wide as its stride, or 3 x 3."""
    edge = stride if stride > 1 else 3
    scale = (2 / (channels * edge * edge)) ** 0.5
    weights = (rng.standard_normal((filters, channels, edge, edge)) * scale).astype(np.float32)
    bias = (rng.standard_normal(filters) * 0.1).astype(np.float32)
    pad = 0 if stride > 1 else 1
    return graph.node("Conv", tensor, weights, bias, strides=[stride] * 2, pads=[pad] * 4)
