"""The session on ONNX Runtime: on the CPU, or on CUDA where that build of it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import onnxruntime

from trtswap import device, tracing
from trtswap.errors import (
    DeviceError,
    DeviceMemoryError,
    NetworkContractError,
    NetworkError,
    NetworkNotFoundError,
    OptionError,
    StrPath,
)
from trtswap.inference.contract import DeclaredTensor, bind
from trtswap.inference.feed import checked_batch
from trtswap.inference.spec_types import NetworkSpec
from trtswap.inference.threads import physical_cores
from trtswap.types import Array

Provider = Literal["auto", "cpu", "cuda"]

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
}
_ERRORS_ONLY = 3


class OrtSession:
    """A network on ONNX Runtime; see `Session`. `run` leaves the GIL while the network runs.

    provider: "cuda", "cpu", or "auto" for cuda where it works and else cpu; the attribute `provider` tells
    which of the two it is. threads: of one run on the CPU; 0 means one per physical core.
    Raises NetworkNotFoundError, NetworkError for a file that is no network, NetworkContractError for one that
    is not `spec`'s, DeviceError when "cuda" cannot be had.
    """

    def __init__(
        self, path: StrPath, spec: NetworkSpec, provider: Provider = "auto", threads: int = 0
    ) -> None:
        self.path = Path(path)
        self.spec = spec
        if threads < 0:
            raise OptionError(f"threads is 0 or more, not {threads}")
        if not self.path.is_file():
            raise NetworkNotFoundError(f"{path} does not exist", searched=(self.path.parent,))
        self._session: Any = _open(self.path, provider, threads or physical_cores())
        self.provider: Literal["cpu", "cuda"] = _provider_in_use(self._session)
        self._binding = bind(
            spec, _declared(self._session.get_inputs()), _declared(self._session.get_outputs()), path
        )

    @property
    def max_batch(self) -> int | None:
        """The fixed batch of the file, None when it takes any."""
        return self._binding.batch

    def run(self, inputs: Mapping[str, Any]) -> list[Any]:
        """See `Session.run`. A fixed batch is fed piece by piece, a dynamic one in one call. Device arrays are fetched,
        and the outputs sent after them."""
        session = self._session
        if session is None:
            raise NetworkError(f"the session of {self.path} is closed")
        if inputs and all(device.is_on_device(array) for array in inputs.values()):
            found = device.fetch(list(inputs.values())).get()
            return [device.to_device(output) for output in self.run(dict(zip(inputs, found, strict=True)))]
        count = checked_batch(self.spec, inputs)
        step = self.max_batch or count
        with tracing.span(self.spec.name, "network", batch=count):
            pieces = [self._run_piece(session, inputs, start, step) for start in range(0, count, step)]
        joined = (
            pieces[0] if len(pieces) == 1 else [np.concatenate(parts) for parts in zip(*pieces, strict=True)]
        )
        return [output[:count] for output in joined]

    def close(self) -> None:
        """Frees the network. May be repeated."""
        self._session = None

    def __enter__(self) -> OrtSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run_piece(self, session: Any, inputs: Mapping[str, Array], start: int, step: int) -> list[Array]:
        feed = {
            declared.name: _piece(inputs[tensor.name], start, step, declared.dtype)
            for tensor, declared in zip(self._binding.fed, self._binding.inputs, strict=True)
        }
        names = [declared.name for declared in self._binding.outputs]
        try:
            outputs = session.run(names, feed)
        except Exception as error:  # ONNX Runtime's own classes share no parent but this
            raise _run_error(self.path, error) from error
        found = []
        for index, (tensor, declared) in enumerate(
            zip(self.spec.outputs, self._binding.outputs, strict=False)
        ):
            output = self._binding.shaped(index, np.asarray(outputs[index]), tensor, step)
            found.append(_checked_output(output, tensor.dtype, step, declared, self.path))
        return found


def _open(path: Path, provider: Provider, threads: int) -> Any:
    available = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if provider == "cuda" and not available:
        raise _no_cuda("this ONNX Runtime is built without CUDA")
    if provider == "cpu" or not available:
        return _load(path, ["CPUExecutionProvider"], threads)
    try:
        session = _load(path, ["CUDAExecutionProvider", "CPUExecutionProvider"], threads)
    except NetworkError as error:
        if provider == "cuda":
            raise _no_cuda(error.message) from error
        return _load(path, ["CPUExecutionProvider"], threads)
    if provider == "cuda" and _provider_in_use(session) != "cuda":
        raise _no_cuda("ONNX Runtime fell back to the CPU")
    return session


def _load(path: Path, providers: list[str], threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    # Waiting threads that spin take the cores from the other stages, and slow two networks at once.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # as above
        raise NetworkError(
            f"{path} cannot be loaded as a network: {_first_line(error)}",
            hint="Compare its size and SHA-256 with the published file; it may be damaged or incomplete.",
        ) from error


def _no_cuda(reason: str) -> DeviceError:
    return DeviceError(
        f"ONNX Runtime cannot use CUDA: {reason}",
        hint="Install onnxruntime-gpu in place of onnxruntime, with the CUDA and cuDNN it names; "
        "or use the CPU.",
    )


def _provider_in_use(session: Any) -> Literal["cpu", "cuda"]:
    return "cuda" if session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"


def _declared(nodes: Any) -> list[DeclaredTensor]:
    """ONNX Runtime reports an undeclared shape as an empty one; no network here has scalars."""
    return [
        DeclaredTensor(
            node.name,
            _DTYPES.get(node.type, node.type),
            tuple(item if isinstance(item, int) else None for item in node.shape) or None,
        )
        for node in nodes
    ]


def _piece(array: Array, start: int, step: int, dtype: str) -> Array:
    """`step` items from `start`; past the end the last item is repeated."""
    piece = array[start : start + step]
    if len(piece) < step:
        piece = np.concatenate([piece, np.repeat(piece[-1:], step - len(piece), axis=0)])
    return np.ascontiguousarray(piece, dtype)


def _checked_output(output: Array, dtype: str, step: int, declared: DeclaredTensor, path: Path) -> Array:
    if output.ndim == 0 or len(output) != step:
        raise NetworkContractError(
            f"output {declared.name} of {path} has shape {list(output.shape)} for a batch of {step}",
            path=path,
            hint="It declares a dynamic batch but does not carry it through; use a file with batch 1.",
        )
    return output.astype(dtype, copy=False)


def _run_error(path: Path, error: Exception) -> NetworkError | DeviceMemoryError:
    text = str(error).lower()
    if "out of memory" in text or "failed to allocate" in text or "bad allocation" in text:
        return DeviceMemoryError(
            f"{path} ran out of memory: {_first_line(error)}", hint="Use a smaller batch."
        )
    return NetworkError(f"{path} failed to run: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
