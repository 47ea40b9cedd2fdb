"""Plane geometry of faces: templates, similarities, the detector's letterbox, overlap of boxes. Pure NumPy.

A matrix is float64 [2, 3] (or a stack [..., 2, 3]) and maps column vectors (x, y, 1); an integer coordinate
is a pixel centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from trtswap.types import Array

_SMALLEST_SPREAD_PX2 = 1e-6
_CORNERS = np.array([(0, 1), (2, 1), (2, 3), (0, 3)])
"""Of a box x1 y1 x2 y2: the columns of each."""


def _template(*points: tuple[float, float]) -> Array:
    array = np.array(points, np.float64)
    array.setflags(write=False)
    return array


TEMPLATES: Mapping[str, Array] = MappingProxyType(
    {
        "arcface_112_v1": _template(
            (0.35473214, 0.45658929),
            (0.64526786, 0.45658929),
            (0.50000000, 0.61154464),
            (0.37913393, 0.77687500),
            (0.62086607, 0.77687500),
        ),
        "arcface_112_v2": _template(
            (0.34191607, 0.46157411),
            (0.65653393, 0.45983393),
            (0.50022500, 0.64050536),
            (0.37097589, 0.82469196),
            (0.63151696, 0.82325089),
        ),
        "arcface_128": _template(
            (0.36167656, 0.40387734),
            (0.63696719, 0.40235469),
            (0.50019687, 0.56044219),
            (0.38710391, 0.72160547),
            (0.61507734, 0.72034453),
        ),
        "dfl_whole_face": _template(
            (0.35342266, 0.39285716),
            (0.62797622, 0.39285716),
            (0.48660713, 0.54017860),
            (0.38839287, 0.68750011),
            (0.59821427, 0.68750011),
        ),
        "ffhq_512": _template(
            (0.37691676, 0.46864664),
            (0.62285697, 0.46912813),
            (0.50123859, 0.61331904),
            (0.39308822, 0.72541100),
            (0.61150205, 0.72490465),
        ),
        "mtcnn_512": _template(
            (0.36562865, 0.46733799),
            (0.63305391, 0.46585885),
            (0.50019127, 0.61942959),
            (0.39032951, 0.77598822),
            (0.61178945, 0.77476328),
        ),
        "styleganex_384": _template(
            (0.42353745, 0.52289879),
            (0.57725008, 0.52319972),
            (0.50123859, 0.61331904),
            (0.43364461, 0.68337652),
            (0.57015325, 0.68306005),
        ),
    }
)
"""Canonical points [5, 2] in fractions of the crop's width and height, in the order of `Faces.landmarks_px`.
A crop of any size uses them; the number in a name is only where it comes from."""


def template_points(name: str, size: tuple[int, int]) -> Array:
    """The points of template `name` in pixels of a crop of `size` (width, height): float64 [5, 2]."""
    return TEMPLATES[name] * np.array(size, np.float64)


def estimate_similarity(points: Array, template: Array) -> Array:
    """The least-squares similarity (scale, rotation, translation; no reflection) from points to template.

    points: [N, K, 2] frame pixels. template: [K, 2] crop pixels, or [N, K, 2], one for each face.
    Returns float64 [N, 2, 3], frame to crop.
    A face whose points coincide, are not finite, or are related to the template by no similarity gets NaN.
    """
    source = np.asarray(points, np.float64)
    source = np.where(np.isfinite(source).all(axis=(1, 2), keepdims=True), source, np.nan)
    target = np.asarray(template, np.float64)
    source_mean = source.mean(axis=1)
    target_mean = target.mean(axis=-2)
    p = source - source_mean[:, None]
    q = target - target_mean[..., None, :]
    spread = (p * p).sum(axis=(1, 2))
    spread = np.where(spread > _SMALLEST_SPREAD_PX2, spread, np.nan)
    a = (p * q).sum(axis=(1, 2)) / spread
    b = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(axis=1) / spread
    vanishing = a * a + b * b == 0
    a, b = np.where(vanishing, np.nan, a), np.where(vanishing, np.nan, b)
    linear = np.stack([np.stack([a, -b], axis=-1), np.stack([b, a], axis=-1)], axis=-2)
    shift = target_mean - (linear @ source_mean[..., None])[..., 0]
    return np.concatenate([linear, shift[..., None]], axis=-1)


def invert(matrices: Array) -> Array:
    """The inverses of affine matrices [..., 2, 3]: float64, the same shape. NaN stays NaN.

    Raises numpy.linalg.LinAlgError for a singular matrix.
    """
    matrices = np.asarray(matrices, np.float64)
    linear = np.linalg.inv(matrices[..., :2])
    return np.concatenate([linear, -(linear @ matrices[..., 2:])], axis=-1)


def compose(outer: Array, inner: Array) -> Array:
    """The matrix that applies `inner`, then `outer`; both [..., 2, 3]: float64 [..., 2, 3]."""
    outer, inner = np.asarray(outer, np.float64), np.asarray(inner, np.float64)
    product: Array = outer[..., :2] @ inner
    product[..., 2] += outer[..., 2]
    return product


def transform_points(matrices: Array, points: Array) -> Array:
    """Points [..., K, 2] through matrices [..., 2, 3], their leading axes broadcast: float64 [..., K, 2]."""
    matrices = np.asarray(matrices, np.float64)
    turned: Array = np.asarray(points, np.float64) @ np.swapaxes(matrices[..., :2], -1, -2)
    return turned + matrices[..., None, :, 2]


def transform_boxes(matrix: Array, boxes: Array) -> Array:
    """The upright hulls of boxes [N, 4] (x1 y1 x2 y2) sent through one matrix [2, 3], or [N, 2, 3]: float64 [N, 4]."""
    boxes = np.asarray(boxes, np.float64)
    corners = transform_points(matrix, boxes[:, _CORNERS])
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


@lru_cache(maxsize=64)
def letterbox_placement(
    width: int,
    height: int,
    rotation_deg: int,
    size: tuple[int, int],
    margin: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> tuple[Array, tuple[int, int]]:
    """Where a stored frame lies in a detector's canvas of `size` (width, height).

    The frame (width x height as stored) is first turned counter-clockwise by rotation_deg (0, 90, 180, 270)
    to stand upright, then shrunk to fit where it is larger than the canvas (never enlarged; lengths
    truncated, half-pixel-centred resize), and put at the top left. margin: border added to the upright frame before it
    is shrunk, top right bottom left, 100 for half of its height or width.
    Returns float64 [2, 3], not to be changed, stored frame pixels to canvas pixels, and the (width, height) it covers,
    the border with it.
    """
    turn, upright = _turn(width, height, rotation_deg)
    top, right, bottom, left = (
        share * upright[axis] // 200 for share, axis in zip(margin, (1, 0, 1, 0), strict=True)
    )
    turn[:, 2] += left, top
    whole = (upright[0] + left + right, upright[1] + top + bottom)
    extent = _shrunk(whole, size)
    scale = np.array(extent, np.float64) / np.array(whole, np.float64)
    resize = np.concatenate([np.diag(scale), (0.5 * scale - 0.5)[:, None]], axis=1)
    placement = compose(resize, turn)
    placement.setflags(write=False)
    return placement, extent


def non_max_suppression(boxes: Array, scores: Array, overlap: float, groups: Array | None = None) -> Array:
    """Greedy suppression: best score first, drop boxes whose intersection over union with a kept one exceeds
    `overlap`. Equal scores keep their order.

    boxes: [N, 4], x1 y1 x2 y2. scores: [N]. groups: int [N], boxes of different ones do not suppress each other; None
    where all are of one. Returns the kept rows, by group, best first in each: intp [K].
    """
    worst_last = -np.asarray(scores, np.float64)
    groups = np.zeros(len(worst_last), np.intp) if groups is None else groups
    order = np.lexsort((worst_last, groups))
    boxes, groups = np.asarray(boxes, np.float64)[order], groups[order]
    kept = np.zeros(len(order), np.bool_)
    left = np.arange(len(order))
    while left.size:  # every round keeps the best of each group
        first = np.ones(len(left), np.bool_)
        np.not_equal(groups[left[1:]], groups[left[:-1]], out=first[1:])
        best = left[first]
        kept[best] = True
        others = ~first
        rivals = best[np.cumsum(first) - 1][others]
        left = left[others]
        left = left[overlaps(boxes[rivals], boxes[left]) <= overlap]
    return order[kept]


def _turn(width: int, height: int, rotation_deg: int) -> tuple[Array, tuple[int, int]]:
    """The matrix from stored to upright pixels, and the upright (width, height)."""
    right, bottom = width - 1, height - 1
    turns = {
        0: ([[1, 0, 0], [0, 1, 0]], (width, height)),
        90: ([[0, 1, 0], [-1, 0, right]], (height, width)),
        180: ([[-1, 0, right], [0, -1, bottom]], (width, height)),
        270: ([[0, -1, bottom], [1, 0, 0]], (height, width)),
    }
    matrix, upright = turns[rotation_deg]
    return np.array(matrix, np.float64), upright


def _shrunk(upright: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The lengths shrunk to fit, truncated; in whole numbers, so that the tighter side fits exactly."""
    width, height = upright
    if width <= size[0] and height <= size[1]:
        return upright
    if size[0] * height <= size[1] * width:
        return size[0], max(1, height * size[0] // width)
    return max(1, width * size[1] // height), size[1]


def overlaps(box: Array, others: Array) -> Array:
    """Intersection over union of one box [4], or one for each [N, 4], with others [N, 4]; 0 where both have no area."""
    shared = np.minimum(box[..., 2:], others[:, 2:]) - np.maximum(box[..., :2], others[:, :2])
    np.maximum(shared, 0, out=shared)
    intersection = shared[:, 0] * shared[:, 1]
    union: Array = _areas(box) + _areas(others) - intersection
    overlaps: Array = np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
    return overlaps


def _areas(boxes: Array) -> Array:
    """Of boxes [..., 4]: [...]."""
    areas: Array = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return areas
