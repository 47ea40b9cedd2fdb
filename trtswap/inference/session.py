"""What runs a network on a batch: one interface, whatever the runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from trtswap.inference.spec_types import NetworkSpec


class Session(Protocol):
    """A loaded network. A context manager; closing it twice is harmless; usable from several threads."""

    @property
    def spec(self) -> NetworkSpec:
        """What it was loaded as."""

    @property
    def path(self) -> Path:
        """The file it was loaded from."""

    @property
    def max_batch(self) -> int | None:
        """The batch the network itself runs at once, None for any. `run` takes any batch all the same."""

    def run(self, inputs: Mapping[str, Any]) -> list[Any]:
        """The outputs, in the spec's order and dtypes, for a batch of one or more items.

        inputs: one array [N, ...] for each input of the spec, by the spec's name. Host arrays in give host arrays out;
        device arrays give device arrays, queued on this thread's stream and not waited for.
        Optional outputs that the file lacks are absent from the end of the list.
        Raises OptionError for inputs that do not fit the spec, NetworkError when the run fails.
        """

    def close(self) -> None:
        """Frees the network. May be repeated; never raises."""

    def __enter__(self) -> Session: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
