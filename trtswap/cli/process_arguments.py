"""The options of `trtswap process`, group by group. Defaults and limits come from trtswap.options."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING, get_args, get_type_hints

from trtswap.cli.blend_arguments import add_blend_arguments
from trtswap.cli.file_arguments import add_files
from trtswap.cli.optional_arguments import (
    add_detector_arguments,
    add_enhancer,
    add_licence,
    add_mask_kinds,
    add_optional_networks,
    add_swap_arguments,
    default_text,
)
from trtswap.cli.running_arguments import add_running
from trtswap.cli.selection_arguments import add_selection
from trtswap.cli.values import PaddingAction, field_of, time_point
from trtswap.options import (
    EncodeOptions,
    MaskOptions,
    SelectOptions,
    SmoothOptions,
    SwapOptions,
)

if TYPE_CHECKING:
    from argparse import _ActionsContainer

_DEFAULTS = SwapOptions()


def _choices(settings: type, name: str) -> tuple[str, ...]:
    """The words a Literal field takes."""
    return get_args(get_type_hints(settings)[name])


def add_process_arguments(parser: ArgumentParser) -> None:
    """Adds every group of options that belongs to `process` alone."""
    add_files(parser)
    add_swap_options(parser)


def add_swap_options(parser: ArgumentParser) -> None:
    """Adds the groups that say how a swap is done, without its files."""
    _add_faces(parser)
    _add_networks(parser)
    _add_steady(parser)
    _add_mask(parser)
    add_enhancer(parser)
    add_blend_arguments(parser)
    _add_part(parser)
    _add_output(parser)
    add_running(parser)


def add_models_argument(group: _ActionsContainer) -> None:
    """Adds --models, which every command has."""
    group.add_argument(
        "-m",
        "--models",
        metavar="DIR",
        action="append",
        default=[],
        help="look for networks in this folder first (repeatable); `trtswap doctor` lists all searched",
    )


def _add_faces(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("which faces")
    group.add_argument(
        "--select",
        choices=_choices(SelectOptions, "mode"),
        default=_DEFAULTS.select.mode,
        help="the largest face of each frame, one by --order and --position, all of them, or the person on the "
        "--reference picture " + default_text(_DEFAULTS.select.mode),
    )
    add_selection(group)
    group.add_argument(
        "--reference",
        metavar="PICTURE",
        help="who to replace, with --select reference",
    )
    group.add_argument(
        "--reference-distance",
        metavar="0..1",
        type=field_of(SelectOptions, "distance", float),
        default=_DEFAULTS.select.distance,
        help="how unlike the reference a face may be: 0 is the same picture, higher takes more faces "
        + default_text(_DEFAULTS.select.distance),
    )
    add_detector_arguments(group)


def _add_networks(parser: ArgumentParser) -> None:
    group = parser.add_argument_group(
        "networks", "`trtswap networks` lists the names; auto takes what is found."
    )
    add_models_argument(group)
    for option, work, default in (
        ("--swapper", "makes the new face", _DEFAULTS.swapper),
        ("--detector", "finds faces; of several with commas all findings count", _DEFAULTS.detect.network),
        ("--recogniser", "tells who a face is", _DEFAULTS.recogniser),
    ):
        group.add_argument(
            option,
            metavar="NAME|auto",
            default=default,
            help=f"the network that {work} {default_text(default)}",
        )
    add_optional_networks(group)
    add_licence(group)
    add_swap_arguments(group)
    group.add_argument(
        "--device",
        metavar="auto|cuda[:N]|cpu",
        type=field_of(SwapOptions, "device", str),
        default=_DEFAULTS.device,
        help="where the networks run: auto takes TensorRT engines on a GPU where it can (building them once) and ONNX "
        "Runtime elsewhere, cuda insists on engines, cpu takes ONNX Runtime "
        + default_text(_DEFAULTS.device),
    )
    group.add_argument(
        "--provider",
        choices=_choices(SwapOptions, "provider"),
        default=_DEFAULTS.provider,
        help="where ONNX Runtime runs them; auto takes the GPU when it can "
        + default_text(_DEFAULTS.provider),
    )


def _add_steady(parser: ArgumentParser) -> None:
    smooth = _DEFAULTS.smooth
    group = parser.add_argument_group(
        "over time", "Scene cuts are found by themselves; nothing is smoothed across one."
    )
    group.add_argument(
        "--smooth",
        choices=_choices(SmoothOptions, "method"),
        default=smooth.method,
        help="how faces are held steady: symmetric looks ahead and does not trail behind motion, one-euro and ema look "
        "back only, individual treats each point alone, off trusts the detector "
        + default_text(smooth.method),
    )
    for option, field, kind, words in (
        ("--smooth-lag", "lag_s", float, "seconds that symmetric and individual look ahead"),
        ("--smooth-window", "window", int, "frames that ema averages"),
        ("--smooth-alpha", "alpha", float, "weight of each newer frame in ema, above 0 to 1"),
        ("--bridge", "gap_s", float, "seconds for which a face that the detector misses is carried on"),
    ):
        default = getattr(smooth, field)
        group.add_argument(
            option,
            metavar="N" if kind is int else "SECONDS" if field.endswith("_s") else "0..1",
            type=field_of(SmoothOptions, field, kind),
            default=default,
            help=f"{words} {default_text(default)}",
        )
    group.add_argument(
        "--dump-tracks",
        metavar="FILE",
        help="write where the faces are, a line of JSON per frame, to look at or edit (docs/tracks.md)",
    )
    group.add_argument(
        "--tracks", metavar="FILE", help="use such a file, as it is, instead of finding and smoothing faces"
    )
    group.add_argument(
        "--debug-overlay",
        metavar="FILE",
        help="write a second video with boxes, track numbers, points before and after, masks and cuts drawn in",
    )


def _add_mask(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("mask")
    add_mask_kinds(group)
    group.add_argument(
        "--mask-blur",
        metavar="0..1",
        type=field_of(MaskOptions, "blur", float),
        default=_DEFAULTS.mask.blur,
        help="how softly the new face fades into the frame " + default_text(_DEFAULTS.mask.blur),
    )
    group.add_argument(
        "--mask-padding",
        metavar="PERCENT",
        nargs="+",
        type=float,
        action=PaddingAction,
        default=_DEFAULTS.mask.padding,
        help="how much of the crop to leave out at its edges, 1 to 4 numbers as in CSS: all sides; "
        "top+bottom right+left; top right+left bottom; top right bottom left (default: 0)",
    )
    group.add_argument(
        "--feather",
        metavar="0..0.5",
        type=field_of(MaskOptions, "feather", float),
        default=_DEFAULTS.mask.feather,
        help="how far inwards ellipse and hull fade out, of the crop's width "
        + default_text(_DEFAULTS.mask.feather),
    )


def _add_part(parser: ArgumentParser) -> None:
    group = parser.add_argument_group(
        "which part",
        "A time is SECONDS, MM:SS or HH:MM:SS, with a fraction or not; 120f is frame 120.",
    )
    group.add_argument(
        "--trim-start",
        metavar="TIME|FRAMEf",
        type=time_point,
        default=_DEFAULTS.trim.start,
        help="the first frame to process and write (default: the start)",
    )
    group.add_argument(
        "--trim-end",
        metavar="TIME|FRAMEf",
        type=time_point,
        default=_DEFAULTS.trim.end,
        help="where to stop; this frame is not written (default: the end)",
    )


def _add_output(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("encoding")
    group.add_argument(
        "--codec",
        choices=_choices(EncodeOptions, "codec"),
        default=_DEFAULTS.encode.codec,
        help="auto keeps the codec of the target where it can; lossless keeps every bit "
        + default_text(_DEFAULTS.encode.codec),
    )
    group.add_argument(
        "--quality",
        metavar="0..51",
        type=field_of(EncodeOptions, "quality", int),
        default=_DEFAULTS.encode.quality,
        help="constant quality, lower is better and larger (default: h264 18, hevc 20, av1 28, vp9 28)",
    )
    group.add_argument(
        "--preset",
        metavar="NAME",
        default=_DEFAULTS.encode.preset,
        help="the encoder's own name for its speed, such as veryfast or slow (default: a balanced one)",
    )
    group.add_argument(
        "--encoder",
        choices=_choices(EncodeOptions, "encoder"),
        default=_DEFAULTS.encode.encoder,
        help="what encodes: software, or nvenc, the GPU's own encoder of h264 and hevc, which not every GPU has; auto "
        "is software, for now " + default_text(_DEFAULTS.encode.encoder),
    )
    group.add_argument(
        "--encoder-threads",
        metavar="N",
        type=field_of(EncodeOptions, "threads", int),
        default=_DEFAULTS.encode.threads,
        help="threads of the encoder; 0 lets it choose " + default_text(_DEFAULTS.encode.threads),
    )
