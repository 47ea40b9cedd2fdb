"""The options of `trtswap build-engines` and `trtswap engines`. Defaults and limits come from trtswap.options."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, get_args

from trtswap.cli.process_arguments import add_models_argument
from trtswap.cli.values import device_name, field_of
from trtswap.engine_options import EngineOptions, Precision
from trtswap.inference.spec_types import BuildSpec

if TYPE_CHECKING:
    from argparse import ArgumentParser

_DEFAULTS = EngineOptions()

BUILD_HELP = """\
Builds the TensorRT engines of the networks found on this machine, and proves each on real
crops against the float32 network: half precision first, with float32 where it is needed.
Engines are kept; a run of `trtswap process` on the same GPU then loads them."""

BUILD_EPILOG = """\
examples:
  trtswap build-engines --dry-run
      what would be built, and why
  trtswap build-engines inswapper_128 --max-batch 32 --optimization-level 4
      one network, for larger batches, searching longer
  trtswap build-engines --calibration me1.jpg me2.jpg
      prove the engines on your own pictures

A build takes from seconds to many minutes. Ctrl-C stops it and leaves nothing behind."""

ENGINES_HELP = """\
Lists, inspects and removes the engines that were built."""


def add_build_arguments(parser: ArgumentParser) -> None:
    """Adds the options of `build-engines`, apart from those about reporting."""
    parser.add_argument(
        "networks", metavar="NETWORK", nargs="*", help="only these (default: all that are found)"
    )
    add_models_argument(parser)
    parser.add_argument(
        "--device",
        metavar="cuda[:N]",
        type=device_name,
        default="cuda",
        help="the GPU to build for and on (default: cuda, the first)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be built and why, and build nothing"
    )
    parser.add_argument("--force", action="store_true", help="build also what is there and fits")
    parser.add_argument(
        "--calibration",
        metavar="PICTURE",
        nargs="+",
        action="extend",
        default=[],
        help="prove the engines on the faces of these pictures (default: eight that trtswap ships)",
    )
    _add_build(parser)
    _add_run(parser)


def _add_build(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("the build")
    group.add_argument(
        "--precision",
        choices=get_args(Precision),
        default=_DEFAULTS.precision,
        help="auto takes the fastest that passes its proof, fp16 insists on half precision, fp32 is float32 "
        f"throughout (default: {_DEFAULTS.precision})",
    )
    group.add_argument(
        "--max-batch",
        metavar="1..256",
        type=field_of(EngineOptions, "max_batch", int),
        default=_DEFAULTS.max_batch,
        help="the largest batch, and the one it is tuned for (default: what the network's spec says)",
    )
    group.add_argument(
        "--workspace",
        metavar="MIB",
        type=field_of(EngineOptions, "workspace_mib", int),
        default=_DEFAULTS.workspace_mib,
        help=f"scratch memory that a layer may use (default: {_DEFAULTS.workspace_mib})",
    )
    group.add_argument(
        "--optimization-level",
        metavar="0..5",
        type=field_of(EngineOptions, "optimization_level", int),
        default=_DEFAULTS.optimization_level,
        help="how long TensorRT searches for fast kernels: 0 hardly, 5 longest (default: what the network's spec "
        f"says, else {BuildSpec().optimization_level})",
    )
    group.add_argument(
        "--tactic-sources",
        metavar="NAME",
        nargs="+",
        action="extend",
        default=[],
        help="take kernels only from these, by TensorRT's names, as EDGE_MASK_CONVOLUTIONS (default: TensorRT's own "
        "choice, or the variable TRTSWAP_TACTIC_SOURCES)",
    )
    group.add_argument(
        "--hardware-compatible",
        action="store_true",
        help="one engine for every GPU from Ampere on; slower",
    )
    group.add_argument(
        "--version-compatible",
        action="store_true",
        help="one engine for later TensorRT of the same major version; slower",
    )
    group.add_argument(
        "--jobs",
        metavar="1..16",
        type=field_of(EngineOptions, "jobs", int),
        default=_DEFAULTS.jobs,
        help="engines built at the same time; they disturb each other's timing on one GPU "
        f"(default: {_DEFAULTS.jobs})",
    )


def _add_run(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("the proof")
    group.add_argument(
        "--contexts",
        metavar="1..16",
        type=field_of(EngineOptions, "contexts", int),
        default=_DEFAULTS.contexts,
        help=f"batches that may run side by side (default: {_DEFAULTS.contexts})",
    )
    group.add_argument(
        "--no-graphs",
        dest="graphs",
        action="store_false",
        default=_DEFAULTS.graphs,
        help="do not replay batches as CUDA graphs",
    )


def engine_options(arguments: argparse.Namespace) -> EngineOptions:
    """The settings of `build-engines`."""
    return EngineOptions(
        precision=arguments.precision,
        max_batch=arguments.max_batch,
        workspace_mib=arguments.workspace,
        optimization_level=arguments.optimization_level,
        tactic_sources=tuple(arguments.tactic_sources),
        hardware_compatible=arguments.hardware_compatible,
        version_compatible=arguments.version_compatible,
        contexts=arguments.contexts,
        graphs=arguments.graphs,
        jobs=arguments.jobs,
    )


def add_engines_arguments(parser: ArgumentParser) -> None:
    """Adds the actions of `engines`."""
    parser.add_argument(
        "action", choices=("list", "inspect", "prune"), nargs="?", default="list", help="(default: list)"
    )
    parser.add_argument(
        "engines", metavar="ENGINE", nargs="*", help="with inspect: names as in the list, or a network's"
    )
    group = parser.add_argument_group("prune", "Removes what is of no use here any more.")
    group.add_argument(
        "--older-than",
        metavar="DAYS",
        type=_days,
        default=None,
        help="also what was not used for so many days",
    )
    group.add_argument("--all", action="store_true", help="everything")
    group.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    add_models_argument(parser)


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1.0
    if not 0 <= days < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days")
    return days
