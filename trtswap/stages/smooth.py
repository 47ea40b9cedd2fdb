"""Holds the faces of tracks steady over time."""

from __future__ import annotations

from typing import Protocol

from trtswap.options import SmoothOptions
from trtswap.stages.smoothing.causal import Ema, Off, OneEuro
from trtswap.stages.smoothing.individual import Individual
from trtswap.stages.smoothing.lag import lag_in_frames
from trtswap.stages.smoothing.symmetric import Symmetric
from trtswap.types import Faces


class Smoother(Protocol):
    """Moves the landmarks and boxes of tracked faces to where they steadily are. One object per video.

    Every pushed frame comes out once, in order, at most `lag_frames` frames later, with the same tracks in the same
    order; only `landmarks_px` and `boxes_px` differ. A scene's last frames come out when the next begins.
    """

    @property
    def lag_frames(self) -> int:
        """How many frames a frame may wait."""

    def push(self, faces: Faces, *, cut: bool, time_s: float) -> list[Faces]:
        """Takes the next frame's faces; gives those of the frames that are final now.

        faces: with `track_ids`, else ValueError. cut: this frame begins a new scene; nothing before it has an
        influence on anything from here on. time_s: time stamp in seconds.
        """

    def flush(self) -> list[Faces]:
        """The frames that still wait. Afterwards the smoother is as new."""


def make_smoother(options: SmoothOptions, frame_rate: float | None) -> Smoother:
    """The smoother that the options name. frame_rate: in 1/s, None when there is none."""
    if options.method == "off":
        return Off()
    if options.method == "one-euro":
        return OneEuro()
    if options.method == "ema":
        return Ema(options.window, options.alpha)
    lag_frames = lag_in_frames(options.lag_s, frame_rate)
    if options.method == "individual":
        return Individual(lag_frames, frame_rate)
    return Symmetric(lag_frames, frame_rate)
