"""Static HDR10 metadata: the mastering display (SMPTE ST 2086) and content light levels (CTA-861.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.sidedata.sidedata import Type

Point = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class HdrMetadata:
    """red, green, blue, white: CIE 1931 x, y. luminance: darkest, brightest, in cd/m2; the five are all known
    or all None. content_light: MaxCLL, MaxFALL in cd/m2, or None. dynamic: names of per-frame metadata seen
    (HDR10+, Dolby Vision), which is not carried over."""

    red: Point | None = None
    green: Point | None = None
    blue: Point | None = None
    white: Point | None = None
    luminance: Point | None = None
    content_light: tuple[int, int] | None = None
    dynamic: tuple[str, ...] = ()

    @property
    def has_static(self) -> bool:
        """Whether there is anything an encoder can be told."""
        return self.red is not None or self.content_light is not None

    def x265_params(self) -> list[str]:
        """Parameters for libx265: chromaticity in steps of 0.00002, luminance of 0.0001 cd/m2."""
        params = []
        if self.red and self.green and self.blue and self.white and self.luminance:
            g, b, r, w = (
                self._steps(point, 50_000) for point in (self.green, self.blue, self.red, self.white)
            )
            low, high = (round(value * 10_000) for value in self.luminance)
            params.append(f"master-display=G{g}B{b}R{r}WP{w}L({high},{low})")
        if self.content_light:
            params.append("max-cll={},{}".format(*self.content_light))
        return ["hdr10=1", *params] if params else []

    def svt_av1_params(self) -> list[str]:
        """Parameters for SVT-AV1, in plain decimals."""
        params = []
        if self.red and self.green and self.blue and self.white and self.luminance:
            g, b, r, w = (
                f"({float(x):.5f},{float(y):.5f})" for x, y in (self.green, self.blue, self.red, self.white)
            )
            low, high = (float(value) for value in self.luminance)
            params.append(f"mastering-display=G{g}B{b}R{r}WP{w}L({high:.4f},{low:.4f})")
        if self.content_light:
            params.append("content-light={},{}".format(*self.content_light))
        return params

    @staticmethod
    def _steps(point: Point, scale: int) -> str:
        return f"({round(point[0] * scale)},{round(point[1] * scale)})"


_DYNAMIC = {Type.DYNAMIC_HDR_PLUS: "HDR10+", Type.DOVI_METADATA: "Dolby Vision"}
_MASTERING = struct.Struct("=20i2i")
_LIGHT = struct.Struct("=2I")


def hdr_metadata(frame: av.VideoFrame) -> HdrMetadata:
    """What a decoded frame carries beside its pixels."""
    beside: Any = frame.side_data  # PyAV 17 and 18 annotate its keys as str; all take types
    dynamic = tuple(name for kind, name in _DYNAMIC.items() if beside.get(kind) is not None)
    light = beside.get(Type.CONTENT_LIGHT_LEVEL)
    content_light = None
    if light is not None and len(bytes(light)) >= _LIGHT.size:
        content_light = _LIGHT.unpack_from(bytes(light))
    mastering = beside.get(Type.MASTERING_DISPLAY_METADATA)
    points = None if mastering is None else _mastering_display(bytes(mastering))
    if points is None:
        return HdrMetadata(content_light=content_light, dynamic=dynamic)
    red, green, blue, white, luminance = points
    return HdrMetadata(red, green, blue, white, luminance, content_light, dynamic)


def _mastering_display(data: bytes) -> list[Point] | None:
    """AVMasteringDisplayMetadata: ten rationals (R, G, B, white as x, y; darkest, brightest), two flags."""
    if len(data) < _MASTERING.size:
        return None
    *numbers, has_primaries, has_luminance = _MASTERING.unpack_from(data)
    if not (has_primaries and has_luminance) or 0 in numbers[1::2]:
        return None
    values = [Fraction(top, bottom) for top, bottom in zip(numbers[::2], numbers[1::2], strict=True)]
    return list(zip(values[::2], values[1::2], strict=True))
