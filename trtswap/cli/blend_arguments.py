"""The options of `trtswap process` about how a new face joins the frame."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import get_args, get_type_hints

from trtswap.cli.optional_arguments import default_text
from trtswap.cli.values import field_of
from trtswap.options import BlendOptions

_BLEND = BlendOptions()


def add_blend_arguments(parser: ArgumentParser) -> None:
    """Adds the group "joining"."""
    group = parser.add_argument_group("joining")
    hints = get_type_hints(BlendOptions)
    group.add_argument(
        "--blend",
        choices=get_args(hints["method"]),
        default=_BLEND.method,
        help="multiband gives coarse structure a wide transition and detail a narrow one, alpha mixes under the mask, "
        "poisson takes brightness and colour from around the face " + default_text(_BLEND.method),
    )
    group.add_argument(
        "--blend-levels",
        metavar="1..8",
        type=field_of(BlendOptions, "levels", int),
        default=_BLEND.levels,
        help="octaves of detail that multiband tells apart; more makes the widest transition wider "
        + default_text(_BLEND.levels),
    )
    group.add_argument(
        "--colour-transfer",
        choices=get_args(hints["colour"]),
        default=_BLEND.colour,
        help="how the new face takes the colours of the skin it covers: mk by all channels together, reinhard each "
        "alone " + default_text(_BLEND.colour),
    )
    group.add_argument(
        "--colour-strength",
        metavar="0..1",
        type=field_of(BlendOptions, "strength", float),
        default=_BLEND.strength,
        help="how much of that is done " + default_text(_BLEND.strength),
    )
