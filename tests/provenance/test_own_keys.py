"""An organisation's own key, as a file, by a program or by a function: it signs, or what is wrong is told in time."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support import painted
from support.patience import PATIENCE_S
from support.signed import SIZE, frames_in, kept, signing, swap

from trtswap.errors import OptionError, SigningError
from trtswap.options import DiscloseOptions, ProvenanceOptions, ResumeOptions
from trtswap.provenance import identity as keys
from trtswap.provenance import outside
from trtswap.provenance.seal import Seal
from trtswap.provenance.verify import verify

pytest.importorskip("c2pa")
PEM = serialization.Encoding.PEM


def test_a_command_signs(world: Path, work: Path, company: Path, own: Path) -> None:
    chain = str(company / keys.CHAIN)
    swap(world, world / "clip.mp4", work / "out.mp4", signing_command=signing(company), signing_cert=chain)
    assert not own.exists(), "no identity of one's own is made"
    assert verify(work / "out.mp4").state == "valid"
    assert verify(work / "out.mp4", [company / keys.ROOT]).state == "trusted"


@pytest.mark.parametrize("form", ["der", "raw"])
def test_a_function_signs(world: Path, work: Path, company: Path, form: str) -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    private = serialization.load_pem_private_key((company / keys.KEY).read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    asked = []

    def sign(data: bytes) -> bytes:
        asked.append(data)
        signature = private.sign(data, ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(signature)
        return signature if form == "der" else r.to_bytes(32, "big") + s.to_bytes(32, "big")

    chain = str(company / keys.CHAIN)
    swap(world, world / "clip.mp4", work / "out.mp4", signing_command=sign, signing_cert=chain)
    assert verify(work / "out.mp4", [company / keys.ROOT]).state == "trusted"
    assert len(asked) == 2, "once before any work, once for the output"


COMMANDS = [
    ("false", "false ended with 1"),
    ("sh -c 'echo the card is locked >&2; exit 4'", "sh ended with 4: the card is locked"),
    ("sleep 3600", "sleep gave no signature within 0.5 seconds"),
    ("sh -c 'sleep 3600 & sleep 3601'", "sh gave no signature within 0.5 seconds"),
    ("true", "the 0 bytes that the signing command gave are no signature"),
    ("cat", "bytes that the signing command gave are no signature by the key"),
    ("no-such-program --sign", "no program 'no-such-program'"),
    ("sign 'it", "cannot be read: No closing quotation"),
    ("", "no program ''"),
    (lambda data: 1 / len(data[:0]), "function failed: ZeroDivisionError"),
    (lambda data: str(data), "gave str, not bytes"),
]


@pytest.mark.parametrize(("command", "reason"), COMMANDS, ids=[reason for _, reason in COMMANDS])
def test_a_command_that_does_not_sign_is_told_before_any_work(
    world: Path, work: Path, company: Path, command: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "TIMEOUT_S", 0.5 if "within 0.5 seconds" in reason else PATIENCE_S)
    chain = str(company / keys.CHAIN)
    with pytest.raises(SigningError) as caught:
        swap(world, world / "clip.mp4", work / "out.mp4", signing_command=command, signing_cert=chain)
    assert reason in str(caught.value)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("second", ["exit 7", "cat", "sleep 30"])
def test_a_command_that_fails_at_the_end_loses_nothing(
    world: Path, work: Path, company: Path, tmp_path: Path, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "TIMEOUT_S", 2.0)
    script = tmp_path / "sign.sh"
    script.write_text(
        f"if [ -e '{tmp_path}/once' ]; then {second}; else touch '{tmp_path}/once'; {signing(company)}; fi"
    )
    with pytest.raises(SigningError, match=r"signing command.*kept as out\.unsigned\.mp4"):
        swap(
            world, world / "clip.mp4", work / "out.mp4",
            signing_command=f"sh '{script}'", signing_cert=str(company / keys.CHAIN),
        )  # fmt: skip
    assert frames_in(kept(work)) == 4


def test_a_command_of_another_key_is_told(world: Path, work: Path, company: Path, own: Path) -> None:
    keys.own_identity()
    with pytest.raises(SigningError, match="no signature by the key of the certificate"):
        swap(
            world, world / "clip.mp4", work / "out.mp4",
            signing_command=signing(own), signing_cert=str(company / keys.CHAIN),
        )  # fmt: skip


def test_what_signs_is_told_once(world: Path) -> None:
    with pytest.raises(OptionError, match="not both"):
        ProvenanceOptions(signing_key="a", signing_command="b", signing_cert="c")
    with pytest.raises(OptionError, match="together"):
        Seal(ProvenanceOptions(signing_command="true"), world / "me.png")


def reissued(company: Path, **changes: Any) -> None:
    """The organisation's leaf again, signed by itself, but for `changes`: until, key, purpose."""
    now = datetime.datetime.now(datetime.timezone.utc)
    private = changes.get("key") or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "a company")])
    until = changes.get("until", now + datetime.timedelta(days=300))
    purpose = changes.get("purpose", x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=400))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(private.public_key()), critical=False
        )
        .sign(private, hashes.SHA256())
    )
    (company / keys.CHAIN).write_bytes(certificate.public_bytes(PEM))
    format = serialization.PrivateFormat.PKCS8
    (company / keys.KEY).write_bytes(private.private_bytes(PEM, format, serialization.NoEncryption()))


NOW = datetime.datetime.now(datetime.timezone.utc)
WRONG_CERTIFICATES = [
    ({"until": NOW - datetime.timedelta(days=2)}, "expired on"),
    ({"key": rsa.generate_private_key(65537, 2048)}, "not on the curve P-256"),
    ({"key": ec.generate_private_key(ec.SECP384R1())}, "not on the curve P-256"),
    ({"purpose": x509.oid.ExtendedKeyUsageOID.SERVER_AUTH}, "nothing can be signed with these certificates"),
]


@pytest.mark.parametrize("way", ["key", "command"])
@pytest.mark.parametrize(
    ("changes", "reason"), WRONG_CERTIFICATES, ids=["expired", "RSA", "P-384", "purpose"]
)
def test_certificates_that_do_not_do_are_told_before_any_work(
    world: Path, work: Path, company: Path, changes: dict[str, Any], reason: str, way: str
) -> None:
    reissued(company, **changes)
    how: dict[str, str] = {"signing_cert": str(company / keys.CHAIN)}
    if way == "key":
        how["signing_key"] = str(company / keys.KEY)
    else:
        how["signing_command"] = signing(company)
    with pytest.raises(SigningError, match=reason):
        swap(world, world / "clip.mp4", work / "out.mp4", **how)
    assert list(work.iterdir()) == []


def test_an_organisation_s_certificate_that_soon_expires_is_noted(
    world: Path, work: Path, company: Path
) -> None:
    reissued(company, until=NOW + datetime.timedelta(days=30, hours=1))
    how = {"signing_cert": str(company / keys.CHAIN), "signing_key": str(company / keys.KEY)}
    report = swap(world, world / "clip.mp4", work / "out.mp4", **how)
    assert any("'a company' expires in 30 days" in note for note in report.notes)


def test_an_encrypted_key_is_refused(world: Path, work: Path, company: Path) -> None:
    private = serialization.load_pem_private_key((company / keys.KEY).read_bytes(), None)
    format = serialization.PrivateFormat.PKCS8
    secret = private.private_bytes(PEM, format, serialization.BestAvailableEncryption(b"secret"))
    (company / keys.KEY).write_bytes(secret)
    how = {"signing_cert": str(company / keys.CHAIN), "signing_key": str(company / keys.KEY)}
    with pytest.raises(SigningError, match="no usable private key") as caught:
        swap(world, world / "clip.mp4", work / "out.mp4", **how)
    assert "unencrypted" in (caught.value.hint or "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_without_permission_is_told(world: Path, work: Path, company: Path) -> None:
    (company / keys.KEY).chmod(0)
    how = {"signing_cert": str(company / keys.CHAIN), "signing_key": str(company / keys.KEY)}
    with pytest.raises(SigningError, match=r"key\.pem cannot be read: Permission denied"):
        swap(world, world / "clip.mp4", work / "out.mp4", **how)


class Card:
    """Something that signs and cannot be copied, as a session with a device cannot."""

    def __init__(self, folder: Path) -> None:
        private = serialization.load_pem_private_key((folder / keys.KEY).read_bytes(), None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        self._private = private

    def __deepcopy__(self, _: object) -> Card:
        raise TypeError("there is only one of these")

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_an_output_made_in_segments_is_signed_as_one(
    world: Path, work: Path, company: Path, ending: str
) -> None:
    long = work / "long.mp4"
    painted.write_clip(long, [[face] for face in painted.swaying(40, SIZE)], SIZE)
    swap(
        world, long, work / f"out.{ending}",
        signing_command=Card(company).sign, signing_cert=str(company / keys.CHAIN),
        settings={"resume": ResumeOptions(segment_s=0.5), "disclose": DiscloseOptions(text="AI-altered")},
    )  # fmt: skip
    assert frames_in(work / f"out.{ending}") == 40
    assert verify(work / f"out.{ending}", [company / keys.ROOT]).state == "trusted"
    assert len(list(work.iterdir())) == (3 if ending == "mkv" else 2), "the segments are gone"
