"""Signing where the key is: by a program, or a function, that is given bytes and gives an ES256 signature."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from trtswap.errors import SigningError
from trtswap.provenance_options import SigningCommand, SigningFunction

TIMEOUT_S = 60.0
_HALF = 32
_HINT = "it gets the bytes to sign on standard input and writes the ES256 signature of their SHA-256 to standard output"


def outside_signer(command: SigningCommand, leaf: x509.Certificate) -> Callable[[bytes], bytes]:
    """Signs by `command`, and checks the signature by the certificate: a function from bytes to 64 bytes, r and s. It
    raises SigningError when the command fails, takes more than a minute, or gives something else. Raises SigningError
    when there is no such command."""
    call = command if callable(command) else _program(command)
    public = leaf.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)

    def sign(data: bytes) -> bytes:
        try:
            answer = call(data)
        except SigningError:
            raise
        except Exception as error:
            raise SigningError(f"the signing function failed: {type(error).__name__}: {error}") from error
        for r, s in _readings(answer):
            with suppress(InvalidSignature, ValueError):
                public.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
                return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
        raise SigningError(
            f"the {len(answer)} bytes that the signing command gave are no signature by the key of the certificate",
            hint=_HINT,
        )

    return sign


def _readings(answer: object) -> list[tuple[int, int]]:
    """What a signature may be meant as: r and s of 32 bytes each, or both in DER."""
    if not isinstance(answer, bytes):
        raise SigningError(f"the signing function gave {type(answer).__name__}, not bytes")
    readings = []
    if len(answer) == 2 * _HALF:
        readings.append((int.from_bytes(answer[:_HALF], "big"), int.from_bytes(answer[_HALF:], "big")))
    with suppress(ValueError):
        readings.append(decode_dss_signature(answer))
    return readings


def _program(command: str) -> SigningFunction:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SigningError(f"the signing command {command!r} cannot be read: {error}") from error
    if not words or shutil.which(words[0]) is None:
        raise SigningError(f"there is no program {words[0] if words else command!r} to sign with", hint=_HINT)
    return lambda data: _answer(words, data)


def _answer(words: list[str], data: bytes) -> bytes:
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise SigningError(
            f"the signing command {words[0]} cannot be run: {error.strerror or error}", hint=_HINT
        ) from error
    try:
        answer, complaint = process.communicate(data, timeout=TIMEOUT_S)
    except BaseException as error:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # with what it started, which may hold its output open
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise SigningError(
                f"the signing command {words[0]} gave no signature within {TIMEOUT_S:g} seconds"
            ) from error
        raise
    if process.returncode:
        last = complaint.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1]
        raise SigningError(
            f"the signing command {words[0]} ended with {process.returncode}{f': {last}' if last else ''}"
        )
    return answer
