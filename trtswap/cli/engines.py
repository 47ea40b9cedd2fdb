"""`trtswap engines`: the engines that were built, what is known of each, and removing those of no more use."""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trtswap.cli.output import DONE, Output
from trtswap.errors import EngineError, OptionError, TrtSwapError

if TYPE_CHECKING:
    from trtswap.inference.plan import Entry

_DAY_S = 86400


def run(arguments: Namespace, output: Output) -> int:
    """Lists, inspects or prunes. Raises OptionError, EngineError."""
    from trtswap.inference import plan

    entries = list(plan.entries())
    if arguments.engines and arguments.action != "inspect":
        raise OptionError(f"engines {arguments.action} takes no names", hint="trtswap engines inspect NAME")
    if arguments.action == "inspect":
        return _inspect(entries, arguments.engines, output)
    reasons = _reasons(entries, arguments)
    if arguments.action == "prune":
        return _prune(entries, reasons, output, dry_run=arguments.dry_run)
    return _list(entries, reasons, output)


def _reasons(entries: list[Entry], arguments: Namespace) -> dict[str, str]:
    """Engine name to why it is of no use here; those of use are absent."""
    from trtswap.inference import plan

    tensorrt, gpus = _installed()
    digests = _digests(arguments.models)
    reasons = {}
    for entry in entries:
        reason = plan.staleness(entry, tensorrt, gpus, digests)
        age = arguments.older_than
        used = entry.record.last_used if entry.record is not None else 0.0
        if arguments.all:
            reason = "--all"
        elif reason is None and age is not None and time.time() - used > age * _DAY_S:
            reason = f"not used for {(time.time() - used) / _DAY_S:.0f} days"
        if reason is not None:
            reasons[entry.path.stem] = reason
    return reasons


def _installed() -> tuple[str | None, list[str]]:
    """TensorRT's version and the GPUs, as far as they can be told here."""
    from trtswap import device
    from trtswap.inference.tensorrt_library import load_tensorrt

    try:
        version = load_tensorrt().version
    except TrtSwapError:
        version = None
    try:
        return version, [device.describe(index)[0] for index in range(device.count())]
    except TrtSwapError:
        return version, []


def _digests(folders: list[str]) -> dict[str, str]:
    """The SHA-256 of every network's file that is found."""
    from trtswap.inference.cache import digest_of
    from trtswap.inference.spec import load_specs
    from trtswap.inference.store import Store

    store = Store(folders)
    found = {spec.name: store.look_for(spec) for spec in load_specs().values()}
    return {name: digest_of(path) for name, path in found.items() if path is not None}


def _list(entries: list[Entry], reasons: dict[str, str], output: Output) -> int:
    for entry in entries:
        output.event("engine", **_fields(entry), stale=reasons.get(entry.path.stem))
    if output.json:
        return DONE
    if not entries:
        from trtswap.inference.plan import folder

        output.result(f"no engine in {folder()}; build them with `trtswap build-engines`")
        return DONE
    table = Table(box=None, pad_edge=False)
    for heading in ("engine", "precision", "batch", "GPU", "TensorRT", "size", "last used", "state"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        reason = reasons.get(entry.path.stem)
        state = Text("fits", style="green") if reason is None else Text(reason, style="yellow")
        table.add_row(entry.path.stem, *_columns(entry), state)
    Console().print(table)
    return DONE


def _columns(entry: Entry) -> tuple[str, ...]:
    size = f"{entry.bytes / 2**20:.1f} MiB"
    record = entry.record
    if record is None:
        return ("", "", "", "", size, "")
    batches = f"1..{max(profile[2] for profile in record.key.profiles)}"
    used = time.strftime("%Y-%m-%d", time.localtime(record.last_used))
    return (record.precision, batches, record.key.gpu, record.key.tensorrt, size, used)


def _inspect(entries: list[Entry], names: list[str], output: Output) -> int:
    if not names:
        raise OptionError("engines inspect needs a name", hint="`trtswap engines` lists them")
    for name in names:
        matching = [
            entry
            for entry in entries
            if entry.path.stem == name or (entry.record is not None and entry.record.key.network == name)
        ]
        if not matching:
            raise EngineError(f"there is no engine named {name!r}", hint="`trtswap engines` lists them")
        for entry in matching:
            output.event("engine", **_fields(entry))
            output.result(_description(entry))
    return DONE


def _description(entry: Entry) -> str:
    record = entry.record
    if record is None:
        return f"{entry.path}\n  problem: {entry.problem}"
    key = record.key
    lines = [
        f"{entry.path}",
        f"  network: {key.network}, SHA-256 {key.sha256}",
        f"  for: {key.gpu} (compute capability {key.compute_capability}), TensorRT {key.tensorrt}",
        f"  batches: {', '.join('-'.join(map(str, profile)) for profile in key.profiles)}; {record.batched}",
        f"  precision: {record.precision} (asked for: {key.precision}), {len(record.kept)} nodes kept in float32",
        f"  proof: {record.fidelity['text']}",
        f"  built: {time.strftime('%Y-%m-%d %H:%M', time.localtime(record.built_at))} in {record.build_s:.0f} s",
        *(f"  step: {step}" for step in record.steps),
        *(f"  float32: {node}: {reason}" for node, reason in record.kept.items()),
    ]
    if entry.problem is not None:
        lines.append(f"  problem: {entry.problem}")
    return "\n".join(lines)


def _fields(entry: Entry) -> dict[str, Any]:
    record = asdict(entry.record) if entry.record is not None else None
    return {
        "name": entry.path.stem,
        "path": str(entry.path),
        "bytes": entry.bytes,
        "problem": entry.problem,
        "record": record,
    }


def _prune(entries: list[Entry], reasons: dict[str, str], output: Output, *, dry_run: bool) -> int:
    from trtswap.inference import plan

    freed, removed = 0, 0
    for entry in entries:
        reason = reasons.get(entry.path.stem)
        if reason is None:
            continue
        freed += entry.bytes if dry_run else plan.remove(entry)
        removed += 1
        output.result(f"{'would remove' if dry_run else 'removed'} {entry.path.stem}: {reason}")
        output.event("removed", name=entry.path.stem, reason=reason, dry_run=dry_run)
    for path in plan.leftovers():
        freed += path.stat().st_size
        removed += 1
        if not dry_run:
            path.unlink(missing_ok=True)
        output.result(
            f"{'would remove' if dry_run else 'removed'} {path.name}: left behind by an interrupted build"
        )
        output.event("removed", name=path.name, reason="left behind", dry_run=dry_run)
    output.result(
        f"{removed} removed, {freed / 2**20:.1f} MiB freed" if not dry_run else f"{removed} to remove"
    )
    output.event("done", exit_code=DONE, removed=removed, bytes=freed)
    return DONE
