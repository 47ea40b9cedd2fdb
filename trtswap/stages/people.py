"""Everybody a run needs to know before it starts: who is shown, who is sought."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from trtswap.errors import OptionError, StrPath
from trtswap.networks.classifier import FairFace
from trtswap.options import SelectOptions
from trtswap.stages.select import face_at
from trtswap.stages.sift import traits_of
from trtswap.types import Faces, Identity

Cast = Sequence[tuple[Sequence[StrPath], Sequence[StrPath]]]
"""Pictures of a person in the target, and those of the person to show in that one's place; several times."""

Identify = Callable[..., tuple[Identity, list[str]]]


@dataclass(frozen=True)
class People:
    """shown: whom faces become. sought: whom they are to be, in the same order, or nobody in particular.
    reference: whose faces are selected, or None. notes: for the user."""

    shown: tuple[Identity, ...]
    sought: tuple[Identity, ...] = ()
    reference: Identity | None = None
    notes: tuple[str, ...] = ()


def meet(
    identify: Identify,
    sources: Sequence[StrPath],
    cast: Cast,
    reference: StrPath | None,
    options: SelectOptions,
) -> People:
    """The people of all pictures. identify: pictures of one person, and perhaps `pick`, to an identity and notes.

    Raises what `identify` raises.
    """
    notes: list[str] = []

    def known(pictures: Sequence[StrPath], pick: Callable[[Faces], int] | None = None) -> Identity:
        identity, more = identify(pictures) if pick is None else identify(pictures, pick=pick)
        notes.extend(more)
        return identity

    if cast:
        sought = tuple(known(pictures) for pictures, _ in cast)
        shown = tuple(known(pictures) for _, pictures in cast)
        return People(shown, sought, None, tuple(notes))
    shown = (known(sources),)
    if reference is None:
        return People(shown, (), None, tuple(notes))
    chosen = (options.order, options.position) != (SelectOptions.order, SelectOptions.position)
    pick = partial(face_at, options=options) if chosen else None
    return People(shown, (), known([reference], pick), tuple(notes))


def settled(options: SelectOptions, people: People, classifier: FairFace | None) -> SelectOptions:
    """The options with "auto" replaced by what the first source picture shows."""
    if classifier is None or "auto" not in (options.gender, options.race):
        return options
    first = people.shown[0]
    if first.picture is None or first.landmarks_px is None:
        raise OptionError("a filter like the source needs a source picture")
    traits = traits_of(first.picture, first.landmarks_px, classifier)
    changes = {name: getattr(traits, name) for name in ("gender", "race") if getattr(options, name) == "auto"}
    return replace(options, **changes)
