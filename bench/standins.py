"""Networks with random weights and the public shapes of the real ones: their outputs mean nothing, their cost does.

python bench/standins.py FOLDER [NAME ...]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from network import Network


def inswapper_128(path: Path, seed: int = 0) -> Path:
    """138 M parameters, 174.6 GMAC; the batch of 1 baked in, the embedding map last and unread."""
    net = Network(seed, opset=11)
    target, source = net.input("target", [1, 3, 128, 128]), net.input("source", [1, 512])
    x = _leaky(net, net.conv(_reflect(net, target, 3), 3, 128, 7))
    for inner, outer, stride in ((128, 256, 1), (256, 512, 2), (512, 1024, 2)):
        x = _leaky(net, net.conv(x, inner, outer, 3, stride=stride, pad=1))
    for _ in range(6):
        y = net.conv(_reflect(net, x, 1), 1024, 1024, 3)
        y = net.node("Relu", _adain(net, y, source, 1024))
        y = net.conv(_reflect(net, y, 1), 1024, 1024, 3)
        x = net.node("Add", x, _adain(net, y, source, 1024))
    for inner, outer in ((1024, 512), (512, 256)):
        x = _leaky(net, net.conv(net.double(x), inner, outer, 3, pad=1, gain=0.7))
    x = _leaky(net, net.conv(x, 256, 128, 3, pad=1, gain=0.7))
    x = net.node("Tanh", net.conv(_reflect(net, x, 3), 128, 3, 7, gain=0.3))
    half = net.node("Div", net.node("Add", x, np.float32(1)), np.float32(2))
    net.output(half, "output", [1, 3, 128, 128])
    net.constant(np.linalg.qr(net.rng.standard_normal((512, 512)))[0], "buff2fs")
    return net.save(path)


def _leaky(net: Network, x: str) -> str:
    return str(net.node("LeakyRelu", x, alpha=0.2))


def _reflect(net: Network, x: str, pixels: int) -> str:
    pads = np.array([0, 0, pixels, pixels] * 2, np.int64)
    return str(net.node("Pad", x, pads, mode="reflect"))


def _adain(net: Network, y: str, source: str, channels: int) -> str:
    mean = net.node("ReduceMean", y, axes=[2, 3], keepdims=1)
    centred = net.node("Sub", y, mean)
    variance = net.node("ReduceMean", net.node("Mul", centred, centred), axes=[2, 3], keepdims=1)
    deviation = net.node("Sqrt", net.node("Add", variance, np.float32(1e-8)))
    bias = np.repeat(np.array([1, 0], np.float32), channels)
    style = net.node(
        "Reshape", net.linear(source, 512, 2 * channels, gain=0.3, bias=bias), np.array([1, -1, 1, 1])
    )
    scale, shift = (
        net.node("Slice", style, np.array([start]), np.array([start + channels]), np.array([1]))
        for start in (0, channels)
    )
    return str(net.node("Add", net.node("Mul", net.node("Div", centred, deviation), scale), shift))


def hyperswap_256(path: Path, seed: int = 0) -> Path:
    """201 M parameters, 31.9 GMAC; the batch of 1 baked in."""
    net = Network(seed, opset=15)
    source, target = net.input("source", [1, 512]), net.input("target", [1, 3, 256, 256])
    maps = _attributes(net, target)
    start = net.node("Reshape", source, np.array([1, 512, 1, 1]))
    x = net.node("DepthToSpace", net.conv(start, 512, 4096, 3, pad=1), blocksize=2, mode="CRD")
    widths = (1024, 1024, 1024, 1024, 512, 256, 128, 64, 3)
    for stage, (z, channels) in enumerate(maps):
        x = _stage(net, x, z, source, channels, widths[stage], widths[stage + 1])
        x = net.double(x) if stage < 7 else net.node("Tanh", x)
    mask = _mask(net, net.node("Concat", target, maps[-1][0], axis=1))
    kept = net.node("Mul", target, net.node("Sub", np.float32(1), mask))
    net.output(net.node("Add", net.node("Mul", x, mask), kept), "output", [1, 3, 256, 256])
    net.output(mask, "mask", [1, 1, 256, 256])
    return net.save(path)


def _attributes(net: Network, x: str) -> list[tuple[str, int]]:
    """Eight maps with their channels, coarse to fine."""
    skips, inner = [], 3
    for outer in (32, 64, 128, 256, 512, 1024, 1024):
        x = net.batch_norm(net.conv(x, inner, outer, 4, stride=2, pad=1, bias=False), outer)
        x = net.node("LeakyRelu", x, alpha=0.1)
        skips.append((x, outer))
        inner = outer
    maps = [(x, inner)]
    for outer, (skip, skipped) in zip((1024, 512, 256, 128, 64, 32), skips[-2::-1], strict=True):
        x = net.batch_norm(net.up_conv(x, inner, outer, 4, stride=2, pad=1), outer)
        x = net.node("Concat", net.node("LeakyRelu", x, alpha=0.1), skip, axis=1)
        inner = outer + skipped
        maps.append((x, inner))
    return [*maps, (net.double(x), inner)]


def _stage(net: Network, x: str, z: str, source: str, channels: int, inner: int, outer: int) -> str:
    y = net.conv(
        net.node("Relu", _modulated(net, x, z, source, channels, inner)), inner, inner, 3, pad=1, bias=False
    )
    y = net.conv(
        net.node("Relu", _modulated(net, y, z, source, channels, inner)), inner, outer, 3, pad=1, bias=False
    )
    if inner != outer:
        x = net.conv(
            net.node("Relu", _modulated(net, x, z, source, channels, inner)),
            inner,
            outer,
            3,
            pad=1,
            bias=False,
        )
    return str(net.node("Add", x, y))


def _modulated(net: Network, h: str, z: str, source: str, channels: int, width: int) -> str:
    ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)
    normal = net.node("InstanceNormalization", h, ones, zeros, epsilon=1e-5)
    by_map = [net.conv(z, channels, width, 1, gain=0.3) for _ in range(2)]
    attribute = net.node("Add", net.node("Mul", by_map[0], normal), by_map[1])
    by_source = [
        net.node("Reshape", net.linear(source, 512, width, gain=0.3, bias=bias), np.array([1, width, 1, 1]))
        for bias in (ones, zeros)
    ]
    identity = net.node("Add", net.node("Mul", by_source[0], normal), by_source[1])
    gate = net.node("Sigmoid", net.conv(normal, width, 1, 1, gain=0.5))
    kept = net.node("Mul", net.node("Sub", np.float32(1), gate), attribute)
    return str(net.node("Add", kept, net.node("Mul", gate, identity)))


def _mask(net: Network, x: str) -> str:
    inner = 67
    for outer in (16, 32, 64):
        x = net.node("Relu", net.batch_norm(net.conv(x, inner, outer, 3, pad=1, bias=False), outer))
        x = net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        inner = outer
    y = x
    for _ in range(2):
        y = net.node("Relu", net.batch_norm(net.conv(y, 64, 64, 3, pad=1, bias=False), 64))
    x = net.node("Relu", net.node("Add", x, y))
    for outer in (32, 16, 16):
        x = net.node("Relu", net.up_conv(x, inner, outer, 2, stride=2))
        inner = outer
    return str(net.node("Sigmoid", net.conv(x, 16, 1, 1)))


def arcface_w600k_r50(path: Path, seed: int = 0) -> Path:
    """IResNet-50: 43.6 M parameters, 6.31 GMAC; as exported, a dynamic input batch and an output that declares 1."""
    net = Network(seed)
    x = _prelu(net, net.conv(net.input("input.1", ["None", 3, 112, 112]), 3, 64, 3, pad=1), 64)
    inner = 64
    for count, outer in ((3, 64), (4, 128), (14, 256), (3, 512)):
        for block in range(count):
            stride = 2 if block == 0 else 1
            y = net.conv(net.batch_norm(x, inner), inner, outer, 3, pad=1)
            y = net.conv(_prelu(net, y, outer), outer, outer, 3, stride=stride, pad=1, gain=0.4)
            shortcut = net.conv(x, inner, outer, 1, stride=stride, gain=0.7) if block == 0 else x
            x = net.node("Add", y, shortcut)
            inner = outer
    flat = net.node("Flatten", net.batch_norm(x, 512))
    embedding = net.batch_norm(net.linear(flat, 25088, 512), 512)
    net.output(embedding, "683", [1, 512])
    return net.save(path)


def _prelu(net: Network, x: str, channels: int) -> str:
    return str(net.node("PRelu", x, np.full((channels, 1, 1), 0.25, np.float32)))


def scrfd_10g(path: Path, seed: int = 0) -> Path:
    """4.23 M parameters, 13.3 GMAC at 640 x 640; nine outputs whose rows are all cells, the batch of 1 merged in."""
    net = Network(seed, opset=11)
    x = net.input("input.1", [1, 3, 640, 640])
    for inner, outer, stride in ((3, 28, 2), (28, 28, 1), (28, 56, 1)):
        x = net.node("Relu", net.conv(x, inner, outer, 3, stride=stride, pad=1))
    x, levels, inner = net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), [], 56
    for count, outer, first in ((3, 56, 1), (4, 88, 2), (2, 88, 2), (3, 224, 2)):
        for block in range(count):
            x = _basic(net, x, inner, outer, first if block == 0 else 1)
            inner = outer
        levels.append((x, outer))
    merged = _path_aggregation(net, levels[1:])
    columns: list[list[str]] = [[], [], []]
    for level in merged:
        h, width = level, 56
        for _ in range(3):
            h, width = net.node("Relu", net.conv(h, width, 80, 3, pad=1)), 80
        for kind, values in enumerate((2, 8, 20)):
            rows = net.node("Transpose", net.conv(h, 80, values, 3, pad=1, gain=0.5), perm=[0, 2, 3, 1])
            if kind == 1:
                rows = net.node("Mul", rows, np.float32(1.1))
            rows = net.node("Reshape", rows, np.array([-1, values // 2]))
            columns[kind].append(net.node("Sigmoid", rows) if kind == 0 else rows)
    for kind, (label, values) in enumerate((("score", 1), ("bbox", 4), ("kps", 10))):
        for rows, stride in zip(columns[kind], (8, 16, 32), strict=True):
            net.output(rows, f"{label}_{stride}", [2 * (640 // stride) ** 2, values])
    return net.save(path)


def _basic(net: Network, x: str, inner: int, outer: int, stride: int) -> str:
    y = net.node("Relu", net.conv(x, inner, outer, 3, stride=stride, pad=1))
    y = net.conv(y, outer, outer, 3, pad=1, gain=0.5)
    if stride != 1:
        x = net.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    if inner != outer:
        x = net.conv(x, inner, outer, 1, gain=0.7)
    return str(net.node("Relu", net.node("Add", x, y)))


def _path_aggregation(net: Network, levels: list[tuple[str, int]]) -> list[str]:
    lateral = [net.conv(x, width, 56, 1, gain=0.7) for x, width in levels]
    for index in (1, 0):
        lateral[index] = net.node("Add", lateral[index], net.double(lateral[index + 1], "nearest"))
    out = [net.conv(x, 56, 56, 3, pad=1, gain=0.7) for x in lateral]
    for index in (1, 2):
        below = net.conv(out[index - 1], 56, 56, 3, stride=2, pad=1, gain=0.7)
        out[index] = net.conv(net.node("Add", out[index], below), 56, 56, 3, pad=1, gain=0.7)
    return out


def landmarker(path: Path, seed: int = 0) -> Path:
    """As large as 2dfan4: four stacked hourglasses of 256 channels; 68 points by the centre of each heat map."""
    net = Network(seed)
    x = net.node("Relu", net.conv(net.input("input", [1, 3, 256, 256]), 3, 64, 7, stride=2, pad=3))
    x = net.node("AveragePool", _three(net, x, 64, 128), kernel_shape=[2, 2], strides=[2, 2])
    x = _three(net, _three(net, x, 128, 128), 128, 256)
    heat = ""
    for module in range(4):
        h = _three(net, _hourglass(net, x, 4), 256, 256)
        h = net.node("Relu", net.conv(h, 256, 256, 1))
        heat = net.conv(h, 256, 68, 1, gain=0.02)
        if module < 3:
            more = net.node("Add", net.conv(h, 256, 256, 1, gain=0.4), net.conv(heat, 68, 256, 1, gain=0.4))
            x = net.node("Add", x, more)
    grid = np.stack(np.meshgrid(np.arange(64.0), np.arange(64.0)), -1).reshape(4096, 2)
    heat = net.node("Add", heat, _peaks(net, grid))
    rows = net.node("Softmax", net.node("Reshape", heat, np.array([1, 68, 4096])), axis=2)
    points = net.node("MatMul", rows, np.concatenate([grid, np.ones((4096, 1))], axis=1))
    net.output(points, "output", [1, 68, 3])
    net.output(heat, "heatmaps", [1, 68, 64, 64])
    return net.save(path)


def _peaks(net: Network, grid: np.ndarray) -> np.ndarray:
    """One peak for each point, as trained maps have: the centres of maps without one jump with the last digit."""
    places = net.rng.uniform(16, 48, (68, 1, 2))
    heights = -((grid - places) ** 2).sum(axis=2) / 8  # two cells wide
    return np.maximum(heights, -20).reshape(1, 68, 64, 64).astype(np.float32)


def _three(net: Network, x: str, inner: int, outer: int) -> str:
    """Three convolutions whose outputs lie side by side, added to their input."""
    parts, y, width = [], x, inner
    for share in (outer // 2, outer // 4, outer // 4):
        y = net.conv(net.node("Relu", net.batch_norm(y, width)), width, share, 3, pad=1, gain=0.25)
        parts.append(y)
        width = share
    if inner != outer:
        x = net.conv(x, inner, outer, 1, gain=0.7)
    return str(net.node("Add", x, net.node("Concat", *parts, axis=1)))


def _hourglass(net: Network, x: str, depth: int) -> str:
    up = _three(net, x, 256, 256)
    low = _three(net, net.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]), 256, 256)
    low = _hourglass(net, low, depth - 1) if depth > 1 else _three(net, low, 256, 256)
    return str(net.node("Add", up, net.double(_three(net, low, 256, 256), "nearest")))


STAND_INS: dict[str, Callable[[Path], Path]] = {
    "inswapper_128": inswapper_128,
    "hyperswap_1a_256": hyperswap_256,
    "arcface_w600k_r50": arcface_w600k_r50,
    "scrfd_10g": scrfd_10g,
    "landmarker": landmarker,
}

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or STAND_INS:
        print(STAND_INS[name](folder / f"{name}.onnx"))
