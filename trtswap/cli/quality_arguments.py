"""The options that measure: those of `trtswap report` and `trtswap compare`, and a group of `process`.

Defaults and limits come from trtswap.options.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import get_args, get_type_hints

from trtswap.cli.process_arguments import add_models_argument
from trtswap.cli.values import field_of, threshold, time_point
from trtswap.options import DetectOptions, MonitorOptions, SwapOptions

_DEFAULTS = SwapOptions()


def add_report_arguments(parser: ArgumentParser) -> None:
    """Adds every option of `report`."""
    group = parser.add_argument_group("files")
    group.add_argument("result", metavar="RESULT", help="the video to measure")
    group.add_argument(
        "--source-video",
        dest="original",
        metavar="FILE",
        help="the video before faces were swapped; without it only the result's own steadiness is measured",
    )
    _add_common(parser)


def add_compare_arguments(parser: ArgumentParser) -> None:
    """Adds every option of `compare`."""
    group = parser.add_argument_group("files")
    group.add_argument("results", metavar="RESULT", nargs=2, help="the two videos to measure")
    group.add_argument(
        "--original", metavar="FILE", required=True, help="the video before faces were swapped"
    )
    _add_common(parser)


def add_quality(parser: ArgumentParser, *, finished: bool) -> None:
    """Adds the group about measuring. finished: of a finished video, of which every frame is measured by default."""
    group = parser.add_argument_group("quality", "docs/quality.md says what the figures mean.")
    group.add_argument(
        "--report",
        metavar="FILE",
        action="append",
        default=[],
        help="write what was measured, as .json or as a page .html with plots and the worst moments (repeatable)",
    )
    group.add_argument(
        "--require",
        metavar="THRESHOLD",
        action="append",
        default=[],
        type=threshold,
        help='end with 5 unless this holds, as in "tpsnr.min>16" or "jitter.share<5%%" (repeatable)',
    )
    modes = get_args(get_type_hints(MonitorOptions)["mode"])
    default = "full" if finished else _DEFAULTS.monitor.mode
    group.add_argument(
        "--monitor",
        choices=[mode for mode in modes if not finished or mode != "off"],
        default=default,
        help=("" if finished else "off measures nothing unless --report or --require asks for it, ")
        + f"sample measures some frames, full all (default: {default})",
    )
    group.add_argument(
        "--monitor-stride",
        metavar="2..1000",
        type=field_of(MonitorOptions, "stride", int),
        default=_DEFAULTS.monitor.stride,
        help=f"sample measures two frames of every so many (default: {_DEFAULTS.monitor.stride})",
    )


def _add_common(parser: ArgumentParser) -> None:
    """What both commands have."""
    faces = parser.add_argument_group("faces and networks")
    faces.add_argument(
        "-s",
        "--source",
        metavar="PICTURE",
        nargs="+",
        action="extend",
        default=[],
        help="pictures of the person shown, to tell how like the result is (needs a recogniser)",
    )
    faces.add_argument(
        "--tracks",
        metavar="FILE",
        help="what --dump-tracks wrote of the original, instead of finding faces in it",
    )
    faces.add_argument(
        "--select",
        choices=("largest", "all"),
        default="largest",
        help="measure the largest face of each frame or all of them (default: largest)",
    )
    add_models_argument(faces)
    for option, work, default in (
        ("--detector", "finds faces", _DEFAULTS.detect.network),
        ("--recogniser", "tells who a face is", _DEFAULTS.recogniser),
    ):
        faces.add_argument(
            option, metavar="NAME|auto", default=default, help=f"the network that {work} (default: {default})"
        )
    faces.add_argument(
        "--detector-score",
        metavar="0..1",
        type=field_of(DetectOptions, "score", float),
        default=_DEFAULTS.detect.score,
        help=f"how sure the detector must be (default: {_DEFAULTS.detect.score:g})",
    )
    faces.add_argument(
        "--device",
        metavar="auto|cuda[:N]|cpu",
        type=field_of(SwapOptions, "device", str),
        default=_DEFAULTS.device,
        help=f"where the networks run, as of process (default: {_DEFAULTS.device})",
    )
    faces.add_argument(
        "--provider",
        choices=get_args(get_type_hints(SwapOptions)["provider"]),
        default=_DEFAULTS.provider,
        help=f"where ONNX Runtime runs, where that runs (default: {_DEFAULTS.provider})",
    )
    part = parser.add_argument_group("part of the video")
    for option, meaning in (
        ("--trim-start", "the first frame of the original that the result shows"),
        ("--trim-end", "where in the original to stop"),
    ):
        part.add_argument(option, metavar="TIME|FRAME", type=time_point, help=meaning)
    add_quality(parser, finished=True)
    part.add_argument(
        "-y", "--overwrite", action="store_true", help="replace reports that exist (default: refuse)"
    )
