"""Which network does what in a run: by its name, or the best that is on disk and may run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from trtswap.errors import NetworkNotFoundError, OptionError
from trtswap.inference.licences import permits, told
from trtswap.inference.spec_types import NetworkSpec
from trtswap.inference.store import Store
from trtswap.networks import registry
from trtswap.options import Permission, SwapOptions, names_in

PREFERRED = (
    "2dfan4",
    "bisenet_resnet_34",
    "gfpgan_1.4",
    "hyperswap_1a_256",
    "inswapper_128",
    "inswapper_128_fp16",
    "xseg_1",
    "xseg_3",
    "xseg_2",
    "yunet",
)
"""What "auto" takes where several networks of one role are on disk, best first; others follow by name."""


def check_choices(specs: Mapping[str, NetworkSpec], store: Store, options: SwapOptions) -> None:
    """Chooses every network of a run and opens none: a name that is none, and a licence that stands in the way, are
    told before a session starts or an engine is built. Raises OptionError."""
    for role, kinds, name in _wanted(options):
        spec = choose(specs, store, role, kinds, name, options.licence)
        if spec.swap is not None and spec.swap.converter:
            choose(specs, store, "converter", registry.CONVERTERS, spec.swap.converter, options.licence)


def _wanted(options: SwapOptions) -> Iterator[tuple[str, Collection[str], str]]:
    """Role, kinds and name of all that a run asks for."""
    for name in names_in(options.detect.network):
        yield "detector", registry.DETECTORS, name
    yield "recogniser", registry.RECOGNISERS, options.recogniser
    yield "swapper", registry.SWAPPERS, options.swapper
    if options.landmarks.network != "none":
        yield "guesser", registry.GUESSERS, "auto"
        for name in names_in(options.landmarks.network):
            yield "landmarker", registry.LANDMARKERS, name
    if "occlusion" in options.mask.kinds:
        for name in names_in(options.mask.occluder):
            yield "occluder", registry.OCCLUDERS, name
    if "region" in options.mask.kinds:
        yield "parser", registry.PARSERS, options.mask.parser
    if options.select.filters:
        yield "classifier", registry.CLASSIFIERS, "auto"
    if options.enhance.network != "none":
        yield "enhancer", registry.ENHANCERS, options.enhance.network


def choose(
    specs: Mapping[str, NetworkSpec],
    store: Store,
    role: str,
    kinds: Collection[str],
    name: str,
    permission: Permission = "any",
) -> NetworkSpec:
    """The network of one of `kinds` named `name`; for "auto" the first on disk, or the first of all when none is.

    role: what it is for, to say so. permission: which licences may run. Raises OptionError when there is none of that
    name, or it may not run.
    """
    candidates = {spec.name: spec for spec in specs.values() if spec.kind in kinds}
    if name != "auto":
        if name not in candidates:
            raise OptionError(
                f"there is no {role} named {name!r}", hint=f"known: {', '.join(sorted(candidates))}"
            )
        if not permits(permission, candidates[name]):
            raise OptionError(
                f"the licence of a {role} stands in the way of --licence {permission}: {told(candidates[name])}",
                hint=_instead(specs, store, role, kinds, candidates[name], permission),
            )
        return candidates[name]
    candidates = {key: spec for key, spec in candidates.items() if not spec.built_in}
    allowed = {key: spec for key, spec in candidates.items() if permits(permission, spec)}
    if not allowed:
        reasons = "\n".join(told(spec) for spec in candidates.values())
        raise OptionError(
            f"no {role} may run with --licence {permission}:\n{reasons}",
            hint=_instead(specs, store, role, kinds, None, permission),
        )
    candidates = allowed
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


def _instead(
    specs: Mapping[str, NetworkSpec],
    store: Store,
    role: str,
    kinds: Collection[str],
    refused: NetworkSpec | None,
    permission: Permission,
) -> str:
    """What to use instead of a network that may not run: one that may, rather of its kind, rather one on disk."""
    allowed = [spec for spec in specs.values() if spec.kind in kinds and permits(permission, spec)]
    if not allowed:
        return f"no {role} that is known has such a licence; choose another --licence if you may"

    def nearness(spec: NetworkSpec) -> tuple[bool, bool, bool, int, str]:
        place = PREFERRED.index(spec.name) if spec.name in PREFERRED else len(PREFERRED)
        other = refused is None or spec.kind != refused.kind
        return spec.built_in, other, not _here(store, spec), place, spec.name

    nearest = min(allowed, key=nearness)
    known = "; it knows rendered people only" if nearest.built_in else ""
    return (
        f"the nearest that may run is {nearest.name} ({nearest.licence.label}{known}): --{role} {nearest.name}; "
        "or choose another --licence if you may"
    )


def _here(store: Store, spec: NetworkSpec) -> bool:
    try:
        store.find(spec)
    except NetworkNotFoundError:
        return False
    return True
