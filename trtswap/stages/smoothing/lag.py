"""How far smoothing looks ahead."""

from __future__ import annotations

LEAST_LAG = 2
USUAL_RATE = 25.0
"""Frames a second of a video that does not say."""


def lag_in_frames(lag_s: float, frame_rate: float | None) -> int:
    """How many frames `lag_s` seconds are, at least two; at 25 frames a second when the rate is unknown."""
    return max(LEAST_LAG, round(lag_s * (frame_rate or USUAL_RATE)))
