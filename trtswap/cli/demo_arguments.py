"""The options of `trtswap demo`. Defaults and limits come from trtswap.options."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import get_args

from trtswap.cli.optional_arguments import default_text
from trtswap.cli.values import field_of
from trtswap.options import ClipKind, DemoOptions, SwapOptions

_DEFAULTS = DemoOptions()
FOLDER = "trtswap-demo"

DEMO_HELP = """\
Shows what trtswap does, without any download: draws a short clip of a person who does not
exist, swaps the face with the built-in networks, and compares the result with the true
swap, which only a renderer knows. The built-in networks know rendered people, not
photographs; for footage use networks of your own (trtswap networks).

Written into the folder: source.png (who comes in), target.mp4 (the clip), swapped.mp4 (the
result), true-swap.mp4 (what it should be), side-by-side.png (target, result, truth),
tracks.jsonl (where faces were found), report.html and report.json (the quality report),
figures.json (the figures against the truth).

Where there is a GPU with TensorRT the first run builds five engines, which takes a minute
or some; --device cpu does without."""

DEMO_EPILOG = """\
examples:
  trtswap demo
      a person who talks, into ./trtswap-demo
  trtswap demo hard --clip "profile turn" --seed 12
      a head that turns from side to side
"""


def add_demo_arguments(parser: ArgumentParser) -> None:
    """Adds where the files go, and what is drawn."""
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", default=FOLDER, help=f"where the files go (default: {FOLDER})"
    )
    parser.add_argument(
        "-y", "--overwrite", action="store_true", help="replace files of an earlier demo (default: refuse)"
    )
    clip = parser.add_argument_group("clip")
    clip.add_argument(
        "--clip",
        choices=get_args(ClipKind),
        default=_DEFAULTS.kind,
        help="what happens in it " + default_text(_DEFAULTS.kind),
    )
    clip.add_argument(
        "--seed",
        metavar="NUMBER",
        type=field_of(DemoOptions, "seed", int),
        default=_DEFAULTS.seed,
        help="other people and other motion " + default_text(_DEFAULTS.seed),
    )
    clip.add_argument(
        "--seconds",
        metavar="SECONDS",
        type=field_of(DemoOptions, "seconds", float),
        default=_DEFAULTS.seconds,
        help="how long the clip lasts " + default_text(_DEFAULTS.seconds),
    )
    parser.add_argument(
        "--device",
        metavar="auto|cpu|cuda[:N]",
        type=field_of(SwapOptions, "device", str),
        default=SwapOptions().device,
        help="auto takes TensorRT engines where there is a GPU with TensorRT, ONNX Runtime elsewhere; cuda insists on "
        "engines " + default_text(SwapOptions().device),
    )
