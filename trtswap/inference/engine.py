"""From a network's file to a proven engine: found in the cache, or built, proven, and kept there."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trtswap import device
from trtswap.engine_options import EngineOptions
from trtswap.errors import EngineError, QualityError
from trtswap.inference import cache, plan
from trtswap.inference.attempts import Attempt, attempts, profiles
from trtswap.inference.build_process import run_build, stopped
from trtswap.inference.builder import BuildRequest
from trtswap.inference.fidelity import Verdict
from trtswap.inference.half import to_half
from trtswap.inference.precision import Decision, decide, matrix_nodes
from trtswap.inference.prepare import RECIPE, Prepared, prepare, serialise
from trtswap.inference.proof import Calibration, Reference, prove, reference_of, time_batches
from trtswap.inference.ranges import scan
from trtswap.inference.spec_types import NetworkSpec
from trtswap.inference.tensorrt_library import TensorRT
from trtswap.inference.trt import TrtSession

TACTICS_VARIABLE = "TRTSWAP_TACTIC_SOURCES"
"""The environment variable with the tactic sources of every build, separated by commas."""

_log = logging.getLogger(__name__)


class Reporter(Protocol):
    """Is told what happens to one network while its engine is made."""

    def stage(self, text: str) -> None:
        """What is being done from here on, in a few words."""

    def progress(self, phase: str, done: int, total: int) -> None:
        """How far TensorRT's builder is, where it tells."""

    def step(self, text: str) -> None:
        """One line worth keeping: a build's outcome, a wait, a plan that was refused."""


class Quiet:
    """Keeps the lines in the log."""

    def stage(self, text: str) -> None:
        """To the log."""
        _log.info("%s", text)

    def progress(self, phase: str, done: int, total: int) -> None:
        """Nowhere."""

    def step(self, text: str) -> None:
        """To the log."""
        _log.warning("%s", text)


@dataclass(frozen=True)
class Engine:
    """A plan that passed its proof. content: the serialised engine. built: whether it was made now."""

    content: bytes
    record: plan.PlanRecord
    path: Path
    built: bool


@dataclass(frozen=True)
class Recipe:
    """All that an engine is made from. calibration: called only when something is built."""

    library: TensorRT
    spec: NetworkSpec
    path: Path
    options: EngineOptions
    gpu: int
    calibration: Callable[[], Calibration]

    @property
    def optimization_level(self) -> int:
        """That of the options, else the spec's."""
        wanted = self.options.optimization_level
        return self.spec.build.optimization_level if wanted is None else wanted


def key_of(recipe: Recipe) -> plan.PlanKey:
    """What decides whether a plan in the cache fits. Raises NetworkError, DeviceError."""
    name, capability = device.describe(recipe.gpu)
    options = recipe.options
    return plan.PlanKey(
        network=recipe.spec.name,
        picture=recipe.spec.picture.size,
        sha256=cache.digest_of(recipe.path),
        tensorrt=recipe.library.version,
        gpu=name,
        compute_capability=capability,
        precision=options.precision,
        profiles=profiles(recipe.spec, options, any_batch=True),
        workspace_mib=options.workspace_mib,
        optimization_level=recipe.optimization_level,
        tactic_sources=tactic_sources(options),
        hardware_compatible=options.hardware_compatible,
        version_compatible=options.version_compatible,
        recipe=RECIPE,
    )


def tactic_sources(options: EngineOptions) -> tuple[str, ...]:
    """Those of the options, else those of the environment variable, else none: TensorRT's own choice."""
    named = os.environ.get(TACTICS_VARIABLE, "")
    return options.tactic_sources or tuple(name.strip() for name in named.split(",") if name.strip())


def ensure(recipe: Recipe, reporter: Reporter, *, force: bool = False) -> Engine:
    """The engine from the cache, or built and proven. Only one process builds a plan; others wait for it.

    Raises EngineError when it cannot be built or kept, QualityError when no attempt passes its proof, and what
    reading the network raises.
    """
    key = key_of(recipe)
    if not force:
        found = plan.find(key)
        if not isinstance(found, str):
            return Engine(*found, plan.plan_path(key), built=False)
    cache.make_writable(plan.folder())

    def waiting() -> None:
        reporter.step("another process is building it; waiting")

    with cache.locked(plan.lock_path(key), waiting, stopped):
        found = "--force" if force else plan.find(key)
        if not isinstance(found, str):
            return Engine(*found, plan.plan_path(key), built=False)
        if found not in ("there is none yet", "--force"):
            reporter.step(f"the plan in the cache is built again: {found}")
        content, record = _Making(recipe, key, reporter).make()
        reporter.stage("writing the plan")
        return Engine(content, record, plan.store(content, record), built=True)


def open_session(recipe: Recipe, reporter: Reporter) -> TrtSession:
    """A session on the engine, which is built first where need be; a plan that does not load is built again.

    Raises as `ensure`, and DeviceError.
    """
    engine = ensure(recipe, reporter)
    try:
        session = _session(recipe, engine.content, engine.record.outputs)
    except EngineError as error:
        if engine.built:
            raise
        reporter.step(f"the plan in the cache is built again: {error.message}")
        engine = ensure(recipe, reporter, force=True)
        session = _session(recipe, engine.content, engine.record.outputs)
    plan.touch(engine.record)
    return session


def _session(recipe: Recipe, content: bytes, outputs: Sequence[str]) -> TrtSession:
    return TrtSession(
        recipe.library,
        content,
        recipe.path,
        recipe.spec,
        gpu=recipe.gpu,
        contexts=recipe.options.contexts,
        graphs=recipe.options.graphs,
        outputs=outputs,
    )


@dataclass
class _Making:
    """One engine in the making."""

    recipe: Recipe
    key: plan.PlanKey
    reporter: Reporter
    steps: list[str] = field(default_factory=list)

    def make(self) -> tuple[bytes, plan.PlanRecord]:
        started = time.time()
        recipe, spec = self.recipe, self.recipe.spec
        self.reporter.stage("reading the network")
        prepared = prepare(recipe.path, spec, self.key.sha256)
        if not prepared.any_batch:
            self._step(f"runs one item at a time: {prepared.batched}")
        self.reporter.stage("running it in float32")
        calibration = recipe.calibration()
        reference = reference_of(prepared, spec, calibration)
        ranges = self._ranges(prepared, calibration)
        tried: Decision | None = None
        for attempt in attempts(spec, recipe.options):
            decision = decide(prepared.model, ranges, width=attempt.width)
            if attempt.half and (
                decision.everything or (tried is not None and decision.keep.keys() == tried.keep.keys())
            ):
                continue
            tried = decision
            content, verdict, latency = self._try(attempt, decision, prepared, calibration, reference)
            if verdict.passed:
                return content, plan.PlanRecord(
                    key=self.key,
                    plan_sha256=hashlib.sha256(content).hexdigest(),
                    plan_bytes=len(content),
                    built_at=started,
                    build_s=round(time.time() - started, 1),
                    precision=attempt.name,
                    fidelity={"text": verdict.text, "passed": True},
                    steps=tuple(self.steps),
                    kept=dict(decision.keep) if attempt.half else {},
                    batched=prepared.batched,
                    outputs=prepared.outputs,
                    latency_ms=latency,
                    last_used=started,
                )
        raise QualityError(
            f"no engine of {spec.name} came close enough to the network: " + "; ".join(self.steps),
            hint="Use --precision auto, or --device cpu for ONNX Runtime.",
        )

    def _ranges(self, prepared: Prepared, calibration: Calibration) -> dict[str, float]:
        if self.recipe.options.precision == "fp32":
            return {}
        self.reporter.stage("measuring the range of every tensor")
        return scan(prepared.model, prepared.named(calibration.samples))

    def _try(
        self,
        attempt: Attempt,
        decision: Decision,
        prepared: Prepared,
        calibration: Calibration,
        reference: Reference,
    ) -> tuple[bytes, Verdict, dict[str, float]]:
        what = f"{attempt.name}: {decision.summary()}" if attempt.half else attempt.name
        self.reporter.stage(f"building {what}")
        started = time.perf_counter()
        content = self._build(attempt, decision, prepared)
        took = time.perf_counter() - started
        self.reporter.stage(f"proving {attempt.name}")
        with _session(self.recipe, content, prepared.outputs) as session:
            verdict = prove(session, calibration, reference)
            latency = time_batches(session, calibration) if verdict.passed else {}
        outcome = "passed" if verdict.passed else "missed"
        self._step(f"{what}, built in {took:.1f} s: {outcome}, {verdict.text}")
        return content, verdict, latency

    def _build(self, attempt: Attempt, decision: Decision, prepared: Prepared) -> bytes:
        options, library = self.recipe.options, self.recipe.library
        in_graph = attempt.half and library.strongly_typed
        model = to_half(prepared.model, decision) if in_graph else prepared.model
        base = plan.plan_path(self.key)
        onnx = base.with_name(f".{base.stem}.{os.getpid()}.onnx.part")
        cache.write_whole(onnx, serialise(model), durable=False)
        request = BuildRequest(
            onnx=str(onnx),
            keep=tuple(decision.keep) if attempt.half and not in_graph else (),
            halve=matrix_nodes(model, decision) if attempt.half and not in_graph else (),
            half=attempt.half,
            tf32=attempt.tf32,
            profiles=profiles(self.recipe.spec, options, any_batch=True) if prepared.any_batch else None,
            workspace_mib=options.workspace_mib,
            optimization_level=self.recipe.optimization_level,
            tactic_sources=self.key.tactic_sources,
            hardware_compatible=options.hardware_compatible,
            version_compatible=options.version_compatible,
            timing_cache=str(self._timing_cache()),
        )
        try:
            target = base.with_name(f".{base.stem}.{os.getpid()}.plan.part")
            return run_build(request, target, self.recipe.gpu, self.reporter.progress)
        finally:
            onnx.unlink(missing_ok=True)

    def _timing_cache(self) -> Path:
        """Shared by all engines of one GPU and TensorRT."""
        mark = hashlib.sha256(
            f"{self.key.gpu} {self.key.compute_capability} {self.key.tensorrt}".encode()
        ).hexdigest()[:16]
        return plan.folder() / f"timing-{mark}.cache"

    def _step(self, text: str) -> None:
        self.steps.append(text)
        self.reporter.step(text)
