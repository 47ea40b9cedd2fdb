from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from trtswap.errors import NetworkError, NetworkNotFoundError, OptionError
from trtswap.inference.spec import load_specs
from trtswap.inference.store import Store, own_folder, sha256_of

ARCFACE = load_specs()["arcface_w600k_r50"]
CONTENT = b"\x08\x06 a network"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and working folder, and none of the variables that name folders."""
    folder = tmp_path / "home"
    folder.mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(Path, "home", lambda: folder)
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda *_, **__: str(folder / "data"))
    for name in ("TRTSWAP_MODELS", "FACEFUSION_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


def put(folder: Path, name: str = "arcface_w600k_r50.onnx", content: bytes = CONTENT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_folders_are_searched_in_order(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRTSWAP_MODELS", f"{tmp_path / 'env1'}{os.pathsep}{tmp_path / 'env2'}")
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "ff"))
    expected = [
        put(tmp_path / "given1"),
        put(tmp_path / "given2"),
        put(tmp_path / "env1"),
        put(tmp_path / "env2"),
        put(own_folder()),
        put(tmp_path / "work" / ".assets" / "models"),
        put(tmp_path / "ff" / ".assets" / "models"),
        put(home / "facefusion" / ".assets" / "models"),
        put(home / "FaceFusion" / ".assets" / "models"),
        put(home / ".insightface" / "models", "w600k_r50.onnx"),
        put(home / ".insightface" / "models" / "buffalo_l", "w600k_r50.onnx"),
    ]
    assert len({path.stat().st_ino for path in expected}) == len(expected)
    store = Store([tmp_path / "given1", tmp_path / "given2"])
    assert list(store.folders) == [path.parent for path in expected]
    for path in expected:
        assert store.find(ARCFACE) == path
        path.unlink()
    with pytest.raises(NetworkNotFoundError):
        store.find(ARCFACE)


def test_names_are_tried_in_the_specs_order(tmp_path: Path) -> None:
    put(tmp_path / "m", "w600k_r50.onnx")
    assert Store([tmp_path / "m"]).find(ARCFACE).name == "w600k_r50.onnx"
    put(tmp_path / "m", "arcface_w600k_r50.onnx")
    assert Store([tmp_path / "m"]).find(ARCFACE).name == "arcface_w600k_r50.onnx"


def test_a_missing_network_says_what_was_wanted_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRTSWAP_MODELS", str(tmp_path / "absent"))
    (tmp_path / "m").mkdir()
    with pytest.raises(NetworkNotFoundError) as caught:
        Store([tmp_path / "m"]).find(ARCFACE)
    text = str(caught.value)
    for part in (
        "arcface_w600k_r50.onnx or w600k_r50.onnx",
        f"searched: {tmp_path / 'm'}\n",
        f"searched: {tmp_path / 'absent'} (does not exist)",
        "models-3.0.0",
        "buffalo_l",
        "Non-Commercial (no commercial use)",
    ):
        assert part in text
    assert caught.value.searched == (str(tmp_path / "m"), str(tmp_path / "absent"))
    assert str(own_folder()) in str(caught.value.hint)
    assert isinstance(caught.value, FileNotFoundError)


def test_nothing_to_search_is_said() -> None:
    with pytest.raises(NetworkNotFoundError, match="none of the usual folders exists"):
        Store().find(ARCFACE)


@pytest.mark.parametrize("given", ["absent", "file"])
def test_a_given_folder_must_exist(tmp_path: Path, given: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OptionError, match=given):
        Store([tmp_path / given])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>Not found</html>", "web page"),
    ],
)
def test_what_is_no_network_is_passed_over_and_kept(tmp_path: Path, content: bytes, reason: str) -> None:
    bad = put(tmp_path / "bad", content=content)
    (tmp_path / "good").mkdir()
    store = Store([tmp_path / "bad", tmp_path / "good"])
    with pytest.raises(NetworkNotFoundError, match=f"passed over: .*arcface_w600k_r50.onnx .*{reason}"):
        store.find(ARCFACE)
    good = put(tmp_path / "good")
    assert store.find(ARCFACE) == good
    assert bad.read_bytes() == content


def test_verify_compares_digests(tmp_path: Path) -> None:
    path = put(tmp_path, content=CONTENT * 300_000)
    digest = hashlib.sha256(CONTENT * 300_000).hexdigest()
    assert sha256_of(path) == digest
    assert Store.verify(path, ARCFACE) == "unknown"
    known = replace(ARCFACE, files=(replace(ARCFACE.files[0], name="other.onnx", sha256=digest),))
    assert Store.verify(path, known) == "known"
    with pytest.raises(NetworkError, match="cannot be read"):
        Store.verify(tmp_path / "absent.onnx", ARCFACE)
