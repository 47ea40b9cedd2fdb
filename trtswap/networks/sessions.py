"""Which session runs a network: a TensorRT engine where there is a GPU for it, ONNX Runtime elsewhere."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path

from trtswap import device
from trtswap.engine_options import EngineOptions, device_index
from trtswap.errors import DeviceError, EngineError, QualityError, TrtSwapError
from trtswap.inference import plan
from trtswap.inference.build_process import kept_builders, side_by_side
from trtswap.inference.engine import Quiet, Recipe, ensure, key_of
from trtswap.inference.engine import open_session as open_engine
from trtswap.inference.ort import OrtSession, Provider
from trtswap.inference.session import Session
from trtswap.inference.spec_types import NetworkSpec
from trtswap.inference.tensorrt_library import TensorRT, load_tensorrt
from trtswap.networks.calibration import calibration_of

__all__ = ["build_together", "engine_recipe", "ensure", "key_of", "open_session"]

_log = logging.getLogger(__name__)
_DEFAULTS = EngineOptions()
_TOGETHER = 5
"""Builders at the same time, at most: each takes some 3 GB of the host's memory and 2 GB of the GPU's."""


def open_session(
    spec: NetworkSpec,
    path: Path,
    *,
    device_name: str = "auto",
    provider: Provider = "auto",
    options: EngineOptions = _DEFAULTS,
) -> Session:
    """A session of the network in the file `path`.

    device_name: as in SwapOptions.device. With "auto", whatever keeps an engine from being had is told in one log line
    and ONNX Runtime takes over; with "cuda" it is raised. provider: of ONNX Runtime. An engine that is not in the cache
    is built, which takes minutes and is announced in the log.
    Raises NetworkError and its kin, DeviceError.
    """
    if device_name == "cpu":
        return OrtSession(path, spec, "cpu")
    wanted = device_index(device_name)
    try:
        library = usable_tensorrt(wanted or 0)
    except (EngineError, DeviceError) as error:
        if wanted is not None:
            raise
        _log.info("ONNX Runtime runs %s: %s", spec.name, error)
        return OrtSession(path, spec, provider)
    try:
        return open_engine(engine_recipe(library, spec, path, options, wanted or 0), _Announcing(spec.name))
    except (EngineError, QualityError) as error:
        if wanted is not None:
            raise
        _log.warning("ONNX Runtime runs %s: %s", spec.name, error)
        return OrtSession(path, spec, provider)


def build_together(
    networks: Sequence[tuple[NetworkSpec, Path]],
    *,
    device_name: str = "auto",
    options: EngineOptions = _DEFAULTS,
) -> None:
    """Builds side by side the engines that are missing of networks that `open_session` would run on a GPU: a builder
    of a small network keeps one core of the host busy and hardly the GPU. What cannot be had is left to it to tell."""
    if device_name == "cpu":
        return
    gpu = device_index(device_name) or 0
    try:
        library = usable_tensorrt(gpu)
    except (EngineError, DeviceError):
        return
    recipes = [engine_recipe(library, spec, path, options, gpu) for spec, path in networks]
    missing = [recipe for recipe in recipes if isinstance(plan.find(key_of(recipe)), str)]
    jobs = min(len(missing), _TOGETHER, (os.cpu_count() or 1) // 2)
    if jobs > 1:
        with kept_builders():
            side_by_side([partial(_built, recipe) for recipe in missing], jobs)


def _built(recipe: Recipe) -> None:
    with suppress(TrtSwapError):
        ensure(recipe, _Announcing(recipe.spec.name))


def engine_recipe(
    library: TensorRT, spec: NetworkSpec, path: Path, options: EngineOptions, gpu: int
) -> Recipe:
    """All that the engine of a network is made from, proven on the faces that trtswap ships."""
    return Recipe(library, spec, path, options, gpu, lambda: calibration_of(spec, path))


def usable_tensorrt(gpu: int) -> TensorRT:
    """TensorRT, with a GPU that pycuda can use. Raises EngineError, DeviceError."""
    library = _library()
    device.describe(gpu)
    return library


@lru_cache(maxsize=1)
def _library() -> TensorRT:
    return load_tensorrt()


class _Announcing(Quiet):
    """Says once that a build has begun, and what came of it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told = False

    def stage(self, text: str) -> None:
        """The first is announced: from here it takes minutes."""
        if not self._told:
            self._told = True
            _log.warning("building the TensorRT engine of %s, once; this takes some minutes", self._name)
        _log.info("%s: %s", self._name, text)

    def step(self, text: str) -> None:
        """To the log."""
        _log.warning("%s: %s", self._name, text)
