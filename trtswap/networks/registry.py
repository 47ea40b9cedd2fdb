"""Which adapter drives which kind of network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, Union

from trtswap.errors import SpecError
from trtswap.inference.session import Session
from trtswap.networks.classifier import FairFace
from trtswap.networks.converter import Converter, CrossFace
from trtswap.networks.detector import Detector, YuNet
from trtswap.networks.enhancer import Restorer
from trtswap.networks.five_to_68 import FiveTo68
from trtswap.networks.landmarker import Fan, Landmarker, Peppa
from trtswap.networks.mask import BiSeNet, Occluder, Parser, XSeg
from trtswap.networks.recogniser import ArcFace, Recogniser
from trtswap.networks.scrfd import Scrfd
from trtswap.networks.swapper import Hyperswap, Inswapper, Swapper
from trtswap.networks.swapper_kinds import ConvertedSwapper, Ghost, PortraitSwapper
from trtswap.networks.yoloface import YoloFace

Network = Union[  # noqa: UP007  evaluated at run time
    Detector, Landmarker, FiveTo68, Recogniser, Converter, Swapper, Occluder, Parser, FairFace, Restorer
]

DETECTORS: Mapping[str, Callable[[Session], Detector]] = {
    "detector/yunet": YuNet,
    "detector/scrfd": Scrfd,
    "detector/yoloface": YoloFace,
}
LANDMARKERS: Mapping[str, Callable[[Session], Landmarker]] = {
    "landmarker/2dfan4": Fan,
    "landmarker/peppa_wutz": Peppa,
}
GUESSERS: Mapping[str, Callable[[Session], FiveTo68]] = {"landmarker/fan_68_5": FiveTo68}
RECOGNISERS: Mapping[str, Callable[[Session], Recogniser]] = {"recogniser/arcface": ArcFace}
CONVERTERS: Mapping[str, Callable[[Session], Converter]] = {"converter/crossface": CrossFace}
SWAPPERS: Mapping[str, type[Swapper]] = {
    "swapper/inswapper": Inswapper,
    "swapper/hyperswap": Hyperswap,
    "swapper/simswap": ConvertedSwapper,
    "swapper/hififace": ConvertedSwapper,
    "swapper/ghost": Ghost,
    "swapper/uniface": PortraitSwapper,
    "swapper/blendswap": PortraitSwapper,
}
OCCLUDERS: Mapping[str, Callable[[Session], Occluder]] = {"mask/xseg": XSeg}
CLASSIFIERS: Mapping[str, Callable[[Session], FairFace]] = {"classifier/fairface": FairFace}
ENHANCERS: Mapping[str, Callable[[Session], Restorer]] = {"enhancer/restorer": Restorer}
PARSERS: Mapping[str, Callable[[Session], Parser]] = {"mask/bisenet": BiSeNet}

KINDS: Mapping[str, Callable[[Session], Network]] = {
    **DETECTORS,
    **LANDMARKERS,
    **GUESSERS,
    **RECOGNISERS,
    **CONVERTERS,
    **SWAPPERS,
    **OCCLUDERS,
    **PARSERS,
    **CLASSIFIERS,
    **ENHANCERS,
}
"""Every kind that has an adapter."""

_Factory = TypeVar("_Factory")


def create(kind: str, session: Session) -> Network:
    """The adapter for `kind` around `session`. Raises SpecError for a kind that has none."""
    return _factory(KINDS, kind, session)(session)


def create_detector(session: Session) -> Detector:
    """The detector around a session of one. Raises SpecError for other kinds."""
    return _factory(DETECTORS, session.spec.kind, session)(session)


def create_landmarker(session: Session) -> Landmarker:
    """The landmarker around a session of one. Raises SpecError for other kinds."""
    return _factory(LANDMARKERS, session.spec.kind, session)(session)


def create_guesser(session: Session) -> FiveTo68:
    """What guesses sixty-eight points, around a session of one. Raises SpecError for other kinds."""
    return _factory(GUESSERS, session.spec.kind, session)(session)


def create_recogniser(session: Session) -> Recogniser:
    """The recogniser around a session of one. Raises SpecError for other kinds."""
    return _factory(RECOGNISERS, session.spec.kind, session)(session)


def create_converter(session: Session) -> Converter:
    """The converter around a session of one. Raises SpecError for other kinds."""
    return _factory(CONVERTERS, session.spec.kind, session)(session)


def create_swapper(session: Session, converter: Converter | None = None, boost_px: int = 0) -> Swapper:
    """The swapper around a session of one, at `boost_px` pixels, 0 for its own. Raises SpecError for other kinds,
    OptionError for a size that it does not offer."""
    adapter = _factory(SWAPPERS, session.spec.kind, session)
    return adapter(session, converter=converter, boost_px=boost_px)


def create_occluder(session: Session) -> Occluder:
    """The occluder around a session of one. Raises SpecError for other kinds."""
    return _factory(OCCLUDERS, session.spec.kind, session)(session)


def create_parser(session: Session) -> Parser:
    """The parser around a session of one. Raises SpecError for other kinds."""
    return _factory(PARSERS, session.spec.kind, session)(session)


def create_classifier(session: Session) -> FairFace:
    """The classifier around a session of one. Raises SpecError for other kinds."""
    return _factory(CLASSIFIERS, session.spec.kind, session)(session)


def create_enhancer(session: Session) -> Restorer:
    """The enhancer around a session of one. Raises SpecError for other kinds."""
    return _factory(ENHANCERS, session.spec.kind, session)(session)


def _factory(factories: Mapping[str, _Factory], kind: str, session: Session) -> _Factory:
    if kind not in factories:
        raise SpecError(
            f"{session.spec.origin}: kind: expected one of {', '.join(factories)}, found {kind!r}",
            path=session.spec.origin,
        )
    return factories[kind]
