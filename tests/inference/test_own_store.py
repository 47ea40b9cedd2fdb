"""trtswap's own folder: fetched with consent, linked, copied, removed; licences that stand in the way."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.file_server import Site, serving

from trtswap.errors import NetworkError, NetworkNotFoundError, OptionError
from trtswap.inference.download import Patience
from trtswap.inference.licences import Agreements, permits
from trtswap.inference.own_store import OwnStore, crc_flaw
from trtswap.inference.spec import load_specs
from trtswap.networks import registry
from trtswap.networks.choice import choose

SPECS = load_specs()
BODY = b"not a network, but bytes" * 1000
QUICK = Patience(0.5, 2, 0.01)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({"models-3.0.0/fan_68_5.onnx": BODY})) as running:
        yield running


def mirror(site: Site) -> list[str]:
    return [f"{site.url}/{{tag}}/{{file}}"]


def pinned(name: str = "fan_68_5", body: bytes = BODY) -> object:
    spec = SPECS[name]
    file = replace(spec.files[0], sha256=hashlib.sha256(body).hexdigest())
    return replace(spec, files=(file,))


def test_the_licence_comes_first_and_once(site: Site, tmp_path: Path) -> None:
    store, spec = OwnStore(tmp_path / "models"), pinned()
    with pytest.raises(OptionError, match="OpenRAIL-M") as caught:
        store.fetch(spec, mirrors=mirror(site), patience=QUICK)  # type: ignore[arg-type]
    assert "--accept-licence" in (caught.value.hint or "")
    assert site.requests == []
    path = store.fetch(spec, accept_licence=True, mirrors=mirror(site), patience=QUICK)  # type: ignore[arg-type]
    assert path.read_bytes() == BODY
    path.unlink()
    assert OwnStore(tmp_path / "models").fetch(spec, mirrors=mirror(site), patience=QUICK) == path  # type: ignore[arg-type]
    assert path.read_bytes() == BODY
    other = replace(spec, licence=replace(spec.licence, label="Something new"))  # type: ignore[type-var, attr-defined]
    with pytest.raises(OptionError, match="Something new"):
        store.fetch(other, mirrors=mirror(site))  # type: ignore[arg-type]


def test_a_file_that_is_there_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    store = OwnStore(tmp_path)
    (tmp_path / "fan_68_5.onnx").write_bytes(b"mine")
    store.fetch(pinned(), accept_licence=True, mirrors=mirror(site))  # type: ignore[arg-type]
    assert (tmp_path / "fan_68_5.onnx").read_bytes() == b"mine"
    assert site.requests == []


def test_what_is_fetched_is_the_pinned_file(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trtswap.inference import own_store

    monkeypatch.setattr(own_store, "SOURCES", ())
    store = OwnStore(tmp_path / "models")
    with pytest.raises(NetworkError, match="SHA-256"):  # the true pin is of another file
        store.fetch(SPECS["fan_68_5"], accept_licence=True, mirrors=mirror(site), patience=QUICK)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("bad", ["ftp://x/{file}", "file:///{file}", "http://x/", "x"])
def test_a_mirror_is_a_web_address(bad: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is no mirror"):
        OwnStore(tmp_path).fetch(SPECS["fan_68_5"], accept_licence=True, mirrors=[bad])


def test_every_network_names_where_it_can_be_fetched() -> None:
    from trtswap.inference.own_store import fetchable

    for spec in SPECS.values():
        if spec.built_in:
            continue
        file = fetchable(spec)
        assert file is not None, spec.name
        assert any(file.release == place.release for place in spec.published), spec.name


@pytest.mark.parametrize("copy", [False, True])
def test_files_of_another_folder_are_brought(copy: bool, tmp_path: Path) -> None:
    there = tmp_path / "facefusion"
    there.mkdir()
    (there / "2dfan4.onnx").write_bytes(b"points")
    (there / "2dfan4.hash").write_text(f"{zlib.crc32(b'points'):08x}")
    (there / "w600k_r50.onnx").write_bytes(b"people")
    (there / "xseg_1.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    (there / "xseg_2.onnx").write_bytes(b"masks")
    (there / "xseg_2.hash").write_text("00000000")
    (there / "holiday.jpg").write_bytes(b"unknown")
    (there / "yunet_2023_mar.onnx").mkdir()
    store = OwnStore(tmp_path / "own")
    done = {item.network: item.outcome for item in store.bring(SPECS, there, copy=copy)}
    word = "copied" if copy else "linked"
    assert done.pop("xseg_1").startswith("is a Git LFS pointer")
    assert done.pop("xseg_2").startswith("is damaged: its CRC-32")
    assert done == {"2dfan4": word, "arcface_w600k_r50": word}
    brought = {path.name: path for path in (tmp_path / "own").iterdir()}
    assert set(brought) == {"2dfan4.onnx", "w600k_r50.onnx"}
    assert all(path.is_symlink() is not copy for path in brought.values())
    assert brought["2dfan4.onnx"].read_bytes() == b"points"
    again = {item.network: item.outcome for item in store.bring(SPECS, there, copy=copy)}
    assert again["2dfan4"] == "there already"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="nowhere"):
        OwnStore(tmp_path).bring(SPECS, tmp_path / "nowhere")


def test_removing_leaves_the_original(tmp_path: Path) -> None:
    there = tmp_path / "facefusion"
    there.mkdir()
    (there / "2dfan4.onnx").write_bytes(b"points")
    store = OwnStore(tmp_path / "own")
    store.bring(SPECS, there)
    (tmp_path / "own" / ".2dfan4.onnx.part").write_bytes(b"half")
    assert len(store.remove(SPECS["2dfan4"])) == 2
    assert (there / "2dfan4.onnx").read_bytes() == b"points"
    assert list((tmp_path / "own").iterdir()) == []
    with pytest.raises(NetworkNotFoundError, match="no file of 2dfan4"):
        store.remove(SPECS["2dfan4"])


def test_a_hash_file_that_says_nothing_is_no_flaw(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"abc")
    assert crc_flaw(path) is None
    path.with_suffix(".hash").write_text("not a number")
    assert crc_flaw(path) is None
    path.with_suffix(".hash").write_text(f" {zlib.crc32(b'abc'):08X} \n")
    assert crc_flaw(path) is None


def test_agreements_survive_damage(tmp_path: Path) -> None:
    path = tmp_path / "licences.json"
    path.write_text("{")
    agreements = Agreements(path)
    assert not agreements.has(SPECS["yunet"])
    agreements.add(SPECS["yunet"])
    agreements.add(SPECS["xseg_1"])
    assert Agreements(path).has(SPECS["yunet"])
    assert Agreements(path).has(SPECS["xseg_1"])


def test_what_a_licence_lets_run(tmp_path: Path) -> None:
    from trtswap.inference.store import Store

    rules = ("permissive", "noncommercial", "any")
    table = {
        "yunet": (True, True, True),
        "yoloface_8n": (True, True, True),
        "scrfd_2.5g": (False, True, True),
        "codeformer": (False, True, True),
        "hyperswap_1a_256": (False, True, True),
        "hififace_unofficial_256": (False, False, True),
        "uniface_256": (False, False, True),
        "ghost_1_256": (True, True, True),
    }
    for name, expected in table.items():
        assert tuple(permits(rule, SPECS[name]) for rule in rules) == expected, name  # type: ignore[arg-type]
    store = Store([tmp_path])
    (tmp_path / "hyperswap_1a_256.onnx").write_bytes(b"x")
    (tmp_path / "ghost_2_256.onnx").write_bytes(b"x")
    chosen = [choose(SPECS, store, "swapper", registry.SWAPPERS, "auto", rule).name for rule in rules]  # type: ignore[arg-type]
    assert chosen == ["ghost_2_256", "hyperswap_1a_256", "hyperswap_1a_256"]
    with pytest.raises(OptionError, match=r"stands in the way of --licence permissive.*ResearchRAIL"):
        choose(SPECS, store, "swapper", registry.SWAPPERS, "hyperswap_1a_256", "permissive")
    with pytest.raises(OptionError, match=r"no recogniser may run with --licence permissive"):
        choose(SPECS, store, "recogniser", registry.RECOGNISERS, "auto", "permissive")
