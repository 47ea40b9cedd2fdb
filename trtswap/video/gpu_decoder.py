"""Decoding one video stream on the GPU, with NVIDIA's PyNvVideoCodec: frames that lie in its memory from the start.

PyAV demuxes, as for decoding in software, so that seeking, time stamps and what is left out are the same. The
hardware's first frame is compared with that of the software decoder, byte by byte. Where it is another one the software
decoder takes over, and so it does from wherever something goes wrong later.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from trtswap import device
from trtswap.errors import DeviceError, StrPath
from trtswap.types import PixelFormat, Surface, VideoInfo
from trtswap.video.containers import open_input
from trtswap.video.decoder import VideoDecoder
from trtswap.video.formats import surface_of
from trtswap.video.probe import Probe

_log = logging.getLogger(__name__)

_CODECS = {"h264": "H264", "hevc": "HEVC", "av1": "AV1", "vp9": "VP9"}
_FILTERS = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}
_PIX_FMTS = {
    PixelFormat.NV12: ("yuv420p", "yuvj420p", "nv12"),
    PixelFormat.P010: ("yuv420p10le", "p010le"),
}
_TOLD = 200
"""Characters of what the library says when it fails, often in several lines."""


@dataclass(frozen=True)
class GpuPicture:
    """A decoded frame in GPU memory of its own, with what the reader asks of a frame of PyAV's."""

    surface: Surface
    pts: int | None
    duration: int
    width: int
    height: int


class GpuVideoDecoder:
    """As `VideoDecoder`, on the GPU `gpu`; frames are queued on the stream of the thread that iterates."""

    def __init__(self, path: StrPath, probe: Probe, gpu: int) -> None:
        self._path = path
        self._probe = probe
        self._gpu = gpu
        self._software = VideoDecoder(path, probe.stream_index)
        self._container: Any = None
        self._trusted: bool | None = None  # None: not tried yet

    @property
    def packets(self) -> int:
        """How many went in."""
        return self._software.packets

    @property
    def frames(self) -> int:
        """How many came out."""
        return self._software.frames

    @property
    def failed_packets(self) -> int:
        """How many could not be decoded."""
        return self._software.failed_packets

    @property
    def flawed_frames(self) -> int:
        """How many were decoded with errors concealed, as far as is known."""
        return self._software.flawed_frames

    @property
    def read_error(self) -> str | None:
        """Why reading ended early, or None."""
        return self._software.read_error

    def frames_from(self, seek_pts: int | None) -> Iterator[GpuPicture | av.VideoFrame]:
        """As `VideoDecoder.frames_from`. After an error the rest comes from the software decoder."""
        last: int | None = None
        try:
            if self._trusted is not False:
                for picture in self._checked(seek_pts):
                    last = picture.pts
                    yield picture
                return
        except Exception as error:
            self._trusted = False
            reason = " ".join(str(error).split())[:_TOLD] or type(error).__name__
            going_on = "is decoded" if last is None else "goes on being decoded"
            _log.info("%s %s in software: %s", self._path, going_on, reason)
        finally:
            self._close_input()
        for frame in self._software.frames_from(seek_pts if last is None else last):
            if last is None or (frame.pts is not None and frame.pts > last):
                yield frame

    def close(self) -> None:
        """Closes the file; may be repeated."""
        self._close_input()
        self._software.close()

    def _close_input(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _checked(self, seek_pts: int | None) -> Iterator[GpuPicture]:
        """The frames of a pass, the first of the file compared before. Raises DeviceError where that is another one."""
        if self._trusted:
            yield from self._pass(seek_pts)
            return
        pictures = self._pass(None)
        first = next(pictures, None)
        if first is None:
            raise DeviceError("the GPU's decoder gives no frame")
        if not self._is_software_s(first):
            raise DeviceError("the GPU's decoder gives another first frame")
        self._trusted = True
        _log.info("%s is decoded on the GPU", self._path)
        if seek_pts is None:
            yield first
        else:
            pictures = self._pass(seek_pts)
        yield from pictures

    def _is_software_s(self, picture: GpuPicture) -> bool:
        """Whether it is the first frame, to the bit."""
        info, frame = self._probe.info, self._probe.first_frame
        assert frame is not None
        self._probe = replace(self._probe, first_frame=None)
        found, expected = device.download(picture.surface), surface_of(frame, info.format, info.colour)
        return picture.pts == frame.pts and all(map(np.array_equal, found.planes, expected.planes))

    def _pass(self, seek_pts: int | None) -> Iterator[GpuPicture]:
        self._close_input()
        self._container = open_input(self._path)
        stream = self._container.streams[self._probe.stream_index]
        if seek_pts is not None:
            self._container.seek(seek_pts, stream=stream, backward=True)
        hardware = _Hardware(self._probe.info, self._gpu)
        durations: dict[int, int] = {}
        dropped: set[int] = set()
        for packet in _annexed(self._container, stream, self._probe.info.codec):
            if packet is not None:
                if packet.pts is None:
                    raise DeviceError("a packet has no time stamp")
                durations[packet.pts] = int(packet.duration or 0)
                if packet.is_discard:
                    dropped.add(packet.pts)
            for pts, surface in hardware.decode(packet):
                if pts in dropped:
                    continue
                yield GpuPicture(surface, pts, durations.pop(pts, 0), surface.width_px, surface.height_px)


class _Hardware:
    """The decoder of one video. Raises whatever PyNvVideoCodec raises, ImportError and OSError among it."""

    def __init__(self, info: VideoInfo, gpu: int) -> None:
        import PyNvVideoCodec

        nvc: Any = PyNvVideoCodec
        self._nvc = nvc
        self._info = info
        self._gpu = gpu
        where = {}
        stream = device.current(gpu)
        if stream.handle:
            where = {"cudacontext": stream.gpu.context.handle, "cudastream": stream.handle}
        codec = getattr(nvc.cudaVideoCodec, _CODECS[info.codec])
        with device.activate(gpu):
            self._decoder = nvc.CreateDecoder(gpuid=gpu, codec=codec, usedevicememory=True, **where)

    def decode(self, packet: Any) -> list[tuple[int, Surface]]:
        """The frames that are finished now, with their time stamps; None flushes."""
        data = self._nvc.PacketData()
        content: Any = b""
        if packet is not None:
            content = ctypes.create_string_buffer(bytes(packet), packet.size)
            data.bsl_data, data.bsl, data.pts = ctypes.addressof(content), packet.size, packet.pts
        with device.activate(self._gpu):
            found = self._decoder.Decode(data)
            # The decoder's own surfaces are written again by later frames, in order on this stream.
            return [(int(frame.timestamp), self._copied(frame)) for frame in found]

    def _copied(self, frame: Any) -> Surface:
        info = self._info
        shapes = info.format.plane_shapes(info.width_px, info.height_px)
        planes = device.empty_many([(shape, info.format.dtype) for shape in shapes], device=self._gpu)
        for view, plane in zip(frame.cuda(), planes, strict=True):
            device.place(plane, _plane(view, plane.shape, plane.dtype, self._gpu))
        return Surface(info.format, tuple(planes), info.colour, info.rotation_deg)


def _plane(view: Any, shape: tuple[int, ...], dtype: np.dtype[Any], gpu: int) -> device.GpuArray:
    """One plane of the decoder's surface, of the expected shape, rows padded. Raises DeviceError for another.

    Of 16-bit planes PyNvVideoCodec 2.2 counts strides in samples, not in bytes; the innermost tells.
    """
    fields = view.__cuda_array_interface__
    samples = int(np.prod(fields["shape"]))
    row = int(np.prod(shape[1:])) * dtype.itemsize
    strides = [int(stride) for stride in fields.get("strides") or ()]
    pitch = strides[0] * (dtype.itemsize if strides[-1] == 1 else 1) if strides else row
    if samples != int(np.prod(shape)) or np.dtype(fields["typestr"]) != dtype or pitch < row:
        raise DeviceError(f"the decoder gives planes {fields['shape']} of {fields['typestr']}, not {shape}")
    rest = [row // shape[1], dtype.itemsize][: len(shape) - 1]
    address = int(fields["data"][0])
    return device.GpuArray(shape, dtype, address, None, device=gpu, strides=(pitch, *rest))


def unfit(probe: Probe) -> str | None:
    """Why the video is not one to be decoded on a GPU, or None where a GPU may be tried."""
    info = probe.info
    if info.codec not in _CODECS or info.pix_fmt not in _PIX_FMTS.get(info.format, ()):
        return f"{info.codec} as {info.pix_fmt} is not decoded on a GPU here"
    if info.width_px % 2 or info.height_px % 2:
        return "its size is odd"
    if any("interlaced" in note for note in probe.notes):
        return "it is interlaced"
    return None


def _annexed(container: Any, stream: Any, codec: str) -> Iterator[Any]:
    """The packets as the hardware takes them, then None."""
    name = _FILTERS.get(codec)
    filtered = None if name is None else BitStreamFilterContext(name, stream)
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        for part in (packet,) if filtered is None else filtered.filter(packet):
            part.time_base = part.time_base or Fraction(stream.time_base)
            yield part
    for part in () if filtered is None else filtered.filter(None):
        yield part
    yield None
