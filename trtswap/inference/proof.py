"""Runs an engine and the float32 network on the same crops, and times the engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from trtswap.inference.fidelity import Judge, Verdict
from trtswap.inference.host_run import HostNetwork
from trtswap.inference.prepare import Prepared
from trtswap.inference.session import Session
from trtswap.inference.spec_types import NetworkSpec
from trtswap.types import Array

SINGLES = 2
_WARM_RUNS, _TIMED_RUNS = 3, 9


@dataclass(frozen=True)
class Calibration:
    """samples: inputs of real crops, [n, ...] by the spec's names. judge: compares outputs."""

    samples: Mapping[str, Array]
    judge: Judge

    @property
    def count(self) -> int:
        """How many items there are."""
        return len(next(iter(self.samples.values())))


@dataclass(frozen=True)
class Reference:
    """The float32 network's outputs for every sample, in the spec's order."""

    outputs: list[Array]


def reference_of(prepared: Prepared, spec: NetworkSpec, calibration: Calibration) -> Reference:
    """Runs the float32 network on the CPU, item by item. Raises NetworkError."""
    network = HostNetwork(prepared.model)
    named = prepared.named(calibration.samples)
    order = [network.outputs.index(declared.name) for declared in prepared.binding.outputs]
    parts = []
    for item in range(calibration.count):
        outputs = network.run({name: array[item : item + 1] for name, array in named.items()})
        parts.append(
            [
                prepared.binding.shaped(number, outputs[index], spec.outputs[number], 1)
                for number, index in enumerate(order)
            ]
        )
    return Reference([np.concatenate(column) for column in zip(*parts, strict=True)])


def prove(session: Session, calibration: Calibration, reference: Reference) -> Verdict:
    """The worst of the verdicts on single items, on the full batch and, since engines have a profile for smaller ones,
    on one less. Raises NetworkError, DeviceError."""
    largest = session.max_batch or calibration.count
    verdicts = [
        _verdict(session, calibration, reference, np.array([item]))
        for item in range(min(SINGLES, calibration.count))
    ]
    verdicts += [
        _verdict(session, calibration, reference, np.arange(batch) % calibration.count)
        for batch in (largest - 1, largest)
        if batch > 1
    ]
    failed = [verdict for verdict in verdicts if not verdict.passed]
    return failed[0] if failed else verdicts[-1]


def _verdict(session: Session, calibration: Calibration, reference: Reference, rows: Array) -> Verdict:
    outputs = session.run({name: array[rows] for name, array in calibration.samples.items()})
    return calibration.judge([output[rows] for output in reference.outputs], outputs)


def time_batches(
    session: Session, calibration: Calibration, now: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Milliseconds of a run, copies from and to the host included: median, for a batch of 1 and the largest."""
    found = {}
    for batch in sorted({1, session.max_batch or 1}):
        rows = np.arange(batch) % calibration.count
        inputs = {name: np.ascontiguousarray(array[rows]) for name, array in calibration.samples.items()}
        times = []
        for _ in range(_WARM_RUNS + _TIMED_RUNS):
            start = now()
            session.run(inputs)
            times.append(now() - start)
        found[str(batch)] = round(float(np.median(times[_WARM_RUNS:])) * 1000, 4)
    return found
