"""Opens the networks a run needs: finds their files, starts their sessions, puts the adapters around them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from trtswap.engine_options import EngineOptions
from trtswap.errors import NetworkNotFoundError, OptionError
from trtswap.inference.build_process import kept_builders
from trtswap.inference.licences import permits
from trtswap.inference.session import Session
from trtswap.inference.spec import load_specs
from trtswap.inference.spec_types import NetworkSpec
from trtswap.inference.store import Store
from trtswap.networks import registry
from trtswap.networks.choice import check_choices, choose
from trtswap.networks.classifier import FairFace
from trtswap.networks.detector import Detector, Pooled
from trtswap.networks.enhancer import Restorer
from trtswap.networks.five_to_68 import FiveTo68
from trtswap.networks.landmarker import BestOf, Landmarker
from trtswap.networks.mask import Occluder, Parser
from trtswap.networks.second_look import LookingTwice, can_look_again
from trtswap.networks.sessions import open_session
from trtswap.networks.swapper import Swapper
from trtswap.options import SwapOptions, names_in

_ENGINES = EngineOptions()
_ENGINES_STRICT = EngineOptions(contexts=1)


class NetworkSet:
    """The networks of a run. A context manager; `close` may be repeated.

    landmarker, guesser, parser, classifier, enhancer: None where none is wanted, or none is on disk and a run can do
    without. occluders: those whose masks count, perhaps none. paths: role to file. sessions: network to what runs it.
    notes: what runs without a network that is not on disk, for the user.
    Raises OptionError for a name that is no network of its role, NetworkNotFoundError, NetworkError and its kin,
    DeviceError.
    """

    def __init__(self, options: SwapOptions) -> None:
        self._options = options
        self._specs = load_specs()
        self._store = Store(options.models)
        self.paths: dict[str, str] = {}
        self.notes: list[str] = []
        self.used: list[tuple[str, NetworkSpec, Path]] = []
        self.sessions: dict[str, Session] = {}
        check_choices(self._specs, self._store, options)
        with kept_builders(), ExitStack() as opened:
            self._opened = opened
            self.detector = self._detector()
            self.recogniser = registry.create_recogniser(
                self._open("recogniser", registry.RECOGNISERS, options.recogniser)
            )
            self.swapper = self._swapper()
            self.guesser = self._guesser()
            self.landmarker = self._landmarker()
            self.occluders = self._occluders()
            self.parser = self._parser()
            self.classifier = self._classifier()
            self.enhancer = self._enhancer()
            self.detector = self._looking_twice(self.detector)
            self._opened = opened.pop_all()

    def _detector(self) -> Detector:
        names = names_in(self._options.detect.network)
        detectors = [
            registry.create_detector(self._open("detector", registry.DETECTORS, name)) for name in names
        ]
        return detectors[0] if len(detectors) == 1 else Pooled(detectors)

    def _looking_twice(self, detector: Detector) -> Detector:
        """With a second look where it is asked for, or no landmarker makes it useless."""
        wanted = self._options.detect.second_look
        if wanted == "never" or (wanted == "auto" and self.landmarker is not None):
            return detector
        networks = detector.detectors if isinstance(detector, Pooled) else (detector,)
        for network in networks:
            if can_look_again(network):
                return LookingTwice(detector, network)
        if wanted == "always":
            able = [spec.name for spec in self._specs.values() if spec.picture.looks]
            raise OptionError(
                f"the detector {self._options.detect.network} has no second look",
                hint=f"leave --second-look out, or detect with {' or '.join(able)}",
            )
        return detector

    def _swapper(self) -> Swapper:
        session = self._open("swapper", registry.SWAPPERS, self._options.swapper)
        name = session.spec.swap.converter if session.spec.swap else None
        converter = name and registry.create_converter(self._open("converter", registry.CONVERTERS, name))
        return registry.create_swapper(session, converter or None, self._options.boost)

    def _guesser(self) -> FiveTo68 | None:
        """Where it is on disk: it takes no time and finds how faces are turned."""
        if self._options.landmarks.network == "none":
            return None
        try:
            return registry.create_guesser(self._open("guesser", registry.GUESSERS, "auto"))
        except NetworkNotFoundError:
            return None

    def _landmarker(self) -> Landmarker | None:
        names = names_in(self._options.landmarks.network)
        if names == ("none",):
            return None
        without = "the detector's own five points are used"
        found = [self._open_if_here("landmarker", registry.LANDMARKERS, name, without) for name in names]
        landmarkers = [registry.create_landmarker(session) for session in found if session is not None]
        if len(landmarkers) > 1:
            return BestOf(landmarkers)
        return landmarkers[0] if landmarkers else None

    def _occluders(self) -> tuple[Occluder, ...]:
        if "occlusion" not in self._options.mask.kinds:
            return ()
        without = "what covers a face is replaced with it"
        sessions = [
            self._open_if_here("occluder", registry.OCCLUDERS, name, without)
            for name in names_in(self._options.mask.occluder)
        ]
        return tuple(registry.create_occluder(session) for session in sessions if session is not None)

    def _parser(self) -> Parser | None:
        if "region" not in self._options.mask.kinds:
            return None
        return registry.create_parser(self._open("parser", registry.PARSERS, self._options.mask.parser))

    def _classifier(self) -> FairFace | None:
        if not self._options.select.filters:
            return None
        return registry.create_classifier(self._open("classifier", registry.CLASSIFIERS, "auto"))

    def _enhancer(self) -> Restorer | None:
        name = self._options.enhance.network
        if name == "none":
            return None
        return registry.create_enhancer(self._open("enhancer", registry.ENHANCERS, name))

    def _open_if_here(self, role: str, kinds: Collection[str], name: str, without: str) -> Session | None:
        """The session of a network that a run can do without; one that is named must be there."""
        try:
            return self._open(role, kinds, name)
        except NetworkNotFoundError:
            if name != "auto":
                raise
        wanted = " or ".join(
            sorted(
                spec.name
                for spec in self._specs.values()
                if spec.kind in kinds and permits(self._options.licence, spec) and not spec.built_in
            )
        )
        self.notes.append(f"no file of {wanted} was found: {without}")
        return None

    def _open(self, role: str, kinds: Collection[str], name: str) -> Session:
        spec = choose(self._specs, self._store, role, kinds, name, self._options.licence)
        path = self._store.find(spec)
        if role == "detector":
            spec = at_size(spec, self._options.detect.size)
        session = self._opened.enter_context(
            open_session(
                spec,
                path,
                device_name=self._options.device,
                provider=self._options.provider,
                options=_ENGINES_STRICT if self._options.memory == "strict" else _ENGINES,
            )
        )
        self.paths[spec.name if role in self.paths else role] = str(path)
        self.used.append((role, spec, path))
        self.sessions[spec.name] = session
        return session

    def close(self) -> None:
        """Ends all sessions."""
        self._opened.close()

    def __enter__(self) -> NetworkSet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def at_size(spec: NetworkSpec, size: int) -> NetworkSpec:
    """The spec of a detector at an input of `size` x `size` pixels, 0 for its own. Raises OptionError."""
    picture = spec.picture
    if size in (0, picture.size[0]):
        return spec
    if size not in picture.sizes:
        known = ", ".join(map(str, picture.sizes or picture.size[:1]))
        raise OptionError(f"the detector {spec.name} works at {known} pixels, not {size}")
    return replace(spec, picture=replace(picture, size=(size, size)))
