"""The options about provenance of `process`, and those of `trtswap verify`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import get_args

from trtswap.cli.optional_arguments import default_text
from trtswap.cli.values import field_of
from trtswap.options import DiscloseOptions
from trtswap.provenance_options import Place

_DISCLOSE = DiscloseOptions()


def add_provenance(parser: ArgumentParser) -> None:
    """Adds the group of `process`."""
    group = parser.add_argument_group(
        "provenance",
        "Outputs carry a signed manifest of what was done (docs/provenance.md); trtswap verify reads it.",
    )
    group.add_argument(
        "--no-provenance",
        metavar="REASON",
        help="leave the signed manifest out; the reason is logged on this machine, the plain mark stays",
    )
    group.add_argument(
        "--signing-key", metavar="FILE", help="sign with this private key (PEM, P-256), not your own"
    )
    group.add_argument("--signing-cert", metavar="FILE", help="its certificates (PEM, leaf first)")
    group.add_argument(
        "--signing-command",
        metavar="COMMAND",
        help="in place of --signing-key: a program that reads the bytes to sign and writes their ES256 signature, "
        "for keys that do not leave their place; with --signing-cert",
    )
    group.add_argument(
        "--timestamp-authority",
        metavar="URL",
        help="have the signature time-stamped there (default: nobody is asked)",
    )
    group.add_argument(
        "--consent",
        metavar="FILE",
        help="put the SHA-256 of this note of consent, never its content, in the manifest",
    )


def add_disclosure(parser: ArgumentParser) -> None:
    """Adds the group of `process` about what viewers see."""
    group = parser.add_argument_group("disclosure", "A text in the picture, for everybody who looks at it.")
    group.add_argument(
        "--disclose",
        metavar="TEXT",
        type=field_of(DiscloseOptions, "text", str),
        default=_DISCLOSE.text,
        help='write this into every frame, such as "AI-altered" (default: nothing)',
    )
    group.add_argument(
        "--disclose-font",
        metavar="FILE",
        default=_DISCLOSE.font,
        help="a font that has the letters of the text (default: a plain Latin one)",
    )
    group.add_argument(
        "--disclose-position",
        choices=get_args(Place),
        default=_DISCLOSE.place,
        help="where, within the title-safe area " + default_text(_DISCLOSE.place),
    )
    group.add_argument(
        "--disclose-size",
        metavar="2..20",
        type=field_of(DiscloseOptions, "size", float),
        default=_DISCLOSE.size,
        help="how large the letters are, percent of the picture's height; a long text gets smaller "
        + default_text(_DISCLOSE.size),
    )


def add_verify_arguments(parser: ArgumentParser) -> None:
    """Adds every option of `verify`."""
    parser.add_argument("file", metavar="FILE", help="the video or picture")
    parser.add_argument(
        "--trust",
        metavar="PEM",
        action="append",
        default=[],
        help="a root certificate to trust, beside your own (repeatable)",
    )
