"""Downloads from a server that stalls, truncates, lies and errs: whole and right, or not there."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.file_server import Site, serving
from support.patience import PATIENCE_S

from trtswap.errors import NetworkError
from trtswap.inference.download import Patience, download

BODY = np.random.default_rng(5).bytes(3_000_001)
SHA256 = hashlib.sha256(BODY).hexdigest()
QUICK = Patience(timeout_s=PATIENCE_S, attempts=3, wait_s=0.01)
STALLED = replace(QUICK, timeout_s=1)
"""For a server that says nothing more: the time is lost, and long enough for one that is only slow."""


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({"x.onnx": BODY})) as running:
        yield running


def test_a_file_arrives_whole_with_its_progress(site: Site, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    url = f"{site.url}/x.onnx"
    used = download(
        [url],
        tmp_path / "x.onnx",
        sha256=SHA256,
        on_bytes=lambda done, total: seen.append((done, total)),
        patience=QUICK,
    )
    assert used == url
    assert (tmp_path / "x.onnx").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["x.onnx"]
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("fault", ["truncate", "stall"])
def test_a_broken_transfer_goes_on_where_it_broke(fault: str, site: Site, tmp_path: Path) -> None:
    site.faults["x.onnx"] = [fault, fault]
    patience = STALLED if fault == "stall" else QUICK
    download([f"{site.url}/x.onnx"], tmp_path / "x.onnx", sha256=SHA256, patience=patience)
    assert (tmp_path / "x.onnx").read_bytes() == BODY
    half = len(BODY) // 2
    three_quarters = half + (len(BODY) - half) // 2
    assert site.asked("x.onnx") == [None, f"bytes={half}-", f"bytes={three_quarters}-"]


@pytest.mark.parametrize("lie", ["wrong range", "unnamed range", "ignore range", "503"])
def test_lies_about_ranges_are_seen_through(lie: str, site: Site, tmp_path: Path) -> None:
    site.faults["x.onnx"] = ["truncate", lie]
    download([f"{site.url}/x.onnx"], tmp_path / "x.onnx", patience=QUICK)  # no digest to help
    assert (tmp_path / "x.onnx").read_bytes() == BODY


def test_without_validators_a_transfer_starts_again(tmp_path: Path) -> None:
    with serving(Site({"x.onnx": BODY}, {"x.onnx": ["truncate"]}, validators=False)) as site:
        download([f"{site.url}/x.onnx"], tmp_path / "x.onnx", patience=QUICK)
        assert site.asked("x.onnx") == [None, None]
    assert (tmp_path / "x.onnx").read_bytes() == BODY


def test_a_later_call_goes_on(site: Site, tmp_path: Path) -> None:
    site.faults["x.onnx"] = ["truncate", *["503"] * 9]
    with pytest.raises(NetworkError, match="gave up after 3 attempts: 503"):
        download([f"{site.url}/x.onnx"], tmp_path / "x.onnx", patience=QUICK)
    assert not (tmp_path / "x.onnx").exists()
    site.faults.clear()
    site.requests.clear()
    download([f"{site.url}/x.onnx"], tmp_path / "x.onnx", sha256=SHA256, patience=QUICK)
    assert (tmp_path / "x.onnx").read_bytes() == BODY
    assert site.asked("x.onnx") == [f"bytes={len(BODY) // 2}-"]
    assert [path.name for path in tmp_path.iterdir()] == ["x.onnx"]


@pytest.mark.parametrize("same_length", [True, False])
def test_a_file_that_changed_in_between_is_not_mixed(same_length: bool, site: Site, tmp_path: Path) -> None:
    site.faults["x.onnx"] = ["truncate", *["503"] * 9]
    with pytest.raises(NetworkError):
        download([f"{site.url}/x.onnx"], tmp_path / "x.onnx", patience=QUICK)
    site.faults.clear()
    newer = np.random.default_rng(6).bytes(len(BODY) - (0 if same_length else 1000))
    site.files["x.onnx"] = newer
    download([f"{site.url}/x.onnx"], tmp_path / "x.onnx", patience=QUICK)
    assert (tmp_path / "x.onnx").read_bytes() == newer


def test_wrong_bytes_are_refused_and_the_next_server_asked(site: Site, tmp_path: Path) -> None:
    site.files["mirror/x.onnx"] = BODY
    site.faults["x.onnx"] = ["wrong bytes"]
    urls = [f"{site.url}/x.onnx", f"{site.url}/none/x.onnx", f"{site.url}/mirror/x.onnx"]
    assert download(urls, tmp_path / "x.onnx", sha256=SHA256, patience=QUICK) == urls[2]
    assert (tmp_path / "x.onnx").read_bytes() == BODY


def test_wrong_bytes_everywhere_leave_nothing(site: Site, tmp_path: Path) -> None:
    site.faults["x.onnx"] = ["wrong bytes"]
    with pytest.raises(NetworkError, match=f"SHA-256 is .*, not {SHA256}"):
        download([f"{site.url}/x.onnx"], tmp_path / "x.onnx", sha256=SHA256, patience=QUICK)
    assert list(tmp_path.iterdir()) == []


def test_the_hash_beside_is_a_second_check(site: Site, tmp_path: Path) -> None:
    site.files["x.hash"] = f"{zlib.crc32(BODY):08X}\n".encode()
    download([f"{site.url}/x.onnx"], tmp_path / "x.onnx", patience=QUICK)
    site.files["y.onnx"], site.files["y.hash"] = BODY, b"00000000"
    with pytest.raises(NetworkError, match=f"CRC-32 is {zlib.crc32(BODY):08x}, not 00000000"):
        download([f"{site.url}/y.onnx"], tmp_path / "y.onnx", patience=QUICK)
    site.files["z.onnx"], site.files["z.hash"] = BODY, b"<html>"
    download([f"{site.url}/z.onnx"], tmp_path / "z.onnx", patience=QUICK)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.onnx", "z.onnx"]


def test_a_file_that_is_not_there_is_not_asked_for_twice(site: Site, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="404"):
        download([f"{site.url}/none.onnx"], tmp_path / "none.onnx", patience=QUICK)
    assert len(site.asked("none.onnx")) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="gave up after 2 attempts"):
        download(
            ["http://127.0.0.1:9/x.onnx"],
            tmp_path / "x.onnx",
            patience=Patience(0.5, attempts=2, wait_s=0.01),
        )


def test_the_proxy_of_the_environment_is_used(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", site.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    download(["http://networks.invalid/x.onnx"], tmp_path / "x.onnx", sha256=SHA256, patience=QUICK)
    assert (tmp_path / "x.onnx").read_bytes() == BODY


def test_damaged_notes_of_an_earlier_call_do_no_harm(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".x.onnx.part").write_bytes(b"something else")
    for notes in ("", "[]", '{"url": 3}'):
        (tmp_path / ".x.onnx.part.json").write_text(notes)
        download([f"{site.url}/x.onnx"], tmp_path / "x.onnx", patience=QUICK)
        assert (tmp_path / "x.onnx").read_bytes() == BODY
