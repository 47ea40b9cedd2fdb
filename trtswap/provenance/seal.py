"""Signs an output as the last thing before it gets its name."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from trtswap.concurrency import Later
from trtswap.digest import file_sha256
from trtswap.errors import OptionError, SigningError, StrPath
from trtswap.options import ProvenanceOptions
from trtswap.provenance.digests import file_type_sha256
from trtswap.provenance.identity import Identity, load_identity, load_outside_identity, own_identity
from trtswap.provenance.manifest import BESIDE, MIME, NetworkFact, manifest, mime_of
from trtswap.provenance.parent import builder_of, sidecar_of

SETTINGS: Mapping[str, Any] = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}
"""No pictures in manifests, nothing fetched."""
_STAMPING = ("http", "HTTP", "decode error", "nonce", "timestamp", "time stamp", "TimeStamp")
"""Words of c2pa's reasons when a time stamp is missing or wrong."""
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
_BUFFER = 1 << 20
"""Bytes. c2pa reads and writes eight kilobytes at a time, which takes a disk twice as long."""


class Seal:
    """Signs outputs of one run. Keys are loaded, and made on first use, when it is created, so that what is wrong with
    them is told before any work.

    original: what the output is made from. Raises SigningError, OptionError.
    """

    def __init__(self, options: ProvenanceOptions, original: StrPath) -> None:
        self._original = Path(original)
        self._library = Later(_load, "c2pa")
        self._timestamp_url = options.timestamp_url
        self._identity = _identity(options)
        if options.signing_cert is not None:
            self._try()
        self._consent = _consent_digest(options.consent) if options.consent is not None else None
        self._digest = Later(partial(file_sha256, self._original), "digest")
        self._networks: Later[Sequence[NetworkFact]] | None = None
        self._options: Mapping[str, Any] = {}

    def describe(self, networks: Callable[[], Sequence[NetworkFact]], options: Mapping[str, Any]) -> None:
        """What the manifest tells: the networks, asked for in a thread since their files are read, and the options
        that shaped the result. Raises SigningError when the library that signs cannot be loaded."""
        self._library.value()
        self._networks, self._options = Later(networks, "describe"), options

    def known(self) -> tuple[str, Sequence[NetworkFact]]:
        """The SHA-256 of the original, and the networks: waits for the threads that read their files."""
        return self._digest.value(), self._networks.value() if self._networks is not None else ()

    def check(self, output: StrPath, *, overwrite: bool) -> None:
        """Raises OptionError when the manifest would have to lie beside `output` where something else does."""
        beside = sidecar_of(Path(output))
        if Path(output).suffix.lower() in BESIDE and beside.exists() and not overwrite:
            raise OptionError(
                f"the manifest of {output} goes to {beside}, which exists already",
                hint="choose another name or allow overwriting",
            )

    def __call__(self, path: Path, final: Path) -> list[str]:
        """Signs the complete file at `path`, which is about to be renamed to `final`, in place or beside it; gives
        notes. Raises SigningError; `path` is then as it was."""
        notes = [note for note in (self._identity.note(),) if note]
        inside = final.suffix.lower() in MIME
        signed = path.with_name(f"{path.name}.signed")
        try:
            data = self._sign(path, signed, final, inside=inside)
            if inside:
                os.replace(signed, path)  # noqa: PTH105  atomic
            else:
                beside = sidecar_of(final)
                temporary = path.with_name(f"{path.name}.c2pa")
                temporary.write_bytes(data)
                os.replace(temporary, beside)  # noqa: PTH105
                notes.append(
                    f"{final.suffix} holds no manifest; it lies beside, in {beside.name}: keep both together"
                )
        except OSError as error:
            raise _failed(final, error.strerror or str(error)) from error
        finally:
            with suppress(OSError):
                signed.unlink()
        return notes

    def _sign(self, path: Path, signed: Path, final: Path, *, inside: bool) -> bytes:
        import c2pa

        original, networks = self.known()
        facts = {"original_sha256": original, "consent_sha256": self._consent}
        if inside:
            facts["file_type_sha256"] = file_type_sha256(path)
        content = manifest(networks, self._options, final.suffix, facts)
        try:
            builder = builder_of(
                content, self._original, c2pa.Context(c2pa.Settings.from_dict(dict(SETTINGS)))
            )
            if not inside:
                builder.set_no_embed()
            with path.open("rb", _BUFFER) as source, signed.open("w+b", _BUFFER) as target:
                return self._signed(builder, mime_of(final.suffix), source, target)
        except c2pa.C2paError as error:
            reason = _plain(error)
            if self._timestamp_url is not None and any(word in reason for word in _STAMPING):
                raise SigningError(
                    f"{final.name} cannot be signed: no valid time stamp came from {self._timestamp_url} ({reason})",
                    hint="try another time, or another --timestamp-authority, or none",
                ) from error
            raise _failed(final, reason) from error

    def _try(self) -> None:
        """Signs a picture of one pixel: what is wrong with an organisation's keys is told before any work."""
        import c2pa

        builder = c2pa.Builder({"assertions": []}, c2pa.Context(c2pa.Settings.from_dict(dict(SETTINGS))))
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
        try:
            self._signed(builder, "image/png", io.BytesIO(_PIXEL), io.BytesIO(), stamped=False)
        except c2pa.C2paError as error:
            raise SigningError(
                f"nothing can be signed with these certificates: {_plain(error)}",
                hint="docs/provenance.md tells what certificates have to say",
            ) from error

    def _signed(self, builder: Any, kind: str, source: Any, target: Any, *, stamped: bool = True) -> bytes:
        """Signs a stream into another. Raises c2pa's errors, or what an outside signer raises."""
        import c2pa

        url = self._timestamp_url if stamped else None
        identity = self._identity
        if identity.sign is None:
            info = c2pa.C2paSignerInfo(b"es256", identity.chain, identity.key, url and url.encode())
            data: bytes = builder.sign(c2pa.Signer.from_info(info), kind, source, target)
            return data
        outside = _Caught(identity.sign)
        algorithm = c2pa.C2paSigningAlg.ES256
        signer = c2pa.Signer.from_callback(outside, algorithm, identity.chain.decode("ascii", "replace"), url)
        try:
            data = builder.sign(signer, kind, source, target)
        except c2pa.C2paError:
            if outside.error is not None:
                raise outside.error from None
            raise
        return data


def _load() -> None:
    """Loads the library that signs: in a thread, since it is needed only when there is something to sign."""
    try:
        import c2pa  # noqa: F401
    except (ImportError, OSError) as error:
        raise SigningError(
            f"the library that signs cannot be loaded: {error}",
            hint="pip install --force-reinstall c2pa-python; --no-provenance leaves signing out",
        ) from error


class _Caught:
    """A function whose error is kept: c2pa calls it from native code and would only say that it failed."""

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        self._sign = sign
        self.error: BaseException | None = None

    def __call__(self, data: bytes) -> bytes:
        try:
            return self._sign(data)
        except BaseException as error:
            self.error = error
            return b""


def _identity(options: ProvenanceOptions) -> Identity:
    key, chain, command = options.signing_key, options.signing_cert, options.signing_command
    if key is None and command is None and chain is None:
        return own_identity()
    if chain is None or (key is None and command is None):
        raise OptionError(
            "a signing key, or a command that signs, and its certificates are given together",
            hint="--signing-cert FILE with --signing-key FILE or --signing-command COMMAND",
        )
    if command is not None:
        return load_outside_identity(command, chain)
    return load_identity(key or "", chain)


def _consent_digest(path: StrPath) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise SigningError(f"the note of consent {path} cannot be read: {error.strerror or error}") from error


def _plain(error: Exception) -> str:
    """c2pa's reason, without the names of its classes."""
    return re.sub(r"^(\w+: )+", "", str(error)).strip() or str(error)


def _failed(final: Path, reason: str) -> SigningError:
    return SigningError(
        f"{final.name} cannot be signed: {reason}",
        hint="see docs/provenance.md; --no-provenance leaves it out",
    )
