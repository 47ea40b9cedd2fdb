"""What a detector's maps cost beside the boxes and points that are there."""

from __future__ import annotations

import nets
import torch
from torch import Tensor
from torch.nn import functional


def detector_losses(maps: list[Tensor], boxes: Tensor, five: Tensor) -> dict[str, Tensor]:
    """boxes [N, K, 4], NaN where there is none; five [N, K, 5, 2], NaN where a head is neither a face nor not one."""
    size = (boxes[..., 2:] - boxes[..., :2]).amax(-1)
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    edge = maps[0].shape[-1] * 8
    real = ~five[..., 0, 0].isnan() & (size >= 14) & (middle > 0).all(-1) & (middle < edge).all(-1)
    doubtful = ~boxes[..., 0].isnan() & ~real
    totals = {"object": 0.0, "kind": 0.0, "box": 0.0, "points": 0.0}
    count = 0.0
    for level, stride in zip(maps, nets.Detector.STRIDES, strict=True):
        height, width = level.shape[2:]
        y, x = torch.meshgrid(
            torch.arange(height, device=level.device), torch.arange(width, device=level.device), indexing="ij"
        )
        place = torch.stack([x, y], -1).float() * stride  # [h, w, 2]
        suits = (
            real
            & (size < 20 * stride if stride < 32 else size > 0)
            & (size > 4 * stride if stride > 8 else size > 0)
        )
        off = (place[None, None] - middle[:, :, None, None]).abs()
        near = (
            (off < 1.5 * stride).all(-1)
            & (off < 0.5 * size[:, :, None, None, None]).all(-1)
            & suits[:, :, None, None]
        )
        cost = torch.where(near, size[:, :, None, None].expand_as(near), torch.inf)
        best = cost.argmin(1)
        positive = torch.isfinite(cost.amin(1))
        inside = (
            (place[None, None] > boxes[:, :, None, None, :2])
            & (place[None, None] < boxes[:, :, None, None, 2:])
        ).all(-1)
        ignored = (inside & doubtful[:, :, None, None]).any(1) & ~positive
        logits = level.permute(0, 2, 3, 1)
        goal = positive.float()
        chance = torch.sigmoid(logits[..., 1])
        cross = functional.binary_cross_entropy_with_logits(logits[..., 1], goal, reduction="none")
        focus = torch.where(positive, 0.6 * (1 - chance) ** 1.5, 0.4 * chance**2) * (~ignored)
        totals["object"] += (focus * cross).sum()
        n, r, c = positive.nonzero(as_tuple=True)
        count += len(n)
        which = best[n, r, c]
        at, found = place[r, c], logits[n, r, c]
        want, points = boxes[n, which], five[n, which]
        centre = at + found[:, 2:4] * stride
        half = torch.exp(found[:, 4:6].clamp(-4, 5)) * stride / 2
        iou, giou = overlaps(torch.cat([centre - half, centre + half], 1), want)
        totals["box"] += (1 - giou).sum()
        totals["kind"] += functional.binary_cross_entropy_with_logits(
            found[:, 0], iou.detach().clamp(0, 1) ** 0.5, reduction="sum"
        )
        goal_points = (points - at[:, None]).flatten(1) / stride
        scale = (stride / (want[:, 2:] - want[:, :2]).amax(1))[:, None]
        totals["points"] += functional.smooth_l1_loss(
            found[:, 6:] * scale, goal_points * scale, beta=0.05, reduction="sum"
        )
    count = max(count, 1.0)
    parts = {name: value / count for name, value in totals.items()}
    loss = 2 * parts["object"] + parts["kind"] + 3 * parts["box"] + 1.5 * parts["points"]
    return {"loss": loss, **parts}


def overlaps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, and its generalisation, of boxes [M, 4]."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    common = (high - low).clamp_min(0).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - common
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1)
    iou = common / union.clamp_min(1e-6)
    return iou, iou - (hull - union) / hull.clamp_min(1e-6)
