"""What all delayed smoothers do alike: frames wait until the window has passed them; cuts and the end finish them."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from trtswap.types import Array

T = TypeVar("T")


class Delay(Generic[T]):
    """Frames waiting for those ahead of them, each with the slots of its tracks."""

    def __init__(self, lag_frames: int) -> None:
        self._lag = lag_frames
        self._waiting: deque[tuple[T, Array]] = deque()

    def push(self, item: T, slots: Array) -> tuple[T, Array] | None:
        """Adds a frame and gives the one `lag_frames` before it, if there is one."""
        self._waiting.append((item, slots))
        return self._waiting.popleft() if len(self._waiting) > self._lag else None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def behind(self) -> int:
        """How many empty frames bring the oldest waiting frame to the centre."""
        return self._lag - len(self._waiting) + 1

    def pop(self) -> tuple[T, Array]:
        """The oldest waiting frame."""
        return self._waiting.popleft()
