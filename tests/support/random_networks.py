"""Small networks with random weights and the contracts of the real ones: names, dtypes, shapes, order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from support.graph import Graph

_CHANNELS = 8


def random_yunet(path: Path, *, seed: int, dynamic: bool = False) -> Path:
    """Twelve outputs; input [1, 3, 640, 640], or with dynamic batch, height and width."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    batch: int | str = "batch" if dynamic else 1
    size: list[int | str] = ["height", "width"] if dynamic else [640, 640]
    scaled = graph.node("Mul", graph.input("input", [batch, 3, *size]), np.float32(1 / 255))
    features = {stride: _conv(graph, rng, scaled, 3, _CHANNELS, stride) for stride in (8, 16, 32)}
    for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride in (8, 16, 32):
            head = _conv(graph, rng, graph.node("Relu", features[stride]), _CHANNELS, width, 1)
            rows = graph.node("Transpose", head, perm=[0, 2, 3, 1])
            cells = graph.node("Reshape", rows, [0, -1, width])
            values = graph.node("Sigmoid", cells) if width == 1 else cells
            count: int | str = "dim" if dynamic else (640 // stride) ** 2
            graph.output(values, f"{name}_{stride}", [batch, count, width])
    return graph.save(path)


def random_arcface(
    path: Path,
    *,
    seed: int,
    batch: int | str = "batch",
    input_name: str = "input.1",
    output_batch: int | str = 1,
) -> Path:
    """By default as InsightFace exports it: `input.1` with a dynamic batch, an output that declares 1."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    features = _conv(graph, rng, graph.input(input_name, [batch, 3, 112, 112]), 3, _CHANNELS, 14)
    flat = graph.node("Flatten", graph.node("Relu", features))
    embedding = graph.node("Gemm", flat, _normal(rng, (_CHANNELS * 64, 512), 0.1), _normal(rng, (512,), 0.1))
    graph.output(embedding, "683", [output_batch, 512])
    return graph.save(path)


def random_inswapper(path: Path, *, seed: int, batch: int | str = 1, half: bool = False) -> Path:
    """Inputs target, source; the embedding map is the last initializer, and no node reads it.
    half: float16 weights and map, float32 inputs and outputs."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    target = graph.input("target", [batch, 3, 128, 128])
    source = graph.input("source", [batch, 512])
    picture = _generator(graph, rng, target, source, half)
    graph.output(graph.node("Sigmoid", picture), "output", [batch, 3, 128, 128])
    graph.constant(_normal(rng, (512, 512), 512**-0.5).astype(np.float16 if half else np.float32), "buff2fs")
    return graph.save(path)


def random_hyperswap(path: Path, *, seed: int, batch: int | str = 1, half: bool = True) -> Path:
    """Inputs source, target; outputs output in -1..1 and mask in 0..1."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    source = graph.input("source", [batch, 512])
    target = graph.input("target", [batch, 3, 256, 256])
    picture = _generator(graph, rng, target, source, half)
    mask = graph.node("Sigmoid", _conv(graph, rng, target, 3, 1, 1))
    graph.output(graph.node("Tanh", picture), "output", [batch, 3, 256, 256])
    graph.output(mask, "mask", [batch, 1, 256, 256])
    return graph.save(path)


def _generator(graph: Graph, rng: np.random.Generator, target: str, source: str, half: bool) -> str:
    """target through a convolution, scaled and shifted per channel by the source, through another."""
    dtype = np.float16 if half else np.float32
    if half:
        target, source = (graph.node("Cast", item, to=10) for item in (target, source))
    features = graph.node("LeakyRelu", _conv(graph, rng, target, 3, _CHANNELS, 1, dtype), alpha=0.2)
    style = graph.node("MatMul", source, _normal(rng, (512, _CHANNELS), 0.2).astype(dtype))
    style = graph.node("Unsqueeze", style, [2, 3])
    picture = _conv(graph, rng, graph.node("Mul", features, style), _CHANNELS, 3, 1, dtype)
    return graph.node("Cast", picture, to=1) if half else picture


def _conv(
    graph: Graph,
    rng: np.random.Generator,
    tensor: str,
    inner: int,
    outer: int,
    stride: int,
    dtype: Any = np.float32,
) -> str:
    """A convolution over patches of stride x stride pixels."""
    weights = _normal(rng, (outer, inner, stride, stride), (inner * stride * stride) ** -0.5).astype(dtype)
    bias = _normal(rng, (outer,), 0.1).astype(dtype)
    return graph.node("Conv", tensor, weights, bias, strides=[stride, stride])


def _normal(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> Any:
    return (rng.standard_normal(shape) * scale).astype(np.float32)
