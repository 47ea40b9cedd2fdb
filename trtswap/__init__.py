"""trtswap: fast, steady face swapping in video on NVIDIA GPUs.

>>> from trtswap import swap_video
>>> report = swap_video(["me.jpg"], "clip.mp4", "out.mp4")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trtswap.errors import TrtSwapError

if TYPE_CHECKING:
    from trtswap.many import swap_many
    from trtswap.measure import measure_video
    from trtswap.options import SwapOptions
    from trtswap.pipeline import Pipeline, swap_video
    from trtswap.video import create_output, open_target

__version__ = "0.1.0"

__all__ = [
    "Pipeline",
    "SwapOptions",
    "TrtSwapError",
    "__version__",
    "create_output",
    "measure_video",
    "open_target",
    "swap_many",
    "swap_video",
]

_LAZY = {
    "Pipeline": "trtswap.pipeline",
    "SwapOptions": "trtswap.options",
    "create_output": "trtswap.video",
    "measure_video": "trtswap.measure",
    "open_target": "trtswap.video",
    "swap_many": "trtswap.many",
    "swap_video": "trtswap.pipeline",
}


def __getattr__(name: str) -> Any:
    """Loads FFmpeg, OpenCV and ONNX Runtime only when something that needs them is asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'trtswap' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
