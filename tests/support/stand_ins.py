"""Random stand-ins with the exact contract of every network that trtswap knows: names, types, shapes, ranges.

`make(name, path, seed)` writes the file of a network by the name of its spec.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from support.face_networks import random_fan, random_xseg
from support.graph import Graph
from support.random_networks import random_arcface, random_hyperswap, random_inswapper, random_yunet

Dim = "int | str"


def conv(graph: Graph, rng: Any, tensor: str, channels: int, filters: int, stride: int = 1) -> str:
    """A convolution as wide as its stride, or 3 x 3; the spread of its output is about that of its input."""
    edge = stride if stride > 1 else 3
    weights = rng.standard_normal((filters, channels, edge, edge)) / (channels * edge * edge) ** 0.5
    bias = (rng.standard_normal(filters) * 0.1).astype(np.float32)
    pad = 0 if stride > 1 else 1
    return graph.node("Conv", tensor, weights.astype(np.float32), bias, strides=[stride] * 2, pads=[pad] * 4)


def dense(graph: Graph, rng: Any, tensor: str, inputs: int, outputs: int) -> str:
    weights = (rng.standard_normal((inputs, outputs)) / inputs**0.5).astype(np.float32)
    return graph.node("MatMul", tensor, weights)


def scrfd(
    path: Path, seed: int, *, batch: Any = 1, input_name: str = "input", batch_axis: bool = False
) -> Path:
    """As published: dynamic height and width, outputs [anchors, width] without a batch axis."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    picture = graph.input(input_name, [batch, 3, "height", "width"])
    features = {stride: conv(graph, rng, picture, 3, 8, stride) for stride in (8, 16, 32)}
    for kind, width in (("score", 1), ("bbox", 4), ("kps", 10)):
        for stride in (8, 16, 32):
            head = conv(graph, rng, graph.node("Relu", features[stride]), 8, 2 * width)
            rows = graph.node("Transpose", head, perm=[0, 2, 3, 1])
            shape = [0, -1, width] if batch_axis else [-1, width]
            values = graph.node("Reshape", rows, shape)
            if kind == "score":
                values = graph.node("Sigmoid", graph.node("Mul", values, 4.0))
            declared = [batch, f"n{stride}", width] if batch_axis else [f"n{stride}", width]
            graph.output(values, f"{kind}_{stride}", declared)
    return graph.save(path)


def yoloface(path: Path, seed: int, *, batch: Any = 1, input_name: str = "input") -> Path:
    """[N, 20, 8400]: centres, sizes, a probability, points with visibility; all from the picture."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    picture = graph.input(input_name, [batch, 3, 640, 640])
    levels = []
    for stride in (8, 16, 32):
        features = graph.node("Relu", conv(graph, rng, picture, 3, 8, stride))
        levels.append(graph.node("Reshape", conv(graph, rng, features, 8, 20), [0, 20, -1]))
    rows = graph.node("Concat", *levels, axis=2)
    scale = np.full((1, 20, 1), 300, np.float32)
    scale[:, 4] = 6
    spread = graph.node("Mul", rows, scale)
    first, score, rest = (
        graph.node("Slice", spread, [start], [end], [1]) for start, end in ((0, 4), (4, 5), (5, 20))
    )
    whole = graph.node("Concat", graph.node("Abs", first), graph.node("Sigmoid", score), rest, axis=1)
    graph.output(whole, "output0", [batch, 20, 8400])
    return graph.save(path)


def peppa(path: Path, seed: int, *, batch: Any = 1, shape: Sequence[int] = (204,)) -> Path:
    """204 values in whatever shape: x, y in 64 cells and a score."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    features = conv(graph, rng, graph.input("input", [batch, 3, 256, 256]), 3, 8, 32)
    points = graph.node("Sigmoid", dense(graph, rng, graph.node("Flatten", features), 512, 204))
    scaled = graph.node("Mul", points, np.tile(np.array([64, 64, 1], np.float32), 68)[None])
    graph.output(graph.node("Reshape", scaled, [0, *shape]), "output", [batch, *shape])
    return graph.save(path)


def fan_68_5(path: Path, seed: int, *, batch: Any = 1) -> Path:
    rng = np.random.default_rng(seed)
    graph = Graph()
    flat = graph.node("Reshape", graph.input("input", [batch, 5, 2]), [0, 10])
    points = graph.node("Reshape", dense(graph, rng, flat, 10, 136), [0, 68, 2])
    graph.output(points, "output", [batch, 68, 2])
    return graph.save(path)


def crossface(path: Path, seed: int, *, batch: Any = 1) -> Path:
    """Divides by the length of its whole input, then layers with LeakyRelu."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    raw = graph.input("input", [batch, 512])
    length = graph.node("Sqrt", graph.node("ReduceSum", graph.node("Mul", raw, raw), [0, 1], keepdims=1))
    hidden = graph.node("LeakyRelu", dense(graph, rng, graph.node("Div", raw, length), 512, 64), alpha=0.01)
    graph.output(graph.node("Mul", dense(graph, rng, hidden, 64, 512), 20.0), "output", [batch, 512])
    return graph.save(path)


def swapper(
    path: Path,
    seed: int,
    *,
    size: int,
    source: Sequence[int] = (512,),
    low: float = -1.0,
    batch: Any = 1,
    names: tuple[str, str] = ("target", "source"),
) -> Path:
    """target and source in, output in low..1 out."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    target = graph.input(names[0], [batch, 3, size, size])
    person = graph.input(names[1], [batch, *source])
    if len(source) == 3:
        pooled = graph.node("AveragePool", person, kernel_shape=[16, 16], strides=[16, 16])
        person = graph.node("Flatten", pooled)
        width = 3 * (source[1] // 16) * (source[2] // 16)
    else:
        width = source[0]
    style = graph.node("Unsqueeze", dense(graph, rng, person, width, 8), [2, 3])
    features = graph.node("Add", conv(graph, rng, target, 3, 8), style)
    picture = conv(graph, rng, graph.node("LeakyRelu", features, alpha=0.2), 8, 3)
    graph.output(graph.node("Tanh" if low < 0 else "Sigmoid", picture), "output", [batch, 3, size, size])
    return graph.save(path)


def bisenet(path: Path, seed: int, *, batch: Any = 1) -> Path:
    """Scores of 19 classes, and a head more, as trained networks have."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    features = conv(graph, rng, graph.input("input", [batch, 3, 512, 512]), 3, 8, 8)
    scores = conv(graph, rng, features, 8, 19)
    scales = np.array([1, 1, 8, 8], np.float32)
    large = graph.node(
        "Resize", scores, "", scales, mode="linear", coordinate_transformation_mode="half_pixel"
    )
    graph.output(large, "output", [batch, 19, 512, 512])
    graph.output(graph.node("Relu", large), "auxiliary", [batch, 19, 512, 512])
    return graph.save(path)


def restorer(
    path: Path,
    seed: int,
    *,
    size: int,
    weight: Any = None,
    batch: Any = 1,
    names: tuple[str, str] = ("input", "weight"),
) -> Path:
    """weight: the type of the input of that name, shape [1]; None for a network without."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    picture = graph.input(names[0], [batch, 3, size, size])
    features = graph.node("LeakyRelu", conv(graph, rng, picture, 3, 8), alpha=0.2)
    if weight is not None:
        factor = graph.node("Cast", graph.input(names[1], [1], weight), to=1)
        features = graph.node("Mul", features, graph.node("Unsqueeze", factor, [1, 2, 3]))
    restored = graph.node("Mul", conv(graph, rng, features, 8, 3), 1.2)
    graph.output(restored, "output", [batch, 3, size, size])
    return graph.save(path)


def fairface(path: Path, seed: int, *, batch: Any = 1, dtype: Any = np.int64) -> Path:
    """The numbers of three classes, race, gender, age: the largest of some sums over the picture."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    features = conv(graph, rng, graph.input("input", [batch, 3, 224, 224]), 3, 8, 32)
    flat = graph.node("Flatten", features)
    for name, count in (("race_id", 7), ("gender_id", 2), ("age_id", 9)):
        best = graph.node("ArgMax", dense(graph, rng, flat, 8 * 49, count), axis=1, keepdims=0)
        if dtype is np.int32:
            best = graph.node("Cast", best, to=6)
        graph.output(best, name, [batch], dtype)
    return graph.save(path)


MAKERS: dict[str, Callable[..., Path]] = {
    "2dfan4": lambda path, seed: random_fan(path, seed=seed),
    "arcface_w600k_r50": lambda path, seed: random_arcface(path, seed=seed),
    "bisenet_resnet_18": bisenet,
    "bisenet_resnet_34": bisenet,
    "blendswap_256": partial(swapper, size=256, source=(3, 112, 112), low=0.0),
    "codeformer": partial(restorer, size=512, weight=np.float64),
    "crossface_ghost": crossface,
    "crossface_hififace": crossface,
    "crossface_simswap": crossface,
    "fairface": fairface,
    "fan_68_5": fan_68_5,
    **{f"gfpgan_1.{version}": partial(restorer, size=512) for version in (2, 3, 4)},
    **{f"ghost_{blocks}_256": partial(swapper, size=256) for blocks in (1, 2, 3)},
    **{f"gpen_bfr_{size}": partial(restorer, size=size) for size in (256, 512, 1024, 2048)},
    "hififace_unofficial_256": partial(swapper, size=256),
    **{
        f"hyperswap_1{letter}_256": lambda path, seed: random_hyperswap(path, seed=seed, half=False)
        for letter in "abc"
    },
    "inswapper_128": lambda path, seed: random_inswapper(path, seed=seed),
    "inswapper_128_fp16": lambda path, seed: random_inswapper(path, seed=seed, half=True),
    "peppa_wutz": peppa,
    "restoreformer_plus_plus": partial(restorer, size=512),
    "retinaface_10g": scrfd,
    "scrfd_2.5g": scrfd,
    "simswap_256": partial(swapper, size=256, low=0.0),
    "simswap_unofficial_512": partial(swapper, size=512, low=0.0),
    "uniface_256": partial(swapper, size=256, source=(3, 256, 256)),
    **{f"xseg_{number}": lambda path, seed: random_xseg(path, seed=seed) for number in (1, 2, 3)},
    "yoloface_8n": yoloface,
    "yunet": lambda path, seed: random_yunet(path, seed=seed),
}


def make(name: str, path: Path, seed: int) -> Path:
    """Writes the stand-in of the network `name`."""
    return MAKERS[name](path, seed)
