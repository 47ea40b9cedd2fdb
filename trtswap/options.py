"""Frozen settings, shared by the Python API and the command line. Every default is here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from trtswap.errors import OptionError

Codec = Literal["auto", "h264", "hevc", "av1", "vp9", "lossless"]
Selection = Literal["largest", "all", "reference"]
MaskKind = Literal["box", "ellipse", "hull", "occlusion"]
BlendMethod = Literal["multiband", "alpha"]
ColourTransfer = Literal["mk", "reinhard", "off"]
Smoothing = Literal["symmetric", "one-euro", "ema", "individual", "off"]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise OptionError(message)


@dataclass(frozen=True)
class TimePoint:
    """A place in a video: a time in seconds from the first frame, or a frame number from 0. Exactly one is set."""

    seconds: float | None = None
    frame: int | None = None

    def __post_init__(self) -> None:
        _require((self.seconds is None) != (self.frame is None), "give a time or a frame number, not both")
        value = self.seconds if self.seconds is not None else self.frame
        _require(value is not None and value >= 0, f"a place in a video is not negative: {value}")


@dataclass(frozen=True)
class Trim:
    """The part of a video to process: from `start` (included) to `end` (excluded). None means the video's own."""

    start: TimePoint | None = None
    end: TimePoint | None = None

    def __post_init__(self) -> None:
        if self.start is None or self.end is None:
            return
        pairs = ((self.start.seconds, self.end.seconds), (self.start.frame, self.end.frame))
        for first, last in pairs:
            if first is not None and last is not None:
                _require(first < last, f"the trim ends ({last:g}) before it starts ({first:g})")


@dataclass(frozen=True)
class EncodeOptions:
    """How the output is encoded.

    codec: "auto" keeps the input's codec where it can be written, else h264 (8-bit) or hevc (10-bit);
        "lossless" is mathematically lossless in the frame's own format.
    quality: constant quality, 0 (best) to 51; None means the codec's default (h264 18, hevc 20, av1 28, vp9 28);
        for a picture 0 to 51 maps to JPEG and WebP quality 100 to 49.
    preset: the encoder's own speed name; None means a balanced one.
    threads: 0 lets the encoder choose.
    """

    codec: Codec = "auto"
    quality: int | None = None
    preset: str | None = None
    threads: int = 0

    def __post_init__(self) -> None:
        _require(self.quality is None or 0 <= self.quality <= 51, f"quality is 0 to 51, not {self.quality}")
        _require(self.threads >= 0, f"threads is 0 or more, not {self.threads}")


@dataclass(frozen=True)
class DetectOptions:
    """How faces are found. score: 0..1, candidates below it are dropped. overlap: 0..1, two boxes whose
    intersection over union is larger are one face."""

    network: str = "auto"
    score: float = 0.5
    overlap: float = 0.4

    def __post_init__(self) -> None:
        _require(0 <= self.score <= 1, f"the detector score is 0 to 1, not {self.score}")
        _require(0 <= self.overlap <= 1, f"the overlap is 0 to 1, not {self.overlap}")


@dataclass(frozen=True)
class LandmarkOptions:
    """How faces get their sixty-eight points. network: "auto" takes a landmarker where one is on disk, "none" leaves
    the detector's five points as they are. score: 0..1, the landmarker's points align a face above it."""

    network: str = "auto"
    score: float = 0.5

    def __post_init__(self) -> None:
        _require(0 <= self.score <= 1, f"the landmarker score is 0 to 1, not {self.score}")


@dataclass(frozen=True)
class SelectOptions:
    """Which faces are swapped. distance: (1 - cosine) / 2 to the reference below which a face matches, 0..1."""

    mode: Selection = "largest"
    distance: float = 0.3

    def __post_init__(self) -> None:
        _require(0 <= self.distance <= 1, f"the reference distance is 0 to 1, not {self.distance}")


@dataclass(frozen=True)
class SmoothOptions:
    """How faces are held steady over time.

    method: "symmetric" looks `lag_s` seconds ahead and does not trail behind motion; "one-euro" and "ema" are causal;
        "individual" treats each landmark alone, robustly; "off" passes detections on as they are.
    lag_s: how far ahead symmetric and individual look, in seconds.
    window, alpha: of "ema": frames averaged, and the weight of each newer one, 0..1.
    gap_s: how long a lost face is bridged, in seconds; never across a scene cut.
    """

    method: Smoothing = "symmetric"
    lag_s: float = 0.25
    window: int = 5
    alpha: float = 0.25
    gap_s: float = 0.2

    def __post_init__(self) -> None:
        _require(0 < self.lag_s <= 2, f"the smoothing looks 0 to 2 seconds ahead, not {self.lag_s}")
        _require(1 <= self.window <= 60, f"the smoothing window is 1 to 60 frames, not {self.window}")
        _require(0 < self.alpha <= 1, f"the smoothing alpha is above 0 and at most 1, not {self.alpha}")
        _require(0 <= self.gap_s <= 2, f"gaps of 0 to 2 seconds are bridged, not {self.gap_s}")


@dataclass(frozen=True)
class MaskOptions:
    """Where a patch replaces the frame: where all of `kinds` agree.

    kinds: "box", all of the crop but its edges; "ellipse", about where an upright face lies in the crop; "hull", around
    the 68 points of each face, the ellipse where it has none; "occlusion", what covers the face is left as it is.
    blur: of the box, 0..1 of half the crop's width. padding: of the box, percent of the crop, top right bottom left.
    feather: of ellipse and hull, how far inwards they fade out, 0..0.5 of the crop's width. occluder: the
    networks that tell what covers a face, of several the least mask counts; "auto" takes one where it is on disk, and
    goes without where there is none.
    """

    blur: float = 0.3
    padding: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    kinds: tuple[MaskKind, ...] = ("box", "occlusion")
    feather: float = 0.12
    occluder: tuple[str, ...] = ("auto",)

    def __post_init__(self) -> None:
        _require(0 <= self.blur <= 1, f"the mask blur is 0 to 1, not {self.blur}")
        _require(0 <= self.feather <= 0.5, f"the feather is 0 to 0.5 of the crop, not {self.feather}")
        _require(
            len(self.padding) == 4 and all(0 <= side < 100 for side in self.padding),
            f"the mask padding is four percentages from 0 to 99, not {self.padding}",
        )
        known = get_args(MaskKind)
        _require(
            len(self.kinds) > 0 and set(self.kinds) <= set(known),
            f"the mask is made of one or more of {', '.join(known)}, not of {', '.join(self.kinds) or 'nothing'}",
        )
        _require(len(self.occluder) > 0 and all(self.occluder), "the occluder is auto or names of networks")
        top, right, bottom, left = self.padding
        _require(
            top + bottom < 100 and left + right < 100,
            f"the mask padding leaves nothing of the face: {self.padding}",
        )


@dataclass(frozen=True)
class BlendOptions:
    """How a patch joins the frame.

    method: "multiband" gives coarse structure a wide transition and detail a narrow one; "alpha" mixes under the mask.
    levels: of multiband, octaves of detail, 1..8; a small face has room for fewer. colour: how the patch gets the
    colours of the frame's skin: "mk" by the whole covariance (Monge-Kantorovich), "reinhard" each channel of L*a*b*
    alone, "off" not. strength: of that, 0..1.
    """

    method: BlendMethod = "multiband"
    levels: int = 5
    colour: ColourTransfer = "mk"
    strength: float = 1.0

    def __post_init__(self) -> None:
        _require(1 <= self.levels <= 8, f"the blend has 1 to 8 levels, not {self.levels}")
        _require(0 <= self.strength <= 1, f"the colour strength is 0 to 1, not {self.strength}")


@dataclass(frozen=True)
class SwapOptions:
    """Everything about a run. batch: frames analysed and swapped together. queue: batches waiting between stages.
    models: folders searched first for networks. provider: ONNX Runtime's execution provider."""

    swapper: str = "auto"
    recogniser: str = "auto"
    detect: DetectOptions = field(default_factory=DetectOptions)
    landmarks: LandmarkOptions = field(default_factory=LandmarkOptions)
    select: SelectOptions = field(default_factory=SelectOptions)
    smooth: SmoothOptions = field(default_factory=SmoothOptions)
    mask: MaskOptions = field(default_factory=MaskOptions)
    blend: BlendOptions = field(default_factory=BlendOptions)
    encode: EncodeOptions = field(default_factory=EncodeOptions)
    trim: Trim = field(default_factory=Trim)
    models: tuple[str, ...] = ()
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    batch: int = 4
    queue: int = 2
    overwrite: bool = False

    def __post_init__(self) -> None:
        _require(1 <= self.batch <= 64, f"the batch is 1 to 64 frames, not {self.batch}")
        _require(1 <= self.queue <= 16, f"the queue holds 1 to 16 batches, not {self.queue}")
