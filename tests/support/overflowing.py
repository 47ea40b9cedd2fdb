"""A network that is right in float32 and overflows in float16: between two convolutions its values reach millions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from support.graph import Graph

WIDTH = 64


def overflowing_swapper(path: Path, *, seed: int, gain: float = 3e5, batch: int | str = "N") -> Path:
    """In the contract of inswapper_128. The output is in 0..1 and depends on the crop and the source."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    target = graph.input("target", [batch, 3, 128, 128])
    source = graph.input("source", [batch, 512])
    first = (rng.standard_normal((WIDTH, 3, 3, 3)) * 27**-0.5).astype(np.float32)
    middle = (rng.standard_normal((WIDTH, WIDTH, 3, 3)) * gain * (9 * WIDTH) ** -0.5).astype(np.float32)
    last = (rng.standard_normal((3, WIDTH, 3, 3)) / gain * (9 * WIDTH) ** -0.5).astype(np.float32)
    style = (rng.standard_normal((512, WIDTH)) * 0.3).astype(np.float32)
    x = graph.node("LeakyRelu", graph.node("Conv", target, first, pads=[1] * 4), alpha=0.2)
    scale = graph.node("Unsqueeze", graph.node("MatMul", source, style), [2, 3])
    x = graph.node("Add", x, scale)
    x = graph.node("LeakyRelu", graph.node("Conv", x, middle, pads=[1] * 4), alpha=0.2)
    x = graph.node("Conv", x, last, pads=[1] * 4)
    graph.output(graph.node("Sigmoid", x), "output", [batch, 3, 128, 128])
    graph.constant(np.eye(512, dtype=np.float32), "buff2fs")
    return graph.save(path)
