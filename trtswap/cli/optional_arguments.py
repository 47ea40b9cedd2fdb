"""The options of `trtswap process` about networks that a swap can do without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trtswap.cli.values import field_of, names_of
from trtswap.options import LandmarkOptions, MaskOptions

if TYPE_CHECKING:
    from argparse import _ActionsContainer

_LANDMARKS, _MASK = LandmarkOptions(), MaskOptions()


def default_text(value: Any) -> str:
    """How --help shows a default. `%` has a meaning to argparse, so it is doubled."""
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"(default: {text.replace('%', '%%')})"


def add_optional_networks(group: _ActionsContainer) -> None:
    """Adds which networks take the roles that may stay empty."""
    group.add_argument(
        "--landmarker",
        metavar="NAME|auto|none",
        default=_LANDMARKS.network,
        help="the network that places 68 points on a face; auto goes without where none is found "
        + default_text(_LANDMARKS.network),
    )
    group.add_argument(
        "--occluder",
        metavar="NAME[,NAME]|auto",
        type=names_of(MaskOptions, "occluder"),
        default=_MASK.occluder,
        help="the networks that see what covers a face, for --mask occlusion; auto goes without where none is found "
        + default_text(_MASK.occluder),
    )


def add_landmarker_score(group: _ActionsContainer) -> None:
    """Adds --landmarker-score."""
    group.add_argument(
        "--landmarker-score",
        metavar="0..1",
        type=field_of(LandmarkOptions, "score", float),
        default=_LANDMARKS.score,
        help="how sure the landmarker must be for its points to align a face; else the detector's do "
        + default_text(_LANDMARKS.score),
    )


def add_mask_kinds(group: _ActionsContainer) -> None:
    """Adds --mask."""
    group.add_argument(
        "--mask",
        metavar="KIND[,KIND]",
        type=names_of(MaskOptions, "kinds"),
        default=_MASK.kinds,
        help="where the new face may show, all of: box (the crop but its edges), ellipse (where a face lies in "
        "it), hull (around the 68 points), occlusion (what nothing covers) " + default_text(_MASK.kinds),
    )
