"""How much memory this process takes and the machine has left, None where the system does not tell; and giving back."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path


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
