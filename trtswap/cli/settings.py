"""Parsed arguments to the frozen settings that the Python API takes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from trtswap.errors import OptionError
from trtswap.options import (
    BlendOptions,
    DetectOptions,
    DiscloseOptions,
    EncodeOptions,
    EnhanceOptions,
    LandmarkOptions,
    ManyOptions,
    MaskOptions,
    MonitorOptions,
    ProvenanceOptions,
    ResumeOptions,
    SelectOptions,
    SmoothOptions,
    SwapOptions,
    Trim,
)


def swap_options(arguments: Namespace) -> SwapOptions:
    """The settings of `trtswap process`. Raises OptionError when options contradict each other."""
    return SwapOptions(
        swapper=arguments.swapper,
        boost=arguments.boost,
        weight=arguments.swap_weight,
        recogniser=arguments.recogniser,
        detect=DetectOptions(
            network=arguments.detector,
            score=arguments.detector_score,
            overlap=arguments.detector_overlap,
            size=arguments.detector_size,
            angles=arguments.detector_angles,
            margin=arguments.detector_margin,
            second_look=arguments.second_look,
        ),
        landmarks=LandmarkOptions(network=arguments.landmarker, score=arguments.landmarker_score),
        select=SelectOptions(
            mode=arguments.select,
            distance=arguments.reference_distance,
            order=arguments.order,
            position=arguments.position,
            gender=arguments.gender,
            race=arguments.race,
            age=arguments.age,
        ),
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
            areas=arguments.mask_areas,
            regions=arguments.mask_regions,
            feather=arguments.feather,
            occluder=arguments.occluder,
            parser=arguments.parser,
        ),
        enhance=EnhanceOptions(
            network=arguments.enhancer,
            blend=arguments.enhancer_blend,
            weight=arguments.enhancer_weight,
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
            encoder=arguments.encoder,
        ),
        trim=_trim(arguments),
        monitor=monitor_options(arguments),
        provenance=_provenance(arguments),
        resume=ResumeOptions(segment_s=arguments.segment, left_over=arguments.left_over),
        disclose=DiscloseOptions(
            text=arguments.disclose,
            font=arguments.disclose_font,
            place=arguments.disclose_position,
            size=arguments.disclose_size,
        ),
        models=tuple(arguments.models),
        licence=arguments.licence,
        device=arguments.device,
        provider=arguments.provider,
        frames=arguments.frames,
        decoder=arguments.decoder,
        batch=arguments.batch,
        batch_wait_s=arguments.batch_wait,
        queue=arguments.queue,
        memory=arguments.memory,
        memory_limit=arguments.memory_limit,
        overwrite=arguments.overwrite,
    )


def many_options(arguments: Namespace) -> ManyOptions:
    """How several targets are gone through."""
    return ManyOptions(recursive=arguments.recursive, skip_existing=arguments.skip_existing)


def measure_options(arguments: Namespace) -> SwapOptions:
    """The settings of `trtswap report` and `trtswap compare`."""
    return SwapOptions(
        recogniser=arguments.recogniser,
        detect=DetectOptions(network=arguments.detector, score=arguments.detector_score),
        select=SelectOptions(mode=arguments.select),
        trim=_trim(arguments),
        monitor=monitor_options(arguments),
        models=tuple(arguments.models),
        device=arguments.device,
        provider=arguments.provider,
        overwrite=arguments.overwrite,
    )


def monitor_options(arguments: Namespace) -> MonitorOptions:
    """What is measured and must hold."""
    return MonitorOptions(
        mode=arguments.monitor, stride=arguments.monitor_stride, require=tuple(arguments.require)
    )


def _provenance(arguments: Namespace) -> ProvenanceOptions:
    try:
        return ProvenanceOptions(
            unsigned_reason=arguments.no_provenance,
            signing_key=arguments.signing_key,
            signing_cert=arguments.signing_cert,
            signing_command=arguments.signing_command,
            timestamp_url=arguments.timestamp_authority,
            consent=arguments.consent,
        )
    except OptionError as error:
        raise OptionError(
            "--no-provenance, --signing-key, --signing-cert, --signing-command, --timestamp-authority, --consent: "
            f"{error}",
            hint="docs/provenance.md tells which go together",
        ) from None


def _trim(arguments: Namespace) -> Trim:
    try:
        return Trim(start=arguments.trim_start, end=arguments.trim_end)
    except OptionError as error:
        raise OptionError(
            f"--trim-start and --trim-end: {error}",
            hint="the end is not written, so it comes after the start",
        ) from None


def grouped(pairs: Sequence[tuple[str, str]]) -> list[tuple[list[str], list[str]]]:
    """Pairs of WHO and SOURCE by person: several sources of one WHO are pictures of one person."""
    people: dict[str, list[str]] = {}
    for who, source in pairs:
        people.setdefault(who, []).append(source)
    return [([who], sources) for who, sources in people.items()]
