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


def check_people(
    options: SelectOptions, sources: Sequence[StrPath], cast: Cast, reference: StrPath | None
) -> None:
    """Raises OptionError where the pictures given do not say who is shown in whose place."""
    if bool(sources) == bool(cast):
        raise OptionError(
            "who is to be shown is told either by source pictures, or for each person of the target by itself",
            hint="give pictures with --source, or WHO=SOURCE with --map",
        )
    if cast and (options.mode == "reference" or reference is not None):
        raise OptionError(
            "a reference picture has no effect where each person is told by a picture already",
            hint="leave --select reference and --reference out",
        )
    if options.mode == "reference" and reference is None:
        raise OptionError(
            "selecting by reference needs a picture of the person to replace",
            hint="give one with --reference",
        )
    if options.mode != "reference" and reference is not None:
        raise OptionError(
            f"a reference picture has no effect with the selection {options.mode!r}",
            hint="add --select reference, or leave --reference out",
        )


def check_tracks(options: SelectOptions, tracks: StrPath | None) -> None:
    """Raises OptionError where a file of tracks cannot answer who is selected."""
    if options.mode == "reference" and tracks is not None:
        raise OptionError(
            "a file of tracks says where faces are, not whose: it cannot be selected from by reference",
            hint="use --select largest or all, and remove unwanted faces from the file",
        )
