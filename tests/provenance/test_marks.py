"""What every output says without a manifest: the plain mark; and how leaving the manifest out is noted."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import av
import pytest
from PIL import Image
from support.patience import PATIENCE_S
from support.signed import OUTPUTS, PICTURES, VIDEOS, swap, target_for

from trtswap import __version__
from trtswap.cli.app import main
from trtswap.errors import OptionError, SigningError
from trtswap.provenance.verify import verify

MARK = f"AI-altered: faces swapped with trtswap {__version__}"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
DC = "{http://purl.org/dc/elements/1.1/}description"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the reasons are logged; not there yet."""
    monkeypatch.setenv("TRTSWAP_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def check_mark(path: Path) -> None:
    """By FFmpeg in videos, by Pillow and an XML parser in pictures."""
    if path.suffix[1:] in VIDEOS:
        with av.open(str(path)) as container:
            texts = {name.lower(): text for name, text in container.metadata.items()}
        assert MARK in texts["comment"].split("\n")
        return
    with Image.open(path) as picture:
        packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    tree = ElementTree.fromstring(packet if isinstance(packet, str) else packet.decode())
    assert [node.text for node in tree.iter(IPTC)] == [SOURCE_TYPE]
    (described,) = tree.iter(DC)
    assert MARK in "".join(described.itertext()).split("\n")


@pytest.mark.parametrize("ending", OUTPUTS)
def test_without_provenance_the_mark_stays_and_the_reason_is_logged(
    world: Path, tmp_path: Path, state: Path, ending: str
) -> None:
    output = tmp_path / f"out.{ending}"
    report = swap(world, target_for(world, ending), output, unsigned_reason="a test of the player")
    assert any("no signed manifest" in note for note in report.notes)
    assert verify(output).state == "absent"
    assert main(["verify", str(output)]) == 5
    assert not output.with_suffix(".c2pa").exists()
    check_mark(output)
    (line,) = (state / "unsigned.jsonl").read_text().splitlines()
    assert json.loads(line)["reason"] == "a test of the player"


@pytest.mark.parametrize("ending", OUTPUTS)
def test_signed_outputs_have_the_mark_too(world: Path, ending: str) -> None:
    check_mark(world / f"out_{ending}.{ending}")


@pytest.mark.parametrize("ending", PICTURES)
def test_the_mark_is_added_to_what_a_picture_says(world: Path, tmp_path: Path, ending: str) -> None:
    """An output as the next original: one source type, one line."""
    swap(world, world / f"out_{ending}.{ending}", tmp_path / f"out.{ending}", unsigned_reason="a test")
    check_mark(tmp_path / f"out.{ending}")


def test_every_reason_is_a_line(world: Path, tmp_path: Path, state: Path) -> None:
    for number, reason in enumerate(["first", "zweitens: Grüße\nund mehr"]):
        swap(world, world / "me.png", tmp_path / f"{number}.png", unsigned_reason=reason)
    lines = [json.loads(line) for line in (state / "unsigned.jsonl").read_text("utf-8").splitlines()]
    assert [line["reason"] for line in lines] == ["first", "zweitens: Grüße\nund mehr"]
    assert all(line["time"].endswith("+00:00") for line in lines)
    assert stat.S_IMODE((state / "unsigned.jsonl").stat().st_mode) & 0o077 in (0o044, 0)


def test_a_reason_that_cannot_be_logged_stops_the_run(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TRTSWAP_STATE", str(tmp_path / "file" / "state"))
    with pytest.raises(SigningError, match="cannot be logged"):
        swap(world, world / "clip.mp4", tmp_path / "out.mp4", unsigned_reason="a test")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_reason_is_asked_for(world: Path, tmp_path: Path, reason: str) -> None:
    with pytest.raises(OptionError, match="needs a reason"):
        swap(world, world / "clip.mp4", tmp_path / "out.mp4", unsigned_reason=reason)


ALONE = """
import socket, sys
from pathlib import Path
def refused(*_, **__):
    raise AssertionError("the network was used")
if sys.argv[4] == "blocked":
    socket.socket.connect = socket.getaddrinfo = refused
sys.path.insert(0, sys.argv[1])
from support.signed import swap
from trtswap.provenance.verify import verify
world, output = Path(sys.argv[2]), Path(sys.argv[3])
swap(world, world / "clip.mp4", output)
print(verify(output).state, len(verify(output).chain))
"""


def can_be_alone() -> bool:
    """Whether a process may be started that sees no network at all."""
    tool = shutil.which("unshare")
    return (
        tool is not None
        and subprocess.run([tool, "-rn", "true"], check=False, capture_output=True).returncode == 0
    )


@pytest.mark.parametrize("way", ["none", "blocked"])
def test_signing_and_verifying_need_no_network(world: Path, tmp_path: Path, way: str) -> None:
    """In a network namespace without even an address of its own; or, where that may not be, with sockets that fail.
    The keys are made there as well."""
    if way == "none" and not can_be_alone():
        pytest.skip("no process without a network may be started here")
    before = ["unshare", "-rn"] if way == "none" else []
    arguments = [str(Path(__file__).parents[1]), str(world), str(tmp_path / "out.mp4"), way]
    result = subprocess.run(
        [*before, sys.executable, "-c", ALONE, *arguments],
        cwd=tmp_path,  # not the sources, which are unbuilt
        env={**os.environ, "TRTSWAP_SIGNING": str(tmp_path / "keys")},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "trusted 1\n"), result.stderr


def test_nothing_listens_to_a_run(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a run nor verify looks anything up, or opens a connection, unless a time stamp is asked for."""
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **_: asked.append(arguments))
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    swap(world, world / "clip.mp4", tmp_path / "out.mp4")
    assert verify(tmp_path / "out.mp4").intact
    assert asked == []
