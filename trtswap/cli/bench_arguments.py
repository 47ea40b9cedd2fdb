"""The options of `trtswap bench`: what is measured, and those of `process` that say how a swap is done."""

from __future__ import annotations

from argparse import ArgumentParser

from trtswap.cli.optional_arguments import default_text
from trtswap.cli.process_arguments import add_swap_options
from trtswap.cli.values import field_of
from trtswap.options import BenchOptions

_DEFAULTS = BenchOptions()

BENCH_HELP = """\
Measures how fast swaps run on this machine: the whole way from file to file, each stage, how
busy each thread is, each network in the run and alone, decoding and encoding alone, and the
most memory that was taken. Without --target a clip is drawn and swapped with the built-in
networks, so that two machines can be compared without a download.

What to look at:
  frames/s        the whole way, file to file, networks loaded: the median of the runs
  engines alone   frames/s if only the networks took time, one after the other; the share
                  tells how much of that the whole way reaches
  busy, waiting   a thread that hardly waits holds the others up; one that waits has time left
                  (what is missing to 100 %: it had not begun, or was done)
  decode, encode  alone; the whole way can be no faster than the slower of the two

Run it on an idle machine: what else runs there is measured too."""

BENCH_EPILOG = """\
examples:
  trtswap bench
      the rendered clip, built-in networks
  trtswap bench -t clip.mp4 -s me.jpg --first 200 --batch 8
      the first 200 frames of a clip, with the networks that a swap would take
  trtswap bench --device cpu --repeats 5 --json > bench.json
      for another program
"""


def add_bench_arguments(parser: ArgumentParser) -> None:
    """Adds every option."""
    group = parser.add_argument_group("what is measured")
    group.add_argument(
        "-t", "--target", metavar="FILE", help="a video or picture; without it a clip is drawn"
    )
    group.add_argument(
        "-s",
        "--source",
        metavar="PICTURE",
        nargs="+",
        action="extend",
        default=[],
        help="the face to put into it (repeatable)",
    )
    group.add_argument(
        "--first",
        metavar="N",
        type=field_of(BenchOptions, "frames", int),
        default=_DEFAULTS.frames,
        help="frames of it, from the start; 0 takes all; --trim-start and --trim-end choose a part instead "
        + default_text(_DEFAULTS.frames),
    )
    group.add_argument(
        "--repeats",
        metavar="N",
        type=field_of(BenchOptions, "repeats", int),
        default=_DEFAULTS.repeats,
        help="runs that count, after one that does not " + default_text(_DEFAULTS.repeats),
    )
    add_swap_options(parser)
    parser.set_defaults(
        overwrite=True,
        segment=0.0,
        left_over="refuse",
        no_provenance=None,
        signing_key=None,
        signing_cert=None,
        signing_command=None,
        timestamp_authority=None,
        consent=None,
    )
