"""Parsed arguments to the frozen settings that the Python API takes."""

from __future__ import annotations

from argparse import Namespace

from trtswap.errors import OptionError
from trtswap.options import (
    BlendOptions,
    DetectOptions,
    EncodeOptions,
    LandmarkOptions,
    MaskOptions,
    SelectOptions,
    SmoothOptions,
    SwapOptions,
    Trim,
)


def swap_options(arguments: Namespace) -> SwapOptions:
    """The settings of `trtswap process`. Raises OptionError when options contradict each other."""
    return SwapOptions(
        swapper=arguments.swapper,
        recogniser=arguments.recogniser,
        detect=DetectOptions(
            network=arguments.detector,
            score=arguments.detector_score,
            overlap=arguments.detector_overlap,
        ),
        landmarks=LandmarkOptions(network=arguments.landmarker, score=arguments.landmarker_score),
        select=SelectOptions(mode=arguments.select, distance=arguments.reference_distance),
        smooth=SmoothOptions(
            method=arguments.smooth,
            lag_s=arguments.smooth_lag,
            window=arguments.smooth_window,
            alpha=arguments.smooth_alpha,
            gap_s=arguments.bridge,
        ),
        mask=MaskOptions(
            blur=arguments.mask_blur,
            padding=arguments.mask_padding,
            kinds=arguments.mask,
            feather=arguments.feather,
            occluder=arguments.occluder,
        ),
        blend=BlendOptions(
            method=arguments.blend,
            levels=arguments.blend_levels,
            colour=arguments.colour_transfer,
            strength=arguments.colour_strength,
        ),
        encode=EncodeOptions(
            codec=arguments.codec,
            quality=arguments.quality,
            preset=arguments.preset,
            threads=arguments.encoder_threads,
        ),
        trim=_trim(arguments),
        models=tuple(arguments.models),
        provider=arguments.provider,
        batch=arguments.batch,
        queue=arguments.queue,
        overwrite=arguments.overwrite,
    )


def _trim(arguments: Namespace) -> Trim:
    try:
        return Trim(start=arguments.trim_start, end=arguments.trim_end)
    except OptionError as error:
        raise OptionError(
            f"--trim-start and --trim-end: {error}",
            hint="the end is not written, so it comes after the start",
        ) from None
