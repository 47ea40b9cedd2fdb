"""CUDA graphs through the driver, for timings without the cost of calls from Python."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

_THREAD_LOCAL = 1


class Graph:
    """The work that `queue(stream handle)` puts on a stream, captured once and replayed, in the current context."""

    def __init__(self, queue: Callable[[int], None]) -> None:
        import pycuda.driver as driver

        self._library = ctypes.CDLL("libcuda.so.1")
        self.stream = driver.Stream()
        handle = ctypes.c_void_p(self.stream.handle)
        queue(self.stream.handle)  # allocates what it needs
        self.stream.synchronize()
        graph, self._replay = ctypes.c_void_p(), ctypes.c_void_p()
        self._check(self._library.cuStreamBeginCapture_v2(handle, _THREAD_LOCAL))
        try:
            queue(self.stream.handle)
        finally:
            status = self._library.cuStreamEndCapture(handle, ctypes.byref(graph))
        self._check(status)
        count = ctypes.c_size_t()
        self._check(self._library.cuGraphGetNodes(graph, None, ctypes.byref(count)))
        self.launches = count.value
        flags = ctypes.c_ulonglong(0)
        self._check(self._library.cuGraphInstantiateWithFlags(ctypes.byref(self._replay), graph, flags))

    def __call__(self) -> Any:
        self._check(self._library.cuGraphLaunch(self._replay, ctypes.c_void_p(self.stream.handle)))

    @staticmethod
    def _check(status: int) -> None:
        if status != 0:
            raise RuntimeError(f"the CUDA driver says {status}")


def milliseconds(graph: Graph, repeats: int = 30, runs: int = 10) -> tuple[float, ...]:
    """Milliseconds of a replay: `repeats` times the mean over `runs` replays in a row."""
    import pycuda.driver as driver

    for _ in range(5):
        graph()
    timings = []
    for _ in range(repeats):
        begin, end = driver.Event(), driver.Event()
        begin.record(graph.stream)
        for _ in range(runs):
            graph()
        end.record(graph.stream)
        end.synchronize()
        timings.append(begin.time_till(end) / runs)
    return tuple(timings)
