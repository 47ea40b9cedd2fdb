"""A batch as one captured graph, between the copies that bring its inputs and take its outputs."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from trtswap.inference.cuda_calls import CapturedGraph, copier


class Replay:
    """Replays a batch of one size on buffers that stay put.

    Used by one thread at a time: the arguments of the driver's calls are made once.
    """

    def __init__(
        self, graph: CapturedGraph, inputs: Sequence[tuple[int, int]], outputs: Sequence[tuple[int, int]]
    ) -> None:
        """inputs, outputs: address and bytes of each buffer that the graph reads or writes, the outputs in one piece.
        Raises DeviceError."""
        self._graph = graph
        self._copy = copier()
        self._inputs = _arguments(inputs)
        self._outputs = _arguments(outputs)
        first, (last, size) = outputs[0][0], outputs[-1]
        self._whole = _arguments([(first, last + size - first)])
        self._other = ctypes.c_uint64()
        self._stream = ctypes.c_void_p()

    def launch(
        self, sources: Sequence[int], targets: Sequence[int], stream: int, *, together: bool = False
    ) -> None:
        """Queues all of it: reads the addresses in `sources`, writes those in `targets`; `together`: which lie in one
        piece that is divided as the outputs' is, so that one copy does. Raises DeviceError."""
        copy, other, number = self._copy, self._other, self._stream
        number.value = stream
        for source, (address, fixed, size) in zip(sources, self._inputs, strict=True):
            if source != address:
                other.value = source
                copy(fixed, other, size, number)
        self._graph.launch(stream)
        if together:
            targets, outputs = targets[:1], self._whole
        else:
            outputs = self._outputs
        for target, (address, fixed, size) in zip(targets, outputs, strict=True):
            if target != address:
                other.value = target
                copy(other, fixed, size, number)

    def close(self) -> None:
        """Frees the graph. May be repeated."""
        self._graph.close()


def _arguments(buffers: Sequence[tuple[int, int]]) -> list[tuple[int, ctypes.c_uint64, ctypes.c_size_t]]:
    return [(address, ctypes.c_uint64(address), ctypes.c_size_t(size)) for address, size in buffers]
