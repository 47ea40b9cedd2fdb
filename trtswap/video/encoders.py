"""Which encoder, pixel format and options make of a video what `EncodeOptions` asks for."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from trtswap.errors import OptionError, StrPath
from trtswap.options import EncodeOptions
from trtswap.types import ChromaSiting, PixelFormat, VideoInfo
from trtswap.video.encoder_plan import EncoderPlan
from trtswap.video.hdr import HdrMetadata
from trtswap.video.nvenc import nvenc_plan
from trtswap.video.tags import PQ
from trtswap.video.x264 import repeatable

# SVT-AV1 writes its banner to standard error unless this is set before its first use.
os.environ.setdefault("SVT_LOG", "0")

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""FFmpeg's muxers by the endings of outputs."""
_HELD = {
    "h264": ("mp4", "mov", "matroska"),
    "hevc": ("mp4", "mov", "matroska"),
    "av1": ("mp4", "matroska", "webm"),
    "vp9": ("mp4", "matroska", "webm"),
}
_ENCODERS = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1", "vp9": "libvpx-vp9"}
_DEFAULT_QUALITY = {"h264": 18, "hevc": 20, "av1": 28, "vp9": 28}
_DEFAULT_PRESET = {"h264": "medium", "hevc": "medium", "av1": "8", "vp9": "good"}
_X26_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast", "medium"),
    *("slow", "slower", "veryslow", "placebo"),
)
_PRESETS = {
    "h264": _X26_PRESETS,
    "hevc": _X26_PRESETS,
    "av1": tuple(str(number) for number in range(14)),
    "vp9": ("best", "good", "realtime"),
}
_AV1_SITINGS = {ChromaSiting.LEFT: "vertical", ChromaSiting.TOPLEFT: "colocated"}


def container_format(path: StrPath) -> str:
    """FFmpeg's muxer for the extension of `path`. Raises OptionError for one that is not supported."""
    suffix = Path(os.fspath(path)).suffix.lower()
    if suffix not in FORMATS:
        raise OptionError(
            f"cannot write {os.fspath(path)}: {suffix or 'no extension'} is not a video format known here",
            hint=f"use one of {', '.join(FORMATS)}",
        )
    return FORMATS[suffix]


def plan_encoder(info: VideoInfo, hdr: HdrMetadata, options: EncodeOptions, path: StrPath) -> EncoderPlan:
    """Decides how a video like `info` is encoded into `path`. Raises OptionError for what cannot be
    combined."""
    container = container_format(path)
    if options.codec == "lossless":
        if options.encoder == "nvenc":
            raise OptionError("nvenc does not encode losslessly here", hint="leave --encoder nvenc out")
        return _lossless(info, options, container, path)
    codec = options.codec if options.codec != "auto" else _automatic(info, container)
    _require_held(codec, info, container, path)
    quality = _DEFAULT_QUALITY[codec] if options.quality is None else options.quality
    pix_fmt, notes = _pixel_format(codec, info)
    if options.codec == "auto" and info.codec in _ENCODERS and codec != info.codec:
        notes.append(f"{info.codec} video cannot be written to {container}; it becomes {codec}")
    siting = _signalled_siting(info) if pix_fmt.startswith("yuv420p") else None
    tag = "hvc1" if codec == "hevc" and container in ("mp4", "mov") else None
    if options.encoder == "nvenc":
        plan = nvenc_plan(codec, pix_fmt, quality, options, lost=_lost_by_nvenc(info, hdr, siting))
        return replace(plan, codec_tag=tag, notes=(*notes, *plan.notes))
    preset = _preset(codec, options)
    private = {"h264": _x264, "hevc": _x265, "av1": _svt_av1, "vp9": _vp9}[codec]
    settings, lost = private(
        quality, preset, siting, hdr if info.transfer == PQ else HdrMetadata(), options.threads
    )
    if codec == "h264":
        params = repeatable(settings.get("x264-params", ""), info.width_px)
        settings.update({"x264-params": params} if params else {})
    return EncoderPlan(_ENCODERS[codec], pix_fmt, settings, tag, (*notes, *lost))


def _automatic(info: VideoInfo, container: str) -> str:
    ten_bit = info.format is PixelFormat.P010
    if container in _HELD.get(info.codec, ()) and not (info.codec == "vp9" and ten_bit):
        return info.codec
    if container == "webm":
        return "av1" if ten_bit else "vp9"
    return "hevc" if ten_bit else "h264"


def _require_held(codec: str, info: VideoInfo, container: str, path: StrPath) -> None:
    if container not in _HELD[codec]:
        fitting = [suffix for suffix, name in FORMATS.items() if name in _HELD[codec]]
        raise OptionError(
            f"{codec} cannot be written to {os.fspath(path)}", hint=f"name the output {' or '.join(fitting)}"
        )
    if codec == "vp9" and info.format is PixelFormat.P010:
        raise OptionError("10-bit video cannot be encoded as vp9 here", hint="use av1 or hevc")


def _preset(codec: str, options: EncodeOptions) -> str:
    """Checked here, because x264 complains of an unknown one on standard error."""
    preset = options.preset or _DEFAULT_PRESET[codec]
    if preset not in _PRESETS[codec]:
        raise OptionError(
            f"{codec} has no preset {preset!r}", hint=f"use one of {', '.join(_PRESETS[codec])}"
        )
    return preset


def _pixel_format(codec: str, info: VideoInfo) -> tuple[str, list[str]]:
    notes = []
    if info.format is PixelFormat.RGB8:
        notes.append(
            "RGB frames are encoded as BT.709 limited range; use the lossless codec to keep them as they are"
        )
    sampling = "yuv420p"
    if codec in ("h264", "hevc") and (info.width_px % 2 or info.height_px % 2):
        sampling = "yuv444p"
        notes.append(
            f"the size {info.width_px}x{info.height_px} is odd; "
            f"{codec} keeps it with chroma at full size (4:4:4)"
        )
    return sampling + ("10le" if info.format is PixelFormat.P010 else ""), notes


def _lost_by_nvenc(info: VideoInfo, hdr: HdrMetadata, siting: ChromaSiting | None) -> tuple[str, ...]:
    lost = []
    if info.transfer == PQ and hdr.has_static:
        lost.append("nvenc writes no HDR10 metadata here")
    if siting not in (None, ChromaSiting.LEFT):
        lost.append(f"nvenc cannot signal that chroma is sited {siting.value}" if siting else "")
    return tuple(lost)


Settings = tuple[dict[str, str], list[str]]


def _x264(
    quality: int, preset: str, siting: ChromaSiting | None, _hdr: HdrMetadata, _threads: int
) -> Settings:
    settings = {"crf": str(quality), "preset": preset}
    if siting is not None:
        settings["x264-params"] = f"chromaloc={_code(siting)}"
    return settings, ["h264 is written without the HDR10 metadata"] if _hdr.has_static else []


def _x265(quality: int, preset: str, siting: ChromaSiting | None, hdr: HdrMetadata, threads: int) -> Settings:
    params = ["log-level=none", *hdr.x265_params()]
    if siting is not None:
        params.append(f"chromaloc={_code(siting)}")
    if threads:
        params.append(f"pools={threads}")
    return {"crf": str(quality), "preset": preset, "x265-params": ":".join(params)}, []


def _svt_av1(
    quality: int, preset: str, siting: ChromaSiting | None, hdr: HdrMetadata, threads: int
) -> Settings:
    params = hdr.svt_av1_params()
    notes = []
    if siting in _AV1_SITINGS:
        params.append(f"chroma-sample-position={_AV1_SITINGS[siting]}")
    elif siting is not None:
        notes.append(f"AV1 cannot signal {siting.value} chroma siting")
    if threads:
        params.append(f"lp={threads}")
    settings = {"crf": str(quality), "preset": preset}
    if params:
        settings["svtav1-params"] = ":".join(params)
    return settings, notes


def _vp9(quality: int, preset: str, siting: ChromaSiting | None, hdr: HdrMetadata, _threads: int) -> Settings:
    notes = _vp9_siting_note(siting)
    notes += ["vp9 is written without the HDR10 metadata"] if hdr.has_static else []
    return {"crf": str(quality), "b": "0", "deadline": preset, "cpu-used": "4", "row-mt": "1"}, notes


def _lossless(info: VideoInfo, options: EncodeOptions, container: str, path: StrPath) -> EncoderPlan:
    if options.quality is not None:
        raise OptionError("lossless encoding has no quality", hint="leave one of the two out")
    odd = bool(info.width_px % 2 or info.height_px % 2)
    ten_bit = info.format is PixelFormat.P010
    rgb = info.format is PixelFormat.RGB8
    preset = _preset("h264", options)
    siting = _signalled_siting(info)
    if container != "webm" and (rgb or not odd):
        settings = {"qp": "0", "preset": preset}
        if rgb:
            return EncoderPlan("libx264rgb", "rgb24", settings)
        if siting is not None:
            settings["x264-params"] = f"chromaloc={_code(siting)}"
        return EncoderPlan("libx264", "yuv420p10le" if ten_bit else "yuv420p", settings)
    if ten_bit and container == "matroska":
        return EncoderPlan("ffv1", "yuv420p10le", {"level": "3", "slicecrc": "1"})
    if not ten_bit and container != "mov":
        settings = {"lossless": "1", "b": "0", "cpu-used": "4", "row-mt": "1"}
        notes = () if rgb else tuple(_vp9_siting_note(siting))
        return EncoderPlan("libvpx-vp9", "gbrp" if rgb else "yuv420p", settings, notes=notes)
    raise OptionError(
        f"{info.width_px}x{info.height_px} {info.format.value} frames cannot be stored losslessly in "
        f"{os.fspath(path)}",
        hint="name the output .mkv",
    )


def _signalled_siting(info: VideoInfo) -> ChromaSiting | None:
    """What the output should say: what the input said, or where chroma that was halved here came to lie."""
    if info.siting_tagged or info.colour.siting is ChromaSiting.CENTER:
        return info.colour.siting
    return None


def _vp9_siting_note(siting: ChromaSiting | None) -> list[str]:
    if siting in (None, ChromaSiting.LEFT):
        return []
    return [f"VP9 cannot signal that chroma is sited {siting.value}"]


def _code(siting: ChromaSiting) -> int:
    return tuple(ChromaSiting).index(siting)
