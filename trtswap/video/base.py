"""What every source of frames and every sink for frames has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType

from trtswap.options import EncodeOptions, Trim
from trtswap.types import Array, Frame, VideoInfo

WHOLE = Trim()
DEFAULT_ENCODING = EncodeOptions()


class FrameSource(ABC):
    """Frames in presentation order, read lazily; a context manager; can be iterated once.

    info: what the target is. notes: one sentence each about guesses, conversions and losses; grows while
    reading. trim: the part that is delivered. expected_frames: how many frames will come, as far as the
    headers tell, or None. alpha: a picture's transparency, uint8 [H, W], which goes into its output; or None.
    """

    info: VideoInfo
    notes: list[str]
    trim: Trim
    expected_frames: int | None
    alpha: Array | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """The frames. Their planes belong to the caller. Raises VideoError, PictureError or OptionError."""

    def close(self) -> None:  # noqa: B027  not every source holds something open
        """Closes the file; may be repeated; never raises."""

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FrameSink(ABC):
    """Takes frames in order and makes a file of them, whole or not at all; a context manager.

    Leaving the `with` block normally commits; leaving it by any exception removes what was written so far.
    notes: one sentence each about what could not be kept.
    """

    notes: list[str]

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """Encodes one frame on the host; keeps no reference to it. Raises VideoError or PictureError."""

    @abstractmethod
    def commit(self) -> None:
        """Completes the file and gives it its name. Once only. Raises VideoError or PictureError."""

    @abstractmethod
    def abort(self) -> None:
        """Removes what was written; without effect after `commit`; may be repeated; never raises."""

    def __enter__(self) -> FrameSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.abort()
