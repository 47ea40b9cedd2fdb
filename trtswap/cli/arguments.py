"""The parser: which commands and options there are, and how --help teaches them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from trtswap import __version__
from trtswap.cli.bench_arguments import BENCH_EPILOG, BENCH_HELP, add_bench_arguments
from trtswap.cli.demo_arguments import DEMO_EPILOG, DEMO_HELP, add_demo_arguments
from trtswap.cli.engine_arguments import (
    BUILD_EPILOG,
    BUILD_HELP,
    ENGINES_HELP,
    add_build_arguments,
    add_engines_arguments,
)
from trtswap.cli.models_arguments import add_models_commands
from trtswap.cli.process_arguments import add_models_argument, add_process_arguments
from trtswap.cli.provenance_arguments import add_disclosure, add_provenance, add_verify_arguments
from trtswap.cli.quality_arguments import add_compare_arguments, add_quality, add_report_arguments
from trtswap.cli.resume_arguments import add_resume
from trtswap.errors import OptionError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["Parser"]

EXIT_CODES_HELP = """\
exit codes:
    0  done
    1  unexpected failure
    2  wrong usage: an option is unknown, out of range or contradicts another
    3  bad input: a picture or video cannot be used, or has no face where one is needed
    4  a network or engine is missing or does not fit
    5  done, but a stated quality threshold was missed
    6  device failure or out of memory
    7  some of several targets could not be swapped; the others are done
  130  interrupted
"""

_EPILOG = f"""\
start here:
  trtswap demo                                        see a swap, with nothing to download
  trtswap bench                                       how fast it runs here
  trtswap doctor                                      what this machine has, what is missing
  trtswap networks                                    the networks known, and where they were found
  trtswap models fetch NAME                           download one; import, verify, remove as well
  trtswap process -s me.jpg -t clip.mp4 -o out.mp4    swap the faces of a video
  trtswap report out.mp4 --source-video clip.mp4      how good a result is
  trtswap process --help                              every option of a swap

{EXIT_CODES_HELP}"""

_PROCESS = """\
Replaces faces in a video or picture by the face of the source pictures. Sound,
subtitles, time stamps, colour and rotation are kept; pixels outside the faces
reach the encoder unchanged."""

_PROCESS_EPILOG = f"""\
examples:
  trtswap process -s me.jpg -t clip.mp4 -o out.mp4
      swap the largest face of every frame
  trtswap process -s me1.jpg me2.jpg me3.jpg -t clip.mp4 -o out.mp4 --select all
      average three pictures of one person, swap every face
  trtswap process -s me.jpg -t film.mkv -o out.mkv --select reference --reference actor.png
      swap only the person on actor.png
  trtswap process --map ann.png=me.jpg --map bob.png=you.jpg -t film.mkv -o out.mkv
      two people become two others, and keep them
  trtswap process -s me.jpg -t clip.mp4 -o try.mp4 --trim-start 1:30 --trim-end 1:35 -y
      try five seconds first
  trtswap process -s me.jpg -t clip.mp4 -o out.mp4 --codec hevc --quality 18 --preset slow
      a smaller file, more slowly
  trtswap process -s me.jpg -t holiday/ more/*.mp4 -o swapped/
      every video and picture of a folder, and some more, into another folder
  trtswap process -s me.jpg -t film.mkv -o out.mkv --resume
      go on after an interruption
  trtswap process -s me.jpg -t clip.mp4 -o out.mp4 --json > log.jsonl
      progress and result for another program

Results go to stdout, everything else to stderr. Ctrl-C stops and leaves no unfinished
output behind; a second Ctrl-C ends the program at once.

{EXIT_CODES_HELP}"""

_REPORT = """\
Measures a finished video, of trtswap or another program: how steady it is, how well colours
and edges fit, and where it is worst. With the original video, what the swap added is told
from what was there before."""

_REPORT_EPILOG = f"""\
examples:
  trtswap report out.mp4 --source-video clip.mp4 --report out.html
      a page with plots and the worst moments
  trtswap report out.mp4 --source-video clip.mp4 --require "tpsnr.min>16" --require "jitter.share<5%"
      end with 5 unless both hold
  trtswap report out.mp4 --source-video clip.mp4 --source me.jpg --json > figures.json
      also how much the result is like the person shown

{EXIT_CODES_HELP}"""

_COMPARE = """\
Measures two results of one original and sets them side by side: differences, how sure they
are, and which is better in what."""

_COMPARE_EPILOG = f"""\
example:
  trtswap compare a.mp4 b.mp4 --original clip.mp4 --report both.html

{EXIT_CODES_HELP}"""

_VERIFY = """\
Reads the signed manifest of a video or picture: who made it, with what, from what, and whether it
is intact. Exit code 0: intact. 5: not intact, or no manifest."""

_DOCTOR = """\
Says what this machine has, what is missing for `trtswap process`, and how to get it.
Exit code 0: a swap can run here. 4: a network is missing. 1: the installation is incomplete."""

_NETWORKS = """\
Lists the networks that trtswap knows: kind, licence, and the file found for each, or "missing"."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises OptionError where argparse would print and exit."""

    def error(self, message: str) -> NoReturn:
        """Raises OptionError."""
        raise OptionError(message, hint=f"{self.prog} --help lists the options and their values")


def build_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="trtswap",
        description="Swap faces in video, fast and steady, on NVIDIA GPUs or the CPU.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"trtswap {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    _add_demo(commands)
    _add_process(commands)
    _add_measuring(commands)
    _add_bench(commands)
    _add_doctor(commands)
    _add_networks(commands)
    _add_build_engines(commands)
    _add_engines(commands)
    add_models_commands(commands)
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The parsed command line; `command` names the command.

    Raises OptionError, or SystemExit after --help and --version.
    """
    return build_parser().parse_args(argv)


def _add_demo(commands: Commands) -> None:
    parser = commands.add_parser(
        "demo",
        usage="trtswap demo [FOLDER] [options]",
        help="swap a face in a rendered clip, with nothing to download",
        description=DEMO_HELP,
        epilog=DEMO_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_demo_arguments(parser)
    _add_reporting(parser, quiet=True)


def _add_process(commands: Commands) -> None:
    parser = commands.add_parser(
        "process",
        usage="trtswap process -s PICTURE [PICTURE ...] -t FILE [FILE ...] -o FILE|FOLDER [options]",
        help="swap faces in a video or picture",
        description=_PROCESS,
        epilog=_PROCESS_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_process_arguments(parser)
    add_quality(parser, finished=False)
    add_disclosure(parser)
    add_provenance(parser)
    add_resume(parser)
    _add_reporting(parser, quiet=True)


def _add_bench(commands: Commands) -> None:
    parser = commands.add_parser(
        "bench",
        usage="trtswap bench [-t FILE -s PICTURE [PICTURE ...]] [options]",
        help="measure how fast swaps run here",
        description=BENCH_HELP,
        epilog=BENCH_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_bench_arguments(parser)
    add_quality(parser, finished=False)
    add_disclosure(parser)
    _add_reporting(parser, quiet=True)


def _add_measuring(commands: Commands) -> None:
    report = commands.add_parser(
        "report",
        usage="trtswap report RESULT [--source-video ORIGINAL] [options]",
        help="measure a finished video",
        description=_REPORT,
        epilog=_REPORT_EPILOG.replace("%", "%%"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_report_arguments(report)
    _add_reporting(report, quiet=True)
    compare = commands.add_parser(
        "compare",
        usage="trtswap compare RESULT RESULT --original ORIGINAL [options]",
        help="measure two results of one video against each other",
        description=_COMPARE,
        epilog=_COMPARE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_compare_arguments(compare)
    _add_reporting(compare, quiet=True)
    verify = commands.add_parser(
        "verify",
        help="say what a file tells of itself, and whether it is intact",
        description=_VERIFY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_verify_arguments(verify)
    _add_reporting(verify, quiet=False)


def _add_doctor(commands: Commands) -> None:
    parser = commands.add_parser(
        "doctor",
        help="say what this machine has and what is missing",
        description=_DOCTOR,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="also hash the network files found and compare with the published SHA-256",
    )
    add_models_argument(parser)
    _add_reporting(parser, quiet=False)


def _add_networks(commands: Commands) -> None:
    parser = commands.add_parser(
        "networks",
        help="list the networks known and where they were found",
        description=_NETWORKS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_models_argument(parser)
    _add_reporting(parser, quiet=False)


def _add_build_engines(commands: Commands) -> None:
    parser = commands.add_parser(
        "build-engines",
        help="build and prove TensorRT engines for this GPU",
        description=BUILD_HELP,
        epilog=BUILD_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_build_arguments(parser)
    _add_reporting(parser, quiet=True)


def _add_engines(commands: Commands) -> None:
    parser = commands.add_parser(
        "engines",
        help="list, inspect and remove built engines",
        description=ENGINES_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_engines_arguments(parser)
    _add_reporting(parser, quiet=False)


def _add_reporting(parser: Parser, *, quiet: bool) -> None:
    """Adds how to report. A command that only reports has nothing to keep `quiet` about."""
    report = parser.add_argument_group("reporting")
    report.add_argument("--json", action="store_true", help="write JSON to stdout, for other programs")
    loudness = report.add_mutually_exclusive_group()
    if quiet:
        loudness.add_argument("-q", "--quiet", action="store_true", help="only results and errors")
    else:
        parser.set_defaults(quiet=False)
    loudness.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="say what happens, with tracebacks of errors; -vv says most",
    )
