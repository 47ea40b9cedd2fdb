"""Which licences a user has agreed to, and which networks a rule lets run."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from trtswap.errors import OptionError
from trtswap.inference.spec_types import NetworkSpec
from trtswap.options import Permission

_UNKNOWN = "Unknown"


class Agreements:
    """The licences agreed to, kept in a file of one line of JSON: network name to licence label."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def has(self, spec: NetworkSpec) -> bool:
        """Whether the licence of a network, as it is labelled today, was agreed to."""
        return self._read().get(spec.name) == spec.licence.label

    def add(self, spec: NetworkSpec) -> None:
        """Notes that it was. Raises OptionError when that cannot be written."""
        known = {**self._read(), spec.name: spec.licence.label}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".licences.", dir=self._path.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(known, file, sort_keys=True)
                Path(temporary).replace(self._path)
            finally:
                with suppress(OSError):
                    Path(temporary).unlink()
        except OSError as error:
            raise OptionError(f"{self._path} cannot be written: {error.strerror or error}") from error

    def _read(self) -> dict[str, str]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}


def permits(permission: Permission, spec: NetworkSpec) -> bool:
    """Whether a network may run. "permissive": its licence permits commercial use. "noncommercial": it has a licence
    that somebody stands for. "any": always."""
    if permission == "permissive":
        return spec.licence.commercial_use
    return permission == "any" or spec.licence.label != _UNKNOWN


def told(spec: NetworkSpec) -> str:
    """The licence of a network in a sentence or two."""
    use = "commercial use permitted" if spec.licence.commercial_use else "no commercial use"
    return f"{spec.name}: {spec.licence.label} ({use}). {spec.licence.note}"
