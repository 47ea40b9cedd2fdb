"""What is missing on this machine, and how to get it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trtswap.cli.inventory import NEEDED, Inventory, NetworkStatus
from trtswap.cli.machine import Codecs, Component, Engines, Native
from trtswap.cli.output import DONE, UNEXPECTED, exit_code
from trtswap.errors import NetworkNotFoundError

_REINSTALL = "install trtswap again: pip install --force-reinstall trtswap"
_NETWORK_MISSING = exit_code(NetworkNotFoundError(""))


@dataclass(frozen=True)
class Missing:
    """One thing missing. code: the exit code that it leads to; 0 when a swap runs without it."""

    what: str
    hint: str
    code: int = DONE

    @property
    def required(self) -> bool:
        """Whether no swap can run without it."""
        return self.code != DONE

    def as_json(self) -> dict[str, Any]:
        """The fields that --json shows."""
        return {"what": self.what, "hint": self.hint, "required": self.required}


def diagnose(
    native: Native,
    libraries: Mapping[str, Component],
    extras: Mapping[str, Component],
    codecs: Codecs,
    inventory: Inventory,
    engines: Engines | None = None,
) -> list[Missing]:
    """Everything missing, what a swap cannot do without first."""
    found = [
        *_missing_libraries(libraries),
        *_missing_native(native),
        *_missing_encoders(codecs),
        *_missing_networks(inventory),
        *_missing_gpu(native),
        *_missing_extras(native, extras),
        *_missing_cache(native, engines),
    ]
    return sorted(found, key=lambda missing: not missing.required)


def verdict(missing: Sequence[Missing]) -> int:
    """The exit code: that of the first thing that a swap cannot do without, else 0."""
    return next((thing.code for thing in missing if thing.required), DONE)


def _missing_libraries(libraries: Mapping[str, Component]) -> Iterator[Missing]:
    for name, library in libraries.items():
        if library.problem is not None:
            yield Missing(f"the Python package {name}: {library.problem}", _REINSTALL, UNEXPECTED)


def _missing_native(native: Native) -> Iterator[Missing]:
    if native.problem is not None:
        hint = f"{_REINSTALL} (building needs a C++17 compiler)"
        yield Missing(f"trtswap's native extension: {native.problem}", hint, UNEXPECTED)


def _missing_encoders(codecs: Codecs) -> Iterator[Missing]:
    if codecs.encoders and all(codecs.encoders.values()):
        hint = (
            "install PyAV from its wheel, which has them: pip install --force-reinstall --only-binary=av av"
        )
        yield Missing("a video encoder that opens", hint, UNEXPECTED)


def _missing_networks(inventory: Inventory) -> Iterator[Missing]:
    for role, work in NEEDED.items():
        candidates = [network for network in inventory.of_role(role) if not network.spec.built_in]
        if any(network.usable for network in candidates):
            continue
        choices = "; or ".join(_how_to_get(network) for network in candidates)
        names = ", ".join(network.spec.name for network in candidates)
        hint = (
            f"trtswap models fetch NAME downloads one of {names}; or put a file into {inventory.own_folder}, "
            f"or name its folder with --models: {choices}"
        )
        yield Missing(f"a {role}, the network that {work}", hint, _NETWORK_MISSING)


def _how_to_get(network: NetworkStatus) -> str:
    names = " or ".join(network.spec.file_names)
    places = " / ".join(network.published)
    return f"{names} (published by {places}; licence: {network.spec.licence.label})"


def _missing_gpu(native: Native) -> Iterator[Missing]:
    if native.problem is None:
        problem = gpu_problem(native)
        if problem is not None:
            yield problem


def gpu_problem(native: Native) -> Missing | None:
    """Why trtswap's own operations do not run on a GPU here, or None when they do.

    Without a driver, and with one that is too old, CUDA reports the same error; the driver's version tells.
    """
    if not native.cuda_built:
        return Missing(
            "CUDA in trtswap's native extension: it was built for the CPU only",
            "for a GPU, install the CUDA toolkit (nvcc) and build trtswap again",
        )
    driver, runtime = native.cuda_driver or 0, native.cuda_runtime or 0
    if driver == 0:
        return Missing(
            "an NVIDIA driver: none is installed, so the CPU is used",
            "with an NVIDIA GPU, install its driver; in a container, start it with the GPU (--gpus all)",
        )
    if driver // 1000 < runtime // 1000:
        return Missing(
            f"a newer NVIDIA driver: the one installed supports CUDA {cuda_version(driver)}, "
            f"trtswap was built for {cuda_version(runtime)}",
            "update the NVIDIA driver",
        )
    if not native.devices:
        return Missing(
            "a GPU: there is an NVIDIA driver, but it shows no device",
            "look at nvidia-smi and at the variable CUDA_VISIBLE_DEVICES",
        )
    return None


def cuda_version(code: int) -> str:
    """13020 as 13.2."""
    return f"{code // 1000}.{code % 1000 // 10}"


def _missing_extras(native: Native, extras: Mapping[str, Component]) -> Iterator[Missing]:
    """The packages for TensorRT, where there is a GPU to use them."""
    if not native.devices:
        return
    for name, extra in extras.items():
        if extra.problem is not None:
            what = f"the Python package {name}, for TensorRT: {extra.problem}"
            yield Missing(what, _EXTRA_HINTS.get(name, _any_extra)(extra, native.cuda_driver or 0))
        elif name == "tensorrt" and _too_old(extra.version):
            yield Missing(
                f"a newer TensorRT: {extra.version} is installed, 8.6 is the oldest that is supported",
                f"pip install --upgrade {_tensorrt_package(native.cuda_driver or 0)}",
            )


def _missing_cache(native: Native, engines: Engines | None) -> Iterator[Missing]:
    if native.devices and engines is not None and engines.problem is not None:
        yield Missing(
            f"a folder for TensorRT engines: {engines.problem}",
            "name another one with the variable TRTSWAP_CACHE",
        )


def _tensorrt_hint(extra: Component, driver: int) -> str:
    """Not installed, or installed without the libraries that it needs."""
    package = _tensorrt_package(driver)
    if extra.version is None:
        return f"pip install {package}"
    return f"its libraries do not load; install them again: pip install --force-reinstall {package}"


def _tensorrt_package(driver: int) -> str:
    """NVIDIA builds TensorRT per CUDA major version; the driver decides which can run."""
    return "tensorrt-cu13" if driver >= 13000 else "tensorrt-cu12"


def _pycuda_hint(extra: Component, _driver: int) -> str:
    if "libcuda" in (extra.problem or ""):
        return "install the NVIDIA driver; in a container, start it with the GPU (--gpus all)"
    flag = "--force-reinstall --no-binary pycuda " if extra.version is not None else ""
    return (
        f"pip install {flag}pycuda (it is built on this machine: needs the CUDA toolkit with cuRAND, "
        "and CUDA_ROOT where nvcc is not under the toolkit)"
    )


def _any_extra(_extra: Component, _driver: int) -> str:
    return "pip install 'trtswap[tensorrt]'"


_EXTRA_HINTS = {"tensorrt": _tensorrt_hint, "pycuda": _pycuda_hint}


def _too_old(version: str | None) -> bool:
    parts = (version or "").split(".")[:2]
    return len(parts) == 2 and all(part.isdigit() for part in parts) and tuple(map(int, parts)) < (8, 6)
