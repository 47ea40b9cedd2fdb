"""The built-in networks: small, trained on rendered people, always at hand."""

from __future__ import annotations

from dataclasses import replace

from trtswap.inference.spec import load_specs
from trtswap.inference.store import Store
from trtswap.networks.sessions import build_together
from trtswap.options import SwapOptions

NAMES = {
    "detector": "demo_detector",
    "landmarker": "demo_landmarker",
    "recogniser": "demo_recogniser",
    "swapper": "demo_swapper",
    "occlusion": "demo_occlusion",
}
"""Role to name."""


SCORE = 0.7
"""Of the built-in detector: at it nearly all that is found is a face, and nearly all faces are found."""


def builtin_options(options: SwapOptions | None = None) -> SwapOptions:
    """The same options with the built-in network in every role."""
    given = options or SwapOptions()
    return replace(
        given,
        swapper=NAMES["swapper"],
        recogniser=NAMES["recogniser"],
        detect=replace(given.detect, network=NAMES["detector"], score=SCORE),
        landmarks=replace(given.landmarks, network=NAMES["landmarker"]),
        mask=replace(given.mask, occluder=NAMES["occlusion"]),
    )


def build_engines(options: SwapOptions) -> None:
    """Builds the engines of the built-in networks where they are missing and would be used, all at the same time."""
    store = Store(options.models)
    networks = [(spec, store.find(spec)) for spec in load_specs().values() if spec.built_in]
    build_together(networks, device_name=options.device)
