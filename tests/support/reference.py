"""Independent truth for the native operations: the BT formulas and bilinear sampling, plainly, in float64 NumPy."""

from __future__ import annotations

import numpy as np

from trtswap.types import ChromaSiting, Colour, Matrix, PixelFormat, Range, Surface

KR_KB = {Matrix.BT601: (0.299, 0.114), Matrix.BT709: (0.2126, 0.0722), Matrix.BT2020: (0.2627, 0.0593)}


def scales(colour: Colour, bits: int) -> tuple[float, float, float, float]:
    """Luma offset, luma codes, chroma offset, chroma codes (BT.709 section 4, BT.2100 table 9)."""
    unit = 2.0 ** (bits - 8)
    if colour.range is Range.FULL:
        return 0.0, 2.0**bits - 1, 128 * unit, 2.0**bits - 1
    return 16 * unit, 219 * unit, 128 * unit, 224 * unit


def yuv_to_rgb(yuv: np.ndarray, colour: Colour, bits: int) -> np.ndarray:
    """Codes [..., 3] to R'G'B' [..., 3] on 0..255, not clamped."""
    kr, kb = KR_KB[colour.matrix]
    y0, y_codes, c0, c_codes = scales(colour, bits)
    y = (yuv[..., 0].astype(np.float64) - y0) / y_codes
    pb = (yuv[..., 1].astype(np.float64) - c0) / c_codes
    pr = (yuv[..., 2].astype(np.float64) - c0) / c_codes
    r = y + 2 * (1 - kr) * pr
    b = y + 2 * (1 - kb) * pb
    g = (y - kr * r - kb * b) / (1 - kr - kb)
    return 255.0 * np.stack([r, g, b], axis=-1)


def rgb_to_yuv(rgb: np.ndarray, colour: Colour, bits: int) -> np.ndarray:
    """R'G'B' [..., 3] on 0..255 to codes [..., 3], not rounded."""
    kr, kb = KR_KB[colour.matrix]
    y0, y_codes, c0, c_codes = scales(colour, bits)
    r, g, b = (rgb[..., k].astype(np.float64) / 255.0 for k in range(3))
    y = kr * r + (1 - kr - kb) * g + kb * b
    pb = (b - y) / (2 * (1 - kb))
    pr = (r - y) / (2 * (1 - kr))
    return np.stack([y0 + y_codes * y, c0 + c_codes * pb, c0 + c_codes * pr], axis=-1)


def codes(surface: Surface) -> list[np.ndarray]:
    """The planes as float64 code values (P010 shifted down)."""
    shift = 6 if surface.format is PixelFormat.P010 else 0
    return [(np.asarray(plane) >> shift).astype(np.float64) for plane in surface.planes]


def bilinear(image: np.ndarray, x: np.ndarray, y: np.ndarray, *, outside: float | None = None) -> np.ndarray:
    """Samples image [H, W, ...] at x, y; edges replicated, or `outside` beyond them."""
    if outside is not None:
        pad = ((1, 1), (1, 1), *((0, 0),) * (image.ndim - 2))
        image = np.pad(image, pad, constant_values=outside)
        x, y = x + 1, y + 1
    height, width = image.shape[:2]
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = x - x0, y - y0
    if image.ndim == 3:
        fx, fy = fx[..., None], fy[..., None]
    columns = [np.clip(x0 + k, 0, width - 1).astype(int) for k in (0, 1)]
    rows = [np.clip(y0 + k, 0, height - 1).astype(int) for k in (0, 1)]
    top = image[rows[0], columns[0]] * (1 - fx) + image[rows[0], columns[1]] * fx
    bottom = image[rows[1], columns[0]] * (1 - fx) + image[rows[1], columns[1]] * fx
    return top * (1 - fy) + bottom * fy


def apply(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The affine map of points."""
    return matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2], matrix[1, 0] * x + matrix[1, 1] * y + matrix[
        1, 2
    ]


def inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a 2x3 affine map."""
    return np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]


def spread(taps: int) -> np.ndarray:
    """Sub-sample positions within one pixel."""
    return (np.arange(taps) + 0.5) / taps - 0.5


def taps_for(matrix: np.ndarray, most: int) -> int:
    """Samples per axis for a map from destination to source."""
    return int(np.clip(np.ceil(np.hypot(matrix[0], matrix[1])[:2].max() - 1e-3), 1, most))


def crop(surface: Surface, placement: np.ndarray, size: tuple[int, int], *, area: bool = False) -> np.ndarray:
    """R'G'B' [H, W, 3] on 0..255, clamped: the contract of ops.crop."""
    to_frame = inverse(placement)
    taps = taps_for(to_frame, 16) if area else 1
    u, v = np.meshgrid(np.arange(size[0], dtype=np.float64), np.arange(size[1], dtype=np.float64))

    def mean(plane: np.ndarray, count: int, ox: float, oy: float, divisor: float) -> np.ndarray:
        total = np.zeros(u.shape + plane.shape[2:])
        for dv in spread(count):
            for du in spread(count):
                x, y = apply(to_frame, u + du, v + dv)
                total += bilinear(plane, (x - ox) / divisor, (y - oy) / divisor)
        return total / count**2

    planes = codes(surface)
    if surface.format is PixelFormat.RGB8:
        return mean(planes[0], taps, 0, 0, 1)
    luma = mean(planes[0], taps, 0, 0, 1)
    chroma = mean(planes[1], (taps + 1) // 2, *surface.colour.siting.offset_px, 2)
    yuv = np.concatenate([luma[..., None], chroma], axis=-1)
    return np.clip(yuv_to_rgb(yuv, surface.colour, surface.format.bit_depth), 0, 255)


def composite(
    surface: Surface, placement: np.ndarray, patch: np.ndarray, mask: np.ndarray
) -> list[np.ndarray]:
    """The planes in float64 codes, not rounded, after blending patch [3, H, W] (0..1) under mask [H, W]."""
    taps = taps_for(placement, 8)
    colours = np.moveaxis(patch.astype(np.float64), 0, -1) * 255.0
    bits = surface.format.bit_depth

    def weighted(x: np.ndarray, y: np.ndarray, extent: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        colour, weight = np.zeros((*x.shape, 3)), np.zeros(x.shape)
        for dy in spread(count) * extent:
            for dx in spread(count) * extent:
                u, v = apply(placement, x + dx, y + dy)
                m = bilinear(mask.astype(np.float64), u, v, outside=0.0)
                colour += m[..., None] * np.clip(bilinear(colours, u, v), 0, 255)
                weight += m
        return colour / count**2, weight / count**2

    def grid(plane: np.ndarray, step: float, ox: float, oy: float) -> tuple[np.ndarray, np.ndarray]:
        height, width = plane.shape[:2]
        x, y = np.meshgrid(np.arange(width) * step + ox, np.arange(height) * step + oy)
        return x, y

    planes = codes(surface)
    colour, weight = weighted(*grid(planes[0], 1, 0, 0), 1, taps)
    safe = np.maximum(weight, 1e-12)[..., None]
    if surface.format is PixelFormat.RGB8:
        return [planes[0] + weight[..., None] * (colour / safe - planes[0])]
    luma = rgb_to_yuv(colour / safe, surface.colour, bits)[..., 0]
    colour_c, weight_c = weighted(*grid(planes[1], 2, *surface.colour.siting.offset_px), 2, 2 * taps)
    chroma = rgb_to_yuv(colour_c / np.maximum(weight_c, 1e-12)[..., None], surface.colour, bits)[..., 1:]
    return [
        planes[0] + weight * (luma - planes[0]),
        planes[1] + weight_c[..., None] * (chroma - planes[1]),
    ]


def random_surface(
    rng: np.random.Generator,
    format: PixelFormat,
    width: int,
    height: int,
    colour: Colour | None = None,
    *,
    padded: bool = False,
) -> Surface:
    """Noise over every code value; `padded` puts unused bytes at the end of each row."""
    planes = []
    for shape in format.plane_shapes(width, height):
        full = (shape[0], shape[1] + 5, *shape[2:]) if padded else shape
        if format is PixelFormat.P010:
            plane = (rng.integers(0, 1024, full, np.uint16) << 6).astype(np.uint16)
        else:
            plane = rng.integers(0, 256, full, np.uint8)
        planes.append(plane[:, : shape[1]])
    return Surface(format, tuple(planes), colour or random_colour(rng))


def random_colour(rng: np.random.Generator) -> Colour:
    """Any matrix, range and siting."""
    matrix, full, siting = (list(kind)[rng.integers(len(kind))] for kind in (Matrix, Range, ChromaSiting))
    return Colour(matrix, full, siting)


def random_placement(
    rng: np.random.Generator, width: int, height: int, size: int, zoom: tuple[float, float] = (0.5, 4.0)
) -> np.ndarray:
    """A similarity from frame to crop pixels: any rotation; `zoom` crop pixels per frame pixel; a centre that may lie
    somewhat outside the frame."""
    angle = rng.uniform(-np.pi, np.pi)
    scale = np.exp(rng.uniform(*np.log(zoom)))
    centre = rng.uniform(-0.1, 1.1, 2) * (width, height)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.full(2, (size - 1) / 2) - turn @ centre
    return np.column_stack([turn, shift])
