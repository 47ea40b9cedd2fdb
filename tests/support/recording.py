"""Sees what reaches the encoder."""

from __future__ import annotations

from typing import Any

import pytest

from trtswap import pipeline, video
from trtswap.types import Frame


class Recorder:
    """Stands in for the pipeline's `create_output`: keeps a copy of each frame before it is encoded."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def __call__(self, *arguments: Any, **options: Any) -> video.FrameSink:
        sink = video.create_output(*arguments, **options)
        write = sink.write

        def record(frame: Frame) -> None:
            self.frames.append(
                Frame(frame.surface.copy(), frame.index, frame.pts, frame.time_base, frame.duration)
            )
            write(frame)

        sink.write = record  # type: ignore[method-assign]
        return sink


def record_frames(monkeypatch: pytest.MonkeyPatch) -> list[Frame]:
    """The frames that the next run hands to its encoder, filled while it runs."""
    recorder = Recorder()
    monkeypatch.setattr(pipeline, "create_output", recorder)
    return recorder.frames
