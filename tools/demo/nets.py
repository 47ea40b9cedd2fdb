"""The five small networks: what is trained here and shipped as ONNX. Sizes are in the model cards."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


def conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, groups: int = 1, act: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if act:
        layers.append(nn.LeakyReLU(0.1))
    return nn.Sequential(*layers)


def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3 x 3 convolution of each channel, then a mix of channels."""
    return nn.Sequential(conv(inputs, inputs, 3, stride, groups=inputs, act=False), conv(inputs, outputs, 1))


class Residual(nn.Module):
    """An inverted bottleneck: wide, filtered by channel, narrow again."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, wide: int = 2) -> None:
        super().__init__()
        middle = wide * inputs
        self.body = nn.Sequential(
            conv(inputs, middle, 1),
            conv(middle, middle, 3, stride, groups=middle),
            conv(middle, outputs, 1, act=False),
        )
        self.skip = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + y if self.skip else y


class Encoder(nn.Module):
    """A face 112 x 112, -1..1, to an embedding of 512."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 48, 3, 2),
            conv(48, 48, 3, groups=48),
            Residual(48, 64, 2),
            *(Residual(64, 64) for _ in range(4)),
            Residual(64, 128, 2, 4),
            *(Residual(128, 128) for _ in range(5)),
            Residual(128, 128, 2, 4),
            *(Residual(128, 128) for _ in range(2)),
            conv(128, 384, 1),
        )
        self.pool = nn.Sequential(nn.Conv2d(384, 384, 7, groups=384, bias=False), nn.BatchNorm2d(384))
        self.last = nn.Linear(384, 512)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Feature maps at three depths, for comparing pictures."""
        kept = []
        for k, layer in enumerate(self.features):
            x = layer(x)
            if k in (1, 6, 12):
                kept.append(x)
        return kept

    def forward(self, picture: Tensor) -> Tensor:
        return self.last(self.pool(self.features(picture)).flatten(1))


class Styled(nn.Module):
    """A convolution whose channels are scaled and shifted by the source."""

    def __init__(self, inputs: int, outputs: int, style: int, *, residual: bool = False) -> None:
        super().__init__()
        self.filter = conv(inputs, outputs, act=False)
        self.style = nn.Linear(style, 2 * outputs)
        nn.init.normal_(self.style.weight, std=0.02)
        nn.init.zeros_(self.style.bias)
        self.residual = residual

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale, shift = self.style(style)[:, :, None, None].chunk(2, 1)
        y = functional.leaky_relu(self.filter(x) * (1 + scale) + shift, 0.1)
        return x + y if self.residual else y


class Swapper(nn.Module):
    """A target's crop 3 x 128 x 128, 0..1, and a source's vector to the crop with the source's face."""

    def __init__(self, middle: int = 144, style: int = 192) -> None:
        super().__init__()
        self.mapping = nn.Sequential(
            nn.Linear(512, style), nn.LeakyReLU(0.1), nn.Linear(style, style), nn.LeakyReLU(0.1)
        )
        self.enter = conv(3, 32)
        self.down = nn.ModuleList([conv(32, 64, 3, 2), conv(64, 96, 3, 2), conv(96, middle, 3, 2)])
        self.middle = nn.ModuleList([Styled(middle, middle, style, residual=True) for _ in range(4)])
        self.up = nn.ModuleList(
            [Styled(middle + 96, 96, style), Styled(96 + 64, 64, style), Styled(64 + 32, 40, style)]
        )
        self.sharpen = Styled(40, 32, style)
        self.out = nn.Conv2d(32, 4, 3, padding=1)

    def forward(self, target: Tensor, source: Tensor) -> Tensor:
        style = self.mapping(source)
        x = self.enter(target * 2 - 1)
        kept = [x]
        for layer in self.down:
            x = layer(x)
            kept.append(x)
        for styled in self.middle:
            x = styled(x, style)
        for styled, other in zip(self.up, kept[-2::-1], strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = styled(torch.cat([x, other], 1), style)
        colour = self.out(self.sharpen(x, style))
        share = torch.sigmoid(colour[:, 3:])
        return target + share * (torch.sigmoid(colour[:, :3]) - target)


class Pyramid(nn.Module):
    """A net that narrows `widths` step by step from a quarter of the size and widens again to it."""

    def __init__(self, widths: tuple[int, ...], blocks: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            nn.Sequential(Residual(a, b, 2), *(Residual(b, b) for _ in range(blocks)))
            for a, b in pairwise(widths)
        )
        self.level = nn.ModuleList(
            nn.Sequential(*(Residual(a, a) for _ in range(blocks))) for a in widths[:-1]
        )
        self.across = nn.ModuleList(conv(b, a, 1) for a, b in pairwise(widths))
        self.join = nn.ModuleList(Residual(a, a) for a in widths[:-1])

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for level, down in zip(self.level, self.down, strict=True):
            kept.append(level(x))
            x = down(x)
        for level, across, join in list(zip(kept, self.across, self.join, strict=True))[::-1]:
            x = join(level + functional.interpolate(across(x), scale_factor=2.0, mode="nearest"))
        return x


class Landmarker(nn.Module):
    """A face 3 x 256 x 256, B G R, 0..1, to 68 points (x, y in quarters of pixels' grid, score) and their heat maps."""

    SHARPNESS = 2.5
    """Of the softmax that gives the places: leaves nothing of the maps' far background."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Sequential(conv(3, 24, 3, 2), Residual(24, 24), Residual(24, 48, 2, 3))
        self.body = Pyramid((48, 64, 80, 96), 2)
        self.out = nn.Sequential(conv(48, 96, 1), nn.Conv2d(96, 68, 1))
        axis = (
            torch.arange(64, dtype=torch.float32) + 0.375
        )  # the middle of a cell of 4 pixels: (4 i + 1.5) / 4
        self.register_buffer("axis", axis, persistent=False)

    def logits(self, picture: Tensor) -> Tensor:
        return self.out(self.body(self.enter(picture * 2 - 1)))

    def places(self, logits: Tensor) -> Tensor:
        """x, y [N, 68, 2]: the mean place under a softmax over each map."""
        share = torch.softmax(self.SHARPNESS * logits.float().flatten(2), 2).reshape(logits.shape)
        x = (share.sum(2) * self.axis).sum(2)
        y = (share.sum(3) * self.axis).sum(2)
        return torch.stack([x, y], 2)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.logits(picture)
        heat = torch.sigmoid(logits)
        score = heat.flatten(2).amax(2, keepdim=True)
        return torch.cat([self.places(logits), score], 2), heat


class Occlusion(nn.Module):
    """A face [N, 256, 256, 3], B G R, 0..1, to how much of each pixel shows the face [N, 256, 256, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Sequential(conv(3, 16, 3, 2), Residual(16, 16))
        self.body = Pyramid((16, 32, 48, 64, 80), 1)
        self.out = nn.Sequential(conv(16, 16), nn.Conv2d(16, 4, 3, padding=1), nn.PixelShuffle(2))

    def logits(self, picture: Tensor) -> Tensor:
        return self.out(self.body(self.enter(picture * 2 - 1)))

    def forward(self, picture: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(picture.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)


class Detector(nn.Module):
    """A picture B G R, 0..255, to YuNet's twelve outputs: class, object, box and points at strides 8, 16, 32."""

    STRIDES = (8, 16, 32)

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Sequential(conv(3, 16, 3, 2), separable(16, 32, 2), separable(32, 32))
        self.stages = nn.ModuleList(
            [
                nn.Sequential(separable(32, 64, 2), separable(64, 64), separable(64, 64)),
                nn.Sequential(separable(64, 80, 2), separable(80, 80), separable(80, 80)),
                nn.Sequential(separable(80, 96, 2), separable(96, 96), separable(96, 96), separable(96, 96)),
            ]
        )
        self.across = nn.ModuleList([conv(64, 64, 1), conv(80, 64, 1), conv(96, 64, 1)])
        self.join = nn.ModuleList([separable(64, 64) for _ in range(3)])
        self.heads = nn.ModuleList(
            [nn.Sequential(separable(64, 64), separable(64, 64), nn.Conv2d(64, 16, 1)) for _ in range(3)]
        )
        for head in self.heads:
            nn.init.constant_(head[-1].bias[:2], -4.0)

    def maps(self, picture: Tensor) -> list[Tensor]:
        """Per stride [N, 16, h, w]: class and object as logits, box, points."""
        x = self.enter(picture / 127.5 - 1)
        levels = []
        for stage, across in zip(self.stages, self.across, strict=True):
            x = stage(x)
            levels.append(across(x))
        upper = levels[-1]
        joined = [self.join[2](upper)]
        for k in (1, 0):
            upper = levels[k] + functional.interpolate(joined[-1], scale_factor=2.0, mode="nearest")
            joined.append(self.join[k](upper))
        return [head(x) for head, x in zip(self.heads, joined[::-1], strict=True)]

    def forward(self, picture: Tensor) -> list[Tensor]:
        rows = [x.permute(0, 2, 3, 1).flatten(1, 2) for x in self.maps(picture)]
        return [
            *(torch.sigmoid(x[..., 0:1]) for x in rows),
            *(torch.sigmoid(x[..., 1:2]) for x in rows),
            *(x[..., 2:6] for x in rows),
            *(x[..., 6:16] for x in rows),
        ]
