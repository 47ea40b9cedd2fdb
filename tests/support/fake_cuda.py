# ruff: noqa: N802  the names are those of the driver
"""The driver's library as ctypes sees it, on the pretended GPU: events, graphs and copies by numbers of streams."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any


class FakeLibrary:
    """The calls of trtswap/inference/cuda_calls.py."""

    def __init__(self) -> None:
        self._things: dict[int, Any] = {}

    def cuEventCreate(self, target: Any, _flags: int) -> int:
        from pycuda import driver

        return self._keep(target, driver.Event())

    def cuEventRecord(self, event: Any, stream: Any) -> int:
        self._thing(event).record(_stream(stream))
        return 0

    def cuStreamWaitEvent(self, stream: Any, event: Any, _flags: int) -> int:
        found = _stream(stream)
        if found is not None:
            found.wait_for_event(self._thing(event))
        return 0

    def cuEventSynchronize(self, event: Any) -> int:
        self._thing(event).synchronize()
        return 0

    def cuEventDestroy_v2(self, event: Any) -> int:
        del self._things[event.value]
        return 0

    def cuStreamCreate(self, target: Any, flags: int) -> int:
        from pycuda import driver

        stream = driver.Stream()
        stream.apart = bool(flags & 1)
        target._obj.value = stream.handle
        return 0

    def cuStreamSynchronize(self, stream: Any) -> int:
        _stream(stream).synchronize()
        return 0

    def cuStreamDestroy_v2(self, stream: Any) -> int:
        from pycuda import driver

        driver.Stream._all.remove(_stream(stream))
        return 0

    def cuStreamBeginCapture_v2(self, stream: Any, _mode: int) -> int:
        _stream(stream).captured = []
        return 0

    def cuStreamEndCapture(self, stream: Any, graph: Any) -> int:
        found = _stream(stream)
        works, found.captured = found.captured, None
        return self._keep(graph, works)

    def cuGraphInstantiateWithFlags(self, executable: Any, graph: Any, _flags: Any) -> int:
        return self._keep(executable, self._thing(graph))

    def cuGraphDestroy(self, graph: Any) -> int:
        del self._things[graph.value]
        return 0

    def cuGraphExecDestroy(self, graph: Any) -> int:
        return self.cuGraphDestroy(graph)

    def cuGraphLaunch(self, graph: Any, stream: Any) -> int:
        from pycuda import driver

        works: list[Callable[[], None]] = self._thing(graph)
        number = _number(stream)
        driver.launched.append(("graph", number))
        driver.enqueue(number, lambda: [work() for work in works] and None)
        return 0

    def cuMemcpyDtoDAsync_v2(self, target: Any, source: Any, size: Any, stream: Any) -> int:
        from pycuda import driver

        driver.memcpy_dtod_async(target.value, source.value, size.value, _stream(stream))
        return 0

    def _keep(self, target: Any, thing: Any) -> int:
        held = target._obj
        held.value = 1 + max(self._things, default=0)
        self._things[held.value] = thing
        return 0

    def _thing(self, handle: Any) -> Any:
        return self._things[handle.value]


def _number(stream: Any) -> int:
    return int(stream.value or 0) if isinstance(stream, ctypes.c_void_p) else int(stream)


def _stream(stream: Any) -> Any:
    from pycuda import driver

    number = _number(stream)
    return next((item for item in driver.Stream._all if item.handle == number), None)
