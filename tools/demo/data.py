"""Shards of samples on the GPU, and the crops that networks see of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from shards import load
from torch import Tensor
from torch.nn import functional

from trtswap.geometry import TEMPLATES

MIRRORED = torch.tensor(
    [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37,
     36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
)  # fmt: skip
"""Which of the 68 points lies where a point is after left and right are exchanged."""
MIRRORED_FIVE = torch.tensor([1, 0, 2, 4, 3])


class Shards:
    """Rows of the shards of one kind, uploaded as they are written. names: the arrays wanted. `who` counts people from
    0, a person's own pictures one behind the other."""

    def __init__(self, folder: Path, kind: str, names: Sequence[str], device: str, most: int) -> None:
        self._folder, self._kind, self._names, self._device, self._most = folder, kind, names, device, most
        self._rows: dict[str, Tensor] = {}
        self._seen: set[str] = set()
        self._looked = 0.0
        self.count = 0
        self.shards = 0

    def refresh(self, every_s: float = 5.0) -> None:
        """Uploads shards that are new, looking for them not more often than that."""
        if time.monotonic() - self._looked < every_s:
            return
        self._looked = time.monotonic()
        there = [
            path for path in sorted(self._folder.glob(f"{self._kind}-*.npz")) if ".part" not in path.name
        ]
        new = [path for path in there if path.name not in self._seen][: self._most - len(self._seen)]
        self._seen.update(path.name for path in new)
        with ThreadPoolExecutor(8) as pool:
            for arrays in pool.map(lambda path: load(path, self._names), new):
                if "who" in arrays:  # people are counted in the order in which their shards came
                    people = int(arrays["who"].max() - arrays["who"].min()) + 1
                    arrays["who"] = arrays["who"] - arrays["who"].min() + self.shards * people
                self._append(arrays)

    def wait(self, shards: int) -> None:
        """Until so many shards are there."""
        while self.shards < shards:
            self.refresh(1.0)
            time.sleep(0.5)

    def __getitem__(self, name: str) -> Tensor:
        """The rows so far."""
        return self._rows[name][: self.count if name != "values" else None]

    def _append(self, arrays: dict[str, np.ndarray]) -> None:
        for name, array in arrays.items():
            data = torch.from_numpy(array)
            if name not in self._rows:
                shape = (self._most * len(data), *data.shape[1:])
                self._rows[name] = torch.zeros(shape, dtype=data.dtype, device=self._device)
            self._rows[name][self.shards * len(data) : (self.shards + 1) * len(data)] = data.to(self._device)
        self.shards += 1
        self.count = self.shards * next(len(a) for n, a in arrays.items() if n != "values")


def five_points(points: Tensor) -> Tensor:
    """[N, 5, 2] from the 68 [N, 68, 2]."""
    eyes = [points[:, 36:42].mean(1), points[:, 42:48].mean(1)]
    return torch.stack([*eyes, points[:, 30], points[:, 48], points[:, 54]], 1)


def similarity(points: Tensor, template: str, size: int) -> Tensor:
    """The least-squares similarity from points [N, 5, 2] to a template at a size: [N, 2, 3]."""
    goal = torch.tensor(TEMPLATES[template], dtype=torch.float32, device=points.device) * size
    p, q = points - points.mean(1, keepdim=True), goal - goal.mean(0)
    d = (p * p).sum((1, 2))
    a = (p * q).sum((1, 2)) / d
    b = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(1) / d
    turn = torch.stack([torch.stack([a, -b], 1), torch.stack([b, a], 1)], 1)
    shift = goal.mean(0) - (turn @ points.mean(1)[..., None])[..., 0]
    return torch.cat([turn, shift[..., None]], 2)


def jitter(matrix: Tensor, size: int, *, turn_deg: float, scale: float, shift: float) -> Tensor:
    """The placement moved at random about the crop's middle. shift: of the crop's size."""
    count, device = len(matrix), matrix.device
    angle = torch.randn(count, device=device) * np.radians(turn_deg)
    factor = torch.exp(torch.randn(count, device=device) * scale)
    c, s = torch.cos(angle) * factor, torch.sin(angle) * factor
    move = torch.stack([torch.stack([c, -s], 1), torch.stack([s, c], 1)], 1)
    middle = torch.full((count, 2, 1), size / 2 - 0.5, device=device)
    offset = middle - move @ middle + torch.randn(count, 2, 1, device=device) * shift * size
    return torch.cat([move @ matrix[:, :, :2], move @ matrix[:, :, 2:] + offset], 2)


def mirrored(matrix: Tensor, size: int, which: Tensor) -> Tensor:
    """Placements whose crops are seen in a mirror where `which` [N] is true."""
    sign = torch.where(which, -1.0, 1.0)
    offset = torch.where(which, float(size - 1), 0.0)
    result = matrix.clone()
    result[:, 0] = matrix[:, 0] * sign[:, None]
    result[:, 0, 2] += offset
    return result


def placed(points: Tensor, matrix: Tensor) -> Tensor:
    """Points [N, K, 2] through placements [N, 2, 3]."""
    return points @ matrix[:, :, :2].transpose(1, 2) + matrix[:, None, :, 2]


def crop(pictures: Tensor, matrix: Tensor, size: int, *, zeros: bool = False, fine: int = 2) -> Tensor:
    """Crops float32 [N, C, size, size], 0..1, of uint8 pictures [N, H, W, C] or [N, H, W]; each crop pixel is the mean
    of fine x fine places."""
    if pictures.ndim == 3:
        pictures = pictures[..., None]
    source = pictures.permute(0, 3, 1, 2).float() / 255
    height, width = source.shape[2:]
    inverse = torch.linalg.inv(matrix[:, :, :2].float())
    axis = (torch.arange(size * fine, device=matrix.device) + 0.5) / fine - 0.5
    v, u = torch.meshgrid(axis, axis, indexing="ij")
    places = torch.stack([u, v], -1).reshape(1, -1, 2) - matrix[:, None, :, 2]
    at = places @ inverse.transpose(1, 2)
    at = (2 * at + 1) / torch.tensor((width, height), device=matrix.device) - 1
    grid = at.reshape(len(matrix), size * fine, size * fine, 2)
    drawn = functional.grid_sample(
        source, grid, padding_mode="zeros" if zeros else "border", align_corners=False
    )
    return functional.avg_pool2d(drawn, fine) if fine > 1 else drawn


def photometric(x: Tensor, strength: float = 1.0, noise: float = 0.012, tint: float = 0.12) -> Tensor:
    """Exposure, tint, contrast, sharpness and noise at random. x: [N, 3, H, W], 0..1. tint: how far a channel's gain
    goes from the others', as a logarithm."""
    count, device = len(x), x.device

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(count, *shape, device=device).uniform_(low, high)

    gamma = torch.exp(strength * draw(-0.3, 0.3, 1, 1, 1))
    gain = torch.exp(strength * (draw(-0.35, 0.25, 1, 1, 1) + draw(-tint, tint, 3, 1, 1)))
    y = gain * x.clamp(1e-4, 1) ** gamma
    soft = functional.avg_pool2d(functional.pad(y, (1, 1, 1, 1), mode="replicate"), 3, 1)
    y = torch.lerp(y, soft, draw(-0.3, 0.9, 1, 1, 1) * strength)
    small = functional.interpolate(
        functional.interpolate(y, scale_factor=0.5, mode="area"), scale_factor=2.0, mode="bilinear"
    )
    y = torch.where(draw(0, 1, 1, 1, 1) < 0.12 * strength, small, y)
    return (y + torch.randn_like(y) * draw(0, 1, 1, 1, 1) ** 2 * noise * strength * 3).clamp(0, 1)


def in_one_colour(x: Tensor, share: float = 0.25) -> Tensor:
    """Some of the crops [N, 3, H, W] as a lamp of one colour shows them: all channels the same but for their gains."""
    count, device = len(x), x.device
    weight = torch.rand(count, 3, 1, 1, device=device) + 0.05
    bright = (x * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
    lamp = bright * torch.empty(count, 3, 1, 1, device=device).uniform_(0.05, 1.2)
    strength = torch.empty(count, 1, 1, 1, device=device).uniform_(0.4, 1)
    return torch.lerp(x, lamp, strength * (torch.rand_like(strength) < share))


def covered(x: Tensor, share: float = 0.3) -> Tensor:
    """An ellipse of one colour, or of another crop, over some of the crops [N, 3, H, W]."""
    count, device = len(x), x.device
    axis = [torch.linspace(-1, 1, size, device=device) for size in x.shape[2:]]
    v, u = torch.meshgrid(*axis, indexing="ij")
    middle = torch.empty(count, 2, 1, 1, device=device).uniform_(-0.9, 0.9)
    size = torch.empty(count, 2, 1, 1, device=device).uniform_(0.1, 0.55)
    inside = ((u - middle[:, 0]) / size[:, 0]) ** 2 + ((v - middle[:, 1]) / size[:, 1]) ** 2 < 1
    inside &= (torch.rand(count, device=device) < share)[:, None, None]
    flat = torch.rand(count, 3, 1, 1, device=device).expand_as(x)
    cover = torch.where(torch.rand(count, 1, 1, 1, device=device) < 0.5, flat, x.roll(1, 0).flip(2))
    return torch.where(inside[:, None], cover, x)
