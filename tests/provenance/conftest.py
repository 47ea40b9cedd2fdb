"""Signed outputs, made once, and a place for keys."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.signed import make_world

from trtswap.provenance import identity as keys


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/, me.png, clip.mp4, and one output of each container, out_mp4.mp4 and so on."""
    pytest.importorskip("c2pa")
    return make_world(tmp_path_factory.mktemp("signed"))


UNANSWERED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.stamping import authority
from trtswap.errors import SigningError
from trtswap.options import ProvenanceOptions
from trtswap.provenance.seal import Seal
folder = Path(sys.argv[2])
with authority(folder, "slow") as clock:
    seal = Seal(ProvenanceOptions(timestamp_url=clock.url), folder / "a.png")
    try:
        seal(folder / "a.png", folder / "out.png")
    except SigningError as error:
        print(error)
        sys.exit(3)
"""


@pytest.fixture(scope="session", autouse=True)
def unanswered(
    world: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, subprocess.Popen[str]] | None]:
    """A process that signs a.png in a folder, while the time-stamp authority says nothing; None without OpenSSL."""
    if shutil.which("openssl") is None:
        yield None
        return
    folder = tmp_path_factory.mktemp("unanswered")
    shutil.copyfile(world / "me.png", folder / "a.png")
    command = [sys.executable, "-c", UNANSWERED, str(Path(__file__).parents[1]), str(folder)]
    with subprocess.Popen(
        command,
        cwd=folder,  # not the sources, which are unbuilt
        env={**os.environ, "TRTSWAP_SIGNING": str(folder / "keys")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield folder, process
        process.kill()


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the user's own identity, empty."""
    folder = tmp_path / "signing"
    monkeypatch.setenv("TRTSWAP_SIGNING", str(folder))
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def company(own: Path, tmp_path: Path) -> Path:
    """An organisation's key and certificates; there is no identity of one's own."""
    keys.own_identity()
    own.rename(tmp_path / "the company")
    return tmp_path / "the company"
