"""Crops of faces, as a network's spec wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trtswap import ops
from trtswap.errors import NoFaceError, SpecError
from trtswap.geometry import TEMPLATES, estimate_similarity, template_points
from trtswap.inference.spec import NetworkSpec
from trtswap.types import Array, Surface


def template_name(spec: NetworkSpec) -> str:
    """The template of `spec`. Raises SpecError when there is none of that name."""
    name = spec.picture.template
    if name is None or name not in TEMPLATES:
        raise SpecError(
            f"{spec.origin}: picture.template: expected one of {', '.join(TEMPLATES)}, found {name!r}",
            path=spec.origin,
        )
    return name


def crop_placements(spec: NetworkSpec, landmarks: Array, size: int = 0) -> Array:
    """The placements of the crops of faces with landmarks [F, 5, 2] in frame pixels: float64 [F, 2, 3].

    size: edge of the crop in pixels, 0 for the network's own.
    Raises NoFaceError for a face whose points allow none (all in one place, or not finite).
    """
    points = template_points(template_name(spec), (size, size) if size else spec.picture.size)
    placements = estimate_similarity(np.asarray(landmarks).reshape(-1, 5, 2), points)
    bad = np.flatnonzero(~np.isfinite(placements).all(axis=(1, 2)))
    if bad.size:
        raise NoFaceError(
            f"face {bad[0]} cannot be aligned: its landmarks are {np.asarray(landmarks)[bad[0]].tolist()}"
        )
    return placements


def sample(
    spec: NetworkSpec,
    surfaces: Sequence[Surface],
    indices: Array,
    placements: Array,
    size: tuple[int, int] | None = None,
    border: ops.Border = "replicate",
) -> Any:
    """The crops of F faces as the input of the network, [F, 3, height, width] or, by its layout, [F, height, width, 3],
    where the surfaces are.

    indices: int [F], the surface of each face. placements: [F, 2, 3], frame to crop pixels.
    size: width, height of a crop, where it is not the network's own. border: as in `ops.crop`.
    """
    picture = spec.picture
    tensor = ops.crop(
        surfaces,
        np.asarray(indices, np.int32),
        np.asarray(placements, np.float64),
        size or picture.size,
        channels=picture.channels,
        mean=picture.mean,
        std=picture.std,
        sampling=picture.sampling,
        border=border,
    )
    return tensor if picture.layout == "NCHW" else ops.rearrange(tensor, tensor.shape, (0, 2, 3, 1))
