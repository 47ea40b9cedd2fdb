"""The options about provenance of `process`, and those of `trtswap verify`."""

from __future__ import annotations

from argparse import ArgumentParser


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
        "--timestamp-authority",
        metavar="URL",
        help="have the signature time-stamped there (default: nobody is asked)",
    )
    group.add_argument(
        "--consent",
        metavar="FILE",
        help="put the SHA-256 of this note of consent, never its content, in the manifest",
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
