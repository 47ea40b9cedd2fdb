"""Signed outputs, made once, and a place for keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.signed import make_world

from trtswap.provenance import identity as keys


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/, me.png, clip.mp4, and one output of each container, out_mp4.mp4 and so on."""
    pytest.importorskip("c2pa")
    return make_world(tmp_path_factory.mktemp("signed"))


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
