"""`trtswap models`: the files of networks in trtswap's own folder."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from trtswap.cli.inventory import NetworkStatus, take_inventory
from trtswap.cli.networks import file_text
from trtswap.cli.output import DONE, Output, exit_code
from trtswap.errors import NetworkError, OptionError
from trtswap.inference.licences import told
from trtswap.inference.own_store import OwnStore, crc_flaw, fetchable
from trtswap.inference.spec import load_specs

if TYPE_CHECKING:
    from trtswap.inference.spec_types import NetworkSpec


def run(arguments: Namespace, output: Output) -> int:
    """Does one action. Raises OptionError, NetworkError and its kin."""
    actions: dict[str, Callable[[Namespace, Output], int]] = {
        "list": _list,
        "info": _info,
        "import": _import,
        "fetch": _fetch,
        "verify": _verify,
        "remove": _remove,
    }
    return actions[arguments.action](arguments, output)


def _list(arguments: Namespace, output: Output) -> int:
    inventory = take_inventory(arguments.models, verify=arguments.verify)
    if output.json:
        output.event("models", networks=[network.as_json() for network in inventory.networks])
        return DONE
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "kind", "licence", "size", "file"):
        table.add_column(heading, overflow="fold")
    for network in inventory.networks:
        spec = network.spec
        table.add_row(spec.name, spec.kind, spec.licence.label, _size(spec), file_text(network))
    Console().print(table)
    output.note("`trtswap models fetch NAME` downloads one; `trtswap models verify` compares digests")
    return DONE


def _info(arguments: Namespace, output: Output) -> int:
    spec = _known(arguments.names[0])
    inventory = take_inventory(arguments.models, verify=True)
    network = next(item for item in inventory.networks if item.spec.name == spec.name)
    if output.json:
        output.event("model", **network.as_json())
        return DONE
    grid = Table.grid(padding=(0, 2))
    known = "; ".join(
        f"{file.name}{f', {file.bytes} bytes' if file.bytes else ''}{f', SHA-256 {file.sha256}' if file.sha256 else ''}"
        for file in spec.files
    )
    inputs = "; ".join(f"{item.name} {list(item.shape)}" for item in spec.inputs)
    for heading, text in (
        ("name", Text(spec.name)),
        ("kind", Text(spec.kind)),
        ("summary", Text(spec.summary)),
        ("by", Text(f"{spec.vendor}, {spec.year}")),
        ("licence", Text(told(spec))),
        ("published", Text("; ".join(network.published))),
        ("known files", Text(known)),
        ("inputs", Text(inputs)),
        ("file", file_text(network)),
    ):
        grid.add_row(Text(heading, style="bold"), text)
    Console().print(grid)
    if network.path is None:
        output.note(_how_to_get(spec))
    return DONE


def _import(arguments: Namespace, output: Output) -> int:
    done = OwnStore().bring(load_specs(), arguments.folder, copy=arguments.copy)
    for item in done:
        output.result(f"{item.network}: {item.source} {item.outcome}")
    output.event(
        "imported",
        files=[
            {"network": item.network, "source": str(item.source), "outcome": item.outcome} for item in done
        ],
    )
    if not done:
        output.note(f"{arguments.folder} has no file that is known by its name")
    return DONE


def _fetch(arguments: Namespace, output: Output) -> int:
    store = OwnStore()
    specs = [_known(name) for name in arguments.names]
    for spec in specs:
        output.note(told(spec))
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    silent = output.quiet or output.json
    with Progress(*columns, console=Console(stderr=True), disable=silent) as bars:
        for spec in specs:
            task = bars.add_task(spec.name, total=None)
            path = store.fetch(
                spec,
                accept_licence=arguments.accept_licence,
                mirrors=arguments.mirror,
                on_bytes=lambda done, total, task=task: bars.update(task, completed=done, total=total),  # type: ignore[misc]
            )
            output.result(f"{spec.name}: {path}")
            output.event("fetched", network=spec.name, path=str(path))
    return DONE


def _verify(arguments: Namespace, output: Output) -> int:
    for name in arguments.names:
        _known(name)
    inventory = take_inventory(arguments.models, verify=True)
    code = DONE
    for network in inventory.networks:
        if network.path is None or (arguments.names and network.spec.name not in arguments.names):
            continue
        state = _state(network)
        if state not in ("as published", "unlisted"):
            code = exit_code(NetworkError(""))
        output.result(f"{network.spec.name}: {network.path}: {state}")
        output.event("verified", network=network.spec.name, path=network.path, state=state)
    return code


def _remove(arguments: Namespace, output: Output) -> int:
    for spec in [_known(name) for name in arguments.names]:
        for path in OwnStore().remove(spec):
            output.result(f"{spec.name}: {path} removed")
            output.event("removed", network=spec.name, path=str(path))
    return DONE


def _state(network: NetworkStatus) -> str:
    """What a verified file is: as published, unlisted, or what is wrong with it."""
    from pathlib import Path

    if network.problem is not None or network.path is None:
        return network.problem or "missing"
    if network.verified == "known":
        return "as published"
    return crc_flaw(Path(network.path)) or "unlisted"


def _known(name: str) -> NetworkSpec:
    specs: Mapping[str, NetworkSpec] = load_specs()
    if name not in specs:
        raise OptionError(f"there is no network named {name!r}", hint=f"known: {', '.join(sorted(specs))}")
    return specs[name]


def _size(spec: NetworkSpec) -> str:
    size = next((file.bytes for file in spec.files if file.bytes), None)
    return f"{size / 1e6:.1f} MB" if size else ""


def _how_to_get(spec: NetworkSpec) -> str:
    if fetchable(spec) is None:
        return "no server with it is known: put its file into trtswap's own folder"
    return f"trtswap models fetch {spec.name}"
