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
            self._answer()
            raise RuntimeError("the judging process took nothing more") from None

    def finish(self) -> Tally:
        """All that it found. Raises RuntimeError when it failed."""
        self.send(None)
        tally = self._answer()
        assert isinstance(tally, Tally)
        return tally

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
            problem, tally = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            raise RuntimeError(f"the judging process ended with code {self._process.wait()}") from None
        if problem is not None:
            raise RuntimeError(problem)
        return tally


def main() -> int:
    """The process: reads looks until None comes, then tells the tally; or what went wrong, at once."""
    channel = child.settle_in()
    tally, problem = Tally(), None
    assessor = Assessor(tally)
    try:
        while (look := pickle.load(sys.stdin.buffer)) is not None:
            assessor.assess(look)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    pickle.dump((problem, tally), channel, pickle.HIGHEST_PROTOCOL)
    channel.flush()
    return int(problem is not None)
