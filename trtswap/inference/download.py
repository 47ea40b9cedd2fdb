"""Fetches one file over HTTP so that it is either whole and as expected, or not there.

Proxies are those of the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY), as urllib reads them.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trtswap.errors import NetworkError

_CHUNK_BYTES = 1 << 20
_LONGEST_WAIT_S = 30.0
_USER_AGENT = "trtswap"

OnBytes = Callable[[int, "int | None"], None]
"""Called with the bytes that are there and those expected, None while unknown."""


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for. timeout_s: without a byte. attempts: without progress. wait_s: before the
    second attempt, doubled before each further one."""

    timeout_s: float = 30.0
    attempts: int = 5
    wait_s: float = 1.0


class _WrongError(Exception):
    """What came is not the file, or this server has none: another may."""


def download(
    urls: Sequence[str],
    target: Path,
    *,
    sha256: str | None = None,
    on_bytes: OnBytes | None = None,
    patience: Patience | None = None,
) -> str:
    """Fetches the first of `urls` that gives the file, and puts it at `target`; returns the URL.

    A broken transfer goes on where it broke, where the server can, within this call and in a later one: what is there
    so far waits beside the target as `.NAME.part`. sha256: expected. Where the server has a file of the same name
    ending in `.hash`, the CRC-32 in it must agree too.
    Raises NetworkError, which says what each server did.
    """
    transfer = _Transfer(target, sha256, on_bytes or (lambda _done, _total: None), patience or Patience())
    complaints = []
    for url in urls:
        try:
            transfer.run(url)
        except _WrongError as error:
            complaints.append(f"{url}: {error}")
            continue
        transfer.finish()
        return url
    raise NetworkError(
        "\n".join([f"{target.name} could not be fetched", *complaints]),
        hint="Try again later: what has arrived is kept and gone on with. Or fetch it by other means and "
        "`trtswap models import` its folder.",
    )


class _Transfer:
    """One file on its way."""

    def __init__(self, target: Path, sha256: str | None, on_bytes: OnBytes, patience: Patience) -> None:
        self._target = target
        self._part = target.with_name(f".{target.name}.part")
        self._notes = target.with_name(f".{target.name}.part.json")
        self._sha256 = sha256
        self._on_bytes = on_bytes
        self._patience = patience
        self._open = urllib.request.build_opener().open  # a new one: it reads the environment's proxies

    def run(self, url: str) -> None:
        """Leaves the whole file in the part. Raises _WrongError."""
        resumed = self._arrived(url) > 0
        self._transfer(url)
        flaw = self._flaw(url)
        if flaw is not None and resumed:  # two halves of different files?
            self._forget()
            self._transfer(url)
            flaw = self._flaw(url)
        if flaw is not None:
            self._forget()
            raise _WrongError(flaw)

    def finish(self) -> None:
        """Gives the file its name."""
        self._part.replace(self._target)
        self._forget()

    def _transfer(self, url: str) -> None:
        """Repeats attempts until the part is complete, or several brought nothing."""
        failures = 0
        while True:
            before = self._arrived(url)
            try:
                return self._attempt(url, before)
            except urllib.error.HTTPError as error:
                if error.code not in (408, 425, 429) and error.code < 500:
                    raise _WrongError(f"{error.code} {error.reason}") from error
                reason = f"{error.code} {error.reason}"
            except (OSError, http.client.HTTPException) as error:
                reason = str(getattr(error, "reason", error)) or type(error).__name__
            failures = 0 if self._arrived(url) > before else failures + 1
            if failures >= self._patience.attempts:
                raise _WrongError(f"gave up after {failures} attempts: {reason}")
            time.sleep(min(self._patience.wait_s * 2 ** max(failures - 1, 0), _LONGEST_WAIT_S))

    def _attempt(self, url: str, start: int) -> None:
        """One request. Raises OSError and its kin when it breaks, _WrongError when it cannot succeed."""
        headers = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"}
        notes = self._noted(url)
        if start > 0 and notes.get("total") == start:
            return
        if start > 0:
            headers |= {"Range": f"bytes={start}-", "If-Range": notes["validator"]}
        request = urllib.request.Request(url, headers=headers)
        try:
            response = self._open(request, timeout=self._patience.timeout_s)
        except urllib.error.HTTPError as error:
            if error.code == 416 and start > 0:
                self._forget()
                raise ConnectionError("the server does not know the part that is missing") from error
            raise
        with response:
            self._receive(url, response, start)

    def _receive(self, url: str, response: Any, start: int) -> None:
        begin, total = _extent(response)
        if begin not in (0, start):  # a range that nobody asked for
            self._forget()
            raise ConnectionError("the server sent another part than asked for")
        if begin > 0 and total != self._noted(url).get("total", total):
            self._forget()
            raise ConnectionError("the file on the server has changed")
        self._check_space(total, begin)
        validator = _validator(response)
        self._notes.write_text(json.dumps({"url": url, "total": total, "validator": validator}))
        done = begin
        with self._part.open("ab" if begin else "wb") as file:
            self._on_bytes(done, total)
            while chunk := response.read1(_CHUNK_BYTES):
                file.write(chunk)
                done += len(chunk)
                self._on_bytes(done, total)
        if total is not None and done != total:
            if done > total:
                self._forget()
            raise ConnectionError(f"the transfer ended after {done} of {total} bytes")

    def _check_space(self, total: int | None, begin: int) -> None:
        free = shutil.disk_usage(self._target.parent).free
        if total is not None and total - begin > free:
            raise NetworkError(
                f"{self._target.name} needs {total - begin} bytes, and {self._target.parent} has {free} left",
                hint="Free some space, or set TRTSWAP_MODELS and put the file elsewhere.",
            )

    def _noted(self, url: str) -> dict[str, Any]:
        """What is known of the part, where it is of this URL and can be gone on with."""
        try:
            notes = json.loads(self._notes.read_text())
        except (OSError, ValueError):
            return {}
        usable = isinstance(notes, dict) and notes.get("url") == url and notes.get("validator")
        return notes if usable else {}

    def _arrived(self, url: str) -> int:
        """Bytes that can be gone on with."""
        if not self._noted(url):
            return 0
        try:
            return self._part.stat().st_size
        except OSError:
            return 0

    def _flaw(self, url: str) -> str | None:
        """Why the complete part is not the file, or None."""
        digest, crc = _digests(self._part)
        if self._sha256 is not None and digest != self._sha256:
            return f"the SHA-256 is {digest}, not {self._sha256}"
        expected = self._published_crc(url)
        if expected is not None and crc != expected:
            return f"the CRC-32 is {crc}, not {expected}"
        return None

    def _published_crc(self, url: str) -> str | None:
        """The CRC-32 in the `.hash` file beside, as eight hexadecimal digits, or None where there is none."""
        beside = url.rsplit(".", 1)[0] + ".hash"
        request = urllib.request.Request(beside, headers={"User-Agent": _USER_AGENT})
        try:
            with self._open(request, timeout=self._patience.timeout_s) as response:
                return parse_crc(response.read(64).decode("ascii", "replace"))
        except (OSError, http.client.HTTPException):
            return None

    def _forget(self) -> None:
        for path in (self._part, self._notes):
            with suppress(OSError):
                path.unlink()


def parse_crc(text: str) -> str | None:
    """The CRC-32 in the text of a `.hash` file, lower case, or None when it holds none."""
    word = text.strip().lower()
    return word if len(word) == 8 and not set(word) - set("0123456789abcdef") else None


def crc32_of(path: Path) -> str:
    """The CRC-32 of a file as eight hexadecimal digits. Raises OSError."""
    return _digests(path)[1]


def _digests(path: Path) -> tuple[str, str]:
    digest, crc = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
    return digest.hexdigest(), f"{crc:08x}"


def _extent(response: Any) -> tuple[int, int | None]:
    """Where the body begins in the file, and how long the file is, None when the server does not say."""
    if response.status == 206:
        unit, _, span = response.headers.get("Content-Range", "").partition(" ")
        place, _, total = span.partition("/")
        begin = place.partition("-")[0]
        if unit != "bytes" or not begin.isdigit():
            raise ConnectionError("the server sent a part and does not say which")
        return int(begin), int(total) if total.isdigit() else None
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _validator(response: Any) -> str:
    """What tells whether a later answer is of the same file; empty when nothing does."""
    tag = response.headers.get("ETag", "")
    if tag.startswith('"'):  # a weak one may cover different bytes
        return str(tag)
    return str(response.headers.get("Last-Modified", ""))
