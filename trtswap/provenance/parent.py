"""What a signed output is made from: the original as parent, with its own manifests where it has some."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trtswap.provenance.manifest import BESIDE, mime_of

_STORE = "original.c2pa"


def sidecar_of(path: Path) -> Path:
    """Where the manifest of a file lies that cannot hold it."""
    return path.with_suffix(".c2pa")


def builder_of(content: Mapping[str, Any], original: Path, context: Any) -> Any:
    """A builder of c2pa for `content`, an edit of `original`. Raises OSError and c2pa's errors."""
    import c2pa

    parent = {"title": f"original{original.suffix.lower()}", "relationship": "parentOf"}
    kept = _kept_beside(original, context)
    if kept is not None:
        store, facts = kept
        content = {**content, "ingredients": [{**parent, **facts}]}
    builder = c2pa.Builder(dict(content), context)
    builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
    if kept is not None:
        builder.add_resource(_STORE, io.BytesIO(store))
    else:
        _add_file(builder, parent, original)
    return builder


def _kept_beside(original: Path, context: Any) -> tuple[bytes, dict[str, Any]] | None:
    """The manifests that lie beside an original which cannot hold them, and what c2pa needs to know of them; None
    where there are none that can be read."""
    import c2pa

    beside = sidecar_of(original)
    if original.suffix.lower() not in BESIDE or not beside.is_file():
        return None
    kind, store = mime_of(original.suffix), beside.read_bytes()
    try:
        with original.open("rb") as file, c2pa.Reader(kind, file, store, context=context) as reader:
            found = json.loads(reader.json())
    except c2pa.C2paError:
        return None
    facts = {
        "format": kind,
        "instance_id": f"xmp:iid:{uuid.uuid4()}",
        "active_manifest": found["active_manifest"],
        "validation_results": found["validation_results"],
        "manifest_data": {"format": "application/c2pa", "identifier": _STORE},
    }
    return store, facts


def _add_file(builder: Any, parent: dict[str, str], original: Path) -> None:
    import c2pa

    with original.open("rb") as file:
        try:
            builder.add_ingredient(parent, mime_of(original.suffix), file)
            return
        except c2pa.C2paError:
            pass  # damaged, or of another kind than its name says: told by its digest alone
    with original.open("rb") as file:
        builder.add_ingredient(parent, "application/octet-stream", file)
