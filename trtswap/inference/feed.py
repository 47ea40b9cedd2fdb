"""Whether the inputs of a run fit a spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trtswap.errors import OptionError
from trtswap.inference.spec_types import NetworkSpec

_KEPT = 256
"""Sets of shapes that a session knows, at most."""


def checked_batch(spec: NetworkSpec, inputs: Mapping[str, Any]) -> int:
    """The number of items in `inputs`, host or device arrays by the spec's names. Raises OptionError."""
    counts = {array.shape[0] if len(array.shape) else 0 for array in inputs.values()}
    fits = len(inputs) == len(spec.inputs) and all(
        tensor.name in inputs and _fits(tensor.shape, inputs[tensor.name].shape) for tensor in spec.inputs
    )
    if not fits or len(counts) != 1 or 0 in counts:
        expected = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in spec.inputs)
        found = ", ".join(f"{name} {list(array.shape)}" for name, array in inputs.items())
        raise OptionError(
            f"inputs of the network {spec.name}: expected {expected}, N at least 1; found {found}"
        )
    return int(counts.pop())


class KnownBatches:
    """Checks the inputs of one session: the same shapes again are known to fit. May be asked in any thread."""

    def __init__(self, spec: NetworkSpec) -> None:
        self._spec = spec
        self._fitted: dict[tuple[Any, ...], int] = {}

    def count(self, inputs: Mapping[str, Any]) -> int:
        """As `checked_batch`."""
        key = (*inputs, *[tuple(array.shape) for array in inputs.values()])
        known = self._fitted.get(key)
        if known is None:
            known = checked_batch(self._spec, inputs)
            if len(self._fitted) >= _KEPT:
                self._fitted.clear()
            self._fitted[key] = known
        return known


def _fits(expected: tuple[int | str, ...], found: tuple[int, ...]) -> bool:
    return len(expected) == len(found) and all(
        isinstance(item, str) or item == length for item, length in zip(expected, found, strict=True)
    )
