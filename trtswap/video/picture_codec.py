"""Pixels of PNG, JPEG and WebP files, decoded and encoded by OpenCV, with EXIF and ICC profile."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from trtswap.errors import PictureError
from trtswap.types import Array

_STDERR = threading.Lock()


@dataclass(frozen=True)
class Metadata:
    """What a picture file carries beside its pixels; each as raw bytes or None."""

    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None


@dataclass(frozen=True)
class StoredPicture:
    """rgb: uint8 [H, W, 3] as stored; alpha: uint8 [H, W] or None; notes: what decoding changed."""

    rgb: Array
    alpha: Array | None
    metadata: Metadata
    notes: tuple[str, ...]


def decode_upright(data: bytes, name: str) -> Array:
    """uint8 [H, W, 3] BGR, turned as EXIF asks. Raises PictureError."""
    with _quiet():
        try:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            pixels = None
    if pixels is None:
        raise _damaged(name)
    return np.asarray(pixels, np.uint8)


def decode_stored(data: bytes, name: str) -> StoredPicture:
    """The pixels as stored, at 8 bits. Raises PictureError."""
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    with _quiet():
        try:
            pixels, kinds, chunks = cv2.imdecodeWithMetadata(np.frombuffer(data, np.uint8), flags)
        except cv2.error:
            pixels = None
    if pixels is None:
        raise _damaged(name)
    found = {int(kind): np.asarray(chunk).tobytes() for kind, chunk in zip(kinds, chunks, strict=True)}
    notes = []
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
        notes.append("16 bits per channel are reduced to 8")
    rgb, alpha = _split(pixels)
    icc = found.get(cv2.IMAGE_METADATA_ICCP)
    if icc is not None and not _is_rgb_profile(icc):
        icc = None
        notes.append("the colour profile is not for RGB and is left out")
    return StoredPicture(rgb, alpha, Metadata(found.get(cv2.IMAGE_METADATA_EXIF), None, icc), tuple(notes))


def encode(
    kind: str, rgb: Array, alpha: Array | None, metadata: Metadata, *, quality: int, name: str
) -> tuple[bytes, list[str]]:
    """A file of `kind` (png, jpeg, webp) and notes. quality: 49 to 100, 101 for lossless; ignored by PNG. XMP
    is embedded in WebP only. Raises PictureError."""
    planes = [rgb[..., 2], rgb[..., 1], rgb[..., 0]] + ([] if alpha is None else [alpha])
    pixels = np.stack(planes, axis=-1)
    parts = {cv2.IMAGE_METADATA_EXIF: metadata.exif, cv2.IMAGE_METADATA_ICCP: metadata.icc}
    if kind == "webp":
        parts[cv2.IMAGE_METADATA_XMP] = metadata.xmp
    parts = {key: value for key, value in parts.items() if value}
    data = _encoded(kind, pixels, parts, quality)
    notes = []
    if data is None and parts:
        data = _encoded(kind, pixels, {}, quality)
        notes.append("the picture's EXIF data or colour profile is malformed and is left out")
    if data is None:
        raise PictureError(f"the picture cannot be encoded as {kind}: {name}", path=name)
    return data, notes


def _encoded(kind: str, pixels: Array, parts: dict[int, Any], quality: int) -> bytes | None:
    settings = {
        "png": [cv2.IMWRITE_PNG_COMPRESSION, 6],
        "jpeg": [
            cv2.IMWRITE_JPEG_QUALITY,
            min(quality, 100),
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ],
        "webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
    }
    chunks = [np.frombuffer(part, np.uint8) for part in parts.values()]
    with _quiet():
        try:
            done, data = cv2.imencodeWithMetadata(f".{kind}", pixels, list(parts), chunks, settings[kind])
        except cv2.error:
            return None
    return bytes(data) if done else None


def _split(pixels: Array) -> tuple[Array, Array | None]:
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2), None
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2), None
    rgb = np.ascontiguousarray(pixels[..., 2::-1])
    return rgb, pixels[..., 3].copy() if pixels.shape[2] == 4 else None


def _is_rgb_profile(icc: bytes) -> bool:
    return len(icc) >= 128 and icc[36:40] == b"acsp" and icc[16:20] == b"RGB "


def _damaged(name: str) -> PictureError:
    return PictureError(
        f"{name} is damaged: its pixels cannot be decoded", path=name, hint="copy or export it again"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps OpenCV's log and what libpng and libjpeg write to file descriptor 2 off the terminal. The
    descriptor belongs to the whole process, so this lasts for one call into the codec only."""
    with _STDERR:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        kept = None
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()
        with suppress(OSError):
            kept = os.dup(2)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 2)
            os.close(null)
        try:
            yield
        finally:
            if kept is not None:
                os.dup2(kept, 2)
                os.close(kept)
            cv2.utils.logging.setLogLevel(level)
