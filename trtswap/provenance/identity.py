"""The keys that outputs are signed with: the user's own, made on first use, or an organisation's.

A signing identity is a private key on P-256 and a chain of certificates: leaf, intermediate, and the root that others
can be given to trust. The keys of root and intermediate are thrown away once they have signed.
"""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from platformdirs import user_config_dir

from trtswap.errors import SigningError, StrPath
from trtswap.provenance.outside import outside_signer
from trtswap.provenance_options import SigningCommand

KEY, CHAIN, ROOT = "key.pem", "chain.pem", "root.pem"
_VALID = datetime.timedelta(days=5 * 365)
_SOON = datetime.timedelta(days=60)
_SLACK = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Identity:
    """chain: PEM of the leaf and what stands between it and the root. name: of the leaf. expires: when the first
    certificate of the chain does. key: PEM of the private key, or None where `sign` signs, from bytes to an ES256
    signature of 64 bytes."""

    chain: bytes
    name: str
    expires: datetime.datetime
    key: bytes | None = None
    sign: Callable[[bytes], bytes] | None = None

    def note(self) -> str | None:
        """A sentence when it expires within sixty days."""
        left = self.expires - _now()
        if left > _SOON:
            return None
        return (
            f"the signing certificate {self.name!r} expires in {left.days} days, on {self.expires:%Y-%m-%d}"
        )


def own_folder() -> Path:
    """Where the user's own identity lies."""
    return Path(os.environ.get("TRTSWAP_SIGNING") or Path(user_config_dir("trtswap")) / "signing")


def own_root() -> Path | None:
    """The root certificate of the user's own identity, if there is one."""
    path = own_folder() / ROOT
    return path if path.is_file() else None


def own_identity() -> Identity:
    """The user's own identity, made if there is none. Raises SigningError when it cannot be read, made or used."""
    folder = own_folder()
    if not any((folder / name).exists() for name in (KEY, CHAIN)):
        try:
            _make(folder)
        except OSError as error:
            raise SigningError(
                f"no signing identity can be made in {folder}: {error.strerror or error}",
                hint="make the folder writable, name one in TRTSWAP_SIGNING, or use --no-provenance",
            ) from error
    return load_identity(folder / KEY, folder / CHAIN)


def load_identity(key: StrPath, chain: StrPath) -> Identity:
    """An identity from PEM files. Raises SigningError when they are missing, unreadable, do not belong together, or a
    certificate has expired."""
    key_pem, chain_pem = _read(key), _read(chain)
    try:
        private = serialization.load_pem_private_key(key_pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(
            f"{key} is no usable private key: {error}",
            hint="give a PEM file with an unencrypted private key on the curve P-256",
        ) from error
    leaf, expires = _certificates(chain, chain_pem)
    if leaf.public_key() != private.public_key():
        raise SigningError(f"the key {key} does not belong to the first certificate of {chain}")
    return Identity(chain_pem, _name_of(leaf), expires, key=key_pem)


def load_outside_identity(command: SigningCommand, chain: StrPath) -> Identity:
    """An identity whose key stays elsewhere, from a PEM file and what signs. Raises SigningError when the certificates
    are missing, unreadable, of another kind of key or expired, or there is no such command."""
    chain_pem = _read(chain)
    leaf, expires = _certificates(chain, chain_pem)
    return Identity(chain_pem, _name_of(leaf), expires, sign=outside_signer(command, leaf))


def _certificates(chain: StrPath, pem: bytes) -> tuple[x509.Certificate, datetime.datetime]:
    """The leaf, and when the first of the chain expires."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise SigningError(
            f"{chain} holds no usable certificates: {error}", hint="give the chain as PEM, leaf first"
        ) from error
    public = certificates[0].public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise SigningError(
            f"the key of the first certificate of {chain} is not on the curve P-256",
            hint="ES256 is what outputs are signed with",
        )
    expires = min(certificate.not_valid_after_utc for certificate in certificates)
    if expires <= _now():
        raise SigningError(
            f"a certificate in {chain} expired on {expires:%Y-%m-%d}",
            hint=f"get new ones; of trtswap's own, remove the folder {Path(chain).parent} and a new identity is made",
        )
    return certificates[0], expires


def _name_of(leaf: x509.Certificate) -> str:
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else "unnamed"


def _make(folder: Path) -> None:
    """Writes a new identity whole or not at all, readable by the user alone."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    root_name, middle_name, leaf_name = (
        _name(f"trtswap {part} {keys[0].public_key().public_numbers().x:064x}"[: 8 + len(part) + 9])
        for part in ("root", "intermediate", "signer")
    )
    root = _certificate(root_name, keys[0], root_name, keys[0], path_length=1)
    middle = _certificate(middle_name, keys[1], root_name, keys[0], path_length=0)
    leaf = _certificate(leaf_name, keys[2], middle_name, keys[1], path_length=None)
    private = keys[2].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    # the key last: with it the identity is complete
    for name, content in ((ROOT, _pem(root)), (CHAIN, _pem(leaf) + _pem(middle)), (KEY, private)):
        handle, temporary = tempfile.mkstemp(dir=folder)  # 0600
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(folder / name)


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    path_length: int | None,
) -> x509.Certificate:
    """path_length: None for the leaf."""
    authority = path_length is not None
    usage = dict.fromkeys(_USAGES, False)
    usage.update(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _SLACK)
        .not_valid_after(_now() + _VALID)
        .add_extension(x509.BasicConstraints(authority, path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(x509.KeyUsage(**usage), critical=True)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _name(common_name: str) -> x509.Name:
    parts = ((NameOID.ORGANIZATION_NAME, "trtswap user"), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _read(path: StrPath) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SigningError(
            f"{path} cannot be read: {error.strerror or error}", hint="it is needed to sign the output"
        ) from error


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
