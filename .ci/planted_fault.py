"""Makes a kernel write outside its memory. Only to show that compute-sanitizer sees the kernels of this build."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from trtswap import device, ops
from trtswap.types import PixelFormat, Surface

surface = device.upload(Surface(PixelFormat.RGB8, (np.zeros((64, 64, 3), np.uint8),)))
small = device.empty((16,), np.float32)
claimed = dict(small.__cuda_array_interface__, shape=(1, 3, 64, 64), strides=None)
liar = SimpleNamespace(__cuda_array_interface__=claimed, shape=claimed["shape"])
options = {"channels": "rgb", "mean": (0, 0, 0), "std": (1, 1, 1)}
ops.crop([surface], np.array([0]), np.array([[[1.0, 0, 0], [0, 1, 0]]]), (64, 64), out=liar, **options)
device.to_host(device.empty((1,), np.float32))
