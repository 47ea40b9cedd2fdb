"""Where an operation under test runs: the same body for the host and for CUDA."""

from __future__ import annotations

import importlib
import os
from typing import Any, Protocol

import numpy as np
import pytest

from trtswap import device
from trtswap.types import Surface

REQUIRE_GPU = os.environ.get("TRTSWAP_REQUIRE_GPU") == "1"


def gpu_package(name: str) -> None:
    """Skips without a package of the GPU's; fails instead where a GPU is required."""
    if REQUIRE_GPU:
        importlib.import_module(name)
    else:
        pytest.importorskip(name)


class Target(Protocol):
    def put(self, array: np.ndarray) -> Any: ...
    def get(self, array: Any) -> np.ndarray: ...
    def put_surface(self, surface: Surface) -> Surface: ...
    def get_surface(self, surface: Surface) -> Surface: ...


class HostTarget:
    def put(self, array: np.ndarray) -> np.ndarray:
        return array.copy()

    def get(self, array: np.ndarray) -> np.ndarray:
        return array

    def put_surface(self, surface: Surface) -> Surface:
        return surface.copy()

    def get_surface(self, surface: Surface) -> Surface:
        return surface


class CudaTarget:
    def put(self, array: np.ndarray) -> Any:
        return device.to_device(array)

    def get(self, array: Any) -> np.ndarray:
        return device.to_host(array)

    def put_surface(self, surface: Surface) -> Surface:
        return device.upload(surface)

    def get_surface(self, surface: Surface) -> Surface:
        return device.download(surface)
