"""What a manifest says of a swap. No path, no name of a file or person, no picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trtswap import __version__

COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
RUN = "org.trtswap.run"

MIME = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
"""Formats that hold a manifest inside."""
BESIDE = {".mkv": "video/x-matroska", ".webm": "video/webm"}
"""Formats whose manifest lies beside them."""


@dataclass(frozen=True)
class NetworkFact:
    """A network that was used: name, role, SHA-256 of its file, and its licence as published."""

    name: str
    role: str
    sha256: str
    licence: str


def mime_of(suffix: str) -> str:
    """The media type of a file's ending; of unknown ones a general one."""
    return MIME.get(suffix.lower()) or BESIDE.get(suffix.lower()) or "application/octet-stream"


def manifest(
    networks: Sequence[NetworkFact], options: Mapping[str, Any], suffix: str, facts: Mapping[str, str | None]
) -> dict[str, Any]:
    """The manifest of a swap as c2pa takes it. options: what shaped the result. facts: further ones by name; None is
    left out."""
    agent = {"name": "trtswap", "version": __version__}
    edited = {
        "action": "c2pa.edited",
        "digitalSourceType": COMPOSITE,
        "description": "faces replaced by a trained model",
        "softwareAgent": agent,
    }
    actions = [edited]
    if "disclose" in options:
        text = f"a visible text was added: {options['disclose']['text']}"
        actions.append({"action": "c2pa.addedText", "description": text, "softwareAgent": agent})
    run: dict[str, Any] = {
        "networks": [asdict(network) for network in networks],
        "options": dict(options),
        **{name: value for name, value in facts.items() if value is not None},
    }
    return {
        "claim_generator_info": [agent],
        "title": f"output{suffix.lower()}",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": RUN, "data": run},
        ],
    }
