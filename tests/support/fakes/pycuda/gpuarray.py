"""The part of pycuda's GPUArray that is used."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pycuda import driver


class GPUArray:
    def __init__(self, shape: tuple[int, ...], dtype: Any, *, base: Any, gpudata: int) -> None:
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self.base = base
        self.gpudata = gpudata

    @property
    def ptr(self) -> int:
        return int(self.gpudata)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        strides = tuple(
            self.dtype.itemsize * math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape))
        )
        return {
            "shape": self.shape,
            "strides": strides,
            "typestr": self.dtype.str,
            "data": (self.ptr, False),
            "version": 3,
        }

    def set(self, array: np.ndarray) -> None:
        driver.memcpy_htod_async(self.ptr, np.ascontiguousarray(array))

    def get(self) -> np.ndarray:
        result = np.empty(self.shape, self.dtype)
        driver.memcpy_dtoh_async(result, self.ptr)
        return result
