"""Outputs made from outputs: what was done before stays readable, whatever the container."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.signed import swap

from trtswap.provenance.parent import sidecar_of
from trtswap.provenance.verify import verify

c2pa = pytest.importorskip("c2pa")


@pytest.mark.parametrize("endings", [("mp4", "mp4"), ("mov", "mkv"), ("mkv", "webm"), ("webm", "mp4")])
def test_videos_keep_the_chain(world: Path, tmp_path: Path, endings: Sequence[str]) -> None:
    """Two ingredients deep, through manifests inside files and beside them."""
    check_chain(world, tmp_path, world / "out_mp4.mp4", endings)


def test_pictures_keep_the_chain(world: Path, tmp_path: Path) -> None:
    check_chain(world, tmp_path, world / "out_png.png", ("jpg", "webp"))


def check_chain(world: Path, folder: Path, first: Path, endings: Sequence[str]) -> None:
    made = [first]
    for number, ending in enumerate(endings):
        swap(world, made[-1], folder / f"{number}.{ending}")
        made.append(folder / f"{number}.{ending}")
    verdict = verify(made[-1])
    assert (verdict.state, verdict.problems) == ("trusted", ())
    assert len(verdict.chain) == 3
    assert [step.title for step in verdict.chain] == [f"output{path.suffix}" for path in reversed(made)]
    for step in verdict.chain:
        assert step.run is not None
        assert {network["role"] for network in step.run["networks"]} >= {"detector", "swapper"}
    check_with_c2pa(made[-1])


def check_with_c2pa(path: Path) -> None:
    """Its own reader follows the ingredients too, and finds every manifest of the chain valid."""
    kinds = {".mp4": "video/mp4", ".mkv": "video/x-matroska", ".webm": "video/webm", ".webp": "image/webp"}
    beside = sidecar_of(path)
    store = beside.read_bytes() if path.suffix in (".mkv", ".webm") else None
    with path.open("rb") as file, c2pa.Reader(kinds[path.suffix], file, store) as reader:
        assert reader.get_validation_state() == "Valid"
        content = json.loads(reader.json())
    label, depth = content["active_manifest"], 0
    while True:
        parents = [
            one for one in content["manifests"][label]["ingredients"] if one["relationship"] == "parentOf"
        ]
        assert len(parents) == 1
        if "active_manifest" not in parents[0]:
            break
        label, depth = parents[0]["active_manifest"], depth + 1
    assert depth == 2


@pytest.mark.parametrize("ending", ["png", "mp4", "mkv"])
def test_a_damaged_manifest_of_the_original_does_not_stop_a_run(
    world: Path, tmp_path: Path, ending: str
) -> None:
    """What lies beside is left out; what lies inside is left out or kept as damaged. The new one is intact."""
    original = world / f"out_{ending}.{ending}"
    holder = sidecar_of(original) if ending == "mkv" else original
    data = bytearray(holder.read_bytes())
    at = data.find(b"c2pa.signature")
    data[at : at + 4] = b"xxxx"
    damaged = tmp_path / f"damaged.{ending}"
    damaged.write_bytes(data if ending != "mkv" else original.read_bytes())
    if ending == "mkv":
        sidecar_of(damaged).write_bytes(data)
    swap(world, damaged, tmp_path / f"out.{ending}")
    verdict = verify(tmp_path / f"out.{ending}")
    assert verdict.state == "trusted"
    assert verdict.chain[0].run is not None


def test_an_original_that_was_changed_says_so_in_the_chain(world: Path, tmp_path: Path) -> None:
    """The new output is intact; that its original was not is recorded with it."""
    data = bytearray((world / "out_png.png").read_bytes())
    data = data.replace(b"AI-altered", b"No-altered")
    (tmp_path / "changed.png").write_bytes(data)
    swap(world, tmp_path / "changed.png", tmp_path / "out.png")
    with c2pa.Reader(str(tmp_path / "out.png")) as reader:
        assert reader.get_validation_state() == "Valid"
        content = json.loads(reader.json())
    (parent,) = content["manifests"][content["active_manifest"]]["ingredients"]
    codes = [one["code"] for one in parent["validation_results"]["activeManifest"]["failure"]]
    assert "assertion.dataHash.mismatch" in codes


def test_a_manifest_beside_another_file_is_not_replaced(world: Path, tmp_path: Path) -> None:
    """out.mkv and out.webm would have theirs under one name."""
    from trtswap.errors import OptionError

    swap(world, world / "clip.mp4", tmp_path / "out.mkv")
    before = (tmp_path / "out.c2pa").read_bytes()
    with pytest.raises(OptionError, match=r"out\.c2pa, which exists already"):
        swap(world, world / "clip.mp4", tmp_path / "out.webm")
    assert (tmp_path / "out.c2pa").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.c2pa", "out.mkv"]
