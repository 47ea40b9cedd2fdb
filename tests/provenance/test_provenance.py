"""Outputs that say what they are: signed, read back by c2pa's own reader, and found out when changed."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from support.signed import OUTPUTS, swap, target_for

from trtswap.cli.app import main
from trtswap.errors import OptionError, SigningError
from trtswap.options import ProvenanceOptions
from trtswap.provenance import identity as keys
from trtswap.provenance.manifest import COMPOSITE
from trtswap.provenance.seal import Seal
from trtswap.provenance.verify import verify

c2pa = pytest.importorskip("c2pa")


@pytest.mark.parametrize("ending", OUTPUTS)
def test_every_container_verifies(world: Path, ending: str) -> None:
    verdict = verify(world / f"out_{ending}.{ending}")
    assert verdict.state == "trusted"  # by the user's own root
    assert verdict.problems == ()
    assert (verdict.sidecar is not None) == (ending in ("mkv", "webm"))
    (step,) = verdict.chain
    assert step.who.startswith("trtswap signer")
    assert step.tool.startswith("trtswap ")
    assert step.actions[-1] == f"c2pa.edited ({COMPOSITE.rsplit('/', 1)[-1]})"
    assert step.run is not None
    assert {network["role"] for network in step.run["networks"]} >= {"detector", "recogniser", "swapper"}
    assert all(len(network["sha256"]) == 64 and network["licence"] for network in step.run["networks"])
    assert step.run["options"]["mask"]["blur"] == 0.3
    assert {"detect", "smooth", "blend", "enhance", "encode", "trim"} <= set(step.run["options"])
    original = target_for(world, ending).read_bytes()
    assert step.run["original_sha256"] == hashlib.sha256(original).hexdigest()


def reader_of(path: Path, context: Any) -> Any:
    """c2pa's own reader, given the file alone, or with the manifest beside it."""
    beside = path.with_suffix(".c2pa")
    if not beside.exists():
        return c2pa.Reader(str(path), context=context)
    kind = {".mkv": "video/x-matroska", ".webm": "video/webm"}[path.suffix]
    return c2pa.Reader(kind, io.BytesIO(path.read_bytes()), beside.read_bytes(), context=context)


@pytest.mark.parametrize("ending", OUTPUTS)
def test_the_reader_of_c2pa_agrees(world: Path, ending: str) -> None:
    """With no anchors intact but unknown; with the root trusted, with nothing to object to."""
    path = world / f"out_{ending}.{ending}"
    root = (keys.own_folder() / keys.ROOT).read_text()
    for settings, state in (({}, "Valid"), ({"trust": {"user_anchors": root}}, "Trusted")):
        context = c2pa.Context(c2pa.Settings.from_dict(settings))
        with reader_of(path, context) as reader:
            assert reader.get_validation_state() == state
            content = json.loads(reader.json())
    assert content["validation_results"]["activeManifest"]["failure"] == []
    manifest = content["manifests"][content["active_manifest"]]
    assert "thumbnail" not in manifest
    (parent,) = manifest["ingredients"]
    assert parent["relationship"] == "parentOf"
    text = json.dumps(content)
    for private in (str(world), world.name, "me.png", "clip", os.environ.get("USER") or "nobody-here"):
        assert private not in text


def test_unsigned_files_are_absent(world: Path) -> None:
    assert verify(world / "clip.mp4").state == "absent"
    assert verify(world / "me.png").state == "absent"
    with pytest.raises(SigningError, match="cannot be read"):
        verify(world / "missing.mp4")


def test_the_identity_is_made_once_and_private(own: Path) -> None:
    first, second = keys.own_identity(), keys.own_identity()
    assert first == second
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    assert stat.S_IMODE((own / keys.KEY).stat().st_mode) == 0o600
    assert sorted(path.name for path in own.iterdir()) == [keys.CHAIN, keys.KEY, keys.ROOT]
    assert first.note() is None
    assert keys.own_root() == own / keys.ROOT


def test_expiry_is_told_before_it_bites(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = keys.own_identity()
    late = signer.expires - datetime.timedelta(days=20, hours=1)
    monkeypatch.setattr(keys, "_now", lambda: late)
    assert "expires in 20 days" in (keys.own_identity().note() or "")
    monkeypatch.setattr(keys, "_now", lambda: signer.expires + datetime.timedelta(seconds=1))
    with pytest.raises(SigningError, match="expired") as caught:
        keys.own_identity()
    assert str(own) in (caught.value.hint or "")


@pytest.mark.parametrize("problem", ["no key", "no certificate", "garbage", "another key", "no permission"])
def test_unusable_keys_are_told_before_any_work(world: Path, tmp_path: Path, own: Path, problem: str) -> None:
    keys.own_identity()
    key, chain = own / keys.KEY, own / keys.CHAIN
    if problem == "no key":
        key.unlink()
    elif problem == "no certificate":
        chain.unlink()
    elif problem == "garbage":
        key.write_bytes(b"no key at all")
    elif problem == "another key":
        kept = key.read_bytes()
        key.unlink()
        chain.unlink()
        keys.own_identity()
        key.write_bytes(kept)
    elif problem == "no permission":
        key.unlink()
        key.mkdir()
    with pytest.raises(SigningError):
        swap(world, world / "clip.mp4", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_an_organisations_own_key(world: Path, tmp_path: Path, own: Path) -> None:
    keys.own_identity()
    kept = tmp_path / "company"
    own.rename(kept)
    swap(
        world, world / "clip.mp4", tmp_path / "out.mp4",
        signing_key=str(kept / keys.KEY), signing_cert=str(kept / keys.CHAIN),
    )  # fmt: skip
    assert not own.exists(), "no identity of one's own is made"
    assert verify(tmp_path / "out.mp4").state == "valid"
    assert verify(tmp_path / "out.mp4", [kept / keys.ROOT]).state == "trusted"


def test_consent_is_a_digest_alone(world: Path, tmp_path: Path) -> None:
    note = tmp_path / "consent.txt"
    note.write_text("I, Jane Roe, agree.")
    swap(world, world / "clip.mp4", tmp_path / "out.mp4", consent=str(note))
    run = verify(tmp_path / "out.mp4").chain[0].run
    assert run is not None
    assert run["consent_sha256"] == hashlib.sha256(note.read_bytes()).hexdigest()
    assert b"Jane Roe" not in (tmp_path / "out.mp4").read_bytes()


@pytest.mark.parametrize(
    "wrong",
    [
        {"unsigned_reason": "  "},
        {"unsigned_reason": "x", "consent": "note.txt"},
    ],
)
def test_contradictions_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        ProvenanceOptions(**wrong)


@pytest.mark.parametrize("half", ["signing_key", "signing_cert"])
def test_a_key_without_its_certificates_is_refused(world: Path, half: str) -> None:
    with pytest.raises(OptionError, match="together"):
        Seal(ProvenanceOptions(**{half: "a.pem"}), world / "clip.mp4")


def test_verify_on_the_command_line(world: Path, capsys: Any) -> None:
    assert main(["verify", str(world / "out_mp4.mp4")]) == 0
    out = capsys.readouterr().out
    assert "intact" in out
    assert "c2pa.edited (compositeWithTrainedAlgorithmicMedia)" in out
    assert "swapper: inswapper_128" in out
    assert main(["verify", str(world / "clip.mp4"), "--json"]) == 5
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["state"], event["intact"], event["exit_code"]) == (
        "verify",
        "absent",
        False,
        5,
    )
    assert main(["verify", str(world / "missing.mp4")]) == 3
