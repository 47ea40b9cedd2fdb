"""The native operations on the pretended GPU: queued on the stream, run there by the host build on the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trtswap import colour_ops, mask_ops, native, ops

_VALUES = ("indices", "placements", "extents")
"""Host arrays that operations on a GPU take by value."""


class _Planes:
    """A surface as `parse_surface` keeps it."""

    def __init__(self, fields: tuple[Any, ...]) -> None:
        self.fields = tuple(_noted(field) for field in fields)


class _Noted:
    """Where a device array lies; read when the work runs."""

    def __init__(self, array: Any) -> None:
        fields = array.__cuda_array_interface__
        self.address = int(fields["data"][0])
        self.shape = tuple(fields["shape"])
        self.dtype = np.dtype(fields["typestr"])
        self.strides = fields.get("strides")

    def view(self) -> np.ndarray:
        """The bytes themselves."""
        from pycuda import driver

        size, strides = self.dtype.itemsize, self.strides
        if 0 in self.shape:
            return np.zeros(self.shape, self.dtype)
        if strides is None:
            strides = tuple(size * int(np.prod(self.shape[axis + 1 :])) for axis in range(len(self.shape)))
        span = size + sum((length - 1) * stride for length, stride in zip(self.shape, strides, strict=True))
        content = driver.memory(self.address, span)
        return np.ndarray(self.shape, self.dtype, content.data, strides=strides)


class FakeCore:
    """trtswap._core with operations on the pretended GPU; arrays on the host go to the real one."""

    cuda_built = True

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return self._queued(name, found) if callable(found) else found

    def parse_surface(self, fields: tuple[Any, ...]) -> _Planes:
        return _Planes(fields)

    def _queued(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not any(map(_on_device, (*args, *kwargs.values()))):
                return real(*args, **kwargs)
            from pycuda import driver

            for value in (*args, *kwargs.values()):
                assert not (isinstance(value, np.ndarray) and value.dtype == np.float32), (
                    "must lie on the GPU"
                )
            noted = [_noted(value) for value in args]
            named = {key: _noted(value) for key, value in kwargs.items() if key not in ("stream", "allocate")}
            stream = kwargs["stream"]
            if "allocate" in kwargs:
                assert _on_device(kwargs["allocate"](4096, 0))
            driver.launched.append((name, stream))

            def work() -> None:
                given = {key: _real(value) for key, value in named.items()}
                if "allocate" in kwargs:
                    given["allocate"] = lambda size, _: np.empty(max(size, 1), np.uint8)
                real(*(_real(value) for value in noted), **given, stream=0)

            with_context(driver, lambda: driver.enqueue(stream, work))
            return None

        return call


def with_context(driver: Any, call: Callable[[], None]) -> None:
    """The runtime's calls make the primary context current by themselves."""
    driver._primary.push()
    try:
        call()
    finally:
        driver._primary.pop()


def pretend_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts it in the place of the extension."""
    fake = FakeCore(native.core)
    for module in (native, ops, colour_ops, mask_ops):
        monkeypatch.setattr(module, "core", fake)


def _on_device(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_on_device, value))
    return isinstance(value, _Planes) or hasattr(value, "__cuda_array_interface__")


def _noted(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_noted, value))
    if isinstance(value, list):
        return list(map(_noted, value))
    if isinstance(value, np.ndarray):
        return value.copy()
    return _Noted(value) if hasattr(value, "__cuda_array_interface__") else value


def _real(value: Any) -> Any:
    if isinstance(value, _Planes):
        return _real(value.fields)
    if isinstance(value, tuple):
        return tuple(map(_real, value))
    if isinstance(value, list):
        return list(map(_real, value))
    return value.view() if isinstance(value, _Noted) else value
