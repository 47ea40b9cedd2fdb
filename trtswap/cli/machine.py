"""What this machine has: one frozen record for each thing that `trtswap doctor` looks at. Nothing raises."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trtswap import __version__
from trtswap.cli.encoders import encoder_problems
from trtswap.cli.quiet import native_output_discarded

_LIBRARIES = {
    "numpy": "numpy",
    "av": "av",
    "onnxruntime": "onnxruntime",
    "onnx": "onnx",
    "cv2": "opencv-python-headless",
}
_EXTRAS = {"tensorrt": "tensorrt", "pycuda": "pycuda.driver", "PyNvVideoCodec": "PyNvVideoCodec"}


@dataclass(frozen=True)
class System:
    """The computer. Sizes in bytes, None where the system does not say."""

    trtswap: str
    python: str
    os: str
    machine: str
    memory_total_bytes: int | None
    memory_free_bytes: int | None
    temporary_folder: str
    disk_free_bytes: int | None


@dataclass(frozen=True)
class Component:
    """A Python package. version: None when it is not installed. problem: why it cannot be used, or None."""

    version: str | None
    problem: str | None


@dataclass(frozen=True)
class Native:
    """trtswap's extension module and the GPUs it sees. problem: why it cannot be imported, or None.
    CUDA versions as 1000 x major + 10 x minor; driver 0 means none, both None when unknown."""

    problem: str | None = None
    cuda_built: bool = False
    cuda_architectures: str = ""
    host_threads: int | None = None
    cuda_driver: int | None = None
    cuda_runtime: int | None = None
    devices: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Engines:
    """The folder of TensorRT engines. problem: why none can be written there, or None; looked at without writing."""

    folder: str
    count: int
    bytes: int
    problem: str | None


@dataclass(frozen=True)
class Frames:
    """Where frames lie between decoding and encoding: "gpu" or "host". reason: why not on the GPU, or None."""

    place: str
    reason: str | None


@dataclass(frozen=True)
class Codecs:
    """FFmpeg as PyAV brings it. encoders: None where it encodes, else why not; empty without PyAV."""

    ffmpeg: str | None
    encoders: dict[str, str | None]


def look_at_system() -> System:
    """This computer."""
    folder = tempfile.gettempdir()
    memory = _memory()
    return System(
        trtswap=__version__,
        python=platform.python_version(),
        os=platform.platform(),
        machine=platform.machine(),
        memory_total_bytes=memory.get("MemTotal"),
        memory_free_bytes=memory.get("MemAvailable"),
        temporary_folder=folder,
        disk_free_bytes=_disk_free(folder),
    )


def look_at_native() -> Native:
    """The extension module."""
    try:
        core = importlib.import_module("trtswap._core")
        return Native(
            cuda_built=core.cuda_built,
            cuda_architectures=core.cuda_architectures,
            host_threads=core.host_threads,
            cuda_driver=core.cuda_driver_version() if core.cuda_built else None,
            cuda_runtime=core.cuda_runtime_version() if core.cuda_built else None,
            devices=_devices(core) if core.cuda_built else [],
        )
    except Exception as error:
        return Native(problem=_reason(error))


def look_at_libraries() -> dict[str, Component]:
    """The packages that trtswap cannot do without, by the name they are imported under."""
    return {module: _component(module, package) for module, package in _LIBRARIES.items()}


def look_at_extras() -> dict[str, Component]:
    """The packages of the extra `tensorrt`, by the name they are installed under."""
    return {package: _component(module, package) for package, module in _EXTRAS.items()}


def look_at_engines() -> Engines:
    """The engines that were built on this machine."""
    plan = importlib.import_module("trtswap.inference.plan")
    folder = plan.folder()
    sizes = [entry.bytes for entry in plan.entries()]
    place = next(path for path in (folder, *folder.parents) if path.exists())
    writable = place.is_dir() and os.access(place, os.W_OK)
    return Engines(str(folder), len(sizes), sum(sizes), None if writable else f"{place} cannot be written to")


def look_at_frames() -> Frames:
    """Asks what a run would ask."""
    try:
        carry = importlib.import_module("trtswap.stages.carry")
        with native_output_discarded():
            reason: str | None = carry.why_on_host()
    except Exception as error:  # said by look_at_native and look_at_libraries
        reason = _reason(error)
    return Frames("gpu" if reason is None else "host", reason)


def look_at_codecs() -> Codecs:
    """FFmpeg and its encoders."""
    try:
        av = importlib.import_module("av")
        return Codecs(ffmpeg=str(av.ffmpeg_version_info), encoders=encoder_problems())
    except Exception:  # said by look_at_libraries
        return Codecs(ffmpeg=None, encoders={})


def look_at_providers() -> list[str]:
    """The execution providers of ONNX Runtime, best first."""
    try:
        with native_output_discarded():
            return list(importlib.import_module("onnxruntime").get_available_providers())
    except Exception:  # said by look_at_libraries
        return []


def _devices(core: Any) -> list[dict[str, Any]]:
    """The GPUs; none where CUDA cannot say, which diagnosis.gpu_problem explains."""
    try:
        return list(core.cuda_devices()) if core.cuda_device_count() else []
    except Exception:
        return []


def _component(module: str, package: str) -> Component:
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        version = None
    try:
        with native_output_discarded():
            loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = version is None and error.name == module.partition(".")[0]
        return Component(version, "not installed" if missing else _reason(error))
    except Exception as error:  # PyNvVideoCodec raises RuntimeError without a driver
        return Component(version, _reason(error))
    return Component(version or getattr(loaded, "__version__", None), None)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _memory() -> dict[str, int]:
    """The figures of /proc/meminfo in bytes; empty where there is none."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    rows = (line.replace(":", "").split() for line in lines)
    return {row[0]: int(row[1]) * 1024 for row in rows if row[-1] == "kB"}


def _disk_free(folder: str | os.PathLike[str]) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
