"""Which networks are known, and which of them are on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtswap.errors import NetworkError, NetworkNotFoundError
from trtswap.inference.spec import ROLES, load_specs
from trtswap.inference.store import Store, own_folder

if TYPE_CHECKING:
    from trtswap.inference.spec_types import NetworkSpec

NEEDED = {
    "detector": "finds faces",
    "recogniser": "tells who a face is",
    "swapper": "makes the new face",
}
"""The roles that a swap needs, in the order of their work, and what each does."""


@dataclass(frozen=True)
class NetworkStatus:
    """A known network and its file.

    path: None when no file was found. verified: "known" when the file's digest is one that the spec lists,
    "unknown" when it is not, None when not asked for. problem: why the file cannot be read, or None.
    """

    spec: NetworkSpec
    path: str | None
    verified: str | None = None
    problem: str | None = None

    @property
    def usable(self) -> bool:
        """A file is there and can be read."""
        return self.path is not None and self.problem is None

    @property
    def published(self) -> list[str]:
        """Where to get it, in words."""
        return [f"{place.project}, {place.release}" for place in self.spec.published]

    def as_json(self) -> dict[str, Any]:
        """The fields that --json shows."""
        return {
            "name": self.spec.name,
            "role": self.spec.role,
            "kind": self.spec.kind,
            "summary": self.spec.summary,
            "licence": self.spec.licence.label,
            "licence_note": self.spec.licence.note,
            "commercial_use": self.spec.licence.commercial_use,
            "files": list(self.spec.file_names),
            "published": self.published,
            "path": self.path,
            "verified": self.verified,
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Inventory:
    """All known networks by role, then name. folders: those searched, in order. own_folder: for new files."""

    networks: tuple[NetworkStatus, ...]
    folders: tuple[str, ...]
    own_folder: str

    def of_role(self, role: str) -> list[NetworkStatus]:
        """The networks of one role."""
        return [network for network in self.networks if network.spec.role == role]


def take_inventory(folders: Sequence[str], *, verify: bool = False) -> Inventory:
    """Looks for every known network in `folders` and the usual places; `verify` hashes the files found.

    Raises OptionError when one of `folders` does not exist, SpecError when a spec is malformed.
    """
    store = Store(folders)
    specs = sorted(load_specs().values(), key=lambda spec: (ROLES.index(spec.role), spec.name))
    return Inventory(
        networks=tuple(_status(store, spec, verify=verify) for spec in specs),
        folders=tuple(str(folder) for folder in store.folders),
        own_folder=str(own_folder()),
    )


def _status(store: Store, spec: NetworkSpec, *, verify: bool) -> NetworkStatus:
    try:
        path = store.find(spec)
    except NetworkNotFoundError:
        return NetworkStatus(spec, None)
    if not verify:
        return NetworkStatus(spec, str(path))
    try:
        return NetworkStatus(spec, str(path), verified=store.verify(path, spec))
    except NetworkError as error:
        return NetworkStatus(spec, str(path), problem=error.message)
