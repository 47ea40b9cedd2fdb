"""Opens the networks a run needs: finds their files, starts their sessions, puts the adapters around them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType

from trtswap.errors import NetworkNotFoundError, OptionError
from trtswap.inference.ort import OrtSession
from trtswap.inference.session import Session
from trtswap.inference.spec import load_specs
from trtswap.inference.spec_types import NetworkSpec
from trtswap.inference.store import Store
from trtswap.networks.landmarker import Landmarker
from trtswap.networks.mask import Occluder
from trtswap.networks.registry import (
    create_detector,
    create_landmarker,
    create_occluder,
    create_recogniser,
    create_swapper,
)
from trtswap.options import SwapOptions

PREFERRED = (
    "2dfan4",
    "hyperswap_1a_256",
    "inswapper_128",
    "inswapper_128_fp16",
    "xseg_1",
    "xseg_3",
    "xseg_2",
)
"""What "auto" takes where several networks of one role are on disk, best first; others follow by name."""


class NetworkSet:
    """The networks of a run. A context manager; `close` may be repeated.

    landmarker: None where none is wanted or none is on disk. occluders: those whose masks count, perhaps none.
    paths: role to file. notes: what runs without a network that is not on disk, for the user.
    Raises OptionError for a name that is no network of its role, NetworkNotFoundError, NetworkError and its kin,
    DeviceError.
    """

    def __init__(self, options: SwapOptions) -> None:
        self._options = options
        self._specs = load_specs()
        self._store = Store(options.models)
        self.paths: dict[str, str] = {}
        self.notes: list[str] = []
        with ExitStack() as opened:
            self._sessions = opened
            self.detector = create_detector(self._open("detector", options.detect.network))
            self.recogniser = create_recogniser(self._open("recogniser", options.recogniser))
            self.swapper = create_swapper(self._open("swapper", options.swapper))
            self.landmarker = self._landmarker()
            self.occluders = self._occluders()
            self._sessions = opened.pop_all()

    def _landmarker(self) -> Landmarker | None:
        name = self._options.landmarks.network
        if name == "none":
            return None
        session = self._open_if_here("landmarker", name, "the detector's own five points are used")
        return None if session is None else create_landmarker(session)

    def _occluders(self) -> tuple[Occluder, ...]:
        if "occlusion" not in self._options.mask.kinds:
            return ()
        sessions = [
            self._open_if_here("mask/xseg", name, "what covers a face is replaced with it")
            for name in self._options.mask.occluder
        ]
        return tuple(create_occluder(session) for session in sessions if session is not None)

    def _open_if_here(self, role: str, name: str, without: str) -> Session | None:
        """The session of a network that a run can do without; one that is named must be there."""
        try:
            return self._open(role, name)
        except NetworkNotFoundError:
            if name != "auto":
                raise
        wanted = " or ".join(sorted(spec.name for spec in self._specs.values() if has_role(spec, role)))
        self.notes.append(f"no file of {wanted} was found: {without}")
        return None

    def _open(self, role: str, name: str) -> Session:
        spec = choose(self._specs, self._store, role, name)
        path = self._store.find(spec)
        session = self._sessions.enter_context(OrtSession(path, spec, self._options.provider))
        self.paths[spec.name if spec.role in self.paths else spec.role] = str(path)
        return session

    def close(self) -> None:
        """Ends all sessions."""
        self._sessions.close()

    def __enter__(self) -> NetworkSet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def has_role(spec: NetworkSpec, role: str) -> bool:
    """Whether a network has a role, or is of a kind."""
    return role in (spec.role, spec.kind)


def choose(specs: Mapping[str, NetworkSpec], store: Store, role: str, name: str) -> NetworkSpec:
    """The network of `role` (or kind) named `name`; for "auto" the first on disk, or the first of all when none is."""
    candidates = {spec.name: spec for spec in specs.values() if has_role(spec, role)}
    if name != "auto":
        if name not in candidates:
            raise OptionError(
                f"there is no {role} named {name!r}", hint=f"known: {', '.join(sorted(candidates))}"
            )
        return candidates[name]
    order = sorted(
        candidates, key=lambda key: (PREFERRED.index(key) if key in PREFERRED else len(PREFERRED), key)
    )
    for key in order:
        try:
            store.find(candidates[key])
        except NetworkNotFoundError:
            continue
        return candidates[key]
    return candidates[order[0]]
