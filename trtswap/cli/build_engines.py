"""`trtswap build-engines`: builds and proves the TensorRT engines of the networks on this machine."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from trtswap.cli.engine_arguments import engine_options
from trtswap.cli.engine_progress import EngineReporter, reporting
from trtswap.cli.logs import level_of, logging_to
from trtswap.cli.output import DONE, Output, exit_code
from trtswap.engine_options import device_index
from trtswap.errors import NetworkNotFoundError, OptionError, TrtSwapError
from trtswap.options import DetectOptions, SwapOptions

if TYPE_CHECKING:
    from trtswap.inference.engine import Engine, Recipe
    from trtswap.inference.spec_types import NetworkSpec
    from trtswap.inference.store import Store
    from trtswap.networks.calibration import KnownFace


def run(arguments: Namespace, output: Output) -> int:
    """Builds them. Raises OptionError, NetworkError and its kin, DeviceError."""
    console = Console(stderr=True)
    with logging_to(console, level_of(quiet=output.quiet, verbosity=arguments.verbose)):
        recipes = _recipes(arguments)
        if arguments.dry_run:
            return _plan_only(recipes, output, force=arguments.force)
        results = _build_all(recipes, output, console, force=arguments.force, jobs=arguments.jobs)
    return _report(results, output)


def _recipes(arguments: Namespace) -> list[Recipe]:
    # Here, because these load ONNX and ONNX Runtime, and a mistyped option needs neither.
    from trtswap.inference.spec import load_specs
    from trtswap.inference.store import Store
    from trtswap.networks.sessions import engine_recipe, usable_tensorrt

    specs, store = load_specs(), Store(arguments.models)
    wanted = _wanted(specs, store, arguments.networks)
    gpu = device_index(arguments.device) or 0
    library = usable_tensorrt(gpu)
    faces = _faces(arguments.calibration, arguments.models) if arguments.calibration else None
    recipes = []
    for spec, path in wanted:
        recipe = engine_recipe(library, spec, path, engine_options(arguments), gpu)
        recipes.append(recipe if faces is None else replace(recipe, calibration=_on(faces, spec, path)))
    return recipes


def _wanted(
    specs: dict[str, NetworkSpec], store: Store, names: Sequence[str]
) -> list[tuple[NetworkSpec, Path]]:
    unknown = [name for name in names if name not in specs]
    if unknown:
        raise OptionError(
            f"there is no network named {unknown[0]!r}", hint=f"known: {', '.join(sorted(specs))}"
        )
    if names:
        return [(specs[name], store.find(specs[name])) for name in dict.fromkeys(names)]
    found = [(spec, path) for spec in specs.values() if (path := store.look_for(spec)) is not None]
    if not found:
        raise NetworkNotFoundError(
            "no network's file was found, so there is nothing to build",
            searched=store.folders,
            hint="`trtswap networks` says what is looked for, --models names a folder.",
        )
    return found


def _faces(pictures: list[str], models: list[str]) -> Sequence[KnownFace]:
    """The faces of the user's pictures, found by the detector on the CPU."""
    from trtswap.inference.ort import OrtSession
    from trtswap.inference.spec import load_specs
    from trtswap.inference.store import Store
    from trtswap.networks.calibration import faces_of
    from trtswap.networks.choice import choose
    from trtswap.networks.registry import DETECTORS, create_detector

    store = Store(models)
    options = SwapOptions(detect=DetectOptions())
    spec = choose(load_specs(), store, "detector", DETECTORS, options.detect.network)
    with OrtSession(store.find(spec), spec, "cpu") as session:
        return faces_of(pictures, create_detector(session))


def _on(faces: Sequence[KnownFace], spec: NetworkSpec, path: Path) -> Any:
    from trtswap.networks.calibration import calibration_of

    return lambda: calibration_of(spec, path, faces)


def _plan_only(recipes: Sequence[Recipe], output: Output, *, force: bool) -> int:
    from trtswap.inference import plan
    from trtswap.networks.sessions import key_of

    for recipe in recipes:
        key = key_of(recipe)
        found = plan.find(key)
        cached = not isinstance(found, str) and not force
        why = "it is there and fits" if cached else "--force" if force else str(found)
        output.result(f"{recipe.spec.name}: {'nothing to do' if cached else 'would be built'}: {why}")
        output.event(
            "plan",
            network=recipe.spec.name,
            file=str(recipe.path),
            build=not cached,
            reason=why,
            engine=key.stem,
        )
    output.event("done", exit_code=DONE)
    return DONE


_Result = tuple[str, "Engine | TrtSwapError"]


def _build_all(
    recipes: Sequence[Recipe], output: Output, console: Console, *, force: bool, jobs: int
) -> list[_Result]:
    from trtswap.inference.build_process import kept_builders, side_by_side

    with reporting(output, console) as reporters, kept_builders():
        builds = [partial(_build, recipe, reporters, output, force) for recipe in recipes]
        if jobs == 1:
            return [build() for build in builds]
        return side_by_side(builds, jobs)


def _build(
    recipe: Recipe, reporters: Callable[[str], EngineReporter], output: Output, force: bool
) -> _Result:
    from trtswap.networks.sessions import ensure

    name = recipe.spec.name
    reporter = reporters(name)
    try:
        engine = ensure(recipe, reporter, force=force)
    except TrtSwapError as error:
        reporter.finished(f"failed: {error.message}")
        output.event(
            "failed", network=name, error=type(error).__name__, message=error.message, hint=error.hint
        )
        return name, error
    reporter.finished("built" if engine.built else "was there")
    output.event("engine", network=name, built=engine.built, **_fields(engine))
    return name, engine


def _fields(engine: Engine) -> dict[str, Any]:
    record = engine.record
    return {
        "path": str(engine.path),
        "precision": record.precision,
        "fidelity": record.fidelity["text"],
        "seconds": record.build_s,
        "bytes": record.plan_bytes,
        "latency_ms": dict(record.latency_ms),
        "steps": list(record.steps),
        "batched": record.batched,
    }


def _report(results: Sequence[_Result], output: Output) -> int:
    table = Table(box=None, pad_edge=False)
    for heading in ("network", "precision", "fidelity", "time", "size", "batch: ms"):
        table.add_column(heading, overflow="fold")
    code = DONE
    for name, result in results:
        if isinstance(result, TrtSwapError):
            code = code or exit_code(result)
            output.message(f"error: {name}: {result.message}")
            if result.hint:
                output.message(f"hint: {result.hint}")
            continue
        record = result.record
        table.add_row(
            name,
            record.precision,
            str(record.fidelity["text"]),
            f"{record.build_s:.0f} s" if result.built else "there",
            f"{record.plan_bytes / 2**20:.1f} MiB",
            ", ".join(f"{batch}: {ms:.2f}" for batch, ms in record.latency_ms.items()),
        )
    if not output.json and table.row_count:
        Console().print(table)
    output.event("done", exit_code=code)
    return code
