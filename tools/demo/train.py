"""Trains one of the networks on shards of samples, while more are being drawn, for a given number of minutes.

python tools/demo/train.py encoder --samples FOLDER --out FOLDER --minutes 4
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import data
import nets
import torch
from data import (
    MIRRORED,
    Shards,
    covered,
    crop,
    five_points,
    in_one_colour,
    jitter,
    photometric,
    placed,
    similarity,
)
from detection import detector_losses
from settle import settle
from shards import PEOPLE_OF_SWAPS, PICTURES_OF_PAIR
from torch import Tensor, nn
from torch.nn import functional

PER_PERSON = PEOPLE_OF_SWAPS * PICTURES_OF_PAIR


class Run:
    """The clock, the optimiser, the mean of the weights, and the log of one training."""

    def __init__(
        self, net: nn.Module, others: list[nn.Module], options: argparse.Namespace, rate: float
    ) -> None:
        self.net, self.options, self.rate = net, options, rate
        self.mean = copy.deepcopy(net).eval().requires_grad_(False)
        parameters = [p for module in (net, *others) for p in module.parameters()]
        self.optimiser = torch.optim.AdamW(
            parameters, rate, weight_decay=0.02, betas=(0.9, 0.98), fused=options.device == "cuda"
        )
        self.parameters = parameters
        self.more: dict[str, Any] = {}
        self.steps = 0
        self.started = time.monotonic()
        self._told = self.started
        self._sums: dict[str, float] = {}

    @property
    def share(self) -> float:
        """How much of the time is spent, 0..1."""
        return (time.monotonic() - self.started) / (60 * self.options.minutes)

    def __iter__(self) -> Iterator[int]:
        while self.share < 1:
            done = self.share
            warm = min(1.0, (self.steps + 1) / 200)
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate * warm * (0.5 + 0.5 * math.cos(math.pi * min(done, 1))) + 1e-6
            yield self.steps
            self.steps += 1

    def step(self, loss: Tensor, **figures: Tensor) -> None:
        """One step down, and the figures into the log."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 2.0)
        self.optimiser.step()
        keep = min(0.999, (self.steps + 1) / (self.steps + 20))
        with torch.no_grad():
            torch._foreach_lerp_(floats(self.mean), floats(self.net), 1 - keep)
        if self.steps % 100 == 0:
            figures = {"loss": loss, **figures}
            words = " ".join(f"{name} {float(value.detach()):.4f}" for name, value in figures.items())
            print(f"{time.monotonic() - self.started:6.0f} s step {self.steps:6d} {words}", flush=True)
        if time.monotonic() - self._told > 45:
            self._told = time.monotonic()
            self.save()

    def save(self) -> None:
        """The mean weights so far, and what more there is."""
        self.options.out.mkdir(parents=True, exist_ok=True)
        path = self.options.out / f"{self.options.role}.pt"
        torch.save({"net": self.mean.state_dict(), **self.more}, path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)


def floats(net: nn.Module) -> list[Tensor]:
    """Weights and running statistics."""
    return [value for value in net.state_dict().values() if value.dtype.is_floating_point]


def started(net: nn.Module, options: argparse.Namespace) -> tuple[nn.Module, dict[str, Any]]:
    """On the device, from scratch or from where the last training ended, and what else was saved there. A file of
    `restore` has to be settled then."""
    saved = {}
    if options.resume:
        path = options.out / f"{options.role}.pt"
        saved = torch.load(path, map_location="cpu", weights_only=True)
        net.load_state_dict(saved.pop("net"))
    return net.to(options.device, memory_format=torch.channels_last), saved


def autocast(options: argparse.Namespace) -> Any:
    return torch.autocast(options.device, torch.bfloat16, enabled=options.device == "cuda")


def half_true(count: int, device: str) -> Tensor:
    return torch.rand(count, device=device) < 0.5


def face_crops(rows: Tensor, shards: Shards, name: str, template: str, size: int, wobble: float) -> Tensor:
    matrix = similarity(five_points(shards["points"][rows]), template, size)
    matrix = jitter(matrix, size, turn_deg=2 * wobble, scale=0.03 * wobble, shift=0.012 * wobble)
    return crop(shards[name][rows], data.mirrored(matrix, size, half_true(len(rows), matrix.device)), size)


def train_encoder(options: argparse.Namespace) -> None:
    """An angular margin between people, whose faces come as their own pictures and as true swaps onto others. Each
    picture comes with its swap: another person in the same pose, hair and light, and yet apart."""
    shards = Shards(
        options.samples, "faces", ("picture", "swap", "points", "who", "values"), options.device, options.most
    )
    shards.wait(options.least)
    classes = len(shards["values"])
    net, saved = started(nets.Encoder(), options)
    centres = nn.Parameter(torch.randn(classes, 512, device=options.device) * 0.05)

    def seen(rows: Tensor, name: str) -> Tensor:
        pictures = face_crops(rows, shards, name, "arcface_112_v2", 112, 1.0)
        return pictures.contiguous(memory_format=torch.channels_last)

    if options.resume:
        rows = torch.randint(shards.count, (1024,), device=options.device)
        settle(net, lambda: net(photometric(seen(rows, "picture")) * 2 - 1))
    known = 0
    values = nn.Linear(512, shards["values"].shape[1]).to(options.device)
    holder = nn.ParameterList([centres])
    run = Run(net, [holder, values], options, options.rate or 2e-3)
    run.more.update(saved)
    for _ in run:
        shards.refresh()
        people = math.ceil(shards.count / PER_PERSON)
        if options.resume and people > known:
            with torch.no_grad():
                centres[known:people] = mean_embeddings(run.mean, shards, known, people)
        known = people
        half = options.batch // 2
        rows = torch.randint(shards.count, (half,), device=options.device)
        pictures = torch.cat([seen(rows, name) for name in ("picture", "swap")])
        who = shards["who"][rows].long().T.flatten()
        pictures = photometric(in_one_colour(covered(pictures)), tint=0.3)
        with autocast(options):
            embedding = net(pictures * 2 - 1)
            told = values(embedding)
        units = functional.normalize(embedding.float())
        cosine = functional.linear(units, functional.normalize(centres[:known])).clamp(-1 + 1e-6, 1 - 1e-6)
        margin = 0.3 * min(1.0, run.share * 4)
        own = cosine.gather(1, who[:, None])
        spread = torch.cos(torch.acos(own) + margin) - own
        logits = 32 * (cosine + torch.zeros_like(cosine).scatter(1, who[:, None], spread))
        apart = functional.cross_entropy(logits, who)
        aside = functional.smooth_l1_loss(told.float(), shards["values"][who], beta=0.5)
        ahead = own[:, 0] - (units * units.roll(half, 0)).sum(1)
        nearer = functional.relu(0.4 - ahead).mean()
        right = (cosine.argmax(1) == who).float().mean()
        run.step(
            apart + 4 * aside + 4 * nearer,
            apart=apart, aside=aside, right=right, nearer=(ahead > 0).float().mean(),
        )  # fmt: skip
    if "embedding_map" not in saved:
        run.more["embedding_map"] = embedding_map(run.mean, shards, options)
    run.save()


@torch.no_grad()
def mean_embeddings(net: nn.Module, shards: Shards, first: int, end: int) -> Tensor:
    """[end - first, 512]: of each of these people, over their own pictures."""
    means = []
    for start in range(first, end, 64):
        rows = torch.arange(
            start * PER_PERSON, min(start + 64, end) * PER_PERSON, device=shards["who"].device
        )
        crops = face_crops(rows, shards, "picture", "arcface_112_v2", 112, 0.5)
        units = functional.normalize(net(crops * 2 - 1).float())
        means.append(functional.normalize(units.reshape(-1, PER_PERSON, 512).mean(1)))
    return torch.cat(means)


@torch.no_grad()
def embedding_map(net: nn.Module, shards: Shards, options: argparse.Namespace) -> Tensor:
    """[512, 512]: takes unit embeddings e to e E with second moments near 1, strongest axis first; axes that hold
    next to nothing are damped."""
    units = []
    for _ in range(40):
        rows = torch.randint(shards.count, (256,), device=options.device)
        units.append(
            functional.normalize(
                net(face_crops(rows, shards, "picture", "arcface_112_v2", 112, 0.5) * 2 - 1).float()
            )
        )
    moments = torch.cat(units).double().T @ torch.cat(units).double() / (40 * 256)
    power, axes = torch.linalg.eigh(moments)
    power, axes = power.flip(0).clamp_min(0), axes.flip(1)
    floor = 0.02 * power[:128].mean()
    return (axes / torch.sqrt(power + floor)).float().cpu()


def train_swapper(options: argparse.Namespace) -> None:
    """The true swap, pixel by pixel, edge by edge, as the encoder sees it, and nearer to the source than the target."""
    shards = Shards(
        options.samples, "faces", ("picture", "swap", "points", "who", "face"), options.device, options.most
    )
    known = torch.load(options.out / "encoder.pt", map_location=options.device, weights_only=True)
    encoder = nets.Encoder().to(options.device).eval().requires_grad_(False)
    encoder.load_state_dict(known["net"])
    mapping = known["embedding_map"].to(options.device)
    shards.wait(options.least)
    net, _ = started(nets.Swapper(), options)
    if options.resume:
        rows = torch.randint(shards.count, (512,), device=options.device)
        faces = face_crops(rows, shards, "picture", "arcface_112_v2", 112, 0.5)
        targets = face_crops(rows, shards, "picture", "arcface_128", 128, 1.0)
        sources = functional.normalize(encoder(faces * 2 - 1)).roll(1, 0) @ mapping
        settle(net, lambda: net(targets, sources))
    run = Run(net, [], options, options.rate or 2e-3)
    for _ in run:
        shards.refresh()
        rows = torch.randint(shards.count, (options.batch,), device=options.device)
        who = shards["who"][rows].long()
        self_swap = torch.rand(len(rows), device=options.device) < 0.06
        source = torch.where(self_swap, who[:, 0], who[:, 1])
        source_rows = (
            source * PER_PERSON + torch.randint(PER_PERSON, source.shape, device=options.device)
        ) % shards.count
        with torch.no_grad(), autocast(options):
            seen = face_crops(source_rows, shards, "picture", "arcface_112_v2", 112, 0.7)
            units = functional.normalize(encoder(photometric(seen, 0.5) * 2 - 1).float())
        five = five_points(shards["points"][rows])
        matrix = jitter(similarity(five, "arcface_128", 128), 128, turn_deg=2, scale=0.03, shift=0.012)
        matrix = data.mirrored(matrix, 128, half_true(len(rows), options.device))
        target, truth = crop(shards["picture"][rows], matrix, 128), crop(shards["swap"][rows], matrix, 128)
        truth = torch.where(self_swap[:, None, None, None], target, truth)
        face = crop(shards["face"][rows], matrix, 128)
        gain = torch.exp(torch.empty(len(rows), 3, 1, 1, device=options.device).uniform_(-0.15, 0.15))
        target, truth = (target * gain).clamp(0, 1), (truth * gain).clamp(0, 1)
        target = target.contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), autocast(options):
            was = functional.normalize(seen_by(encoder, target)[1].float())
        with autocast(options):
            drawn = net(target, units @ mapping)
        drawn = drawn.float()
        weight = 0.25 + 2 * face * (1 + near_features(placed(five, matrix), 128))
        off = drawn - truth
        plain = (weight * (off * off + 1e-6).sqrt()).mean()
        fine = (weight * edges(drawn, truth)).mean()
        wide = sum(
            (functional.avg_pool2d(weight, k) * functional.avg_pool2d(off, k).abs()).mean() for k in (4, 16)
        )
        with autocast(options):
            now, goal = seen_by(encoder, drawn), seen_by(encoder, truth)
        alike = sum(
            functional.l1_loss(a.float(), b.float()) / b.float().abs().mean().clamp_min(1e-3)
            for a, b in zip(now[0], goal[0], strict=True)
        )
        likeness = functional.normalize(now[1].float())
        person = (1 - (likeness * functional.normalize(goal[1].float())).sum(1)).mean()
        ahead = (likeness * (units - was)).sum(1)
        nearer = (functional.relu(0.2 - ahead) * ~self_swap).mean()
        square = (weight * off * off).mean()
        error = (face * off.clamp(-1, 1) ** 2).sum() / (3 * face.sum())
        run.step(
            10 * plain + 60 * square + 8 * fine + 4 * wide + 0.15 * alike + person + nearer,
            plain=plain, fine=fine, alike=alike, person=person, psnr=-10 * torch.log10(error),
            nearer=((ahead > 0) | self_swap).float().mean(),
        )  # fmt: skip
    run.save()


def near_features(five: Tensor, size: int) -> Tensor:
    """[N, 1, size, size]: 2 at the eyes, 1 at the mouth, 0 elsewhere; there people look first."""
    mouth = five[:, 3:].mean(1, keepdim=True)
    axis = torch.arange(size, device=five.device, dtype=torch.float32)
    centres = torch.cat([five[:, :2], mouth], 1)[..., None, None]
    off = (axis - centres[:, :, 0]) ** 2 + (axis[:, None] - centres[:, :, 1]) ** 2
    height = torch.tensor([2.0, 2.0, 1.0], device=five.device)[:, None, None]
    return (height * torch.exp(-off / (2 * (0.07 * size) ** 2))).amax(1, keepdim=True)


def edges(a: Tensor, b: Tensor) -> Tensor:
    """Differences of neighbouring differences, [N, 3, H, W]."""
    off = functional.pad(a - b, (0, 1, 0, 1))
    return (off[..., :-1, 1:] - off[..., :-1, :-1]).abs() + (off[..., 1:, :-1] - off[..., :-1, :-1]).abs()


def seen_by(encoder: nn.Module, crops: Tensor) -> tuple[list[Tensor], Tensor]:
    """Feature maps and embedding of crops at `arcface_128`, whose columns 8 to 119 are those of `arcface_112_v2`."""
    x = crops[:, :, :112, 8:120] * 2 - 1
    maps = encoder.maps(x)
    return maps, encoder.last(encoder.pool(encoder.features[13:](maps[-1])).flatten(1))


def train_landmarker(options: argparse.Namespace) -> None:
    """68 heat maps and the places they mean; where there is no face the maps are empty."""
    shards = Shards(options.samples, "faces", ("picture", "points"), options.device, options.most)
    scenes = Shards(options.samples, "scenes", ("picture", "boxes"), options.device, options.most_scenes)
    shards.wait(options.least)
    scenes.wait(2)
    net, _ = started(nets.Landmarker(), options)
    run = Run(net, [], options, options.rate or 2e-3)
    axis = torch.arange(64, device=options.device) + 0.375
    order = MIRRORED.to(options.device)
    for _ in run:
        shards.refresh()
        scenes.refresh()
        count, empty = options.batch, max(2, options.batch // 12)
        rows = torch.randint(shards.count, (count - empty,), device=options.device)
        points = shards["points"][rows]
        matrix = box_placement(points)
        matrix = jitter(matrix, 256, turn_deg=14, scale=0.07, shift=0.03)
        mirror = half_true(len(rows), options.device)
        matrix = data.mirrored(matrix, 256, mirror)
        places = placed(points, matrix)
        places = torch.where(mirror[:, None, None], places[:, order], places) / 4
        pictures = crop(shards["picture"][rows], matrix, 256, zeros=True, fine=1)
        pictures = photometric(torch.cat([pictures, without_faces(scenes, empty, options.device)]))
        with autocast(options):
            logits = net.logits(pictures.flip(1).contiguous(memory_format=torch.channels_last) * 1.0)
        logits = logits.float()
        far = (places[..., 0, None] - axis) ** 2, (places[..., 1, None] - axis) ** 2
        goal = 0.98 * torch.exp(-(far[0][:, :, None, :] + far[1][:, :, :, None]) / (2 * 1.4**2))
        goal = torch.cat([goal, torch.zeros(empty, 68, 64, 64, device=options.device)])
        heat = functional.binary_cross_entropy_with_logits(logits, goal, reduction="none") - entropy(goal)
        heat = (heat * (1 + 20 * goal)).mean() * 64
        inside = ((places > 0.5) & (places < 63.5)).all(2).float()
        off = (net.places(logits[: len(rows)]) - places).abs().sum(2)
        place = (off * inside).sum() / inside.sum()
        run.step(heat + 0.5 * place, heat=heat, place_px=4 * place)
    run.save()


def entropy(goal: Tensor) -> Tensor:
    return functional.binary_cross_entropy(goal, goal, reduction="none")


def box_placement(points: Tensor) -> Tensor:
    """The landmarker's crop of the box round 68 points: its middle to the middle, its longer side to 195."""
    up = points[:, 27] - points[:, 8]
    forehead = points[:, 27] + 0.6 * up
    every = torch.cat([points, forehead[:, None]], 1)
    low, high = every.amin(1), every.amax(1)
    scale = 195 / (high - low).amax(1)
    shift = 128 - scale[:, None] * (low + high) / 2
    zero = torch.zeros_like(scale)
    rows = [torch.stack([scale, zero, shift[:, 0]], 1), torch.stack([zero, scale, shift[:, 1]], 1)]
    return torch.stack(rows, 1)


def without_faces(scenes: Shards, count: int, device: str) -> Tensor:
    """Crops 256 x 256 of scenes in which nobody is."""
    empty = scenes["boxes"].isnan().all(2).all(1).nonzero()[:, 0]
    rows = empty[torch.randint(len(empty), (count,), device=device)]
    scale = torch.exp(torch.empty(count, device=device).uniform_(-0.4, 1.5))
    shift = -torch.rand(count, 2, device=device) * (384 * scale[:, None] - 256).clamp_min(0)
    zero = torch.zeros_like(scale)
    matrix = [torch.stack([scale, zero, shift[:, 0]], 1), torch.stack([zero, scale, shift[:, 1]], 1)]
    return crop(scenes["picture"][rows], torch.stack(matrix, 1), 256, zeros=True, fine=1)


def train_occlusion(options: argparse.Namespace) -> None:
    """How much of each pixel shows the face."""
    shards = Shards(options.samples, "faces", ("picture", "points", "face"), options.device, options.most)
    shards.wait(options.least)
    net, _ = started(nets.Occlusion(), options)
    run = Run(net, [], options, options.rate or 2e-3)
    for _ in run:
        shards.refresh()
        rows = torch.randint(shards.count, (options.batch,), device=options.device)
        matrix = similarity(five_points(shards["points"][rows]), "arcface_128", 256)
        matrix = jitter(matrix, 256, turn_deg=5, scale=0.1, shift=0.02)
        matrix = data.mirrored(matrix, 256, half_true(len(rows), options.device))
        pictures = photometric(crop(shards["picture"][rows], matrix, 256, fine=1))
        goal = crop(shards["face"][rows], matrix, 256, fine=1)
        with autocast(options):
            logits = net.logits(pictures.flip(1).contiguous(memory_format=torch.channels_last))
        logits = logits.float()
        cross = functional.binary_cross_entropy_with_logits(logits, goal)
        share = torch.sigmoid(logits)
        dice = 1 - (2 * (share * goal).sum((1, 2, 3)) + 1) / ((share + goal).sum((1, 2, 3)) + 1)
        run.step(cross + dice.mean(), cross=cross, dice=dice.mean(), off=(share - goal).abs().mean())
    run.save()


def train_detector(options: argparse.Namespace) -> None:
    """Class, object, box and points at the cells about each face's middle, on the levels that suit its size."""
    scenes = Shards(
        options.samples, "scenes", ("picture", "boxes", "five"), options.device, options.most_scenes
    )
    scenes.wait(options.least)
    net, _ = started(nets.Detector(), options)
    run = Run(net, [], options, options.rate or 3e-3)
    for _ in run:
        scenes.refresh()
        rows = torch.randint(scenes.count, (options.batch,), device=options.device)
        pictures, boxes, five = scenes_seen(scenes, rows, 512, options.device)
        with autocast(options):
            maps = net.maps(pictures.flip(1).contiguous(memory_format=torch.channels_last) * 255)
        run.step(**detector_losses([level.float() for level in maps], boxes, five))
    run.save()


def scenes_seen(scenes: Shards, rows: Tensor, size: int, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Scenes at random scales and places on a black canvas, as letterboxing leaves them."""
    count = len(rows)
    scale = torch.exp(torch.empty(count, device=device).uniform_(math.log(0.5), math.log(2.4)))
    room = size - 384 * scale
    shift = torch.rand(count, 2, device=device) * room[:, None]
    corner = half_true(count, device)[:, None] & (room > 0)[:, None]
    shift = torch.where(corner, torch.zeros_like(shift), shift)
    zero = torch.zeros_like(scale)
    matrix = torch.stack(
        [torch.stack([scale, zero, shift[:, 0]], 1), torch.stack([zero, scale, shift[:, 1]], 1)], 1
    )
    mirror = half_true(count, device)
    matrix = data.mirrored(matrix, size, mirror)
    pictures = photometric(crop(scenes["picture"][rows], matrix, size, zeros=True, fine=1), 0.8)
    covered = crop(torch.ones_like(scenes["picture"][rows][..., :1]) * 255, matrix, size, zeros=True, fine=1)
    corners = placed(scenes["boxes"][rows].reshape(count, -1, 2), matrix).reshape(count, -1, 2, 2)
    boxes = torch.cat([corners.amin(2), corners.amax(2)], 2)
    heads = boxes.shape[1]
    five = placed(scenes["five"][rows].reshape(count, -1, 2), matrix).reshape(count, heads, 5, 2)
    five = torch.where(mirror[:, None, None, None], five[:, :, data.MIRRORED_FIVE.to(device)], five)
    return pictures * (covered > 0.5), boxes, five


TRAINERS: dict[str, tuple[Callable[[argparse.Namespace], None], int]] = {
    "encoder": (train_encoder, 384),
    "swapper": (train_swapper, 128),
    "landmarker": (train_landmarker, 96),
    "occlusion": (train_occlusion, 96),
    "detector": (train_detector, 64),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=tuple(TRAINERS))
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--least", type=int, default=8, help="shards to wait for")
    parser.add_argument("--most", type=int, default=80, help="shards of faces to keep")
    parser.add_argument("--most-scenes", type=int, default=60)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    trainer, batch = TRAINERS[options.role]
    options.batch = options.batch or batch
    trainer(options)
    print("done", flush=True)


if __name__ == "__main__":
    main()
