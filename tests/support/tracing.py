"""A sink that keeps everything."""

from __future__ import annotations

from collections.abc import Mapping

from trtswap.tracing import Event


class Kept:
    """spans: as they ended. counts: name and values."""

    def __init__(self) -> None:
        self.spans: list[Event] = []
        self.counts: list[tuple[str, dict[str, float]]] = []

    def span(self, event: Event) -> None:
        """Keeps a span."""
        self.spans.append(event)

    def count(self, name: str, time_ns: int, values: Mapping[str, float]) -> None:
        """Keeps numbers."""
        del time_ns
        self.counts.append((name, dict(values)))
