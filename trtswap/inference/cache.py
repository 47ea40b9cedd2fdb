"""The folder of built engines: whole files or none, one builder at a time, hashes remembered."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from trtswap.errors import EngineError, StrPath
from trtswap.inference.store import sha256_of

CACHE_VARIABLE = "TRTSWAP_CACHE"
"""The environment variable that names another folder for engines and rewritten networks."""

_POLL_S = 0.2
_DIGESTS = "digests.json"


def cache_folder() -> Path:
    """The folder, whether it exists or not."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_cache_dir("trtswap", appauthor=False))


def make_writable(folder: Path) -> Path:
    """The folder, made if need be. Raises EngineError when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise cache_error(folder, error) from error
    return folder


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Writes a file so that it is either complete under its name or not there; `durable`: also after the machine itself
    stops. Raises EngineError."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        _discard(temporary)
        raise cache_error(path, error) from error
    except BaseException:
        _discard(temporary)
        raise


def _discard(name: str) -> None:
    if name:
        with suppress(OSError):
            Path(name).unlink()


def cache_error(path: Path, error: OSError) -> EngineError:
    """What a failed write into the cache means to the user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EngineError(
            f"{path} cannot be written: the disk is full",
            hint=f"Free some space (`trtswap engines prune`), or name another folder with {CACHE_VARIABLE}.",
        )
    return EngineError(
        f"{path} cannot be written: {error.strerror or error}",
        hint=f"Name a folder for engines that you may write to with {CACHE_VARIABLE}.",
    )


@contextmanager
def locked(
    path: Path, waiting: Callable[[], None], give_up: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Holds the lock file `path`; another process's end, however it came, releases it. `waiting` is called once when
    another process holds it; once `give_up` says so, nothing is waited for any more.

    Raises EngineError when the file cannot be made, or after giving up.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise cache_error(path, error) from error
    try:
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if give_up():
                    raise EngineError("the build was stopped") from None
                if not told:
                    waiting()
                    told = True
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(handle)


def digest_of(path: StrPath) -> str:
    """The SHA-256 of a network file; remembered in the cache as long as its size and time stay the same.

    Raises NetworkError when the file cannot be read.
    """
    path = Path(path).resolve()
    try:
        state = path.stat()
    except OSError:
        return sha256_of(path)
    mark = [state.st_size, state.st_mtime_ns, state.st_ino]
    memory = cache_folder() / _DIGESTS
    known = _read_digests(memory)
    entry = known.get(str(path))
    if isinstance(entry, list) and entry[:3] == mark and isinstance(entry[-1], str):
        return entry[-1]
    digest = sha256_of(path)
    known[str(path)] = [*mark, digest]
    with suppress(EngineError, OSError):  # a cache that cannot be written only costs time
        memory.parent.mkdir(parents=True, exist_ok=True)
        write_whole(memory, json.dumps(known).encode())
    return digest


def _read_digests(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
