"""What processes that trtswap starts for itself have in common: how they begin, and that they end with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import BinaryIO

_PR_SET_PDEATHSIG = 1


def command(module: str) -> list[str]:
    """What runs `main` of a module, with this process's search path: the current folder may hold anything.

    The first argument it gets is the number of this process.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; sys.exit(main())"
    return [sys.executable, "-c", code, str(os.getpid())]


def settle_in() -> BinaryIO:
    """To be called first in the child: ignores Ctrl-C, since the parent ends it, and dies with the thread that started
    it (Linux). Returns the pipe to the parent, out of reach of native code that prints."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    parent = int(sys.argv[1])
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return channel
    if os.getppid() != parent:  # gone already
        sys.exit(1)
    return channel
