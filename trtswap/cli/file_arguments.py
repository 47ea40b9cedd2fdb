"""The options of `trtswap process` that name files and folders."""

from __future__ import annotations

from argparse import ArgumentParser

from trtswap.cli.selection_arguments import add_map
from trtswap.options import ManyOptions, SwapOptions

_MANY = ManyOptions()
_OVERWRITE = SwapOptions.overwrite


def add_files(parser: ArgumentParser) -> None:
    """Adds who is shown, what is read and what is written."""
    group = parser.add_argument_group("files")
    who = group.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "-s",
        "--source",
        metavar="PICTURE",
        nargs="+",
        action="extend",
        default=[],
        help="the face to put in; several pictures of one person are averaged (repeatable)",
    )
    add_map(who)
    group.add_argument(
        "-t",
        "--target",
        metavar="FILE|FOLDER|PATTERN",
        nargs="+",
        action="extend",
        required=True,
        help="the video or picture whose faces are replaced; several (repeatable), folders and patterns with a folder "
        "as output",
    )
    group.add_argument(
        "-o",
        "--output",
        metavar="FILE|FOLDER",
        required=True,
        help="what to write; appears only when complete, its ending chooses the container. A folder gets a file of "
        "the same name for each target",
    )
    group.add_argument(
        "-y",
        "--overwrite",
        action="store_true",
        default=_OVERWRITE,
        help="replace the output if it exists (default: refuse)",
    )
    group.add_argument(
        "--skip-existing",
        action="store_true",
        default=_MANY.skip_existing,
        help="with a folder as output: leave out targets whose output exists (default: refuse)",
    )
    group.add_argument(
        "--recursive",
        action="store_true",
        default=_MANY.recursive,
        help="take folders with all that is below them (default: only what lies in them)",
    )
