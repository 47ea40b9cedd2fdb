"""The part of PyNvVideoCodec that is used, on PyAV: four surfaces with padded rows, written again and again."""

from __future__ import annotations

import ctypes
import os
from enum import Enum
from typing import Any

import av
import numpy as np
from pycuda import driver

__version__ = "2.2.4"
_PAD = 64


class cudaVideoCodec(Enum):
    H264 = "h264"
    HEVC = "hevc"
    AV1 = "libdav1d"
    VP9 = "vp9"


class PacketData:
    bsl_data = bsl = pts = 0


class CAIMemoryView:
    def __init__(self, shape: tuple[int, ...], strides: tuple[int, ...], typestr: str, address: int) -> None:
        self.__cuda_array_interface__ = {
            "shape": shape, "strides": strides, "typestr": typestr, "data": (address, False), "version": 3,
        }  # fmt: skip


class DecodedFrame:
    def __init__(self, timestamp: int, views: list[CAIMemoryView]) -> None:
        self.timestamp = timestamp
        self._views = views

    def cuda(self) -> list[CAIMemoryView]:
        return self._views


class _Decoder:
    def __init__(self, codec: cudaVideoCodec, stream: int) -> None:
        driver._need_context()
        if os.environ.get("FAKE_NVDEC") == "none":
            raise RuntimeError("HW decoder not supported")
        self._context: Any = av.CodecContext.create(codec.value, "r")
        self._stream = stream
        self._surfaces: list[Any] = []
        self._next = 0
        self._decoded = 0

    def Decode(self, packet: PacketData) -> list[DecodedFrame]:
        driver._need_context()
        sent = None
        if packet.bsl:
            sent = av.Packet(ctypes.string_at(packet.bsl_data, packet.bsl))
            sent.pts = packet.pts
        self._decoded += 1
        if os.environ.get("FAKE_NVDEC") == "breaks" and self._decoded > 8:
            raise RuntimeError("the decoder lost its way")
        return [self._shown(frame) for frame in self._context.decode(sent)]

    def _shown(self, frame: av.VideoFrame) -> DecodedFrame:
        deep = "10" in frame.format.name
        planes = (
            frame.reformat(format="p010le" if deep else "nv12").to_ndarray() if not deep else _p010(frame)
        )
        if os.environ.get("FAKE_NVDEC") == "wrong":
            planes = planes ^ 1
        item = planes.dtype.itemsize
        height, width = frame.height, frame.width
        pitch = width * item + _PAD
        if len(self._surfaces) < 4:
            self._surfaces.append(driver.mem_alloc(pitch * height * 3 // 2))
        address = int(self._surfaces[self._next % 4])
        self._next += 1
        rows = np.ascontiguousarray(planes).view(np.uint8).reshape(height * 3 // 2, width * item)

        def write() -> None:
            target = driver.memory(address, pitch * rows.shape[0]).reshape(-1, pitch)
            target[:] = 0x5A
            target[:, : rows.shape[1]] = rows

        driver.enqueue(self._stream, write)
        typestr, samples = f"|u{item}", pitch // item  # as the real one: strides are in samples
        return DecodedFrame(
            frame.pts,
            [
                CAIMemoryView((height, width, 1), (samples, 1, 1), typestr, address),
                CAIMemoryView(
                    (height // 2, width // 2, 2), (samples, 2, 1), typestr, address + pitch * height
                ),
            ],
        )


def _p010(frame: av.VideoFrame) -> np.ndarray:
    """10 bits in the upper bits. Not by to_ndarray, which has no such format before PyAV 18."""
    planar = frame.reformat(format="yuv420p10le")
    luma, *rest = (
        np.frombuffer(memoryview(plane), np.uint16).reshape(-1, plane.line_size // 2)[
            : plane.height, : plane.width
        ]
        << 6
        for plane in planar.planes
    )
    return np.concatenate([luma, np.stack(rest, axis=-1).reshape(frame.height // 2, frame.width)])


def CreateDecoder(
    gpuid: int, codec: cudaVideoCodec, usedevicememory: bool, cudacontext: int = 0, cudastream: int = 0
) -> _Decoder:
    assert usedevicememory
    return _Decoder(codec, cudastream)
