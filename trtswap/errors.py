"""Every exception trtswap raises.

TrtSwapError
├── OptionError (ValueError)            an option or argument is wrong, or two of them contradict each other
├── InputError (ValueError)             a file or picture the user gave cannot be used
│   ├── NoFaceError                     no usable face where one is needed
│   ├── PictureError (OSError)          a picture cannot be read or written; .path
│   ├── VideoError (OSError)            a video cannot be opened, decoded or encoded; .path, .pts
│   └── SigningError                    an output cannot be signed with the keys at hand, or a signature not be read
├── NetworkError (RuntimeError)         a network cannot be used
│   ├── NetworkNotFoundError (FileNotFoundError)   no file of that name in any folder searched; .searched
│   ├── NetworkContractError            the file's inputs or outputs are not what its spec says; .path
│   ├── SpecError                       a spec (engines/*.toml) is malformed; .path
│   └── EngineError                     an engine cannot be built or loaded
├── QualityError (RuntimeError)         the run finished, but missed a stated quality threshold; .report
├── SomeFailedError (RuntimeError)      some of several targets could not be swapped
└── DeviceError (RuntimeError)          no GPU, or a CUDA call failed; .cuda_name
    └── DeviceMemoryError (MemoryError) the device is out of memory; .requested_bytes

Each carries `hint`: what to do about it, or None. The message says what was wrong and with which file or option.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Union

StrPath = Union[str, "os.PathLike[str]"]


class TrtSwapError(Exception):
    """Parent of every exception that trtswap raises on purpose."""

    hint: str | None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class OptionError(TrtSwapError, ValueError):
    """An option or argument is wrong, or two of them contradict each other."""


class InputError(TrtSwapError, ValueError):
    """A file or picture the user gave cannot be used."""


class NoFaceError(InputError):
    """No usable face was found where one is needed."""


class _FileError(InputError, OSError):
    path: str

    def __init__(self, message: str, *, path: StrPath, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = os.fspath(path)


class PictureError(_FileError):
    """A picture cannot be read or written."""


class VideoError(_FileError):
    """A video cannot be opened, decoded or encoded. `pts` is the time stamp reached, in ticks, where known."""

    def __init__(
        self, message: str, *, path: StrPath, pts: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, path=path, hint=hint)
        self.pts = pts


class SigningError(InputError):
    """An output cannot be signed with the keys at hand, or what a signature says cannot be read."""


class NetworkError(TrtSwapError, RuntimeError):
    """A network cannot be used."""


class NetworkNotFoundError(NetworkError, FileNotFoundError):
    """No file of a network was found. `searched` lists the folders looked in, in order."""

    def __init__(self, message: str, *, searched: Sequence[StrPath] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.searched = tuple(os.fspath(folder) for folder in searched)


class NetworkContractError(NetworkError):
    """A network file's inputs or outputs are not what its spec says."""

    def __init__(self, message: str, *, path: StrPath, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = os.fspath(path)


class SpecError(NetworkError):
    """A network spec (engines/*.toml) is malformed."""

    def __init__(self, message: str, *, path: StrPath, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = os.fspath(path)


class EngineError(NetworkError):
    """A TensorRT engine cannot be built or loaded."""


class QualityError(TrtSwapError, RuntimeError):
    """The run finished, but missed a stated quality threshold. `report`: what the run would have returned, or None."""

    def __init__(self, message: str, *, report: object | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.report = report


class SomeFailedError(TrtSwapError, RuntimeError):
    """Some of several targets could not be swapped; the others are done."""


class DeviceError(TrtSwapError, RuntimeError):
    """There is no GPU, or a CUDA call failed. `cuda_name` is the driver's name of the failure, where known."""

    def __init__(self, message: str, *, cuda_name: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.cuda_name = cuda_name


class DeviceMemoryError(DeviceError, MemoryError):
    """The device is out of memory."""

    def __init__(
        self,
        message: str,
        *,
        requested_bytes: int | None = None,
        cuda_name: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, cuda_name=cuda_name, hint=hint)
        self.requested_bytes = requested_bytes
