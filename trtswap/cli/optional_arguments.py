"""The options of `trtswap process` about networks: how they are used, and those that a swap can do without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from trtswap.cli.values import MarginAction, field_of, names_of, numbers_of
from trtswap.options import (
    DetectOptions,
    EnhanceOptions,
    LandmarkOptions,
    MaskOptions,
    SecondLook,
    SwapOptions,
)

if TYPE_CHECKING:
    from argparse import ArgumentParser, _ActionsContainer

_DETECT, _LANDMARKS, _MASK, _SWAP = DetectOptions(), LandmarkOptions(), MaskOptions(), SwapOptions()
_ENHANCE = EnhanceOptions()


def default_text(value: Any) -> str:
    """How --help shows a default. `%` has a meaning to argparse, so it is doubled."""
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"(default: {text.replace('%', '%%')})"


def add_detector_arguments(group: _ActionsContainer) -> None:
    """Adds how the detector looks, and when the landmarker is believed."""
    group.add_argument(
        "--detector-score",
        metavar="0..1",
        type=field_of(DetectOptions, "score", float),
        default=_DETECT.score,
        help="how sure the detector must be; lower finds more faces and more mistakes "
        + default_text(_DETECT.score),
    )
    group.add_argument(
        "--detector-overlap",
        metavar="0..1",
        type=field_of(DetectOptions, "overlap", float),
        default=_DETECT.overlap,
        help="two boxes that overlap more than this (intersection over union) are one face "
        "(default: 0.4; less for several angles or detectors)",
    )
    group.add_argument(
        "--detector-size",
        metavar="PIXELS",
        type=field_of(DetectOptions, "size", int),
        default=_DETECT.size,
        help="edge of the detector's input, of those it offers: smaller is faster, larger finds smaller faces; 0 is "
        "its own " + default_text(_DETECT.size),
    )
    group.add_argument(
        "--detector-angles",
        metavar="DEGREES[,DEGREES]",
        type=numbers_of(DetectOptions, "angles"),
        default=_DETECT.angles,
        help="search the picture turned by each of these too, of 0, 90, 180, 270 "
        + default_text(_DETECT.angles),
    )
    group.add_argument(
        "--detector-margin",
        metavar="0..100",
        nargs="+",
        type=int,
        action=MarginAction,
        default=_DETECT.margin,
        help="border around the picture, so that faces which leave it are found too; 100 is half its height or width; "
        "1 to 4 numbers as in CSS (default: 0)",
    )
    group.add_argument(
        "--second-look",
        choices=get_args(SecondLook),
        default=_DETECT.second_look,
        help="find the five points of each face again from close by, four times over, which steadies them a few times; "
        '"auto": where the detector can (yunet) and no landmarker finds them'
        + default_text(_DETECT.second_look),
    )
    group.add_argument(
        "--landmarker-score",
        metavar="0..1",
        type=field_of(LandmarkOptions, "score", float),
        default=_LANDMARKS.score,
        help="how sure the landmarker must be for its points to align a face; else the detector's do "
        + default_text(_LANDMARKS.score),
    )


def add_optional_networks(group: _ActionsContainer) -> None:
    """Adds which networks take the roles that may stay empty."""
    for option, metavar, words, default in (
        ("--landmarker", "NAME[,NAME]|auto|none", "places 68 points on a face", _LANDMARKS.network),
        ("--occluder", "NAME[,NAME]|auto", "sees what covers a face, for --mask occlusion", _MASK.occluder),
        ("--parser", "NAME|auto", "knows the parts of a face, for --mask region", _MASK.parser),
    ):
        group.add_argument(
            option, metavar=metavar, default=default, help=f"the network that {words} {default_text(default)}"
        )


def add_licence(group: _ActionsContainer) -> None:
    """Adds --licence."""
    group.add_argument(
        "--licence",
        choices=get_args(get_type_hints(SwapOptions)["licence"]),
        default=_SWAP.licence,
        help="which networks may run: permissive, those whose licence permits commercial use; noncommercial, all but "
        "those under no known licence " + default_text(_SWAP.licence),
    )


def add_swap_arguments(group: _ActionsContainer) -> None:
    """Adds how the swapper is used."""
    group.add_argument(
        "--boost",
        metavar="PIXELS",
        type=field_of(SwapOptions, "boost", int),
        default=_SWAP.boost,
        help="swap at this many pixels, a multiple of the swapper's own, in interleaved tiles; 0 is its own "
        + default_text(_SWAP.boost),
    )
    group.add_argument(
        "--swap-weight",
        metavar="0..1",
        type=field_of(SwapOptions, "weight", float),
        default=_SWAP.weight,
        help="above 0.5 the target's own looks are pushed away, below it they are mixed in "
        + default_text(_SWAP.weight),
    )


def add_mask_kinds(group: _ActionsContainer) -> None:
    """Adds what the mask is made of."""
    for option, field, words in (
        (
            "--mask",
            "kinds",
            "where the new face may show, all of: box (the crop but its edges), ellipse (where a face lies "
            "in it), hull (around the 68 points), occlusion (what nothing covers), area "
            "(an outline by 68 points), region (parts of the face)",
        ),
        ("--mask-areas", "areas", "for --mask area: upper-face, lower-face, mouth"),
        (
            "--mask-regions",
            "regions",
            "for --mask region: skin, left-eyebrow, right-eyebrow, left-eye, right-eye, glasses, nose, mouth, "
            "upper-lip, lower-lip",
        ),
    ):
        default = getattr(_MASK, field)
        shown = default_text(default) if option == "--mask" else "(default: all)"
        group.add_argument(
            option,
            metavar="WORD[,WORD]",
            type=names_of(MaskOptions, field),
            default=default,
            help=f"{words} {shown}",
        )


def add_enhancer(parser: ArgumentParser) -> None:
    """Adds how faces are restored after the swap."""
    group = parser.add_argument_group("enhancer")
    group.add_argument(
        "--enhancer",
        metavar="NAME|auto|none",
        default=_ENHANCE.network,
        help="the network that restores swapped faces " + default_text(_ENHANCE.network),
    )
    group.add_argument(
        "--enhancer-blend",
        metavar="0..1",
        type=field_of(EnhanceOptions, "blend", float),
        default=_ENHANCE.blend,
        help="how much of the result is restored " + default_text(_ENHANCE.blend),
    )
    group.add_argument(
        "--enhancer-weight",
        metavar="0..1",
        type=field_of(EnhanceOptions, "weight", float),
        default=_ENHANCE.weight,
        help="for networks that know one: more keeps the face as it is " + default_text(_ENHANCE.weight),
    )
