"""The commands under `trtswap models`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from trtswap.cli.process_arguments import add_models_argument

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Any]

_DESCRIPTION = """\
Keeps the files of networks in trtswap's own folder: downloads them, or links and
copies those of a FaceFusion or InsightFace folder. Files elsewhere are found too and
never changed."""

_EPILOG = """\
examples:
  trtswap models list
  trtswap models info hyperswap_1a_256
  trtswap models fetch yunet 2dfan4 --accept-licence
  trtswap models import ~/facefusion/.assets/models
  trtswap models verify
"""


def add_models_commands(commands: Commands) -> None:
    """Adds `models` and what comes under it."""
    parser = commands.add_parser(
        "models",
        help="download, import, verify and remove networks",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, title="actions")
    for name, words, several in (
        ("list", "what is known, what is here, where, size and licence", None),
        ("info", "everything about one network", 1),
        ("import", "link or copy the networks of another folder here", None),
        ("fetch", "download networks", "+"),
        ("verify", "hash the files found and compare", "*"),
        ("remove", "remove files from trtswap's own folder", "+"),
    ):
        action = actions.add_parser(
            name, help=words, description=words[0].upper() + words[1:] + ".", allow_abbrev=False
        )
        if several is not None:
            action.add_argument(
                "names", metavar="NAME", nargs=several, help="of a network, as `models list` shows it"
            )
        _add_own(action, name)
        if name in ("list", "info", "verify"):
            add_models_argument(action)
        if name == "list":
            action.add_argument("--verify", action="store_true", help="also hash the files found and compare")
        report = action.add_argument_group("reporting")
        report.add_argument("--json", action="store_true", help="write JSON to stdout, for other programs")
        report.add_argument("-q", "--quiet", action="store_true", help="only results and errors")
        report.add_argument(
            "-v", "--verbose", action="count", default=0, help="say what happens, with tracebacks of errors"
        )


def _add_own(action: argparse.ArgumentParser, name: str) -> None:
    if name == "import":
        action.add_argument(
            "folder", metavar="DIR", help="a folder with network files, such as .assets/models"
        )
        action.add_argument("--copy", action="store_true", help="copy the files (default: link to them)")
    if name == "fetch":
        action.add_argument(
            "--accept-licence",
            action="store_true",
            help="agree to the licences of these networks; needed once each",
        )
        action.add_argument(
            "--mirror",
            metavar="URL",
            action="append",
            default=[],
            help="try this first, with {tag} and {file} in it (repeatable)",
        )
