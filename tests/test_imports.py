"""Importing trtswap is cheap, and its modules import downwards only (docs/architecture.md)."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.patience import PATIENCE_S, least

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "trtswap"
LIMIT_S = 0.3
HEAVY = ("av", "cv2", "onnx", "onnxruntime", "pycuda", "tensorrt", "rich", "trtswap._core")

# From the top. A module imports itself, its own package and the layers below.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"__init__", "__main__"}),
    frozenset({"cli"}),
    frozenset({"benchmark"}),
    frozenset({"trial", "many"}),
    frozenset({"pipeline", "measure"}),
    frozenset({"chain", "progress", "binding", "outputs"}),
    frozenset({"stages", "video", "quality", "provenance", "demo"}),
    frozenset({"networks"}),
    frozenset({"inference", "ops"}),
    frozenset({"colour_ops", "mask_ops"}),
    frozenset({"native"}),
    frozenset({"memory"}),
    frozenset({"device", "geometry", "concurrency"}),
    frozenset({"tracing"}),
    frozenset({"child", "digest", "host_memory", "whole_file"}),
    frozenset({"types", "options"}),
    frozenset({"engine_options", "provenance_options"}),
    frozenset({"errors"}),
    frozenset({"_core"}),
)
SIDEWAYS = {("stages/identity.py", "video")}
"""Exceptions, each a single module: the source pictures are read where the identity is made of them."""
FOUNDATION = ("types", "options", "engine_options", "provenance_options", "errors")

MODULES = sorted(PACKAGE.rglob("*.py"))


def layer_of(part: str) -> int:
    """The index in LAYERS of the part of the package that a module belongs to."""
    found = [index for index, names in enumerate(LAYERS) if part in names]
    assert found, f"trtswap/{part} has no layer yet: give it one in LAYERS"
    return found[0]


def part_of(path: Path) -> str:
    """The first name below the package: "cli" for trtswap/cli/app.py, "types" for trtswap/types.py."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_modules(source: str, package: tuple[str, ...]) -> Iterator[str]:
    """Every dotted name imported anywhere in `source`, a module of `package`; relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def parts_imported(path: Path) -> set[str]:
    """The parts of trtswap that a module imports. The package's own names, as __version__, count for none."""
    package = ("trtswap", *path.relative_to(PACKAGE).parts[:-1])
    names = imported_modules(path.read_text(encoding="utf-8"), package)
    dotted = (name.split(".") for name in names)
    parts = {pieces[1] for pieces in dotted if pieces[0] == "trtswap" and len(pieces) > 1}
    return {
        part
        for part in parts
        if part == "_core" or (PACKAGE / part).exists() or (PACKAGE / f"{part}.py").exists()
    }


def fresh(script: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return result.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = part_of(path)
    sideways = {part for module, part in SIDEWAYS if module == path.relative_to(PACKAGE).as_posix()}
    for part in parts_imported(path) - {own} - sideways:
        assert layer_of(part) > layer_of(own), f"{own} is not above {part}"


def test_imports_are_recognised() -> None:
    """The rule above would pass if none were."""
    assert parts_imported(PACKAGE / "options.py") == {"engine_options", "provenance_options", "errors"}
    assert parts_imported(PACKAGE / "cli" / "arguments.py") == {"cli", "errors"}
    assert parts_imported(PACKAGE / "cli" / "process.py") == {
        "cli",
        "errors",
        "memory",
        "options",
        "pipeline",
        "tracing",
        "types",
        "video",
    }


@pytest.mark.parametrize(("module", "part"), sorted(SIDEWAYS))
def test_no_exception_outlives_its_use(module: str, part: str) -> None:
    assert part in parts_imported(PACKAGE / module)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import trtswap.cli.app", {"trtswap.cli.app"}),
        ("def f():\n    from trtswap import ops, device", {"trtswap.ops", "trtswap.device"}),
        ("from .reader import Reader", {"trtswap.video.reader.Reader"}),
        ("from ..types import Frame", {"trtswap.types.Frame"}),
        ("from .. import errors", {"trtswap.errors"}),
        ("if TYPE_CHECKING:\n    from trtswap.pipeline import x", {"trtswap.pipeline.x"}),
    ],
)
def test_every_form_of_import_is_read(source: str, expected: set[str]) -> None:
    assert set(imported_modules(source, ("trtswap", "video"))) == expected


def test_import_is_quick() -> None:
    """In seconds of the processor: what others do on the machine does not count."""
    script = "import time; start = time.process_time(); import trtswap; print(time.process_time() - start)"
    assert least(lambda: float(fresh(script)), LIMIT_S) < LIMIT_S


@pytest.mark.parametrize("module", ["trtswap", *(f"trtswap.{name}" for name in FOUNDATION)])
def test_import_loads_nothing_heavy(module: str) -> None:
    script = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    assert set(json.loads(fresh(script))).isdisjoint(HEAVY)
