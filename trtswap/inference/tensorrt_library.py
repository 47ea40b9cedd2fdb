"""TensorRT, loaded only when asked for: its version, its logger, and what differs between 8.6, 10 and 11."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trtswap.errors import EngineError

_OLDEST = (8, 6)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TensorRT:
    """The module `tensorrt` and its version. strongly_typed: precision is in the graph (10 and 11), not in flags."""

    module: Any
    version: str

    @property
    def major(self) -> int:
        """8, 10 or 11."""
        return int(self.version.partition(".")[0])

    @property
    def strongly_typed(self) -> bool:
        """Whether networks are built with the precision that their graph states."""
        return self.major >= 10


def load_tensorrt() -> TensorRT:
    """TensorRT. Raises EngineError when it is not installed, does not load, or is too old."""
    try:
        module = importlib.import_module("tensorrt")
        version = str(module.__version__)
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "tensorrt"
        raise EngineError(
            "TensorRT is not installed" if missing else f"TensorRT is installed but does not load: {error}",
            hint="pip install 'trtswap[tensorrt]' on a machine with an NVIDIA driver; `trtswap doctor` says what is "
            "missing",
        ) from error
    except Exception as error:  # a half-installed one
        raise EngineError(
            f"TensorRT is installed but does not load: {type(error).__name__}: {error}",
            hint="install it again: pip install --force-reinstall tensorrt",
        ) from error
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise EngineError(
            f"TensorRT {version} is too old; 8.6, 10 and 11 are supported",
            hint="pip install --upgrade tensorrt",
        )
    return TensorRT(module, version)


def make_logger(trt: Any, tell: Callable[[str, str], None] | None = None) -> Any:
    """A TensorRT logger that hands messages to `tell(severity, text)`, by default to Python's logging.

    It must live as long as what is made with it.
    """
    told = tell or _to_logging

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            told(_SEVERITIES.get(str(severity).rpartition(".")[2], "verbose"), str(message))

    return Logger()


_SEVERITIES = {
    "INTERNAL_ERROR": "error",
    "ERROR": "error",
    "WARNING": "warning",
    "INFO": "info",
    "VERBOSE": "verbose",
}


def _to_logging(severity: str, text: str) -> None:
    level = {"error": logging.WARNING, "warning": logging.INFO}.get(severity, logging.DEBUG)
    _log.log(level, "TensorRT: %s", text)
