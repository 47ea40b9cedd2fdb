"""Which adapter drives which kind of network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, Union

from trtswap.errors import SpecError
from trtswap.inference.session import Session
from trtswap.networks.detector import Detector, YuNet
from trtswap.networks.landmarker import Fan, Landmarker
from trtswap.networks.mask import Occluder, XSeg
from trtswap.networks.recogniser import ArcFace, Recogniser
from trtswap.networks.swapper import Hyperswap, Inswapper, Swapper

Network = Union[Detector, Landmarker, Recogniser, Swapper, Occluder]  # noqa: UP007  evaluated at run time

DETECTORS: Mapping[str, Callable[[Session], Detector]] = {"detector/yunet": YuNet}
LANDMARKERS: Mapping[str, Callable[[Session], Landmarker]] = {"landmarker/2dfan4": Fan}
RECOGNISERS: Mapping[str, Callable[[Session], Recogniser]] = {"recogniser/arcface": ArcFace}
SWAPPERS: Mapping[str, Callable[[Session], Swapper]] = {
    "swapper/inswapper": Inswapper,
    "swapper/hyperswap": Hyperswap,
}
OCCLUDERS: Mapping[str, Callable[[Session], Occluder]] = {"mask/xseg": XSeg}

KINDS: Mapping[str, Callable[[Session], Network]] = {
    **DETECTORS,
    **LANDMARKERS,
    **RECOGNISERS,
    **SWAPPERS,
    **OCCLUDERS,
}
"""Every kind that has an adapter."""

_Adapter = TypeVar("_Adapter")


def create(kind: str, session: Session) -> Network:
    """The adapter for `kind` around `session`. Raises SpecError for a kind that has none."""
    return _create(KINDS, kind, session)


def create_detector(session: Session) -> Detector:
    """The detector around a session of one. Raises SpecError for other kinds."""
    return _create(DETECTORS, session.spec.kind, session)


def create_landmarker(session: Session) -> Landmarker:
    """The landmarker around a session of one. Raises SpecError for other kinds."""
    return _create(LANDMARKERS, session.spec.kind, session)


def create_occluder(session: Session) -> Occluder:
    """The occluder around a session of one. Raises SpecError for other kinds."""
    return _create(OCCLUDERS, session.spec.kind, session)


def create_recogniser(session: Session) -> Recogniser:
    """The recogniser around a session of one. Raises SpecError for other kinds."""
    return _create(RECOGNISERS, session.spec.kind, session)


def create_swapper(session: Session) -> Swapper:
    """The swapper around a session of one. Raises SpecError for other kinds."""
    return _create(SWAPPERS, session.spec.kind, session)


def _create(factories: Mapping[str, Callable[[Session], _Adapter]], kind: str, session: Session) -> _Adapter:
    if kind not in factories:
        raise SpecError(
            f"{session.spec.origin}: kind: expected one of {', '.join(factories)}, found {kind!r}",
            path=session.spec.origin,
        )
    return factories[kind](session)
