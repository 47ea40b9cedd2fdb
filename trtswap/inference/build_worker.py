"""Builds engines in a process of its own (build_process.py starts it), one for each line on stdin.

A process can be stopped at any moment, gives back all memory, and takes nobody along when the builder crashes. It
speaks JSON lines on stdout; what TensorRT itself prints goes to stderr.
"""

from __future__ import annotations

import json
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from trtswap import child, device
from trtswap.errors import TrtSwapError
from trtswap.inference import cache
from trtswap.inference.builder import BuildRequest, build
from trtswap.inference.tensorrt_library import load_tensorrt


def main() -> int:
    """Reads requests, builds, writes plans; returns 0 when nothing more is asked, 1 after an error that was told."""
    channel = TextIOWrapper(child.settle_in(), encoding="utf-8")
    try:
        for line in sys.stdin:
            _build(json.loads(line), channel)
    except TrtSwapError as error:
        _tell(channel, "error", kind=type(error).__name__, message=error.message, hint=error.hint)
        return 1
    except MemoryError:
        _tell(channel, "error", kind="DeviceMemoryError", message="out of memory while building", hint=None)
        return 1
    return 0


def _build(wanted: dict[str, Any], channel: TextIO) -> None:
    fields = wanted["request"]
    if fields["profiles"] is not None:
        fields["profiles"] = tuple(tuple(profile) for profile in fields["profiles"])
    for name in ("keep", "halve", "tactic_sources"):
        fields[name] = tuple(fields[name])
    request = BuildRequest(**fields)
    library = load_tensorrt()
    with device.activate(int(wanted["device"])):
        plan, timing = build(
            library,
            request,
            lambda phase, done, total: _tell(channel, "progress", phase=phase, done=done, total=total),
        )
    cache.write_whole(Path(wanted["plan"]), plan)
    if timing is not None and request.timing_cache is not None:
        cache.write_whole(Path(request.timing_cache), timing)
    _tell(channel, "done", bytes=len(plan))


def _tell(channel: TextIO, event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), file=channel, flush=True)


if __name__ == "__main__":
    sys.exit(main())
