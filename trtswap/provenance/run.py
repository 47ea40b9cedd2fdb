"""What a run does about provenance: a seal for its outputs, or a noted reason for none."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_state_dir

from trtswap.errors import SigningError, StrPath
from trtswap.options import SwapOptions

if TYPE_CHECKING:
    from trtswap.provenance.seal import Seal

_SHAPING = ("detect", "landmarks", "smooth", "mask", "blend", "enhance", "encode", "trim")
_UNSIGNED = "the output carries no signed manifest, only the plain mark; the reason is logged on this machine"


def start(
    options: SwapOptions, original: StrPath, outputs: Sequence[StrPath | None] = ()
) -> tuple[Seal | None, list[str]]:
    """The seal of a run's outputs, and notes; None where a reason was given to leave it out (it is logged on this
    machine), or a package that signs is missing. Raises SigningError when keys or the note of consent are
    unusable, OptionError when a manifest beside one of `outputs` would replace a file."""
    reason = options.provenance.unsigned_reason
    if reason is not None:
        _log_refusal(state_folder(), reason)
        return None, [_UNSIGNED]
    missing = [name for name in ("c2pa", "cryptography") if find_spec(name) is None]
    if missing:
        return None, [
            f"the output is not signed: there is no {missing[0]}; pip install c2pa-python cryptography"
        ]
    from trtswap.provenance.seal import Seal

    seal = Seal(options.provenance, original)
    for output in outputs:
        if output is not None:
            seal.check(output, overwrite=options.overwrite)
    return seal, []


def shaping(options: SwapOptions) -> dict[str, Any]:
    """The options that shaped the result: no path, no picture, nothing of a person."""
    parts = {name: asdict(getattr(options, name)) for name in _SHAPING}
    shown = options.disclose
    if shown.text is not None:
        parts["disclose"] = {"text": shown.text, "place": shown.place, "size": shown.size}
    return {"select": options.select.mode, "boost": options.boost, "weight": options.weight, **parts}


def state_folder() -> Path:
    """Where this machine's log of unsigned outputs lies."""
    return Path(os.environ.get("TRTSWAP_STATE") or user_state_dir("trtswap"))


def _log_refusal(folder: Path, reason: str) -> None:
    """Notes on this machine that an output was left unsigned, and why. Raises SigningError when it cannot."""
    now = datetime.datetime.now(datetime.timezone.utc)
    line = json.dumps({"time": now.isoformat(timespec="seconds"), "reason": reason})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "unsigned.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise SigningError(
            f"the reason for leaving provenance out cannot be logged in {folder}: {error.strerror or error}"
        ) from error
