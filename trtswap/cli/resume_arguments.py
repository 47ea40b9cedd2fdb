"""The options of `trtswap process` about going on after an interruption."""

from __future__ import annotations

from argparse import ArgumentParser

from trtswap.cli.values import field_of
from trtswap.options import LONG_S, SEGMENT_S, ResumeOptions

_DEFAULTS = ResumeOptions()


def add_resume(parser: ArgumentParser) -> None:
    """Adds --segment, --resume and --restart."""
    group = parser.add_argument_group(
        "going on", "A long video is made in segments, which outlive Ctrl-C, a crash and a power cut."
    )
    group.add_argument(
        "--segment",
        metavar="SECONDS",
        type=field_of(ResumeOptions, "segment_s", float),
        default=_DEFAULTS.segment_s,
        help="how long a segment is; 0 makes the video in one piece, which cannot be gone on with "
        f"(default: {SEGMENT_S:g} for videos over {LONG_S / 60:g} minutes, else 0)",
    )
    which = group.add_mutually_exclusive_group()
    for option, words in (
        (
            "resume",
            "go on with what an interrupted run of the same command left; where it left nothing, begin",
        ),
        ("restart", "throw away what an interrupted run left, and begin anew"),
    ):
        which.add_argument(
            f"--{option}",
            dest="left_over",
            action="store_const",
            const=option,
            default=_DEFAULTS.left_over,
            help=words,
        )
