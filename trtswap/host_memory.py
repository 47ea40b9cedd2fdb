"""How much memory this process takes and the machine has left, None where the system does not tell; keeping little of
what was freed, and giving back."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

_HEAPS = 4
_SMALL = 4_000_000
_LARGEST = 32 * 2**20  # glibc takes no more as the size of what is large
_KEPT_AT_THE_END = 64 * 2**20  # of the first heap, as glibc does on its own once blocks of 32 MB were freed
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of its malloc.h


def resident_bytes(statm: Path = Path("/proc/self/statm")) -> int | None:
    """What of this process is in memory now."""
    try:
        return int(statm.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def peak_bytes() -> int | None:
    """The most that this process has had in memory since it began."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class _Heaps:
    """How the C library keeps house, once the process is known to be trtswap's own."""

    set: Callable[[int, int], int] | None = None


def claim_process() -> None:
    """Says that this process is trtswap's own, early in it: the C library may be told how to keep house (glibc, unless
    the environment tunes it). It then serves all threads from four heaps, and minds `expect_frames`.

    Usually it makes up to eight heaps for each core, and a new thread gets any of them. At the end of each but the
    first up to 64 MB of freed memory stay, which `give_back` does not reach either.
    """
    tuned = "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if tuned or any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        _Heaps.set = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # another C library
        return
    _Heaps.set(_M_ARENA_MAX, _HEAPS)


def expect_frames(frame_bytes: int) -> None:
    """Has blocks larger than two frames, and than 4 MB, taken from the system one by one and given back the moment they
    are freed: an encoder's own frames, which would leave holes in the heaps from segment to segment. Frames come and go
    all the time, and come warm from the heaps. Does nothing in a process that was not claimed."""
    if _Heaps.set is not None:
        _Heaps.set(_M_MMAP_THRESHOLD, min(max(2 * frame_bytes, _SMALL), _LARGEST))
        _Heaps.set(_M_TRIM_THRESHOLD, _KEPT_AT_THE_END)


def give_back() -> None:
    """Gives the system what the C library keeps of memory that was freed, where it can (glibc): milliseconds.

    Once a large block was freed, glibc takes blocks up to that size (32 MB at most) out of its heaps, and what is freed
    there stays, in pieces into which the next ones rarely fit.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # another C library
        return
    trim(0)


def available_bytes(
    meminfo: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """What this process may still take without pushing others out: of the machine, and of its control group."""
    known = [value for value in (_of_machine(meminfo), _of_group(group)) if value is not None]
    return min(known) if known else None


def _of_machine(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text("ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _of_group(group: Path) -> int | None:
    """What the limit of a control group (version 2) leaves; its file cache can be given up and does not count."""
    try:
        limit = int((group / "memory.max").read_text("ascii"))
        used = int((group / "memory.current").read_text("ascii"))
        facts = dict(line.split() for line in (group / "memory.stat").read_text("ascii").splitlines())
    except (OSError, ValueError):  # no group, or the word "max"
        return None
    return max(0, limit - used + int(facts.get("inactive_file", 0)))
