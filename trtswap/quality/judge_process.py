"""A process that judges looks, so that this one's threads need not wait for each other: Python runs one at a time."""

from __future__ import annotations

import pickle
import subprocess
import sys
from contextlib import suppress
from typing import Any

from trtswap import child
from trtswap.quality.assess import Assessor
from trtswap.quality.look import Look
from trtswap.quality.tally import Tally


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
            pickle.dump(look, self._process.stdin, pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
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


def main() -> int:
    """The process: reads looks until None comes, then tells the tally. After an error looks are read and forgotten:
    a parent that is still sending would wait for ever for one that answers instead of reading."""
    channel = child.settle_in()
    tally = Tally()
    assessor, problem = Assessor(tally), None
    while (look := pickle.load(sys.stdin.buffer)) is not None:
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
