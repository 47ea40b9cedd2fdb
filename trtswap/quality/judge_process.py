"""A process that judges looks, so that this one's threads need not wait for each other: Python runs one at a time."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
from contextlib import suppress
from typing import IO, Any

from trtswap import child
from trtswap.quality.assess import Assessor
from trtswap.quality.look import Look
from trtswap.quality.tally import Tally

_NUMBER = struct.Struct("<Q")


class JudgeProcess:
    """Takes looks whose pictures have arrived. Belongs to the thread that makes it, and ends with it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            child.command(__name__),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches this process, which then ends the other
        )

    def send(self, look: Look | None) -> None:
        """Hands over the next one; waits while the process is behind. Raises RuntimeError when it failed."""
        assert self._process.stdin is not None
        try:
            _write(self._process.stdin, look)
        except OSError:
            raise self._lost() from None

    def finish(self) -> tuple[Tally, str | None]:
        """All that it found, and what ended the judging early, if anything. Raises RuntimeError when it failed."""
        self.send(None)
        tally, problem = self._answer()
        return tally, problem

    def end(self) -> None:
        """Ends it at once and gives back its pipes."""
        with suppress(OSError):
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            raise self._lost() from None

    def _lost(self) -> RuntimeError:
        return RuntimeError(f"the judging process ended with code {self._process.wait()}")


def _write(stream: IO[bytes], look: Look | None) -> None:
    """Arrays go as they are, beside the rest: other threads of this process need not wait for copies of them."""
    arrays: list[memoryview] = []
    rest = pickle.dumps(look, protocol=5, buffer_callback=lambda array: arrays.append(array.raw()))
    lengths = [len(rest), *(array.nbytes for array in arrays)]
    stream.write(_NUMBER.pack(len(lengths)) + b"".join(_NUMBER.pack(length) for length in lengths) + rest)
    for array in arrays:
        stream.write(array)
    stream.flush()


def _read(stream: IO[bytes]) -> Look | None:
    """What `_write` wrote. Raises EOFError when there is no more."""
    count = _number(stream)
    rest, *arrays = [_exactly(stream, length) for length in [_number(stream) for _ in range(count)]]
    look: Look | None = pickle.loads(rest, buffers=arrays)
    return look


def _number(stream: IO[bytes]) -> int:
    value: int = _NUMBER.unpack(_exactly(stream, _NUMBER.size))[0]
    return value


def _exactly(stream: IO[bytes], length: int) -> bytes:
    """Raises EOFError."""
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data


def main() -> int:
    """The process: reads looks until None comes, then tells the tally. After an error looks are read and forgotten:
    a parent that is still sending would wait for ever for one that answers instead of reading."""
    channel = child.settle_in()
    tally = Tally()
    assessor, problem = Assessor(tally), None
    while (look := _read(sys.stdin.buffer)) is not None:
        problem = problem or _assessed(assessor, look)
    pickle.dump((tally, problem), channel, pickle.HIGHEST_PROTOCOL)
    channel.flush()
    return 0


def _assessed(assessor: Assessor, look: Look) -> str | None:
    """Why it could not be judged, or None."""
    try:
        assessor.assess(look)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
