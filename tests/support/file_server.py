"""A file server on this machine that can be told to misbehave."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.patience import PATIENCE_S


@dataclass
class Site:
    """files: path to bytes. faults: for the requests to a path, one after the other, what goes wrong; then nothing.

    Faults: "truncate" ends half-way; "stall" says nothing more half-way; "503", "404"; "ignore range" sends all;
    "wrong range" sends another part than asked for; "unnamed range" does not say which; "wrong bytes".
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    validators: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""
    release: threading.Event = field(default_factory=threading.Event)

    def asked(self, path: str) -> list[str | None]:
        """The ranges asked for, of each request to a path."""
        return [span for place, span in self.requests if place == path]


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Runs the server; fills in `site.url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            path = self.path.partition("://")[2].partition("/")[2] if "://" in self.path else self.path[1:]
            site.requests.append((path, self.headers.get("Range")))
            _answer(self, site, path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        site.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, site: Site, path: str) -> None:
    waiting = site.faults.get(path, [])
    fault = waiting.pop(0) if waiting else ""
    if path not in site.files or fault in ("404", "503"):
        handler.send_error(503 if fault == "503" else 404)
        return
    body = site.files[path]
    if fault == "wrong bytes":
        body = bytes(255 - byte for byte in body)
    start = _start(handler, site, body, fault)
    status, begin = (206, start) if start is not None else (200, 0)
    if fault == "wrong range":
        status, begin = 206, (start or 0) // 2 + 1
    handler.send_response(status)
    if status == 206 and fault != "unnamed range":
        handler.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
    part = body[begin:]
    handler.send_header("Content-Length", str(len(part)))
    if site.validators:
        handler.send_header("ETag", _tag(site.files[path]))
    handler.end_headers()
    if fault in ("truncate", "stall"):
        handler.wfile.write(part[: len(part) // 2])
        handler.wfile.flush()
        if fault == "stall":
            site.release.wait(PATIENCE_S)
        handler.close_connection = True
        return
    handler.wfile.write(part)


def _start(handler: BaseHTTPRequestHandler, site: Site, body: bytes, fault: str) -> int | None:
    """Where the range asked for begins, or None for all."""
    span = handler.headers.get("Range")
    current = handler.headers.get("If-Range") in (None, _tag(body))
    if span is None or fault == "ignore range" or not (site.validators and current):
        return None
    return int(span.removeprefix("bytes=").rstrip("-"))


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


Change = Callable[[Site], None]
