"""The options of `trtswap process` about who is who."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args, get_type_hints

from trtswap.cli.optional_arguments import default_text
from trtswap.cli.values import field_of, pair_of_files, years
from trtswap.options import SelectOptions

if TYPE_CHECKING:
    from argparse import _ActionsContainer

_SELECT = SelectOptions()


def add_map(group: _ActionsContainer) -> None:
    """Adds --map."""
    group.add_argument(
        "--map",
        metavar="WHO=SOURCE",
        type=pair_of_files,
        action="append",
        default=[],
        help="in place of --source: the person on the picture WHO becomes the one on SOURCE (repeatable; several "
        "sources of one WHO are averaged)",
    )


def add_selection(group: _ActionsContainer) -> None:
    """Adds the order of faces and the filters."""
    hints = get_type_hints(SelectOptions)
    for option, field, words in (
        ("--order", "order", "which face comes first, with --select one or on the reference picture"),
        ("--gender", "gender", "only these faces; auto is as the source"),
        ("--race", "race", "only these faces; auto is as the source"),
    ):
        default = getattr(_SELECT, field)
        group.add_argument(
            option, choices=get_args(hints[field]), default=default, help=f"{words} {default_text(default)}"
        )
    group.add_argument(
        "--position",
        metavar="N",
        type=field_of(SelectOptions, "position", int),
        default=_SELECT.position,
        help="the face at this place of the order; 0 is the first " + default_text(_SELECT.position),
    )
    group.add_argument(
        "--age",
        metavar="FIRST-LAST",
        type=years,
        default=_SELECT.age,
        help="only faces that look as old as this, LAST not included (default: any)",
    )
