"""The value types that flow through trtswap: surfaces, frames, faces, identities. Frozen; no logic beyond checks.

Coordinates are in pixels of the stored frame, x right, y down; an integer coordinate is a pixel *centre*.
Time is in ticks with a rational base, so 29.97 stays 30000/1001. Units stand in names (`boxes_px`, `start_s`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
DeviceArray = Any
"""Anything with `__cuda_array_interface__` (trtswap.device.GpuArray, CuPy, PyTorch)."""


class PixelFormat(str, Enum):
    """How a surface stores its pixels.

    NV12: planes uint8 [H, W] luma and uint8 [ceil(H/2), ceil(W/2), 2] Cb, Cr.
    P010: the same in uint16, the 10-bit code in the upper bits (code << 6).
    RGB8: one plane uint8 [H, W, 3], R, G, B.
    """

    NV12 = "nv12"
    P010 = "p010"
    RGB8 = "rgb8"

    @property
    def bit_depth(self) -> int:
        """Bits of one sample: 8 or 10."""
        return 10 if self is PixelFormat.P010 else 8

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type of every plane."""
        return np.dtype(np.uint16 if self is PixelFormat.P010 else np.uint8)

    def plane_shapes(self, width: int, height: int) -> tuple[tuple[int, ...], ...]:
        """The shape of each plane of a picture of `width` x `height` pixels."""
        if self is PixelFormat.RGB8:
            return ((height, width, 3),)
        return ((height, width), ((height + 1) // 2, (width + 1) // 2, 2))


class Matrix(str, Enum):
    """The Y'CbCr matrix: ITU-R BT.601, BT.709 or BT.2020 (non-constant luminance). Ignored for RGB8."""

    BT601 = "bt601"
    BT709 = "bt709"
    BT2020 = "bt2020"


class Range(str, Enum):
    """Code values: LIMITED puts 8-bit luma in 16..235 and chroma in 16..240, FULL uses all. Ignored for RGB8."""

    LIMITED = "limited"
    FULL = "full"


class ChromaSiting(str, Enum):
    """Where a 4:2:0 chroma sample sits in its block of 2 x 2 luma samples (H.273 ChromaLocType 0 to 5)."""

    LEFT = "left"
    CENTER = "center"
    TOPLEFT = "topleft"
    TOP = "top"
    BOTTOMLEFT = "bottomleft"
    BOTTOM = "bottom"

    @property
    def offset_px(self) -> tuple[float, float]:
        """x, y of the first chroma sample in luma pixels."""
        return _SITING_OFFSETS[self.value]


_SITING_OFFSETS = {
    "left": (0.0, 0.5),
    "center": (0.5, 0.5),
    "topleft": (0.0, 0.0),
    "top": (0.5, 0.0),
    "bottomleft": (0.0, 1.0),
    "bottom": (0.5, 1.0),
}


@dataclass(frozen=True)
class Colour:
    """How code values of a Y'CbCr surface mean colours."""

    matrix: Matrix = Matrix.BT709
    range: Range = Range.LIMITED
    siting: ChromaSiting = ChromaSiting.LEFT


@dataclass(frozen=True)
class Surface:
    """The pixels of one frame, as stored.

    planes: arrays as `PixelFormat` says, NumPy on the host or DeviceArray on a device; rows may be padded
        (a stride along the first axis), the other axes are dense.
    rotation_deg: 0, 90, 180 or 270, counter-clockwise; turn the stored picture by this to see it upright.
    Raises ValueError when planes do not fit the format.
    """

    format: PixelFormat
    planes: tuple[Any, ...]
    colour: Colour = Colour()
    rotation_deg: int = 0

    def __post_init__(self) -> None:
        if self.rotation_deg not in (0, 90, 180, 270):
            raise ValueError(f"rotation_deg is one of 0, 90, 180, 270, not {self.rotation_deg}")
        if not self.planes or len(self.planes[0].shape) < 2:
            raise ValueError("a surface needs planes of at least two axes")
        height, width = self.planes[0].shape[:2]
        if height < 1 or width < 1:
            raise ValueError(f"a surface has at least one pixel, not {width}x{height}")
        expected = self.format.plane_shapes(width, height)
        actual = tuple(tuple(plane.shape) for plane in self.planes)
        if actual != expected:
            raise ValueError(f"{self.format.value} planes: expected shapes {expected}, got {actual}")
        for plane in self.planes:
            if np.dtype(plane.dtype) != self.format.dtype:
                raise ValueError(
                    f"{self.format.value} planes: expected {self.format.dtype}, got {np.dtype(plane.dtype)}"
                )

    @property
    def width_px(self) -> int:
        """Width as stored, before rotation."""
        return int(self.planes[0].shape[1])

    @property
    def height_px(self) -> int:
        """Height as stored, before rotation."""
        return int(self.planes[0].shape[0])

    @property
    def on_device(self) -> bool:
        """True when the planes lie in GPU memory."""
        plane = self.planes[0]  # asking an array itself may count as its use
        return hasattr(type(plane), "__cuda_array_interface__") or (
            not isinstance(plane, np.ndarray) and hasattr(plane, "__cuda_array_interface__")
        )

    @classmethod
    def allocate(
        cls,
        format: PixelFormat,
        width_px: int,
        height_px: int,
        colour: Colour | None = None,
        rotation_deg: int = 0,
    ) -> Surface:
        """A host surface with uninitialised pixels."""
        planes = tuple(np.empty(shape, format.dtype) for shape in format.plane_shapes(width_px, height_px))
        return cls(format, planes, colour or Colour(), rotation_deg)

    def copy(self) -> Surface:
        """A surface with planes of its own."""
        return replace(self, planes=tuple(plane.copy() for plane in self.planes))


@dataclass(frozen=True)
class Frame:
    """One frame of a video (or the only one of a picture).

    index: 0 for the first frame delivered, in presentation order. pts: time stamp in ticks of `time_base`
    seconds, as in the file. duration: in ticks, 0 when unknown.
    """

    surface: Surface
    index: int
    pts: int
    time_base: Fraction
    duration: int = 0

    @property
    def time_s(self) -> float:
        """pts in seconds."""
        base = self.time_base
        return self.pts * base.numerator / base.denominator  # as the fraction is, but in a tenth of the time


@dataclass(frozen=True)
class Faces:
    """The faces of one frame, best score first unless a stage says otherwise.

    boxes_px: float32 [N, 4], x1 y1 x2 y2. landmarks_px: float32 [N, 5, 2], in the order image-left eye,
    image-right eye, nose tip, image-left mouth corner, image-right mouth corner of the *upright* picture.
    scores: float32 [N], 0..1. embeddings: float32 [N, 512] as recognised (any length), or None.
    track_ids: int32 [N], each once, or None before tracking. filled: bool [N], True where no detection stands behind
    the face, or None before tracking. landmarks_68_px: float32 [N, 68, 2] in the order of iBUG 300-W, sides as in the
    upright picture, or None where no landmarker has run.
    """

    boxes_px: Array
    landmarks_px: Array
    scores: Array
    embeddings: Array | None = None
    track_ids: Array | None = None
    filled: Array | None = None
    landmarks_68_px: Array | None = None

    def __post_init__(self) -> None:
        count = len(self.scores)
        shapes = (self.boxes_px.shape, self.landmarks_px.shape, self.scores.shape)
        if shapes != ((count, 4), (count, 5, 2), (count,)):
            raise ValueError(f"faces: expected shapes [N, 4], [N, 5, 2], [N], got {shapes}")
        if self.embeddings is not None and (self.embeddings.ndim != 2 or len(self.embeddings) != count):
            raise ValueError(f"faces: expected embeddings [{count}, D], got {self.embeddings.shape}")
        for name, values in (("track_ids", self.track_ids), ("filled", self.filled)):
            if values is not None and values.shape != (count,):
                raise ValueError(f"faces: expected {name} [{count}], got {values.shape}")
        dense = self.landmarks_68_px
        if dense is not None and dense.shape != (count, 68, 2):
            raise ValueError(f"faces: expected landmarks_68_px [{count}, 68, 2], got {dense.shape}")

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: Sequence[int] | Array) -> Faces:
        """The faces of the given rows, in that order."""
        index = np.asarray(rows, np.intp)
        optional = (self.embeddings, self.track_ids, self.filled, self.landmarks_68_px)
        return Faces(
            self.boxes_px.take(index, 0),
            self.landmarks_px.take(index, 0),
            self.scores.take(index, 0),
            *[None if values is None else values.take(index, 0) for values in optional],
        )

    @classmethod
    def empty(cls) -> Faces:
        """No faces."""
        return cls(np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Identity:
    """Who to show. embedding: float32 [512], the mean of the raw embeddings of the source pictures.
    unit: float32 [512], the mean of their unit vectors, at length 1. pictures: how many went in. picture, landmarks_px:
    the first of them, and the five points float32 [5, 2] of the face on it, for networks that look at it; or None."""

    embedding: Array
    unit: Array
    pictures: int = 1
    picture: Surface | None = None
    landmarks_px: Array | None = None


@dataclass(frozen=True)
class VideoInfo:
    """What a target is, as read from its headers; what its writer must reproduce.

    width_px, height_px: as stored. rotation_deg as in `Surface`. frame_rate: average, in 1/s, or None for a picture.
    frame_count: as the container declares it, or None. duration_s: or None. primaries, transfer, matrix_code:
    the H.273 codes as tagged (2 = unspecified). range_tagged: whether the stream says its range.
    pix_fmt, codec: FFmpeg's names of what is stored. is_picture: a single still picture.
    metadata: of the container; stream_metadata: of the video stream.
    """

    path: str
    width_px: int
    height_px: int
    format: PixelFormat
    colour: Colour
    codec: str
    pix_fmt: str
    rotation_deg: int = 0
    frame_rate: Fraction | None = None
    time_base: Fraction = Fraction(1, 90000)
    frame_count: int | None = None
    duration_s: float | None = None
    sample_aspect_ratio: Fraction | None = None
    primaries: int = 2
    transfer: int = 2
    matrix_code: int = 2
    range_tagged: bool = False
    siting_tagged: bool = False
    is_picture: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    stream_metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far a run is. stage: "prepare", "resume" (over what an interrupted run has done), "swap" and "finish", or
    "measure". frames_total: None while unknown."""

    stage: str
    frames_done: int
    frames_total: int | None
    faces_swapped: int
    elapsed_s: float


@dataclass(frozen=True)
class SwapReport:
    """What a run did. seconds: wall clock. networks: role (detector, recogniser, swapper, landmarker, mask)
    to file path; further networks of one role stand under their names. licences: of these networks, name to licence.
    notes: what the user should know (conversions, guesses, lost data), in order, one sentence each.
    quality: figures by name (docs/quality.md), None where nothing was measured; empty without a monitor."""

    output: str
    frames: int
    frames_with_faces: int
    faces_swapped: int
    seconds: float
    networks: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    quality: dict[str, float | None] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
