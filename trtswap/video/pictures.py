"""Still pictures: PNG, JPEG and WebP as sources of one frame and back, with alpha, EXIF, XMP and ICC
profile."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from trtswap.errors import OptionError, PictureError, StrPath
from trtswap.options import EncodeOptions
from trtswap.types import Array, ChromaSiting, Colour, Frame, PixelFormat, Surface, VideoInfo
from trtswap.video.base import DEFAULT_ENCODING, WHOLE, FrameSink, FrameSource
from trtswap.video.exif import is_mirrored, orientation, rotation_deg
from trtswap.video.paths import Seal, TemporaryOutput, require_file, require_output
from trtswap.video.picture_codec import Metadata, decode_stored, decode_upright, encode
from trtswap.video.picture_files import add_xmp, is_animated, picture_kind, picture_size, read_xmp
from trtswap.video.xmp import marked_packet

MAX_PIXELS = 178_000_000
MAX_BYTES = 1 << 30
_EXTENSIONS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
_ENCODER_SIDES = {"jpeg": 65535, "webp": 16383}


def is_picture_file(path: StrPath) -> bool:
    """Whether a regular file begins like PNG, JPEG or WebP. Raises PictureError when it cannot be read."""
    require_file(path, PictureError)
    try:
        with Path(os.fspath(path)).open("rb") as file:
            return picture_kind(file.read(16)) is not None
    except OSError as cause:
        raise PictureError(f"cannot read {os.fspath(path)}: {cause.strerror}", path=path) from cause


def picture_extension(path: StrPath) -> str | None:
    """`png`, `jpeg` or `webp` as the name's extension says, or None."""
    return _EXTENSIONS.get(Path(os.fspath(path)).suffix.lower())


def read_picture_bgr(path: StrPath) -> Array:
    """A picture as uint8 [H, W, 3] BGR, upright as EXIF asks, without alpha.

    Raises PictureError for a missing, empty, damaged or unknown file and for pictures over 178 megapixels or
    1 GiB.
    """
    return decode_upright(_checked_bytes(path), os.fspath(path))


def open_picture(path: StrPath) -> PictureSource:
    """Opens a picture as a source of one frame. Raises PictureError as `read_picture_bgr` does."""
    return PictureSource(path)


def create_picture(
    path: StrPath,
    source: PictureSource,
    *,
    options: EncodeOptions = DEFAULT_ENCODING,
    overwrite: bool = False,
    marks: Mapping[str, str] | None = None,
    seal: Seal | None = None,
) -> PictureSink:
    """Opens a picture for writing, in the format its extension names, with all that `source` carries.

    marks: their texts go into XMP together with the IPTC digital source type of a partly synthetic picture. seal:
    called with the complete file before it gets its name.
    Raises OptionError for names or options that cannot work, PictureError when the folder cannot be written.
    """
    return PictureSink(path, source, options=options, overwrite=overwrite, marks=marks or {}, seal=seal)


class PictureSource(FrameSource):
    """One frame of RGB8, as stored: EXIF's turn is left to `rotation_deg`. alpha: uint8 [H, W] or None."""

    def __init__(self, path: StrPath) -> None:
        name = os.fspath(path)
        data = _checked_bytes(path)
        stored = decode_stored(data, name)
        self.notes = list(stored.notes)
        self.trim = WHOLE
        self.expected_frames = 1
        self.alpha = stored.alpha
        self.metadata = Metadata(stored.metadata.exif, read_xmp(data), stored.metadata.icc)
        turn = orientation(self.metadata.exif)
        if is_mirrored(turn):
            self.notes.append("EXIF asks for a mirrored view; the pixels are processed unmirrored")
        if is_animated(data):
            self.notes.append("the picture is animated; only its first frame is used")
        self._surface: Surface | None = Surface(
            PixelFormat.RGB8, (stored.rgb,), Colour(siting=ChromaSiting.CENTER), rotation_deg(turn)
        )
        height, width, _ = stored.rgb.shape
        self.info = VideoInfo(
            path=name,
            width_px=width,
            height_px=height,
            format=PixelFormat.RGB8,
            colour=self._surface.colour,
            codec=picture_kind(data) or "",
            pix_fmt="rgba" if stored.alpha is not None else "rgb24",
            rotation_deg=rotation_deg(turn),
            frame_count=1,
            is_picture=True,
        )

    def __iter__(self) -> Iterator[Frame]:
        surface, self._surface = self._surface, None
        if surface is None:
            raise RuntimeError("a picture source can be iterated once; open it again")
        return iter([Frame(surface, 0, 0, self.info.time_base)])


class PictureSink(FrameSink):
    """Holds one frame's encoded bytes until `commit`. See `create_picture`."""

    def __init__(
        self,
        path: StrPath,
        source: PictureSource,
        *,
        options: EncodeOptions,
        overwrite: bool,
        marks: Mapping[str, str],
        seal: Seal | None,
    ) -> None:
        kind = picture_extension(path)
        if kind is None:
            raise OptionError(
                f"cannot write a picture to {os.fspath(path)}", hint=f"use one of {', '.join(_EXTENSIONS)}"
            )
        require_output(path, source.info.path, overwrite=overwrite)
        if options.codec == "lossless" and kind == "jpeg":
            raise OptionError("JPEG cannot be lossless", hint="name the output .png or .webp")
        limit = _ENCODER_SIDES.get(kind)
        if limit and max(source.info.width_px, source.info.height_px) > limit:
            raise OptionError(f"{kind} holds at most {limit} pixels per side", hint="name the output .png")
        self.notes: list[str] = []
        self._kind = kind
        self._source = source
        self._overwrite = overwrite
        self._seal = seal
        self._lossless = options.codec == "lossless"
        self._quality = 95 if options.quality is None else 100 - options.quality
        self._marks = "\n".join(marks.values())
        self._data: bytes | None = None
        self._file = TemporaryOutput(path, PictureError)

    def write(self, frame: Frame) -> None:
        if self._data is not None:
            raise PictureError("a picture holds one frame", path=self._file.final)
        alpha = self._source.alpha
        if alpha is not None and self._kind == "jpeg":
            self.notes.append("JPEG has no transparency; it is dropped")
            alpha = None
        metadata = self._source.metadata
        if self._marks:
            metadata = Metadata(metadata.exif, marked_packet(metadata.xmp, self._marks), metadata.icc)
        data, notes = encode(
            self._kind,
            frame.surface.planes[0],
            alpha,
            metadata,
            quality=101 if self._lossless else self._quality,
            name=str(self._file.final),
        )
        self.notes += notes
        if metadata.xmp and self._kind != "webp":
            with_xmp = add_xmp(data, metadata.xmp)
            if with_xmp is None:
                self.notes.append("the XMP packet is too long for JPEG and is left out")
            data = with_xmp or data
        self._data = data

    def commit(self) -> None:
        if self._data is None:
            raise PictureError(f"no frame was written to {self._file.final}", path=self._file.final)
        try:
            self._file.path.write_bytes(self._data)
        except OSError as cause:
            raise PictureError(
                f"cannot write {self._file.final}: {cause.strerror}", path=self._file.final
            ) from cause
        self.notes += self._file.commit(overwrite=self._overwrite, seal=self._seal)

    def abort(self) -> None:
        self._file.discard()


def _checked_bytes(path: StrPath) -> bytes:
    name = os.fspath(path)
    status = require_file(path, PictureError)
    if not is_picture_file(path):
        raise PictureError(
            f"{name} is not a PNG, JPEG or WebP picture", path=name, hint="convert it to one of these"
        )
    if status.st_size > MAX_BYTES:
        raise PictureError(f"{name} is larger than 1 GiB", path=name, hint="scale it down first")
    data = Path(name).read_bytes()
    size = picture_size(data)
    if size is None or 0 in size:
        raise PictureError(f"{name} is damaged: its header is incomplete", path=name, hint="copy it again")
    if size[0] * size[1] > MAX_PIXELS:
        raise PictureError(
            f"{name} is {size[0]}x{size[1]}; at most 178 megapixels can be read",
            path=name,
            hint="scale it down first",
        )
    return data
