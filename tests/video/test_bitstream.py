"""Chroma siting read from what independent encoders wrote."""

from __future__ import annotations

import io

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clips import Clip, encoded

from trtswap.types import ChromaSiting
from trtswap.video.bits import BitReader
from trtswap.video.bitstream import chroma_siting

CODES = list(enumerate(ChromaSiting))


def siting_of(data: bytes) -> ChromaSiting | None:
    with av.open(io.BytesIO(data)) as container:
        context = container.streams.video[0].codec_context
        return chroma_siting(context.codec.canonical_name, bytes(context.extradata or b""))


def x264(*params: str) -> Clip:
    options = {"preset": "ultrafast", "x264-params": ":".join(params)} if params else {}
    return Clip(frames=2, size=(128, 96), options=options)


def x265(*params: str) -> Clip:
    joined = ":".join(["log-level=none", *params])
    return Clip(
        frames=9, size=(128, 96), codec="libx265", options={"preset": "ultrafast", "x265-params": joined}
    )


@pytest.mark.parametrize(("code", "siting"), CODES[1:])
@pytest.mark.parametrize("format_name", ["mp4", "matroska", "mpegts"])
@pytest.mark.parametrize(
    "extra", [(), ("cqm=jvt", "bframes=3"), ("interlaced=1", "sar=4/3"), ("colorprim=bt709",)]
)
def test_h264(code: int, siting: ChromaSiting, format_name: str, extra: tuple[str, ...]) -> None:
    assert siting_of(encoded(x264(f"chromaloc={code}", *extra), format_name)) is siting


@pytest.mark.parametrize(("code", "siting"), CODES)
@pytest.mark.parametrize("format_name", ["mp4", "matroska", "mpegts"])
@pytest.mark.parametrize("extra", [(), ("scaling-list=default",), ("bframes=4", "ref=5", "rc-lookahead=20")])
def test_hevc(code: int, siting: ChromaSiting, format_name: str, extra: tuple[str, ...]) -> None:
    assert siting_of(encoded(x265(f"chromaloc={code}", *extra), format_name)) is siting


@pytest.mark.parametrize(
    ("name", "siting"),
    [("vertical", ChromaSiting.LEFT), ("colocated", ChromaSiting.TOPLEFT), ("unknown", None)],
)
@pytest.mark.parametrize("format_name", ["mp4", "matroska"])
def test_av1(name: str, siting: ChromaSiting | None, format_name: str) -> None:
    options = {"preset": "12", "svtav1-params": f"chroma-sample-position={name}"}
    clip = Clip(frames=2, codec="libsvtav1", options=options)
    assert siting_of(encoded(clip, format_name)) is siting


@pytest.mark.parametrize("clip", [x264(), x265()])
def test_absent(clip: Clip) -> None:
    assert siting_of(encoded(clip, "mp4")) is None


def test_other_codecs_say_nothing() -> None:
    assert chroma_siting("vp9", b"\1\2\3") is None
    assert chroma_siting("h264", None) is None


@settings(max_examples=300, deadline=None)
@given(codec=st.sampled_from(["h264", "hevc", "av1"]), data=st.binary(max_size=200))
def test_garbage_is_absent_or_a_siting(codec: str, data: bytes) -> None:
    for extradata in (data, b"\1" + data, b"\0\0\1\x67" + data, b"\0\0\1\x42\1" + data):
        assert chroma_siting(codec, extradata) in (None, *ChromaSiting)


def test_truncated_parameter_sets_do_not_raise() -> None:
    with av.open(io.BytesIO(encoded(x265("chromaloc=2"), "mp4"))) as container:
        extradata = bytes(container.streams.video[0].codec_context.extradata or b"")
    for length in range(len(extradata)):
        assert chroma_siting("hevc", extradata[:length]) in (None, ChromaSiting.TOPLEFT)


@given(st.lists(st.integers(0, 100_000), max_size=20))
def test_exp_golomb_against_its_definition(values: list[int]) -> None:
    codes = "".join(f"{value + 1:b}".zfill(2 * (value + 1).bit_length() - 1) for value in values)
    padded = codes + "0" * (-len(codes) % 8)
    reader = BitReader(int(padded or "0", 2).to_bytes(len(padded) // 8, "big"))
    assert [reader.exp_golomb() for _ in values] == values


def test_reading_past_the_end() -> None:
    with pytest.raises(EOFError):
        BitReader(b"\1").read(9)
