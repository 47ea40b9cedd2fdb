"""`trtswap networks`: the networks known, and where each was found."""

from __future__ import annotations

from argparse import Namespace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trtswap.cli.inventory import Inventory, NetworkStatus, take_inventory
from trtswap.cli.output import DONE, Output


def run(arguments: Namespace, output: Output) -> int:
    """Lists them. Raises OptionError, SpecError."""
    inventory = take_inventory(arguments.models)
    if output.json:
        output.event(
            "networks",
            networks=[network.as_json() for network in inventory.networks],
            model_folders=list(inventory.folders),
        )
    else:
        Console().print(network_table(inventory))
    return DONE


def network_table(inventory: Inventory) -> Table:
    """One row for each network."""
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "kind", "licence", "file"):
        table.add_column(heading, overflow="fold")
    for network in inventory.networks:
        table.add_row(
            Text(network.spec.name), Text(network.spec.kind), Text(_licence(network)), file_text(network)
        )
    return table


def file_text(network: NetworkStatus) -> Text:
    """The file found and what is known of it, or that there is none."""
    if network.path is None:
        return Text("missing", style="yellow")
    if network.problem is not None:
        return Text(f"{network.path}: {network.problem}", style="red")
    if network.verified is None:
        return Text(network.path, style="green")
    known = network.verified == "known"
    meaning = "digest as published" if known else "digest not among those published"
    return Text(f"{network.path} ({meaning})", style="green" if known else "yellow")


def _licence(network: NetworkStatus) -> str:
    licence = network.spec.licence
    return licence.label if licence.commercial_use else f"{licence.label} (no commercial use)"
