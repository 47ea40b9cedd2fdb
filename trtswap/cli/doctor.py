"""`trtswap doctor`: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trtswap.cli import machine
from trtswap.cli.diagnosis import Missing, cuda_version, diagnose, verdict
from trtswap.cli.inventory import Inventory, take_inventory
from trtswap.cli.networks import file_text
from trtswap.cli.output import DONE, Output
from trtswap.inference.spec import own_spec_folder


@dataclass(frozen=True)
class Findings:
    """All that was looked at."""

    system: machine.System
    native: machine.Native
    libraries: dict[str, machine.Component]
    extras: dict[str, machine.Component]
    codecs: machine.Codecs
    providers: list[str]
    engines: machine.Engines
    frames: machine.Frames
    inventory: Inventory
    missing: list[Missing]


def run(arguments: Namespace, output: Output) -> int:
    """Looks and reports. Raises OptionError, SpecError."""
    findings = look(arguments.models, verify=arguments.verify)
    code = verdict(findings.missing)
    if output.json:
        output.event("doctor", ready=code == DONE, exit_code=code, **as_json(findings))
    else:
        _show(findings, code)
    return code


def look(folders: list[str], *, verify: bool) -> Findings:
    """Looks at everything. Raises OptionError when one of `folders` does not exist, SpecError."""
    native = machine.look_at_native()
    libraries, extras = machine.look_at_libraries(), machine.look_at_extras()
    codecs, engines = machine.look_at_codecs(), machine.look_at_engines()
    inventory = take_inventory(folders, verify=verify)
    return Findings(
        system=machine.look_at_system(),
        native=native,
        libraries=libraries,
        extras=extras,
        codecs=codecs,
        providers=machine.look_at_providers(),
        engines=engines,
        frames=machine.look_at_frames(),
        inventory=inventory,
        missing=diagnose(native, libraries, extras, codecs, inventory, engines),
    )


def as_json(findings: Findings) -> dict[str, Any]:
    """The fields that --json shows (docs/cli.md)."""
    return {
        "system": asdict(findings.system),
        "native": asdict(findings.native),
        "libraries": {name: asdict(library) for name, library in findings.libraries.items()},
        "extras": {name: asdict(extra) for name, extra in findings.extras.items()},
        "ffmpeg": findings.codecs.ffmpeg,
        "encoders": findings.codecs.encoders,
        "providers": findings.providers,
        "engines": asdict(findings.engines),
        "frames": asdict(findings.frames),
        "networks": [network.as_json() for network in findings.inventory.networks],
        "model_folders": list(findings.inventory.folders),
        "own_model_folder": findings.inventory.own_folder,
        "own_spec_folder": str(own_spec_folder()),
        "missing": [missing.as_json() for missing in findings.missing],
    }


def _show(findings: Findings, code: int) -> None:
    console = Console()
    _section(console, "machine", _system_rows(findings.system))
    _section(console, "GPU", _gpu_rows(findings.native))
    _section(console, "Python packages", _component_rows(findings.libraries))
    _section(console, "Python packages for TensorRT (optional)", _component_rows(findings.extras))
    _section(console, "inference", _inference_rows(findings))
    _section(
        console, f"encoders (FFmpeg {findings.codecs.ffmpeg or 'missing'})", _encoder_rows(findings.codecs)
    )
    networks = findings.inventory.networks
    _section(console, "networks", [(network.spec.name, file_text(network)) for network in networks])
    _section(console, "searched for networks", _folder_rows(findings.inventory))
    for missing in findings.missing:
        style = "red" if missing.required else "yellow"
        console.print(Text.assemble(("missing: ", style), missing.what), soft_wrap=True)
        console.print(Text.assemble(("   hint: ", "bold"), missing.hint), soft_wrap=True)
    if findings.missing:
        console.print()
    ready = (
        "ready: `trtswap process` can run here" if code == DONE else "not ready: see what is missing above"
    )
    console.print(Text(ready, style="green" if code == DONE else "red"))


def _inference_rows(findings: Findings) -> list[tuple[str, Text]]:
    engines = findings.engines
    where = f"{engines.count} in {engines.folder}, {_gibibytes(engines.bytes)}"
    reason = findings.frames.reason
    frames = "stay on the GPU" if reason is None else f"on the host: {reason}"
    return [
        ("ONNX Runtime", _text(", ".join(findings.providers) or "none")),
        ("engines", _text(where) if engines.problem is None else _text(engines.problem, good=False)),
        ("frames", _text(frames, good=reason is None or not findings.native.devices)),
    ]


def _section(console: Console, title: str, rows: Iterable[tuple[str, Text]]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=16)
    table.add_column(overflow="fold")
    for name, detail in rows:
        table.add_row(Text(f"  {name}"), detail)
    console.print(Text(title, style="bold"))
    console.print(table)
    console.print()


def _text(text: str, *, good: bool = True) -> Text:
    return Text(text, style="green" if good else "yellow")


def _system_rows(system: machine.System) -> list[tuple[str, Text]]:
    memory = f"{_gibibytes(system.memory_free_bytes)} free of {_gibibytes(system.memory_total_bytes)}"
    disk = f"{_gibibytes(system.disk_free_bytes)} free in {system.temporary_folder}"
    return [
        ("trtswap", Text(system.trtswap)),
        ("Python", Text(system.python)),
        ("system", Text(f"{system.os} ({system.machine})")),
        ("memory", Text(memory)),
        ("temporary files", Text(disk)),
    ]


def _gpu_rows(native: machine.Native) -> list[tuple[str, Text]]:
    if native.problem is not None:
        return [("extension", _text(native.problem, good=False))]
    built = f"built for CUDA, architectures {native.cuda_architectures}" if native.cuda_built else "CPU only"
    rows = [
        ("extension", _text(built, good=native.cuda_built)),
        ("CPU threads", Text(str(native.host_threads))),
        ("CUDA", Text(f"driver {_cuda(native.cuda_driver)}, runtime {_cuda(native.cuda_runtime)}")),
    ]
    for device in native.devices:
        memory = (
            f"{_gibibytes(device['free_memory_bytes'])} free of {_gibibytes(device['total_memory_bytes'])}"
        )
        description = f"{device['name']}, compute capability {device['compute_capability']}, {memory}"
        rows.append((f"GPU {device['index']}", _text(description)))
    return rows


def _cuda(version: int | None) -> str:
    return cuda_version(version) if version else "none"


def _component_rows(components: dict[str, machine.Component]) -> list[tuple[str, Text]]:
    return [(name, _component_text(component)) for name, component in components.items()]


def _component_text(component: machine.Component) -> Text:
    if component.problem is None:
        return _text(component.version or "version unknown")
    described = f"{component.version}: {component.problem}" if component.version else component.problem
    return _text(described, good=False)


def _encoder_rows(codecs: machine.Codecs) -> list[tuple[str, Text]]:
    return [
        (name, _text("opens") if problem is None else _text(problem, good=False))
        for name, problem in codecs.encoders.items()
    ]


def _folder_rows(inventory: Inventory) -> list[tuple[str, Text]]:
    if not inventory.folders:
        rows = [("none", Text(f"none of the usual folders exists; trtswap's own is {inventory.own_folder}"))]
    else:
        rows = [(str(number), Text(folder)) for number, folder in enumerate(inventory.folders, 1)]
    return [*rows, ("your own specs", Text(str(own_spec_folder())))]


def _gibibytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 2**30:.1f} GiB"
