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
from trtswap.networks.registry import create_detector, create_recogniser, create_swapper
from trtswap.options import SwapOptions

PREFERRED = ("hyperswap_1a_256", "inswapper_128", "inswapper_128_fp16")
"""What "auto" takes where several networks of one role are on disk, best first; others follow by name."""


class NetworkSet:
    """The detector, the recogniser and the swapper of a run. A context manager; `close` may be repeated.

    paths: role to file. Raises OptionError for a name that is no network of its role, NetworkNotFoundError,
    NetworkError and its kin, DeviceError.
    """

    def __init__(self, options: SwapOptions) -> None:
        self._options = options
        self._specs = load_specs()
        self._store = Store(options.models)
        self.paths: dict[str, str] = {}
        with ExitStack() as opened:
            self._sessions = opened
            self.detector = create_detector(self._open("detector", options.detect.network))
            self.recogniser = create_recogniser(self._open("recogniser", options.recogniser))
            self.swapper = create_swapper(self._open("swapper", options.swapper))
            self._sessions = opened.pop_all()

    def _open(self, role: str, name: str) -> Session:
        spec = choose(self._specs, self._store, role, name)
        path = self._store.find(spec)
        session = self._sessions.enter_context(OrtSession(path, spec, self._options.provider))
        self.paths[role] = str(path)
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


def choose(specs: Mapping[str, NetworkSpec], store: Store, role: str, name: str) -> NetworkSpec:
    """The network of `role` named `name`; for "auto" the first on disk, or the first of all when none is."""
    candidates = {spec.name: spec for spec in specs.values() if spec.role == role}
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
