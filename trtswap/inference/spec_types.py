"""The frozen types of a network's spec: what it is and how to feed and read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Union

Dimension = Union[int, str]  # noqa: UP007  evaluated at run time
"""A fixed length, or a symbol such as "N" (batch), "H", "W"."""

Channels = Literal["rgb", "bgr"]
Layout = Literal["NCHW", "NHWC"]
Sampling = Literal["bilinear", "area"]
Metric = Literal["psnr", "snr", "cosine", "landmarks", "boxes", "mask"]


@dataclass(frozen=True)
class Licence:
    """label: as the publisher words it. commercial_use: whether that licence permits it."""

    label: str
    note: str
    commercial_use: bool


@dataclass(frozen=True)
class Published:
    """Where the files come from, in words: a project and one of its releases."""

    project: str
    release: str


@dataclass(frozen=True)
class KnownFile:
    """A file known to hold the network. sha256 (of the file), bytes: None when unknown.
    verified: False when they, or that the file is this network, are hearsay. release: of FaceFusion's assets, where it
    can be fetched under this name, or None."""

    name: str
    sha256: str | None
    bytes: int | None
    verified: bool
    note: str
    release: str | None = None


@dataclass(frozen=True)
class TensorSpec:
    """One input or output. accepts: names it has in files, best first (inputs only; outputs go by position).
    optional: a file may lack it (of outputs only the last ones). any_shape: a file may give it in another shape of as
    many values, without the batch axis for example; it then runs one item at a time (outputs only)."""

    name: str
    accepts: tuple[str, ...]
    dtype: str
    shape: tuple[Dimension, ...]
    optional: bool
    any_shape: bool = False


@dataclass(frozen=True)
class PictureSpec:
    """How pixels become the tensor `input`: planar [N, 3, height, width] in `channels` order, or [N, height, width, 3]
    where `layout` is NHWC, holding (v / 255 - mean) / std for code values v. size: (width, height) in pixels.
    sizes: edges of the squares that a detector may also run at. looks: distances between the eyes, in pixels, at which
    a detector looks at a face again (networks/second_look.py), none where that is of no use.
    template: name of the canonical points the crop is aligned to, None where the crop is none of an aligned face."""

    input: str
    size: tuple[int, int]
    channels: Channels
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    template: str | None
    sampling: Sampling
    layout: Layout = "NCHW"
    sizes: tuple[int, ...] = ()
    looks: tuple[float, ...] = ()


NO_PICTURE = PictureSpec("", (0, 0), "rgb", (0.0,) * 3, (1.0,) * 3, None, "bilinear")
"""Of a network that sees no pixels."""


@dataclass(frozen=True)
class SwapSpec:
    """range: output values of black and white.
    boost_sizes: crop edges for pixel boost, in pixels, multiples of the size, the default first.
    converter: the network that takes embeddings into the swapper's identity space, or None.
    source_template: what the source picture is aligned to, for a swapper that sees one, or None."""

    range: tuple[float, float]
    boost_sizes: tuple[int, ...]
    converter: str | None = None
    source_template: str | None = None


@dataclass(frozen=True)
class EnhanceSpec:
    """range: output values of black and white."""

    range: tuple[float, float]


@dataclass(frozen=True)
class BatchSpec:
    """The batch profile an engine is built for."""

    min: int
    opt: int
    max: int


@dataclass(frozen=True)
class BuildSpec:
    """How long TensorRT may search for an engine: optimization_level 0 to 5."""

    optimization_level: int = 3


@dataclass(frozen=True)
class PrecisionSpec:
    """fp16: whether half precision may be tried. keep_float32: parts of the graph to keep in float32."""

    fp16: bool
    keep_float32: tuple[str, ...]


@dataclass(frozen=True)
class FidelitySpec:
    """How close an engine must come to the float32 network.

    metric, bound: "psnr" and "snr" at least `bound` dB; "cosine" at least `bound`; "landmarks" at most `bound` pixels
    of the network's input, outputs times `pixels_per_unit`; "boxes" the same boxes, intersection over union at least
    `bound`, scores within `score_bound`; "mask" a mean absolute difference of at most `bound`.
    """

    metric: Metric
    bound: float
    score_bound: float = 0.0
    pixels_per_unit: float = 1.0


@dataclass(frozen=True)
class NetworkSpec:
    """One network. kind: "role/family", for example "swapper/inswapper". picture: NO_PICTURE for a network that sees
    no pixels. swap, enhance: None unless it is a swapper, an enhancer. origin: the TOML file it was read from."""

    name: str
    kind: str
    summary: str
    vendor: str
    year: int
    licence: Licence
    published: tuple[Published, ...]
    files: tuple[KnownFile, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    picture: PictureSpec
    swap: SwapSpec | None
    batch: BatchSpec
    precision: PrecisionSpec
    fidelity: FidelitySpec
    origin: str
    enhance: EnhanceSpec | None = None
    build: BuildSpec = BuildSpec()

    @property
    def built_in(self) -> bool:
        """Whether it comes with trtswap. Those know rendered people only, so nothing takes one unasked."""
        return self.name.startswith("demo_")

    @property
    def role(self) -> str:
        """The part of `kind` before the slash, for example "detector"."""
        return self.kind.partition("/")[0]

    @property
    def file_names(self) -> tuple[str, ...]:
        """The names its file may have, best first, each once."""
        return tuple(dict.fromkeys(file.name for file in self.files))
