"""Holds the inputs and outputs that a file declares against its spec. Plain data; knows no runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from trtswap.errors import NetworkContractError, StrPath
from trtswap.inference.spec_types import Dimension, NetworkSpec, TensorSpec
from trtswap.types import Array

_DTYPES = ("float32", "float16", "float64")
_OUTPUT_DTYPES = (*_DTYPES, "int64", "int32")


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

    inputs: those that the file has; fed: what the spec says of them. outputs: the first of the spec's, as many as the
    file has; reshaped: whether each comes in another shape than the spec says. batch: the fixed batch of the file,
    None when dynamic.
    """

    inputs: tuple[DeclaredTensor, ...]
    outputs: tuple[DeclaredTensor, ...]
    batch: int | None
    fed: tuple[TensorSpec, ...] = ()
    reshaped: tuple[bool, ...] = ()

    def shaped(self, index: int, output: Array, tensor: TensorSpec, count: int) -> Array:
        """Output `index` of a run on `count` items in the shape that the spec says."""
        if not self.reshaped[index]:
            return output
        lengths = [length if isinstance(length, int) else -1 for length in tensor.shape[1:]]
        return output.reshape(count, *lengths)


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
    bound_outputs, reshaped = matcher.match_outputs(outputs)
    fed = tuple(tensor for tensor in spec.inputs if tensor.name in bound_inputs)
    return Binding(tuple(bound_inputs.values()), bound_outputs, matcher.lengths.get("N"), fed, reshaped)


class _Matcher:
    def __init__(self, spec: NetworkSpec, path: StrPath) -> None:
        self._spec = spec
        self._path = path
        width, height = spec.picture.size
        self.lengths = {"H": height, "W": width}

    def match_inputs(self, declared: Sequence[DeclaredTensor]) -> dict[str, DeclaredTensor]:
        """The file's inputs by the spec's names, in its order."""
        required = sum(not tensor.optional for tensor in self._spec.inputs)
        if not required <= len(declared) <= len(self._spec.inputs):
            self._fail("inputs", self._spec.inputs, declared)
        left = list(declared)
        found: dict[str, DeclaredTensor] = {}
        for tensor in self._spec.inputs:
            named = _by_name(tensor, left)
            if named is not None:
                found[tensor.name] = named
                left.remove(named)
        for tensor in self._spec.inputs:
            if tensor.name not in found and not (tensor.optional and not left):
                fitting = [other for other in left if self._fits(tensor.shape, other)]
                if len(fitting) != 1:
                    self._fail("inputs", self._spec.inputs, declared)
                found[tensor.name] = fitting[0]
                left.remove(fitting[0])
        for tensor in self._spec.inputs:
            if tensor.name in found and not self._accept(tensor.shape, found[tensor.name]):
                self._fail("inputs", self._spec.inputs, declared)
        return {tensor.name: found[tensor.name] for tensor in self._spec.inputs if tensor.name in found}

    def match_outputs(
        self, declared: Sequence[DeclaredTensor]
    ) -> tuple[tuple[DeclaredTensor, ...], tuple[bool, ...]]:
        """The file's outputs, and which of them come in another shape."""
        required = sum(not tensor.optional for tensor in self._spec.outputs)
        if len(declared) < required:
            self._fail("outputs", self._spec.outputs, declared)
        bound = tuple(declared[: len(self._spec.outputs)])
        reshaped = []
        for tensor, other in zip(self._spec.outputs, bound, strict=False):
            reshaped.append(self._is_reshaped(tensor, other))
            if reshaped[-1]:
                self.lengths["N"] = 1
                continue
            items = other.shape and (None, *other.shape[1:])
            if not self._accept(tensor.shape, DeclaredTensor(other.name, other.dtype, items), _OUTPUT_DTYPES):
                self._fail("outputs", self._spec.outputs, declared)
        return bound, tuple(reshaped)

    def _is_reshaped(self, tensor: TensorSpec, declared: DeclaredTensor) -> bool:
        """Whether it must be brought to the spec's shape, which takes a batch of 1."""
        return (
            tensor.any_shape
            and declared.dtype in _OUTPUT_DTYPES
            and declared.shape is not None
            and len(declared.shape) != len(tensor.shape)
            and self.lengths.get("N", 1) == 1
        )

    def _accept(
        self, shape: Sequence[Dimension], declared: DeclaredTensor, dtypes: Sequence[str] = _DTYPES
    ) -> bool:
        """Whether it fits; if so, its fixed lengths bind the symbols from here on."""
        if not self._fits(shape, declared, dtypes):
            return False
        for expected, actual in zip(shape, declared.shape or (), strict=False):
            if isinstance(expected, str) and actual is not None:
                self.lengths[expected] = actual
        return True

    def _fits(
        self, shape: Sequence[Dimension], declared: DeclaredTensor, dtypes: Sequence[str] = _DTYPES
    ) -> bool:
        if declared.dtype not in dtypes:
            return False
        if declared.shape is None:
            return True
        lengths = [self.lengths.get(item) if isinstance(item, str) else item for item in shape]
        return len(lengths) == len(declared.shape) and all(
            None in pair or pair[0] == pair[1] for pair in zip(lengths, declared.shape, strict=True)
        )

    def _fail(self, what: str, expected: Sequence[TensorSpec], found: Sequence[DeclaredTensor]) -> NoReturn:
        width, height = self._spec.picture.size
        at = f" at {width}x{height}" if self._spec.picture.input else ""
        wanted = ", ".join(
            f"{tensor.name} {_shape_text(tensor.shape)}{' or nothing' if tensor.optional else ''}"
            for tensor in expected
        )
        raise NetworkContractError(
            f"the {what} of {self._path} are not those of the network {self._spec.name}{at}: "
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
