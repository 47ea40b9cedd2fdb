"""The chroma siting that a video bitstream signals, which PyAV 17 and 18 do not hand on.

H.264 (ITU-T H.264 7.3.2.1, E.1) and HEVC (H.265 7.3.2.2, E.2): VUI of the sequence parameter set in
extradata, in MP4's configuration record or as an Annex B byte stream. AV1 (5.5): the sequence header OBU. VP9
signals none.
"""

from __future__ import annotations

from collections.abc import Iterator

from trtswap.types import ChromaSiting
from trtswap.video.bits import BitReader

_H273 = tuple(ChromaSiting)
_AV1 = {1: ChromaSiting.LEFT, 2: ChromaSiting.TOPLEFT}
_MAX_PARAMETER_SET = 4096
_H264_HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)


def chroma_siting(codec: str, extradata: bytes | None) -> ChromaSiting | None:
    """The siting signalled in `extradata` of a stream of `codec` (FFmpeg's name), None when absent or
    unreadable."""
    readers = {"h264": _h264_siting, "hevc": _hevc_siting, "av1": _av1_siting}
    if not extradata or codec not in readers:
        return None
    try:
        return readers[codec](extradata)
    except (EOFError, IndexError):
        return None


def _h264_siting(extradata: bytes) -> ChromaSiting | None:
    if extradata[0] == 1:
        units = _length_prefixed(extradata, 6, extradata[5] & 31)
    else:
        units = _annex_b(extradata)
    for unit in units:
        if unit[0] & 31 == 7:
            return _h264_sps(_payload(unit, 1))
    return None


def _hevc_siting(extradata: bytes) -> ChromaSiting | None:
    units = _hvcc_units(extradata) if extradata[0] == 1 else _annex_b(extradata)
    for unit in units:
        if (unit[0] >> 1) & 63 == 33:
            return _hevc_sps(_payload(unit, 2))
    return None


def _length_prefixed(data: bytes, start: int, count: int) -> Iterator[bytes]:
    for _ in range(count):
        size = int.from_bytes(data[start : start + 2], "big")
        unit = data[start + 2 : start + 2 + size]
        if unit:
            yield unit
        start += 2 + size


def _hvcc_units(data: bytes) -> Iterator[bytes]:
    start = 23
    for _ in range(data[22]):
        count = int.from_bytes(data[start + 1 : start + 3], "big")
        units = list(_length_prefixed(data, start + 3, count))
        yield from units
        start += 3 + sum(2 + len(unit) for unit in units)


def _annex_b(data: bytes) -> Iterator[bytes]:
    return (unit.rstrip(b"\0") for unit in data.split(b"\0\0\1")[1:] if unit.rstrip(b"\0"))


def _payload(unit: bytes, header: int) -> BitReader:
    """Without emulation prevention; a parameter set is far shorter than the bound kept here."""
    return BitReader(unit[header:_MAX_PARAMETER_SET].replace(b"\0\0\3", b"\0\0"))


def _h264_sps(bits: BitReader) -> ChromaSiting | None:
    profile = bits.read(8)
    bits.skip(16)
    bits.exp_golomb()
    if profile in _H264_HIGH_PROFILES:
        chroma_format = bits.exp_golomb()
        bits.skip(1 if chroma_format == 3 else 0)
        bits.exp_golomb(2)
        bits.skip(1)
        if bits.flag():
            for index in range(12 if chroma_format == 3 else 8):
                if bits.flag():
                    _skip_h264_scaling_list(bits, 16 if index < 6 else 64)
    bits.exp_golomb()
    order_type = bits.exp_golomb()
    if order_type == 0:
        bits.exp_golomb()
    elif order_type == 1:
        bits.skip(1)
        bits.exp_golomb(2)
        bits.exp_golomb(_bounded(bits.exp_golomb()))
    bits.exp_golomb()
    bits.skip(1)
    bits.exp_golomb(2)
    if not bits.flag():
        bits.skip(1)
    bits.skip(1)
    if bits.flag():
        bits.exp_golomb(4)
    return _vui_siting(bits) if bits.flag() else None


def _skip_h264_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_exp_golomb()) % 256
        last = following or last


def _hevc_sps(bits: BitReader) -> ChromaSiting | None:
    bits.skip(4)
    sub_layers = bits.read(3)
    bits.skip(1)
    _skip_profile_tier_level(bits, sub_layers)
    bits.exp_golomb()
    if bits.exp_golomb() == 3:
        bits.skip(1)
    bits.exp_golomb(2)
    if bits.flag():
        bits.exp_golomb(4)
    bits.exp_golomb(2)
    order_bits = bits.exp_golomb() + 4
    all_layers = bits.flag()
    bits.exp_golomb(3 * (sub_layers + 1 if all_layers else 1))
    bits.exp_golomb(6)
    if bits.flag() and bits.flag():
        _skip_hevc_scaling_lists(bits)
    bits.skip(2)
    if bits.flag():
        bits.skip(8)
        bits.exp_golomb(2)
        bits.skip(1)
    _skip_reference_picture_sets(bits)
    if bits.flag():
        for _ in range(_bounded(bits.exp_golomb())):
            bits.skip(order_bits + 1)
    bits.skip(2)
    return _vui_siting(bits) if bits.flag() else None


def _skip_profile_tier_level(bits: BitReader, sub_layers: int) -> None:
    bits.skip(96)
    present = [(bits.flag(), bits.flag()) for _ in range(sub_layers)]
    if sub_layers:
        bits.skip(2 * (8 - sub_layers))
    for profile, level in present:
        bits.skip(88 * profile + 8 * level)


def _skip_hevc_scaling_lists(bits: BitReader) -> None:
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.flag():
                bits.exp_golomb()
                continue
            if size > 1:
                bits.exp_golomb()
            bits.exp_golomb(min(64, 1 << (4 + (size << 1))))


def _skip_reference_picture_sets(bits: BitReader) -> None:
    pictures = 0
    for index in range(_bounded(bits.exp_golomb())):
        if index and bits.flag():
            bits.skip(1)
            bits.exp_golomb()
            kept = 0
            for _ in range(pictures + 1):
                used = bits.flag()
                kept += used or bits.flag()
            pictures = kept
        else:
            pictures = _bounded(bits.exp_golomb() + bits.exp_golomb())
            for _ in range(pictures):
                bits.exp_golomb()
                bits.skip(1)


def _vui_siting(bits: BitReader) -> ChromaSiting | None:
    if bits.flag() and bits.read(8) == 255:
        bits.skip(32)
    if bits.flag():
        bits.skip(1)
    if bits.flag():
        bits.skip(4)
        if bits.flag():
            bits.skip(24)
    if not bits.flag():
        return None
    code = bits.exp_golomb()
    return _H273[code] if code < len(_H273) else None


def _av1_siting(extradata: bytes) -> ChromaSiting | None:
    """From `av1C`: the fourth byte's flags precede the OBUs, but its third byte already holds the
    position."""
    if extradata[0] != 0x81:
        return None
    return _AV1.get(extradata[2] & 3)


def _bounded(count: int) -> int:
    if count > 255:
        raise EOFError("not a parameter set")
    return count
