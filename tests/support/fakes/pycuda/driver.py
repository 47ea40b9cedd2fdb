"""Device memory is host memory; every call that needs a current context insists on one."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np

_current = threading.local()


class Error(Exception):
    """As pycuda's."""


class MemoryError(Error):
    """As pycuda's."""


class LogicError(Error):
    """As pycuda's."""


def _stack() -> list[Any]:
    if not hasattr(_current, "stack"):
        _current.stack = []
    return _current.stack


def _need_context() -> None:
    if not _stack():
        raise LogicError("invalid device context")


class Context:
    def push(self) -> None:
        _stack().append(self)

    @staticmethod
    def pop() -> None:
        _stack().pop()

    @staticmethod
    def synchronize() -> None:
        _need_context()


_primary = Context()


class Device:
    def __init__(self, index: int) -> None:
        self._index = index

    @staticmethod
    def count() -> int:
        return 1

    def name(self) -> str:
        return "Fake GPU"

    def compute_capability(self) -> tuple[int, int]:
        return (9, 0)

    def retain_primary_context(self) -> Context:
        return _primary


def init() -> None: ...


class Stream:
    _next = 1000

    def __init__(self) -> None:
        _need_context()
        Stream._next += 1
        self.handle = Stream._next

    def synchronize(self) -> None:
        _need_context()


allocated = 0


class DeviceAllocation:
    def __init__(self, size: int) -> None:
        global allocated
        self._memory = np.full(size, 0xAB, np.uint8)
        allocated += size

    def __int__(self) -> int:
        return int(self._memory.ctypes.data)

    def free(self) -> None:
        global allocated
        _need_context()
        allocated -= self._memory.size
        self._memory = np.empty(0, np.uint8)


def mem_alloc(size: int) -> DeviceAllocation:
    _need_context()
    return DeviceAllocation(size)


def pagelocked_empty(shape: Any, dtype: Any) -> np.ndarray:
    _need_context()
    return np.empty(shape, dtype)


def memcpy_htod_async(target: int, source: np.ndarray, stream: Any = None) -> None:
    _need_context()
    assert source.flags.c_contiguous
    ctypes.memmove(target, source.ctypes.data, source.nbytes)


def memcpy_dtoh_async(target: np.ndarray, source: int, stream: Any = None) -> None:
    _need_context()
    assert target.flags.c_contiguous
    ctypes.memmove(target.ctypes.data, source, target.nbytes)
