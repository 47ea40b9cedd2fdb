"""Goes on with a network whose normalisations do not hold what they will see."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


@torch.no_grad()
def settle(net: nn.Module, forward: Callable[[], object]) -> None:
    """Sets the statistics of every normalisation to those of what `forward` brings, and its weights so that the outputs
    stay as they are."""

    def adopt(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        x = inputs[0].float()
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        shift = norm.bias - norm.running_mean * scale
        norm.running_mean.copy_(x.mean((0, 2, 3)))
        norm.running_var.copy_(x.var((0, 2, 3), correction=0))
        norm.weight.copy_(scale * torch.sqrt(norm.running_var + norm.eps))
        norm.bias.copy_(shift + norm.running_mean * scale)

    hooks = [
        norm.register_forward_pre_hook(adopt) for norm in net.modules() if isinstance(norm, nn.BatchNorm2d)
    ]
    net.eval()
    forward()
    net.train()
    for hook in hooks:
        hook.remove()
