"""Frozen settings, shared by the Python API and the command line. Every default is here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from trtswap.engine_options import device_index
from trtswap.errors import OptionError
from trtswap.provenance_options import DiscloseOptions as DiscloseOptions
from trtswap.provenance_options import ProvenanceOptions as ProvenanceOptions

Codec = Literal["auto", "h264", "hevc", "av1", "vp9", "lossless"]
LeftOver = Literal["refuse", "resume", "restart"]
Permission = Literal["any", "noncommercial", "permissive"]
Gender = Literal["any", "auto", "female", "male"]
Order = Literal[
    "large-small",
    "small-large",
    "left-right",
    "right-left",
    "top-bottom",
    "bottom-top",
    "best-worst",
    "worst-best",
]
Race = Literal["any", "auto", "white", "black", "latino", "asian", "indian", "arabic"]
Selection = Literal["largest", "one", "all", "reference"]
Area = Literal["upper-face", "lower-face", "mouth"]
MaskKind = Literal["box", "ellipse", "hull", "occlusion", "area", "region"]
Region = Literal[
    "skin",
    "left-eyebrow",
    "right-eyebrow",
    "left-eye",
    "right-eye",
    "glasses",
    "nose",
    "mouth",
    "upper-lip",
    "lower-lip",
]
Monitoring = Literal["off", "sample", "full"]
BlendMethod = Literal["multiband", "alpha", "poisson"]
ColourTransfer = Literal["mk", "reinhard", "off"]
ClipKind = Literal[
    "talking",
    "fast",
    "dim",
    "coloured light",
    "profile turn",
    "occluded",
    "small",
    "two people",
    "scene cut",
]
Encoder = Literal["auto", "software", "nvenc"]
FramePlace = Literal["auto", "host", "gpu"]
SecondLook = Literal["auto", "always", "never"]
MemoryTier = Literal["strict", "moderate", "normal"]
Smoothing = Literal["symmetric", "one-euro", "ema", "individual", "off"]


def names_in(text: str) -> tuple[str, ...]:
    """Names separated by commas, each once, in their order."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


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
    encoder: "software"; "nvenc", the GPU's own for h264 and hevc, where it can be opened; "auto" is software, for now.
    """

    codec: Codec = "auto"
    quality: int | None = None
    preset: str | None = None
    threads: int = 0
    encoder: Encoder = "auto"

    def __post_init__(self) -> None:
        _require(self.quality is None or 0 <= self.quality <= 51, f"quality is 0 to 51, not {self.quality}")
        _require(self.threads >= 0, f"threads is 0 or more, not {self.threads}")


@dataclass(frozen=True)
class DetectOptions:
    """How faces are found.

    network: "auto", a detector, or several with commas, whose findings are pooled. score: 0..1, candidates below it are
    dropped. overlap: 0..1, two boxes whose intersection over union is larger are one face; None means 0.4, less 0.1 for
    each further angle, and 0.1 where detectors are pooled. size: edge of the detector's input in pixels, 0 for its own.
    angles: the upright picture is searched turned by each of 0, 90, 180, 270 degrees. margin: border around the
    picture that continues its edge, so that faces which leave it are found too, top right bottom left, 0..100, 100 is
    half its height or width. second_look: whether the points of a face are found again, more exactly, from close by:
    "auto" where the detector can and no landmarker finds them, "always", "never".
    """

    network: str = "auto"
    score: float = 0.5
    overlap: float | None = None
    size: int = 0
    angles: tuple[int, ...] = (0,)
    margin: tuple[int, int, int, int] = (0, 0, 0, 0)
    second_look: SecondLook = "auto"

    def __post_init__(self) -> None:
        _require(0 <= self.score <= 1, f"the detector score is 0 to 1, not {self.score}")
        _require(self.overlap is None or 0 <= self.overlap <= 1, f"the overlap is 0 to 1, not {self.overlap}")
        _require(self.size >= 0, f"the detector's size is 0 or more, not {self.size}")
        _require(
            0 < len(set(self.angles)) == len(self.angles) and set(self.angles) <= {0, 90, 180, 270},
            f"the detector's angles are some of 0, 90, 180, 270, each once, not {self.angles}",
        )
        _require(
            len(self.margin) == 4 and all(0 <= side <= 100 for side in self.margin),
            f"the detector's margin is four numbers from 0 to 100, not {self.margin}",
        )


@dataclass(frozen=True)
class LandmarkOptions:
    """How faces get their sixty-eight points. network: "auto" takes a landmarker where one is on disk, "none" leaves
    the detector's five points as they are; of several with commas the surer one counts for each face, the first where
    it is not clearly worse. score: 0..1, the landmarker's points align a face above it."""

    network: str = "auto"
    score: float = 0.5

    def __post_init__(self) -> None:
        _require(0 <= self.score <= 1, f"the landmarker score is 0 to 1, not {self.score}")


@dataclass(frozen=True)
class SelectOptions:
    """Which faces are swapped.

    mode: "largest"; "one", that at `position` in `order`; "all"; "reference", the person on a picture, there the face
    at `position` in `order`. position: 0 is the first; one too high takes the last. distance: (1 - cosine) / 2 to the
    reference below which a face matches, 0..1. gender, race, age: only such faces, as a classifier sees them; "auto" is
    as the source. age: first and last year, the last not included.
    """

    mode: Selection = "largest"
    distance: float = 0.3
    order: Order = "large-small"
    position: int = 0
    gender: Gender = "any"
    race: Race = "any"
    age: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        _require(0 <= self.distance <= 1, f"the reference distance is 0 to 1, not {self.distance}")
        _require(self.position >= 0, f"the position is 0 or more, not {self.position}")
        _require(
            self.age is None or 0 <= self.age[0] < self.age[1] <= 101,
            f"the age is a first and a later last year of 0 to 100, not {self.age}",
        )

    @property
    def filters(self) -> bool:
        """Whether a classifier is needed."""
        return self.gender != "any" or self.race != "any" or self.age is not None


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
    lag_s: float = 0.33
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
    the 68 points of each face, the ellipse where it has none; "occlusion", what covers the face is left as it is;
    "area", the outline of `areas` by the 68 points; "region", the parts of the new face named in `regions`. blur: of
    the box, 0..1 of half the crop's width. padding: of the box, percent of the crop, top right bottom left. feather: of
    ellipse and hull, how far inwards they fade out, 0..0.5 of the crop's width. occluder: the network that tells what
    covers a face, of several with commas the least mask counts; "auto" takes one where it is on disk, and goes without
    where there is none. parser: the network that knows the regions.
    """

    blur: float = 0.3
    padding: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    kinds: tuple[MaskKind, ...] = ("box", "occlusion")
    areas: tuple[Area, ...] = get_args(Area)
    regions: tuple[Region, ...] = get_args(Region)
    feather: float = 0.12
    occluder: str = "auto"
    parser: str = "auto"

    def __post_init__(self) -> None:
        _require(0 <= self.blur <= 1, f"the mask blur is 0 to 1, not {self.blur}")
        _require(0 <= self.feather <= 0.5, f"the feather is 0 to 0.5 of the crop, not {self.feather}")
        _require(
            len(self.padding) == 4 and all(0 <= side < 100 for side in self.padding),
            f"the mask padding is four percentages from 0 to 99, not {self.padding}",
        )
        for what, values, known in (
            ("mask is made", self.kinds, get_args(MaskKind)),
            ("areas of the mask are", self.areas, get_args(Area)),
            ("regions of the mask are", self.regions, get_args(Region)),
        ):
            _require(
                len(values) > 0 and set(values) <= set(known),
                f"the {what} one or more of {', '.join(known)}, not {', '.join(values) or 'nothing'}",
            )
        top, right, bottom, left = self.padding
        _require(
            top + bottom < 100 and left + right < 100,
            f"the mask padding leaves nothing of the face: {self.padding}",
        )


@dataclass(frozen=True)
class EnhanceOptions:
    """How faces are restored after the swap. network: "none", "auto" or a name. blend: 0..1, how much of the result is
    restored. weight: 0..1, more keeps the face as it is, for networks that know a weight."""

    network: str = "none"
    blend: float = 0.8
    weight: float = 0.5

    def __post_init__(self) -> None:
        _require(0 <= self.blend <= 1, f"the blend of the enhancer is 0 to 1, not {self.blend}")
        _require(0 <= self.weight <= 1, f"the weight of the enhancer is 0 to 1, not {self.weight}")


@dataclass(frozen=True)
class MonitorOptions:
    """How the result is measured while it is made.

    mode: "off" measures nothing, unless a report or a threshold asks for figures: then it is "sample", two consecutive
        frames of every `stride`; "full" measures every frame.
    require: thresholds that must hold, such as "tpsnr.min>16" or "jitter.share<5%".
    """

    mode: Monitoring = "off"
    stride: int = 24
    require: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(2 <= self.stride <= 1000, f"the monitor's stride is 2 to 1000 frames, not {self.stride}")


@dataclass(frozen=True)
class BlendOptions:
    """How a patch joins the frame.

    method: "multiband" gives coarse structure a wide transition and detail a narrow one; "alpha" mixes under the mask;
    "poisson" keeps the patch's detail and takes its brightness and colour from the frame around it.
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


SEGMENT_S = 60.0
LONG_S = 300.0
"""Videos longer than this are made in segments of that length, where nothing else is asked for."""


@dataclass(frozen=True)
class ResumeOptions:
    """How a video that is interrupted can be gone on with.

    segment_s: the output is made in segments of so many seconds, each kept once it is complete; 0 makes it in one
    piece; None is `SEGMENT_S` for videos longer than `LONG_S`, else 0. left_over: of segments that an interrupted run
    left, "resume" goes on with them where all is as it was then, "restart" begins anew, "refuse" raises OptionError.
    """

    segment_s: float | None = None
    left_over: LeftOver = "refuse"

    def __post_init__(self) -> None:
        _require(
            self.segment_s is None or self.segment_s == 0 or 0.5 <= self.segment_s <= 3600,
            f"a segment is half a second to an hour long, or 0 for none, not {self.segment_s}",
        )


HOST_BATCH = 4
GPU_BATCH = 16
"""Frames worked on together by themselves; on a GPU more of them hide what it costs to set it to work."""


@dataclass(frozen=True)
class SwapOptions:
    """Everything about a run.

    boost: edge of the crop in pixels, of those that the swapper offers, 0 for its own. weight: 0..1, above a half the
    target's own identity is taken away from the source's, below it is added. batch: frames analysed and swapped
    together; None is `GPU_BATCH` where frames stay on the GPU, else `HOST_BATCH`. batch_wait_s: a batch is closed, full
    or not, when its first frame has waited so long for others, 0 for as long as it takes: for targets that come slower
    than they are worked on. queue: batches waiting between stages. memory: how much a run may take, and what it gives
    back between targets (trtswap.memory); batch and queue become less where they do not fit. memory_limit: in bytes, in
    place of the tier's; 0 for that. models: folders searched first for networks. licence: which networks may run;
    "permissive": whose licence permits commercial use, "noncommercial": all but those under no known licence. device:
    "auto" runs TensorRT engines where there is a GPU with TensorRT and ONNX Runtime elsewhere, "cuda" or "cuda:N"
    insists on engines, "cpu" takes ONNX Runtime. provider: of ONNX Runtime, where that runs. frames: where frames lie
    between decoding and encoding: "host"; "gpu", in the memory of `device`, which needs pycuda and a build with CUDA;
    "auto" is the GPU where engines and trtswap's kernels run on it, else the host. decoder: "auto" decodes on the GPU
    where frames stay there and it gives the very same first frame, "software" never does.
    """

    swapper: str = "auto"
    boost: int = 0
    weight: float = 0.5
    recogniser: str = "auto"
    detect: DetectOptions = field(default_factory=DetectOptions)
    landmarks: LandmarkOptions = field(default_factory=LandmarkOptions)
    select: SelectOptions = field(default_factory=SelectOptions)
    smooth: SmoothOptions = field(default_factory=SmoothOptions)
    mask: MaskOptions = field(default_factory=MaskOptions)
    enhance: EnhanceOptions = field(default_factory=EnhanceOptions)
    blend: BlendOptions = field(default_factory=BlendOptions)
    encode: EncodeOptions = field(default_factory=EncodeOptions)
    trim: Trim = field(default_factory=Trim)
    monitor: MonitorOptions = field(default_factory=MonitorOptions)
    provenance: ProvenanceOptions = field(default_factory=ProvenanceOptions)
    resume: ResumeOptions = field(default_factory=ResumeOptions)
    disclose: DiscloseOptions = field(default_factory=DiscloseOptions)
    models: tuple[str, ...] = ()
    licence: Permission = "any"
    device: str = "auto"
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    frames: FramePlace = "auto"
    decoder: Literal["auto", "software"] = "auto"
    batch: int | None = None
    batch_wait_s: float = 0.0
    queue: int = 2
    memory: MemoryTier = "normal"
    memory_limit: int = 0
    overwrite: bool = False

    def __post_init__(self) -> None:
        _require(
            self.memory_limit == 0 or self.memory_limit >= 10**8,
            f"the limit of memory is 100 MB or more, not {self.memory_limit / 1e6:g} MB",
        )
        _require(self.boost >= 0, f"the boost is a size in pixels, not {self.boost}")
        _require(0 <= self.weight <= 1, f"the swap weight is 0 to 1, not {self.weight}")
        _require(1 <= self.together <= 64, f"the batch is 1 to 64 frames, not {self.batch}")
        _require(
            0 <= self.batch_wait_s <= 60, f"frames wait 0 to 60 seconds for others, not {self.batch_wait_s:g}"
        )
        device_index(self.device)
        _require(1 <= self.queue <= 16, f"the queue holds 1 to 16 batches, not {self.queue}")

    @property
    def together(self) -> int:
        """How many frames are worked on together, where `frames` says by now where they lie."""
        if self.batch is not None:
            return self.batch
        return GPU_BATCH if self.frames == "gpu" else HOST_BATCH


@dataclass(frozen=True)
class BenchOptions:
    """How a run is measured. frames: of the clip, from its start, 0 for all. repeats: runs that count, after one that
    does not."""

    frames: int = 75
    repeats: int = 3

    def __post_init__(self) -> None:
        _require(self.frames >= 0, f"the number of frames is 0 or more, not {self.frames}")
        _require(1 <= self.repeats <= 100, f"1 to 100 runs are measured, not {self.repeats}")


@dataclass(frozen=True)
class DemoOptions:
    """A rendered clip. kind: what happens in it. seed: the same number always gives the same people and motion.
    seconds: how long. rate: frames per second. size: width and height in pixels, both even."""

    kind: ClipKind = "talking"
    seed: int = 15
    seconds: float = 3.0
    rate: int = 25
    size: tuple[int, int] = (640, 360)

    def __post_init__(self) -> None:
        _require(self.kind in get_args(ClipKind), f"a clip is one of {', '.join(get_args(ClipKind))}")
        _require(self.seed >= 0, f"the seed is 0 or more, not {self.seed}")
        _require(0.2 <= self.seconds <= 60, f"the demo lasts 0.2 to 60 seconds, not {self.seconds:g}")

    @property
    def frames(self) -> int:
        """How many frames that is."""
        return max(1, round(self.seconds * self.rate))


@dataclass(frozen=True)
class ManyOptions:
    """How several targets are gone through. recursive: folders with all that is below them, and the same folders in the
    output. skip_existing: a target whose output is there already is left out; else that is an error, unless
    `SwapOptions.overwrite` is set."""

    recursive: bool = False
    skip_existing: bool = False
