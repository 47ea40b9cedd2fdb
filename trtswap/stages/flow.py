"""Where a face went, from the pictures: sparse optical flow on small upright patches of luma.

Each patch is taken where the face is thought to be, upright and at one size. So the flow measures only what the guess
left over, needs no search, and costs the same for every face and motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from trtswap import device
from trtswap.geometry import template_points
from trtswap.types import Array, PixelFormat, Surface

_SIDE = 80
_POINTS = template_points("arcface_112_v2", (_SIDE, _SIDE)) @ (1, 1j)
_EYES = abs(_POINTS[1] - _POINTS[0])
_OVERSAMPLING = 2
"""A larger face is thinned out to this many samples per pixel of its patch, or up to twice as many, at first."""

_WINDOW = (11, 11)
_LEVELS = 2
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.02)
_LEAST_SIDE_PX = 8
_LEAST_TURN = 1e-4
"""Patch pixels per frame pixel; no frame holds a larger face."""
_RETURN_PX = 0.5
"""A point tracked there and back may end this far from where it began, in pixels of the patch."""
_FIT_PX = 1.5
"""... and may lie this far off the similarity of all."""
_LEAST_SHARE = 0.4
_LARGEST_DOUBT = 0.25
"""How far the positions told by the two neighbours may lie apart, in eye distances; beyond it neither is believed."""
_LARGEST_STEP = 0.8
"""How far the flow may lead away from the guess, in eye distances."""


@dataclass(frozen=True)
class Patch:
    """A face upright. pixels: uint8 [80, 80], its own. landmarks: complex [5], x + iy, where the face is or may be, in
    frame pixels. turn, shift: frame pixels to patch pixels, z -> turn * z + shift; as complex numbers, since a product
    and a sum are a similarity and a fraction of the cost of matrices."""

    pixels: Array
    landmarks: Array
    turn: complex
    shift: complex


def cut_out(surface: Surface, landmarks_px: Array) -> Patch | None:
    """The patch of a face at float64 [5, 2]; None where the face is outside the frame. Of a frame on a GPU only the
    rows that it needs are fetched."""
    landmarks = _complex(landmarks_px)
    turn, shift = _similarity(landmarks, _POINTS)
    if not np.isfinite(turn + shift) or abs(turn) < _LEAST_TURN:
        return None
    corners = [(corner - shift) / turn for corner in (0, _SIDE, _SIDE * (1 + 1j), _SIDE * 1j)]
    across, down = sorted(z.real for z in corners), sorted(z.imag for z in corners)
    left, right = (_within(edge, surface.width_px) for edge in (across[0], across[-1] + 2))
    top, bottom = (_within(edge, surface.height_px) for edge in (down[0], down[-1] + 2))
    if min(right - left, bottom - top) < _LEAST_SIDE_PX:
        return None
    pixels, stride, offset = _thinned(surface, (left, top, right, bottom), 1 / abs(turn))
    back = 1 / (turn * stride)
    origin = (-shift / turn - (left + 1j * top)) / stride - offset
    matrix = np.array([(back.real, -back.imag, origin.real), (back.imag, back.real, origin.imag)])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(pixels, matrix, (_SIDE, _SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return Patch(np.asarray(patch), landmarks, turn, shift)


def refine(before: Patch, guess: Patch, after: Patch, share: float) -> Array | None:
    """The landmarks of the face in the middle picture: float64 [5, 2], frame pixels; None where the flow is in doubt.

    before, after: where the face was detected. guess: where it may be. share: 0..1, of the time from before to after.
    """
    first = _follow(before, guess)
    last = None if first is None else _follow(after, guess)
    if first is None or last is None:
        return None
    mixed = first + share * (last - first)
    step = abs((mixed - guess.turn * guess.landmarks - guess.shift).mean())
    if np.abs(last - first).mean() > _LARGEST_DOUBT * _EYES or step > _LARGEST_STEP * _EYES:
        return None
    landmarks = (mixed - guess.shift) / guess.turn
    points: Array = np.ascontiguousarray(landmarks).view(np.float64).reshape(-1, 2)
    return points


def _complex(points: Array) -> Array:
    """Points [N, 2] as complex numbers [N]."""
    pairs = np.ascontiguousarray(points, np.float64)
    numbers: Array = pairs.view(np.complex128)[:, 0]
    return numbers


def _similarity(start: Array, end: Array) -> tuple[complex, complex]:
    """The least-squares turn and shift from points to points; a turn of 0 when all are in one place."""
    middle, moved = start.sum() / len(start), end.sum() / len(end)
    centred = start - middle
    spread = np.vdot(centred, centred).real
    turn = complex(np.vdot(centred, end)) / spread if spread > 0 else 0j
    return turn, complex(moved - turn * middle)


def _within(edge: float, limit: int) -> int:
    return int(min(max(edge, 0), limit))


def _luma(surface: Surface, box: tuple[int, int, int, int], stride: int) -> Array:
    """Every `stride`th luma sample of a box, or green, which is most of it; in the surface's type, perhaps a view."""
    left, top, right, bottom = box
    plane = device.rectangle(surface.planes[0], slice(top, bottom, stride), slice(left, right))[:, ::stride]
    return plane[..., 1] if surface.format is PixelFormat.RGB8 else plane


def _thinned(
    surface: Surface, box: tuple[int, int, int, int], frame_px_per_pixel: float
) -> tuple[Array, int, complex]:
    """Luma of a box as uint8, large faces with fewer samples and a mean over 2 x 2; the stride, and where the first
    sample is then, in samples. box: left, top, right, bottom."""
    stride = max(int(frame_px_per_pixel / _OVERSAMPLING), 1)
    pixels = _luma(surface, box, stride)
    pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else np.ascontiguousarray(pixels)
    if frame_px_per_pixel < _OVERSAMPLING:
        return pixels, stride, 0j
    mean = cv2.blur(pixels, (2, 2), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(mean), stride, 0.5 + 0.5j


def _grid() -> Array:
    """Points all over the face, in patch pixels: float32 [N, 2]."""
    x, y = np.meshgrid(np.linspace(0.28, 0.72, 4), np.linspace(0.33, 0.88, 5))
    return (np.stack([x.ravel(), y.ravel()], axis=1) * _SIDE).astype(np.float32)


_GRID = _grid()


def _follow(face: Patch, guess: Patch) -> Array | None:
    """The landmarks of `face` found again in the patch of `guess`: complex [5], its pixels; None when lost."""
    there, found = _search(face.pixels, guess.pixels, _GRID)
    back, returned = _search(guess.pixels, face.pixels, there)
    start, end = _complex(_GRID), _complex(there)
    sound = (found & returned > 0) & (np.abs(_complex(back) - start) < _RETURN_PX)
    for _ in range(2):  # once more without what did not fit
        if np.count_nonzero(sound) < _LEAST_SHARE * len(start):
            return None
        turn, shift = _similarity(start[sound], end[sound])
        sound &= np.abs(turn * start + shift - end) < _FIT_PX
    return turn * (face.turn * face.landmarks + face.shift) + shift


def _search(first: Array, last: Array, points: Array) -> tuple[Array, Array]:
    """Where points [N, 2] of one patch are in another, and whether they were found: uint8 [N]."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        first, last, points[:, None], None, winSize=_WINDOW, maxLevel=_LEVELS, criteria=_STOP
    )
    return there[:, 0], found[:, 0]
