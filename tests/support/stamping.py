"""A time-stamp authority (RFC 3161) on this machine, by OpenSSL, and ones that misbehave."""

from __future__ import annotations

import datetime
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_SETTINGS = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/leaf.pem
certs = {folder}/root.pem
signer_key = {folder}/leaf.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha384, sha512
"""


class Authority:
    """Answers requests for stamps. mode: "good", "slow", "refuses" (HTTP 500), "garbage", "another" (a stamp for other
    bytes). asked: how many requests came."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.folder, self.mode, self.asked = folder, mode, 0
        self.url = ""
        self.stop = threading.Event()
        _make_certificates(folder)
        (folder / "tsa.cnf").write_text(_SETTINGS.format(folder=folder))

    def answer(self, query: bytes) -> tuple[int, bytes]:
        self.asked += 1
        if self.mode == "refuses":
            return 500, b"no stamps today"
        if self.mode == "garbage":
            return 200, b"<html>Please log in</html>"
        if self.mode == "slow":
            self.stop.wait(120)
        if self.mode == "another":
            openssl = ["openssl", "ts", "-query", "-data", str(self.folder / "root.pem"), "-sha256", "-cert"]
            query = subprocess.run(openssl, capture_output=True, check=True).stdout
        (self.folder / "query").write_bytes(query)
        reply = [
            *("openssl", "ts", "-reply", "-config", str(self.folder / "tsa.cnf")),
            *("-queryfile", str(self.folder / "query"), "-chain", str(self.folder / "root.pem")),
        ]
        return 200, subprocess.run(reply, capture_output=True, check=True).stdout


@contextmanager
def authority(folder: Path, mode: str = "good") -> Iterator[Authority]:
    """A running authority; its address is in `url`. Skips the test where there is no OpenSSL."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here")
    made = Authority(folder, mode)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            status, body = made.answer(query)
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # closing it waits for them
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/stamp"
    try:
        yield made
    finally:
        made.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _make_certificates(folder: Path) -> None:
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("stamp root", root_key, "stamp root", root_key, leaf=False)
    leaf = _certificate("stamp clock", leaf_key, "stamp root", root_key, leaf=True)
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(pem))
    (folder / "leaf.key").write_bytes(
        leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "serial").write_text("01\n")


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    leaf: bool,
) -> x509.Certificate:
    now = datetime.datetime.fromtimestamp(time.time(), datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(not leaf, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(leaf, False, False, False, False, not leaf, not leaf, False, False), critical=True
        )
    )
    if leaf:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(purpose, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    parts = ((NameOID.ORGANIZATION_NAME, "tests"), (NameOID.COMMON_NAME, name))
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])
