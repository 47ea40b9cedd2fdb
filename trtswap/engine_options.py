"""How TensorRT engines are built and run: frozen settings with every default, as in options.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trtswap.errors import OptionError

Precision = Literal["auto", "fp16", "fp32"]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise OptionError(message)


@dataclass(frozen=True)
class EngineOptions:
    """How TensorRT engines are built and run.

    precision: "auto" takes the fastest that passes its proof, half precision first; "fp16" accepts nothing slower than
        half precision with float32 islands; "fp32" is float32 throughout.
    max_batch: the largest batch, None for what the network's spec says.
    workspace_mib: scratch memory that a layer may use. optimization_level: 0 (builds quickly) to 5 (searches longest),
        None for what the network's spec says.
    tactic_sources: TensorRT's names of the libraries it may take kernels from; empty leaves the choice to TensorRT.
    hardware_compatible: one plan for all GPUs from Ampere on. version_compatible: one plan for the TensorRT versions
        of a major one. Both cost speed.
    contexts: batches that may run side by side in one session. graphs: replay a batch as one CUDA graph.
    jobs: engines built at the same time.
    """

    precision: Precision = "auto"
    max_batch: int | None = None
    workspace_mib: int = 4096
    optimization_level: int | None = None
    tactic_sources: tuple[str, ...] = ()
    hardware_compatible: bool = False
    version_compatible: bool = False
    contexts: int = 2
    graphs: bool = True
    jobs: int = 1

    def __post_init__(self) -> None:
        _require(
            self.max_batch is None or 1 <= self.max_batch <= 256,
            f"the largest batch is 1 to 256, not {self.max_batch}",
        )
        _require(self.workspace_mib >= 16, f"the workspace is 16 MiB or more, not {self.workspace_mib}")
        _require(
            self.optimization_level is None or 0 <= self.optimization_level <= 5,
            f"the optimization level is 0 to 5, not {self.optimization_level}",
        )
        _require(1 <= self.contexts <= 16, f"1 to 16 batches run side by side, not {self.contexts}")
        _require(1 <= self.jobs <= 16, f"1 to 16 engines are built at the same time, not {self.jobs}")


def device_index(device: str) -> int | None:
    """The GPU that "cuda" or "cuda:N" names; None for "auto" and "cpu". Raises OptionError for anything else."""
    kind, _, number = device.partition(":")
    if device in ("auto", "cpu"):
        return None
    _require(
        kind == "cuda" and (device == "cuda" or number.isdecimal()),
        f"the device is auto, cuda, cuda:N or cpu, not {device!r}",
    )
    return int(number or 0)
