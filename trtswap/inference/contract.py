"""Holds the inputs and outputs that a file declares against its spec. Plain data; knows no runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from trtswap.errors import NetworkContractError, StrPath
from trtswap.inference.spec_types import Dimension, NetworkSpec, TensorSpec

_DTYPES = ("float32", "float16", "float64")


@dataclass(frozen=True)
class DeclaredTensor:
    """An input or output as a file declares it. dtype: NumPy's name, or the runtime's where NumPy has none.
    shape: None in place of a dynamic length; None when not even the rank is declared."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} {_shape_text(self.shape)}"


@dataclass(frozen=True)
class Binding:
    """Which of a file's tensors is which of the spec's, both in the spec's order.
    batch: the fixed batch of the file, None when dynamic."""

    inputs: tuple[DeclaredTensor, ...]
    outputs: tuple[DeclaredTensor, ...]
    batch: int | None


def bind(
    spec: NetworkSpec, inputs: Sequence[DeclaredTensor], outputs: Sequence[DeclaredTensor], path: StrPath
) -> Binding:
    """Inputs are matched by accepted name, else by the only one left that fits; outputs by position.

    A fixed length under "H" or "W" must be the size the spec runs at; one symbol has one length throughout.
    The batch of outputs is not held against the inputs': files with a dynamic batch often declare 1 there.
    Raises NetworkContractError, with expected and found.
    """
    matcher = _Matcher(spec, path)
    bound_inputs = matcher.match_inputs(inputs)
    bound_outputs = matcher.match_outputs(outputs)
    return Binding(bound_inputs, bound_outputs, matcher.lengths.get("N"))


class _Matcher:
    def __init__(self, spec: NetworkSpec, path: StrPath) -> None:
        self._spec = spec
        self._path = path
        width, height = spec.picture.size
        self.lengths = {"H": height, "W": width}

    def match_inputs(self, declared: Sequence[DeclaredTensor]) -> tuple[DeclaredTensor, ...]:
        if len(declared) != len(self._spec.inputs):
            self._fail("inputs", self._spec.inputs, declared)
        left = list(declared)
        found: dict[str, DeclaredTensor] = {}
        for tensor in self._spec.inputs:
            named = _by_name(tensor, left)
            if named is not None:
                found[tensor.name] = named
                left.remove(named)
        for tensor in self._spec.inputs:
            if tensor.name not in found:
                fitting = [other for other in left if self._fits(tensor.shape, other)]
                if len(fitting) != 1:
                    self._fail("inputs", self._spec.inputs, declared)
                found[tensor.name] = fitting[0]
                left.remove(fitting[0])
        bound = tuple(found[tensor.name] for tensor in self._spec.inputs)
        for tensor, other in zip(self._spec.inputs, bound, strict=True):
            if not self._accept(tensor.shape, other):
                self._fail("inputs", self._spec.inputs, declared)
        return bound

    def match_outputs(self, declared: Sequence[DeclaredTensor]) -> tuple[DeclaredTensor, ...]:
        required = sum(not tensor.optional for tensor in self._spec.outputs)
        if len(declared) < required:
            self._fail("outputs", self._spec.outputs, declared)
        bound = tuple(declared[: len(self._spec.outputs)])
        for tensor, other in zip(self._spec.outputs, bound, strict=False):
            items = other.shape and (None, *other.shape[1:])
            if not self._accept(tensor.shape, DeclaredTensor(other.name, other.dtype, items)):
                self._fail("outputs", self._spec.outputs, declared)
        return bound

    def _accept(self, shape: Sequence[Dimension], declared: DeclaredTensor) -> bool:
        """Whether it fits; if so, its fixed lengths bind the symbols from here on."""
        if not self._fits(shape, declared):
            return False
        for expected, actual in zip(shape, declared.shape or (), strict=False):
            if isinstance(expected, str) and actual is not None:
                self.lengths[expected] = actual
        return True

    def _fits(self, shape: Sequence[Dimension], declared: DeclaredTensor) -> bool:
        if declared.dtype not in _DTYPES:
            return False
        if declared.shape is None:
            return True
        lengths = [self.lengths.get(item) if isinstance(item, str) else item for item in shape]
        return len(lengths) == len(declared.shape) and all(
            None in pair or pair[0] == pair[1] for pair in zip(lengths, declared.shape, strict=True)
        )

    def _fail(self, what: str, expected: Sequence[TensorSpec], found: Sequence[DeclaredTensor]) -> NoReturn:
        width, height = self._spec.picture.size
        wanted = ", ".join(
            f"{tensor.name} {_shape_text(tensor.shape)}{' or nothing' if tensor.optional else ''}"
            for tensor in expected
        )
        raise NetworkContractError(
            f"the {what} of {self._path} are not those of the network {self._spec.name} at {width}x{height}: "
            f"expected {wanted}; found {', '.join(map(str, found)) or 'none'}",
            path=self._path,
            hint="The file holds another network, or another export of it.",
        )


def _by_name(tensor: TensorSpec, declared: Sequence[DeclaredTensor]) -> DeclaredTensor | None:
    for name in tensor.accepts:
        for other in declared:
            if other.name == name:
                return other
    return None


def _shape_text(shape: Sequence[Dimension | None] | None) -> str:
    if shape is None:
        return "[...]"
    return f"[{', '.join('?' if item is None else str(item) for item in shape)}]"
